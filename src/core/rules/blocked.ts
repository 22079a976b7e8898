/** Who is in the way of a client that wants a resource. */
import type { Now } from '../commands.js';
import type { HoldRecord, PlaceRecord } from '../records.js';
import type { Refused } from '../refusals.js';
import type { State } from '../state.js';
import type { LockTable } from '../table.js';

/** How many in line come before a newcomer. Who is being fenced there itself can get nothing, and so is in nobody's way. */
export function placesAhead(table: LockTable, resource: string): number {
  const { size } = table.line(resource);
  if (size === 0) return 0;
  return size - table.holds(resource).filter(({ client }) => table.place(resource, client)).length;
}

/**
 * The first in line for whom a free slot is kept: they have no call open at present, or their grant is on its way. Looks no
 * further than there are slots.
 */
export function reservedFor(table: LockTable, resource: string): PlaceRecord[] {
  let free = (table.limit(resource) ?? 1) - table.holdCount(resource);
  const reserved: PlaceRecord[] = [];
  // What nobody can tell the holder of is free for nobody.
  if (table.unreadable(resource)) return reserved;
  for (const place of table.line(resource)) {
    if (free <= 0) break;
    if (table.hold(resource, place.client)) continue;
    free -= 1;
    reserved.push(place);
  }
  return reserved;
}

/** Refuses: as held where a living holder is in the way, or somebody for whom it is kept; else as being fenced. */
export function blocked(
  { table }: Pick<State, 'table'>,
  resource: string,
  client: string,
  now: Now,
): Refused {
  const mine = table.hold(resource, client);
  if (mine?.lost) return beingFenced(table, mine, now);
  const holds = table.holds(resource);
  const living = holds.filter((hold) => !hold.lost).map((hold) => hold.client);
  const holders = [...living, ...reservedFor(table, resource).map((place) => place.client)];
  const [lost] = holds;
  if (holders.length === 0 && lost) return beingFenced(table, lost, now);
  return { refusal: 'held', details: { holders } };
}

/** Refuses because of a lost hold that still takes its slot. */
export function beingFenced(table: LockTable, hold: HoldRecord, now: Now): Refused {
  const { resource, client, token, fence } = hold;
  let lostAt = now.time;
  for (const lost of table.lost(resource, client)) if (lost.token === token) lostAt = lost.time;
  return {
    refusal: 'fencing',
    details: {
      resource,
      client,
      token,
      since: Math.max(0, Math.round((now.time - lostAt) / 1_000)),
      state: hold.lost ?? 'fencing',
      tries: fence?.tries ?? 0,
      ...(fence?.lastError === undefined ? {} : { lastError: fence.lastError }),
    },
  };
}
