/** What has changed between two looks at the resources that are not free. No clock, no output. */
import type { FileStatus } from '../service/api.js';

/** Resources that are not free, by name. */
export type Sight = ReadonlyMap<string, FileStatus>;

/** A resource that is not as it was, as it is now; in the order of their names. What has gone from the sight is free. */
export function changesBetween(before: Sight, now: Sight): FileStatus[] {
  const changed = [...now.values()].filter((status) => {
    const earlier = before.get(status.resource);
    return earlier === undefined || essenceOf(earlier) !== essenceOf(status);
  });
  const freed = [...before.values()].filter(({ resource }) => !now.has(resource)).map(freeAgain);
  return [...changed, ...freed].sort((a, b) => (a.resource < b.resource ? -1 : 1));
}

/** That time goes by and that leases are renewed is no change; a new token is one, although the holder is the same. */
function essenceOf({ state, limit, held, holders, waiting, queue, fence }: FileStatus): string {
  return JSON.stringify([
    ...[state, limit, held, waiting],
    holders.map((hold) => [hold.token, hold.state, hold.client, hold.note]),
    // Of the others in the line a number is enough: their places change with every grant.
    queue[0]?.client,
    fence?.map(({ token, tries, lastError }) => [token, tries, lastError]),
  ]);
}

function freeAgain({ resource, file }: FileStatus): FileStatus {
  return { resource, state: 'free', limit: 1, held: 0, holders: [], waiting: 0, queue: [], file };
}
