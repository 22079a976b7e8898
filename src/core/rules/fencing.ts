/** What becomes of a lost hold that still takes its slot. */
import type { ConfirmFencedCommand, FencedCommand, FenceFailedCommand, Now } from '../commands.js';
import { type Answered, type Decision, NOTHING } from '../decision.js';
import type { HoldRecord } from '../records.js';
import { BadParameter } from '../refusals.js';
import type { State } from '../state.js';
import { sameToken } from './common.js';
import { fenced } from './unlock.js';

/** One more run failed; the slot stays taken. */
export function decideFenceFailed(state: State, command: FenceFailedCommand, now: Now): Answered<true> {
  const hold = lostHold(state, command);
  if (hold?.lost !== 'fencing') return { answer: true, changes: NOTHING };
  const { resource, client, token } = hold;
  const fence = { tries: (hold.fence?.tries ?? 0) + 1, lastError: command.error };
  const put = [{ ...hold, fence }];
  return {
    answer: true,
    changes: [{ event: 'fenceFailed', time: now.time, resource, client, token, reason: command.error, put }],
  };
}

export function decideFenced(state: State, command: FencedCommand, now: Now): Answered<true> {
  const hold = lostHold(state, command);
  return { answer: true, changes: hold ? [fenced(hold, now)] : NOTHING };
}

/** An operator vouches for what the fence command does not achieve. */
export function decideConfirmFenced(state: State, command: ConfirmFencedCommand, now: Now): Decision<true> {
  const { resource, token, by, reason } = command;
  const lost = state.table.holds(resource).filter((hold) => hold.lost);
  const [meant, ...others] = lost.filter((hold) => token === undefined || sameToken(token, hold.token));
  if (meant && others.length === 0) return { answer: true, changes: [fenced(meant, now, { by, reason })] };
  if (meant) {
    const problem = `is needed, because ${others.length + 1} holds of '${resource}' are being fenced`;
    return { bad: new BadParameter('token', problem) };
  }
  if (lost.length > 0) {
    const tokens = lost.map((hold) => hold.token).join(', ');
    const problem = `is ${token}, which is not being fenced on '${resource}'; being fenced: ${tokens}`;
    return { bad: new BadParameter('token', problem) };
  }
  if (state.table.holdCount(resource) === 0) return { refusal: 'notLocked', details: {} };
  return { bad: new BadParameter('resource', `is '${resource}', of which no hold is being fenced`) };
}

function lostHold({ table }: State, { resource, client, token }: FencedCommand | FenceFailedCommand) {
  const hold: HoldRecord | undefined = table.hold(resource, client);
  return hold?.token === token && hold.lost ? hold : undefined;
}
