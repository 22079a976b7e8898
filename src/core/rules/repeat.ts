/**
 * Retry keys: a repeated request gets the hold or the place that it got before, and never a second one. So a client whose
 * answer was lost asks again, and a late copy of a request locks nothing.
 */
import type { Enqueued, Hold } from '../answers.js';
import type { EnqueueCommand, LockCommand, Now } from '../commands.js';
import { type Answered, type Decision, NOTHING } from '../decision.js';
import { DEFAULT_CLAIM_SECONDS } from '../limits.js';
import type { HoldRecord, PlaceRecord, RequestRecord } from '../records.js';
import type { Refused } from '../refusals.js';
import type { State } from '../state.js';
import { reservedFor } from './blocked.js';
import { holdOf } from './common.js';
import { granted, holdFrom } from './grant.js';

type Ask = LockCommand | EnqueueCommand;

/** The decision on a request that came before; undefined for one that did not. */
export function decideRepeat(state: State, ask: Ask, now: Now): Decision<Hold | Enqueued> | undefined {
  const { table } = state;
  const { resource, client, request } = ask;
  if (request === undefined) return undefined;
  const hold = table.hold(resource, client);
  if (hold?.request?.key === request) {
    const reused = refuseReuse(hold.request, ask);
    if (reused) return reused;
    if (hold.lost) return whatBecameOf(state, resource, client, request);
    const asAnswer = (again: Hold): Hold | Enqueued =>
      ask.kind === 'lock' ? again : { state: 'granted', position: 0, hold: again };
    return holdAgain(state, hold, ask.received, now, asAnswer);
  }
  const place = table.place(resource, client);
  if (place?.request?.key === request) {
    const reused = refuseReuse(place.request, ask);
    if (reused) return reused;
    return ask.kind === 'lock' ? { waitsOn: place, changes: NOTHING } : decideAgain(state, ask, place, now);
  }
  return whatBecameOf(state, resource, client, request);
}

/**
 * The same hold once more. Its lease restarts, because its client counts it from the attempt that is answered; and as it is
 * told when all before is saved, since a shorter ttl may be on its way to the disk.
 */
export function holdAgain<Answer>(
  state: State,
  hold: HoldRecord,
  received: number,
  now: Now,
  asAnswer: (hold: Hold) => Answer,
): Answered<Answer> {
  const renew = (at: Now) => {
    if (hold.ttl !== undefined) state.leases.renew(hold.token, hold.ttl, at);
  };
  const answerWhenSaved = (at: Now) => asAnswer(holdOf(state, hold, at, received));
  renew(now);
  return { answer: answerWhenSaved(now), answerWhenSaved, whenSaved: renew, changes: NOTHING };
}

/** Who asks again for its place and is the next gets what is kept for it: somebody is there to receive it. */
function decideAgain(state: State, ask: EnqueueCommand, place: PlaceRecord, now: Now): Decision<Enqueued> {
  const { table } = state;
  const { resource, client } = place;
  if (!reservedFor(table, resource).includes(place)) {
    const position = table.line(resource).position(client);
    return { answer: { state: 'queued', position }, changes: NOTHING, heardOf: place };
  }
  const hold = holdFrom(place, table.nextToken, now);
  const answerOf = (at: Now): Enqueued => ({
    state: 'granted',
    position: 0,
    hold: holdOf(state, hold, at, ask.received),
  });
  const changes = [granted(state, hold, now, place)];
  const details = place.request === undefined ? {} : { request: place.request.key };
  const ended = { place, tells: { refusal: 'takenOver', details } } as const;
  return { answer: answerOf(now), answerWhenSaved: answerOf, changes, granted: hold, ended };
}

/** The refusal for a key whose hold has ended; undefined for a key that nobody knows. */
export function whatBecameOf(
  { table }: State,
  resource: string,
  client: string,
  request: string,
): Refused | undefined {
  for (const lost of table.lost(resource, client)) {
    if (lost.request === request) return { refusal: 'ended', details: { request, time: lost.time, lost } };
  }
  const ended = table.ended(resource, client, request);
  return ended && { refusal: 'ended', details: { request, time: ended.time } };
}

/** Refuses a repeat that asks for something else. How long it waits is its own affair. */
function refuseReuse(before: RequestRecord, ask: Ask): Refused | undefined {
  const now = { ttl: ask.askedTtl, limit: ask.limit, note: ask.note, claim: ask.claim };
  const withDefaults = ({
    ttl,
    limit = 1,
    note,
    claim = DEFAULT_CLAIM_SECONDS,
  }: Omit<RequestRecord, 'key'>) => ({
    ttl,
    limit,
    note,
    claim,
  });
  const was = withDefaults(before);
  const is = withDefaults(now as Omit<RequestRecord, 'key'>);
  const names = ['ttl', 'limit', 'note', 'claim'] as const;
  const parameters = names.filter((name) => was[name] !== is[name]);
  if (parameters.length === 0) return undefined;
  return { refusal: 'requestReused', details: { request: before.key, parameters } };
}
