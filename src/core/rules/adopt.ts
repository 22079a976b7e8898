/** How a lock file that is not lockd's own becomes a lock. */
import type { AdoptCommand, Now } from '../commands.js';
import { type Answered, NOTHING } from '../decision.js';
import type { Change, HoldRecord } from '../records.js';
import type { State } from '../state.js';
import { superseded } from './common.js';

/** A foreign lock file becomes a lock, unless the resource is taken already: then the journal is the truth. */
export function decideAdopt({ table }: State, command: AdoptCommand, now: Now): Answered<boolean> {
  const { resource, file } = command;
  if (table.isTaken(resource)) return { answer: false, changes: NOTHING };
  // The limit of those who wait for it stands.
  const limit = table.limit(resource) ?? command.limit;
  const own = command.holders.map((holder) => holder.token ?? 0);
  let token = Math.max(table.nextToken, ...own.map((known) => known + 1));
  const changes = command.holders.map(({ client, note }): Change => {
    const record: HoldRecord = {
      kind: 'hold',
      resource,
      client,
      token: token++,
      limit,
      acquired: now.time,
      from: file,
      waited: 0,
      ...(note === undefined ? {} : { note }),
    };
    const put = [record, ...superseded(table, resource, client)];
    return { event: 'adopted', time: now.time, resource, client, token: record.token, reason: file, put };
  });
  return { answer: true, changes };
}
