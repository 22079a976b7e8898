/** What there is to see: one resource, many, and how much of all. */
import type { ResourceState, Status } from '../answers.js';
import type { ListCommand, Now } from '../commands.js';
import { MAX_LISTED_PLACES } from '../limits.js';
import type { PlaceRecord } from '../records.js';
import type { State } from '../state.js';
import type { LockTable } from '../table.js';
import { reservedFor } from './blocked.js';
import { holdOf } from './common.js';

/** The status of one resource, also of a free one. */
export function statusOf(state: State, resource: string, now: Now): Status {
  const { table } = state;
  const holds = table.listedHolds(resource);
  const unreadable = table.unreadable(resource);
  const fence = table
    .holds(resource)
    .filter((hold) => hold.lost === 'fencing')
    .map(({ client, token, fence: runs }) => ({
      client,
      token: String(token),
      tries: runs?.tries ?? 0,
      ...(runs?.lastError === undefined ? {} : { lastError: runs.lastError }),
    }));
  return {
    resource,
    state: stateOf(table, resource),
    limit: table.limit(resource) ?? 1,
    held: table.holdCount(resource),
    holders: holds.map((hold) => holdOf(state, hold, now)),
    waiting: table.line(resource).size,
    queue: queueOf(table.line(resource)),
    ...(fence.length > 0 ? { fence } : {}),
    ...(unreadable ? { unreadableFiles: unreadable.files } : {}),
  };
}

function queueOf(line: Iterable<PlaceRecord>): Status['queue'] {
  const queue: Status['queue'][number][] = [];
  for (const { client, since, note } of line) {
    queue.push({
      client,
      position: queue.length + 1,
      since: new Date(since),
      ...(note === undefined ? {} : { note }),
    });
    if (queue.length >= MAX_LISTED_PLACES) break;
  }
  return queue;
}

/** The worst that applies. */
function stateOf(table: LockTable, resource: string): ResourceState {
  if (table.unreadable(resource)) return 'unreadable';
  const holds = table.holds(resource);
  if (holds.some((hold) => hold.lost === 'fencing')) return 'fencing';
  if (holds.some((hold) => hold.lost === 'delayed')) return 'delayed';
  if (table.line(resource).size > 0 && reservedFor(table, resource).length > 0) return 'reserved';
  return holds.length > 0 ? 'held' : 'free';
}

export function list(state: State, command: ListCommand, now: Now): Status[] {
  const { prefix, client, state: wanted, count, after } = command;
  const { table } = state;
  const found: Status[] = [];
  for (const resource of table.resourcesAfter(after)) {
    if (found.length >= count) break;
    if (prefix !== undefined && !resource.startsWith(prefix)) continue;
    if (client !== undefined && !table.hold(resource, client) && !table.place(resource, client)) continue;
    if (wanted !== undefined && stateOf(table, resource) !== wanted) continue;
    found.push(statusOf(state, resource, now));
  }
  return found;
}
