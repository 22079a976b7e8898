/** Who gets the lock, and who waits for it. */
import type { Enqueued, Hold } from '../answers.js';
import type { AdvanceCommand, EnqueueCommand, LockCommand, Now } from '../commands.js';
import type { Answered, Decision, Grant } from '../decision.js';
import { DEFAULT_CLAIM_SECONDS } from '../limits.js';
import type { Change, HoldRecord, PlaceRecord, RequestRecord } from '../records.js';
import type { Refused } from '../refusals.js';
import type { State } from '../state.js';
import { blocked, placesAhead } from './blocked.js';
import { holdOf, secondsSince } from './common.js';
import { granted, holdFrom } from './grant.js';
import { decideRepeat } from './repeat.js';

type Ask = LockCommand | EnqueueCommand;

/** Who gets the lock. */
export function decideLock(state: State, ask: Ask, now: Now): Decision<Hold | Enqueued> {
  const { resource, client, limit = 1 } = ask;
  const repeated = decideRepeat(state, ask, now);
  if (repeated) return repeated;
  const refused = refuseAtOnce(state, ask, now);
  if (refused) return refused;
  // This line decides who gets the lock: who comes while fewer than `limit` others hold it or wait for it.
  const isFree = state.table.holdCount(resource) + placesAhead(state.table, resource) < limit;
  if (isFree && !state.table.hold(resource, client)) return grant(state, ask, now);
  return mayWait(ask) ? queue(state, ask, now) : blocked(state, resource, client, now);
}

function mayWait(ask: Ask): boolean {
  return ask.kind === 'enqueue' || ask.wait > 0;
}

/** Why the client can neither get the lock nor wait for it, whoever else is there. */
function refuseAtOnce({ table, limits }: State, ask: Ask, now: Now): Refused | undefined {
  const { resource, client, limit = 1 } = ask;
  const unreadable = table.unreadable(resource);
  if (unreadable) return { refusal: 'unreadable', details: { resource, file: unreadable.files.join(', ') } };
  const mine = table.hold(resource, client);
  // Who is being fenced there itself may wait for the end of that, like everybody else.
  if (mine && !(mine.lost && mayWait(ask))) return blocked({ table }, resource, client, now);
  if (table.place(resource, client)) {
    const position = table.line(resource).position(client);
    return { refusal: 'alreadyInLine', details: { resource, client, position } };
  }
  const inUse = table.limit(resource);
  if (inUse !== undefined && inUse !== limit) {
    return { refusal: 'limitMismatch', details: { resource, limit: inUse, asked: limit } };
  }
  if (table.held >= limits.locks) return { refusal: 'tooMany', details: { most: limits.locks } };
  return undefined;
}

function grant(state: State, ask: Ask, now: Now): Decision<Hold | Enqueued> {
  const { table } = state;
  const { resource, client, limit = 1, ttl, note, from, received } = ask;
  const request = requestOf(ask);
  const hold: HoldRecord = {
    kind: 'hold',
    resource,
    client,
    token: table.nextToken,
    limit,
    acquired: now.time,
    from,
    waited: secondsSince(received, now),
    ...(ttl === undefined ? {} : { ttl }),
    ...(note === undefined ? {} : { note }),
    ...(request === undefined ? {} : { request }),
  };
  const answerOf = (at: Now) => {
    const answer = holdOf(state, hold, at, received);
    return ask.kind === 'lock' ? answer : { state: 'granted' as const, position: 0, hold: answer };
  };
  return {
    answer: answerOf(now),
    answerWhenSaved: answerOf,
    changes: [granted(state, hold, now)],
    granted: hold,
  };
}

/** The client joins the line. */
function queue({ table, limits }: State, ask: Ask, now: Now): Decision<Enqueued> {
  const { resource, client, limit = 1, ttl, note, from } = ask;
  if (table.line(resource).size >= limits.waiters) {
    return { refusal: 'lineFull', details: { resource, most: limits.waiters } };
  }
  if (table.placeCount(client) >= limits.waitersPerClient) {
    return { refusal: 'tooMany', details: { client, most: limits.waitersPerClient } };
  }
  const request = requestOf(ask);
  const isKept = ask.kind === 'enqueue' || request !== undefined;
  const place: PlaceRecord = {
    kind: 'place',
    resource,
    client,
    sequence: table.nextSequence,
    limit,
    since: now.time,
    from,
    claim: isKept ? (ask.claim ?? DEFAULT_CLAIM_SECONDS) : 0,
    ...(ttl === undefined ? {} : { ttl }),
    ...(note === undefined ? {} : { note }),
    ...(request === undefined ? {} : { request }),
  };
  const changes: Change[] = [{ event: 'queued', time: now.time, resource, client, token: 0, put: [place] }];
  if (ask.kind === 'lock') return { waitsOn: place, changes };
  const position = table.line(resource).size + 1;
  return { answer: { state: 'queued', position }, changes, heardOf: place };
}

/** The first in line get what is free, as far as somebody is there to receive it; for the others it is kept. */
export function decideAdvance(state: State, command: AdvanceCommand, now: Now): Answered<true> {
  const { resource, atMost = Number.POSITIVE_INFINITY } = command;
  const { table, calls, limits } = state;
  const changes: Change[] = [];
  const grants: Grant[] = [];
  let free = table.unreadable(resource) ? 0 : (table.limit(resource) ?? 1) - table.holdCount(resource);
  let token = table.nextToken;
  for (const place of table.line(resource)) {
    if (free <= 0) break;
    if (table.held + grants.length >= limits.locks)
      return { answer: true, changes, grants, isHeldBack: true };
    // Who is being fenced there itself gets nothing until that has succeeded, and keeps nobody else waiting.
    if (table.hold(resource, place.client)) continue;
    free -= 1;
    if (!calls.has(place)) continue;
    if (grants.length >= atMost) return { answer: true, changes, grants, isCut: true };
    const hold = holdFrom(place, token, now);
    token += 1;
    changes.push(granted(state, hold, now, place));
    grants.push({ place, hold });
  }
  return { answer: true, changes, grants };
}

/** The key of an ask, with what a repeat is compared by. */
function requestOf({ request, askedTtl, limit, note, claim }: Ask): RequestRecord | undefined {
  if (request === undefined) return undefined;
  return {
    key: request,
    ...(askedTtl === undefined ? {} : { ttl: askedTtl }),
    ...(limit === undefined ? {} : { limit }),
    ...(note === undefined ? {} : { note }),
    ...(claim === undefined ? {} : { claim }),
  };
}
