/** What a holder can do with its hold but give it back: keep it, lengthen it, change it. */
import type { Hold } from '../answers.js';
import type { CheckCommand, ExtendCommand, Now, RenewCommand, UpdateCommand } from '../commands.js';
import { type Decision, NOTHING } from '../decision.js';
import type { Change, HoldRecord } from '../records.js';
import { BadParameter } from '../refusals.js';
import type { State } from '../state.js';
import { holdMeant, holdOf, refuseToTouch, sameToken } from './common.js';
import { granted } from './grant.js';
import { holdKey, lose } from './unlock.js';

/**
 * The lease runs for the greater of what is left and its ttl. That changes no record, so that a disk which hangs keeps nobody
 * from renewing; only a new ttl does, which may also shorten the lease.
 */
export function decideRenew(state: State, command: RenewCommand, now: Now): Decision<Hold> {
  const hold = holdMeant(state, command);
  if (!hold) return refuseToTouch(state, command, 'renewed', now);
  if (command.ttl !== undefined && command.ttl !== hold.ttl)
    return changeTtl(state, hold, command.ttl, command, now);
  const { resource, client, token, ttl } = hold;
  if (ttl === undefined) return { bad: noLease('ttl', 'is needed', hold) };
  state.leases.renew(token, ttl, now);
  const answer = told(state, hold, now);
  // A shorter ttl may be on its way to the disk: the lease is told as it is when that has arrived.
  const inTime = {
    answer,
    answerWhenSaved: (at: Now) => told(state, hold, at),
    whenSaved: (at: Now) => state.leases.renew(token, ttl, at),
  };
  if (hold.extended === undefined || (answer.left ?? 0) > ttl) return { ...inTime, changes: NOTHING };
  // The extension is used up: a restart must not give it once more.
  const { extended: _extended, ...put } = hold;
  return { ...inTime, changes: [{ time: now.time, resource, client, token, put: [put] }] };
}

/** A lease that gets longer does so at once, so that nothing in the same turn can end it; one that gets shorter, when saved. */
function changeTtl(state: State, hold: HoldRecord, ttl: number, who: Asking, now: Now): Decision<Hold> {
  const { extended: _extended, ...rest } = hold;
  const put = { ...rest, ttl };
  state.leases.renew(hold.token, ttl, now);
  return {
    answer: told(state, put, now),
    answerWhenSaved: (at) => told(state, put, at),
    whenSaved: (at) => state.leases.restart(hold.token, ttl, at),
    changes: [updated(put, who, now, `ttl ${ttl} s`)],
  };
}

/** Adds to what is left of a lease; saved, so that no restart takes it back. */
export function decideExtend(state: State, command: ExtendCommand, now: Now): Decision<Hold> {
  const { seconds, mostSeconds } = command;
  const hold = holdMeant(state, command);
  if (!hold) return refuseToTouch(state, command, 'extended', now);
  if (hold.ttl === undefined) return { bad: noLease('seconds', 'cannot be added', hold) };
  const { leases } = state;
  const running = leases.left(hold.token, now);
  const left = (running ?? hold.ttl) + seconds;
  if (left > mostSeconds) {
    const problem = `is ${seconds}, which would make ${Math.round(left)} s of lease; at most ${mostSeconds} are allowed`;
    return { bad: new BadParameter('seconds', problem) };
  }
  leases.add(hold.token, seconds);
  const put = { ...hold, extended: Math.max(0, left - hold.ttl) };
  return {
    answer: told(state, put, now),
    // A lease that runs is answered as it is now: the next turn may lengthen it before this one is saved, and be undone.
    ...(running === undefined ? { answerWhenSaved: (at: Now) => told(state, put, at) } : {}),
    changes: [updated(put, command, now, `extended by ${seconds} s`)],
    // What was not started yet, or is made shorter by the same turn, lasts for what is answered all the same.
    whenSaved: (at) => leases.renew(hold.token, left, at),
    undo: () => leases.add(hold.token, -seconds),
  };
}

/** A new note, a new ttl, or a new holder. */
export function decideUpdate(state: State, command: UpdateCommand, now: Now): Decision<Hold> {
  const { note, ttl, newClient } = command;
  const hold = holdMeant(state, command);
  if (!hold) return refuseToTouch(state, command, 'updated', now);
  if (newClient !== undefined) return handOver(state, hold, { ...command, newClient }, now);
  const { note: before, ...rest } = hold;
  const newNote = note ?? before;
  const noted: HoldRecord = newNote === undefined || newNote === '' ? rest : { ...rest, note: newNote };
  if (ttl !== undefined && ttl !== hold.ttl) return changeTtl(state, noted, ttl, command, now);
  if (note === undefined) return { answer: told(state, hold, now), changes: NOTHING };
  return { answer: told(state, noted, now), changes: [updated(noted, command, now, 'note')] };
}

/** An operator hands a hold over; the new holder's token is a new one, so that the old one's counts nowhere any more. */
function handOver(
  state: State,
  hold: HoldRecord,
  command: UpdateCommand & { readonly newClient: string },
  now: Now,
): Decision<Hold> {
  const { table } = state;
  const { resource, limit } = hold;
  const { newClient, note = hold.note, ttl = hold.ttl, by, from } = command;
  if (newClient === hold.client) {
    return { bad: new BadParameter('newClient', `is '${newClient}', who holds '${resource}' already`) };
  }
  if (table.hold(resource, newClient)) return { refusal: 'held', details: { holders: [newClient] } };
  if (table.place(resource, newClient)) {
    const position = table.line(resource).position(newClient);
    return { refusal: 'alreadyInLine', details: { resource, client: newClient, position } };
  }
  const put: HoldRecord = {
    kind: 'hold',
    resource,
    client: newClient,
    token: table.nextToken,
    limit,
    acquired: now.time,
    from,
    waited: 0,
    ...(note === undefined || note === '' ? {} : { note }),
    ...(ttl === undefined ? {} : { ttl }),
  };
  const [lost] = lose(hold, { cause: 'handedOver', by, reason: `to '${newClient}'` }, 'none', now);
  return {
    answer: told(state, put, now),
    answerWhenSaved: (at) => told(state, put, at),
    changes: [{ ...(lost as Change), remove: [holdKey(hold)] }, granted(state, put, now)],
  };
}

/** A command that may say as whom its caller signed in. */
type Asking = Pick<UpdateCommand, 'user'>;

function updated(hold: HoldRecord, { user }: Asking, now: Now, reason: string): Change {
  const { resource, client, token } = hold;
  const by = user === undefined ? {} : { by: user };
  return { event: 'updated', time: now.time, resource, client, token, ...by, reason, put: [hold] };
}

function noLease(parameter: string, problem: string, { resource, client }: HoldRecord): BadParameter {
  return new BadParameter(parameter, `${problem}: the hold of '${client}' on '${resource}' has no lease`);
}

/** Whether a token is that of a current hold: not lost, not being fenced. */
export function decideCheck({ table }: State, { resource, token }: CheckCommand): boolean {
  return table.holds(resource).some((hold) => !hold.lost && sameToken(token, hold.token));
}

/**
 * A hold in answer to a call on it. Its lease began when this request had been read or later, so that its client may count from
 * there; how long it waited for its grant is of the past, and would make it believe in a longer lease than it has.
 */
function told(state: State, hold: HoldRecord, now: Now): Hold {
  return { ...holdOf(state, hold, now), waited: 0 };
}
