/** How a hold ends: given back, withdrawn, lost to its lease, or forced. */
import type {
  Aftermath,
  ExpireCommand,
  ForceUnlockCommand,
  Now,
  UnlockCommand,
  WithdrawCommand,
} from '../commands.js';
import { type Answered, type Decision, NOTHING } from '../decision.js';
import { MAX_ENDED_KEYS, MAX_RECORDS_OF_COMMAND } from '../limits.js';
import { UNREADABLE_CLIENT } from '../names.js';
import type { Change, EndedRecord, HoldRecord, LossCause, LostRecord, PlaceRecord } from '../records.js';
import { BadParameter } from '../refusals.js';
import type { State } from '../state.js';
import { beingFenced } from './blocked.js';
import { holdMeant, refuseToTouch, sameToken } from './common.js';

/** Who may give the lock back: only its holder, and with a token only that very hold. */
export function decideUnlock(state: State, command: UnlockCommand, now: Now): Decision<true> {
  const hold = holdMeant(state, command);
  if (!hold) return refuseToTouch(state, command, 'unlocked', now);
  const { resource, client, token, request } = hold;
  const change: Change = {
    event: 'unlocked',
    time: now.time,
    resource,
    client,
    token,
    remove: [holdKey(hold)],
  };
  if (request === undefined) return { answer: true, changes: [change] };
  const ended: EndedRecord = { kind: 'ended', resource, client, request: request.key, time: now.time };
  return { answer: true, changes: [{ ...change, put: [ended] }, ...evictKeys(state)] };
}

/** So that finding the oldest costs little for each, and the turn is not too long. */
const EVICTED_AT_ONCE = MAX_RECORDS_OF_COMMAND - 2;

/** Where there are too many keys of unlocked holds, the oldest go. */
function evictKeys({ table }: State): Change[] {
  if (table.endedCount < MAX_ENDED_KEYS) return [];
  const evicted: Change[] = [];
  for (const { kind, resource, client, request, time } of table.allEnded()) {
    evicted.push({ time, resource, client, token: 0, remove: [{ kind, resource, client, request }] });
    if (evicted.length >= EVICTED_AT_ONCE) break;
  }
  return evicted;
}

/** A grant that nobody was there to receive never was; who can come back gets the first place in line. */
export function decideWithdraw({ table }: State, command: WithdrawCommand, now: Now): Answered<true> {
  const { resource, client, claim } = command;
  const hold = table.hold(resource, client);
  if (hold?.token !== command.token || hold.lost) return { answer: true, changes: NOTHING };
  const change: Change = {
    event: 'unlocked',
    time: now.time,
    resource,
    client,
    token: hold.token,
    reason: 'nobody was there to receive it',
    remove: [holdKey(hold)],
  };
  if (claim === 0) return { answer: true, changes: [change] };
  const [first] = table.line(resource);
  const { limit, from, ttl, note, request } = hold;
  const place: PlaceRecord = {
    kind: 'place',
    resource,
    client,
    sequence: first === undefined ? table.nextSequence : first.sequence - 1,
    limit,
    since: Math.round(now.time - hold.waited * 1_000),
    from,
    claim,
    ...(ttl === undefined ? {} : { ttl }),
    ...(note === undefined ? {} : { note }),
    ...(request === undefined ? {} : { request }),
  };
  return { answer: true, changes: [{ ...change, put: [place] }], heardOf: place };
}

/** A lease that is over ends its hold; one that was renewed meanwhile does not. */
export function decideExpire(state: State, command: ExpireCommand, now: Now): Answered<true> {
  const { leases } = state;
  const hold = state.table.hold(command.resource, command.client);
  if (hold?.token !== command.token || hold.lost) return { answer: true, changes: NOTHING };
  const watch = () => leases.watch(hold.token);
  if (!leases.isOver(hold.token, now)) {
    watch();
    return { answer: true, changes: NOTHING };
  }
  return { answer: true, changes: lose(hold, { cause: 'expired' }, command.aftermath, now), undo: watch };
}

/** An operator ends a hold against its holder's will; the holder's next call is told. */
export function decideForceUnlock(state: State, command: ForceUnlockCommand, now: Now): Decision<true> {
  const { table } = state;
  const { resource, by, reason, token } = command;
  const unreadable = table.unreadable(resource);
  // Whoever names a hold has seen another state than this.
  if (unreadable && token !== undefined) {
    return { refusal: 'unreadable', details: { resource, file: unreadable.files.join(', ') } };
  }
  if (unreadable) {
    const client = UNREADABLE_CLIENT;
    const remove = [unreadable];
    return {
      answer: true,
      changes: [{ event: 'forced', time: now.time, resource, client, token: 0, by, reason, remove }],
    };
  }
  const holds = table.holds(resource);
  if (holds.length === 0) return { refusal: 'notLocked', details: {} };
  if (command.client === undefined && holds.length > 1) {
    const problem = `is needed, because ${holds.length} clients hold '${resource}'`;
    return { bad: new BadParameter('client', problem) };
  }
  const hold = command.client === undefined ? holds[0] : table.hold(resource, command.client);
  if (!hold) {
    const problem = `is '${command.client}', who does not hold '${resource}'; '${holds[0]?.client}' does`;
    return { bad: new BadParameter('client', problem) };
  }
  if (token !== undefined && !sameToken(token, hold.token)) {
    return { refusal: 'staleToken', details: { resource, client: hold.client, token } };
  }
  if (!hold.lost) {
    return { answer: true, changes: lose(hold, { cause: 'forced', by, reason }, command.aftermath, now) };
  }
  if (!command.fenced) return beingFenced(table, hold, now);
  return { answer: true, changes: [fenced(hold, now, { by, reason })] };
}

/** Why a hold is lost. */
interface Loss {
  readonly cause: LossCause;
  readonly by?: string;
  readonly reason?: string;
}

/** The changes by which a hold is lost; with an aftermath it keeps its slot until that is over. */
export function lose(hold: HoldRecord, loss: Loss, aftermath: Aftermath, now: Now): Change[] {
  const { resource, client, token, request } = hold;
  const lost: LostRecord = {
    kind: 'lost',
    resource,
    client,
    token,
    time: now.time,
    ...loss,
    ...(request === undefined ? {} : { request: request.key }),
  };
  const { cause, ...who } = loss;
  const change: Change = { event: cause, time: now.time, resource, client, token, ...who, put: [lost] };
  switch (aftermath) {
    case 'none':
      return [{ ...change, remove: [holdKey(hold)] }];
    case 'delay':
      return [{ ...change, put: [lost, { ...hold, lost: 'delayed' }] }];
    case 'fence': {
      const fencing: HoldRecord = { ...hold, lost: 'fencing', fence: { tries: 0 } };
      // Saved before the command starts, so that it runs again if the daemon dies while it does.
      return [change, { event: 'fencing', time: now.time, resource, client, token, put: [fencing] }];
    }
  }
}

/** The lost hold can do no more harm: its slot is free. A lock-delay that is over is no event. */
export function fenced(hold: HoldRecord, now: Now, who: { by?: string; reason?: string } = {}): Change {
  const { resource, client, token } = hold;
  const change = { time: now.time, resource, client, token, ...who, remove: [holdKey(hold)] };
  return hold.lost === 'fencing' ? { event: 'fenced', ...change } : change;
}

export function holdKey({ resource, client }: HoldRecord) {
  return { kind: 'hold', resource, client } as const;
}
