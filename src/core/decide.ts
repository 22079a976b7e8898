/**
 * The rules: a command, the state and the moment go in; what changes and what is answered come out. The records are not
 * changed here: the caller applies the changes, and undoes them if they cannot be saved. Who gets the lock is decided in
 * rules/lock.ts.
 */
import type { Answers, Command, Now } from './commands.js';
import { type Decision, NOTHING } from './decision.js';
import { decideAdopt } from './rules/adopt.js';
import { decideConfirmFenced, decideFenced, decideFenceFailed } from './rules/fencing.js';
import { decideForget } from './rules/forget.js';
import { decideCheck, decideExtend, decideRenew, decideUpdate } from './rules/lease.js';
import { decideCancel, decideGiveUp, decideLeave, decideWait } from './rules/line.js';
import { decideAdvance, decideLock } from './rules/lock.js';
import { list, statusOf } from './rules/look.js';
import { decideExpire, decideForceUnlock, decideUnlock, decideWithdraw } from './rules/unlock.js';
import type { State } from './state.js';

/** Decides one command. The changes are not yet applied. */
export function decide<C extends Command>(state: State, command: C, now: Now): Decision<Answers[C['kind']]>;
export function decide(state: State, command: Command, now: Now): Decision {
  switch (command.kind) {
    case 'lock':
    case 'enqueue':
      return decideLock(state, command, now);
    case 'wait':
      return decideWait(state, command, now);
    case 'cancel':
      return decideCancel(state, command, now);
    case 'giveUp':
      return decideGiveUp(state, command, now);
    case 'leave':
      return decideLeave(state, command, now);
    case 'advance':
      return decideAdvance(state, command, now);
    case 'unlock':
      return decideUnlock(state, command, now);
    case 'withdraw':
      return decideWithdraw(state, command, now);
    case 'renew':
      return decideRenew(state, command, now);
    case 'extend':
      return decideExtend(state, command, now);
    case 'update':
      return decideUpdate(state, command, now);
    case 'check':
      return { answer: decideCheck(state, command), changes: NOTHING };
    case 'expire':
      return decideExpire(state, command, now);
    case 'forceUnlock':
      return decideForceUnlock(state, command, now);
    case 'fenceFailed':
      return decideFenceFailed(state, command, now);
    case 'fenced':
      return decideFenced(state, command, now);
    case 'confirmFenced':
      return decideConfirmFenced(state, command, now);
    case 'adopt':
      return decideAdopt(state, command, now);
    case 'status':
      return { answer: statusOf(state, command.resource, now), changes: NOTHING };
    case 'list':
      return { answer: list(state, command, now), changes: NOTHING };
    case 'count': {
      const { held, waiting, fencing } = state.table;
      return { answer: { held, waiting, fencing }, changes: NOTHING };
    }
    case 'forget':
      return decideForget(state, command, now);
  }
}
