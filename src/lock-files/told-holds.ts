/** What a lock file of our own tells of its holds: enough to go on with them where the journal cannot be read. */
import { MAX_TTL_SECONDS, MIN_TTL_SECONDS } from '../core/limits.js';
import type { HoldRecord } from '../core/records.js';
import { readContent } from './content.js';

/** The holds that a lock file of the directory `directoryId` tells, all of them; undefined where it is not to be read as one. */
export function toldHolds(bytes: Uint8Array, directoryId: string, file: string): HoldRecord[] | undefined {
  const content = readContent(bytes);
  const { resource } = content ?? {};
  if (content?.directory !== directoryId || resource === undefined) return undefined;
  const { holders } = JSON.parse(Buffer.from(bytes).toString('utf8')) as { holders: unknown[] };
  return content.holders.map(({ client, token = 0, note }, index): HoldRecord => {
    const { acquired, from, ttl, state } = holders[index] as Record<string, unknown>;
    const time = typeof acquired === 'string' ? Date.parse(acquired) : Number.NaN;
    return {
      kind: 'hold',
      resource,
      client,
      token,
      limit: content.limit,
      acquired: Number.isFinite(time) ? time : 0,
      from: typeof from === 'string' ? from : file,
      waited: 0,
      ...(isTtl(ttl) ? { ttl } : {}),
      ...(note === undefined ? {} : { note }),
      ...(state === 'delayed' ? { lost: state } : {}),
      ...(state === 'fencing' ? { lost: state, fence: { tries: 0 } } : {}),
    };
  });
}

function isTtl(ttl: unknown): ttl is number {
  return typeof ttl === 'number' && ttl >= MIN_TTL_SECONDS && ttl <= MAX_TTL_SECONDS;
}
