/** How a client waits on its place in the line, and how it leaves. */
import type { Hold } from '../answers.js';
import type { CancelCommand, GiveUpCommand, LeaveCommand, Now, WaitCommand } from '../commands.js';
import { type Answered, type Decision, NOTHING } from '../decision.js';
import { DEFAULT_CLAIM_SECONDS } from '../limits.js';
import { UNREADABLE_CLIENT } from '../names.js';
import type { Change, PlaceRecord } from '../records.js';
import type { Refused } from '../refusals.js';
import type { State } from '../state.js';
import { reservedFor } from './blocked.js';
import { placeKey } from './grant.js';
import { holdAgain, whatBecameOf } from './repeat.js';

/** The second half of a two-phase lock. */
export function decideWait(state: State, command: WaitCommand, now: Now): Decision<Hold> {
  const { table } = state;
  const { resource, client, request } = command;
  const isMeant = (key: string | undefined) => request === undefined || request === key;
  const place = table.place(resource, client);
  if (place && isMeant(place.request?.key)) return { waitsOn: place, changes: NOTHING };
  const hold = table.hold(resource, client);
  if (hold && !hold.lost && isMeant(hold.request?.key)) {
    return holdAgain(state, hold, command.received, now, (again) => again);
  }
  const ended = request === undefined ? undefined : whatBecameOf(state, resource, client, request);
  return ended ?? notQueued(resource, client);
}

export function decideCancel({ table }: State, command: CancelCommand, now: Now): Decision<true> {
  const { resource, client } = command;
  const place = table.place(resource, client);
  if (!place) return notQueued(resource, client);
  const ended = { place, tells: notQueued(resource, client, place) };
  return { answer: true, changes: [leaves(place, now, 'cancelled')], ended };
}

/** The open call on a place ends; the place too, unless its client can come back. */
export function decideGiveUp(state: State, command: GiveUpCommand, now: Now): Answered<true> {
  const place = state.table.place(command.resource, command.client);
  // Not whether somebody is there to receive the hold: whose connection is closed is not.
  if (!place || place.sequence !== command.sequence) return { answer: true, changes: NOTHING };
  const ended = { place, tells: timedOut(state, place, now) };
  if (command.comesBack && place.claim > 0) return { answer: true, changes: NOTHING, heardOf: place, ended };
  return { answer: true, changes: [leaves(place, now, 'gave up')], ended };
}

/** The turn of whoever stayed away for too long goes on to the next. */
export function decideLeave({ table, calls }: State, command: LeaveCommand, now: Now): Answered<true> {
  const place = table.place(command.resource, command.client);
  if (!place || place.sequence !== command.sequence || !calls.isAbandoned(place, now)) {
    return { answer: true, changes: NOTHING };
  }
  return { answer: true, changes: [leaves(place, now, `away for more than ${place.claim} s`)] };
}

function leaves(place: PlaceRecord, now: Now, reason: string): Change {
  const { resource, client } = place;
  return { event: 'left', time: now.time, resource, client, token: 0, reason, remove: [placeKey(place)] };
}

function notQueued(resource: string, client: string, place?: PlaceRecord): Refused {
  const claim = place?.claim || DEFAULT_CLAIM_SECONDS;
  return { refusal: 'notQueued', details: { resource, client, claim } };
}

function timedOut({ table }: State, place: PlaceRecord, now: Now): Refused {
  const { resource, client, since } = place;
  const seconds = Math.max(0, now.time - since) / 1_000;
  const position = table.line(resource).position(client);
  if (table.unreadable(resource)) {
    const holders = [UNREADABLE_CLIENT];
    return {
      refusal: 'timedOut',
      details: { resource, client, seconds, holders, state: 'held', position },
    };
  }
  const holds = table.holds(resource);
  const living = holds.filter((hold) => !hold.lost);
  const reserved = reservedFor(table, resource);
  const [lost] = holds;
  const inTheWay = living.length > 0 || reserved.length > 0 || !lost ? living : [lost];
  const state = living.length > 0 ? 'held' : reserved.length > 0 ? 'reserved' : (lost?.lost ?? 'held');
  const holders = (state === 'reserved' ? reserved : inTheWay).map((other) => other.client);
  return { refusal: 'timedOut', details: { resource, client, seconds, holders, state, position } };
}
