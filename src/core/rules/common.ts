/** What several rules need: holds as answers show them, and why a call on a hold is refused. */
import type { Hold } from '../answers.js';
import type { Now } from '../commands.js';
import { LOST_KEPT_SECONDS } from '../limits.js';
import type { HoldRecord, LostRecord } from '../records.js';
import type { Deed, Refused } from '../refusals.js';
import type { State } from '../state.js';
import type { LockTable } from '../table.js';

/** A hold as answers show it. `received`: when the request was read that it answers, on the monotonic clock. */
export function holdOf({ leases }: State, record: HoldRecord, now: Now, received?: number): Hold {
  const acquired = new Date(record.acquired);
  const renewed = leases.renewed(record.token);
  return {
    resource: record.resource,
    client: record.client,
    token: String(record.token),
    limit: record.limit,
    state: record.lost ?? 'held',
    acquired,
    renewed: renewed === undefined ? acquired : new Date(renewed),
    from: record.from,
    waited: received === undefined ? record.waited : secondsSince(received, now),
    ...leaseOf(record, leases.left(record.token, now), now),
    ...(record.note === undefined ? {} : { note: record.note }),
  };
}

function leaseOf({ ttl, lost }: HoldRecord, left: number | undefined, now: Now): Partial<Hold> {
  if (ttl === undefined) return {};
  if (lost) return { ttl };
  // Where it has not started yet, it starts when the grant is saved.
  const seconds = Math.round((left ?? ttl) * 1_000) / 1_000;
  return { ttl, left: seconds, expires: new Date(now.time + seconds * 1_000) };
}

/** Seconds since a moment of the monotonic clock, to the millisecond. */
export function secondsSince(monotonic: number, now: Now): number {
  return Math.max(0, Math.round(now.monotonic - monotonic)) / 1_000;
}

/** Tokens are compared as whole numbers: leading zeros do not count. */
export function sameToken(text: string, token: number): boolean {
  return text.replace(/^0+(?=\d)/, '') === String(token);
}

/** A call on a client's own hold. */
interface OnHold {
  readonly resource: string;
  readonly client: string;
  /** Decimal digits: only that very hold. */
  readonly token?: string;
}

/** The hold that a call means: the client's own, with a token only that very one, and none that is lost. */
export function holdMeant({ table }: State, { resource, client, token }: OnHold): HoldRecord | undefined {
  const hold = table.hold(resource, client);
  if (!hold || hold.lost || (token !== undefined && !sameToken(token, hold.token))) return undefined;
  return hold;
}

/** Why a call on a hold that is not there (or not the one meant) is refused: what became of it, if that is known. */
export function refuseToTouch({ table }: State, call: OnHold, deed: Deed, now: Now): Refused {
  const { resource, client, token } = call;
  const lost = findLost(table, resource, client, token, now);
  if (lost) return { refusal: 'lost', details: lost };
  if (table.hold(resource, client)) {
    return { refusal: 'staleToken', details: { resource, client, token: token ?? '' } };
  }
  const unreadable = table.unreadable(resource);
  if (unreadable) return { refusal: 'unreadable', details: { resource, file: unreadable.files.join(', ') } };
  const holders = table.holds(resource).map((other) => other.client);
  if (holders.length > 0) return { refusal: 'notOwner', details: { holders, client, deed } };
  return { refusal: 'notLocked', details: {} };
}

function findLost(
  table: LockTable,
  resource: string,
  client: string,
  token: string | undefined,
  now: Now,
): LostRecord | undefined {
  let found: LostRecord | undefined;
  for (const lost of table.lost(resource, client)) {
    const meant = token === undefined ? !lost.superseded : sameToken(token, lost.token);
    if (meant && !isForgotten(table, lost, now)) found = lost;
  }
  return found;
}

/** Whether a loss is kept no longer: after a day, unless the hold still is being fenced. */
export function isForgotten(table: LockTable, lost: LostRecord, now: Now): boolean {
  if ((now.steady ?? now.time) - lost.time <= LOST_KEPT_SECONDS * 1_000) return false;
  return table.hold(lost.resource, lost.client)?.token !== lost.token;
}

/** What a new hold makes of the client's lost ones there: from now on only a call that names their token means them. */
export function superseded(table: LockTable, resource: string, client: string): LostRecord[] {
  const current = [...table.lost(resource, client)].filter((lost) => !lost.superseded);
  return current.map((lost) => ({ ...lost, superseded: true }));
}
