/** The exit statuses of the command line; those of refusals stand in the table of refusals. */

import { UsersError } from '../access/users-error.js';
import {
  AnotherCluster,
  NoDaemon,
  NotLockd,
  OutcomeUnknown,
  RefusedCall,
  Unauthorized,
} from '../client/errors.js';
import { REFUSALS } from '../core/refusals.js';
import { StartRefused } from '../disk/start-refused.js';
import { BAD_PARAMETERS } from '../xmlrpc/faults.js';
import { Interruption } from './interruption.js';
import { UsageError } from './usage-error.js';

export const DONE = 0;
/** Refused; or fsck found damage; or the daemon could not start. */
export const REFUSED = 1;
export const USAGE = 2;
/** No daemon answered: EX_UNAVAILABLE of sysexits.h. */
export const NO_DAEMON = 69;
/** Not let in, or not allowed: EX_NOPERM. */
export const NOT_ALLOWED = 77;
/** A defect of lockd: EX_SOFTWARE. */
export const DEFECT = 70;

/** Nobody answered, or nobody that was asked for. */
const UNANSWERED = [NoDaemon, NotLockd, OutcomeUnknown, AnotherCluster];

/** The exit status that belongs to a failure. */
export function exitStatusOf(error: unknown): number {
  if (error instanceof RefusedCall) return statusOfRefusal(error);
  if (error instanceof UsageError) return USAGE;
  if (error instanceof Unauthorized) return NOT_ALLOWED;
  if (error instanceof Interruption) return error.exitStatus;
  if (error instanceof StartRefused || error instanceof UsersError) return REFUSED;
  return UNANSWERED.some((kind) => error instanceof kind) ? NO_DAEMON : DEFECT;
}

function statusOfRefusal({ refusal, code }: RefusedCall): number {
  if (refusal !== undefined) return REFUSALS[refusal].exit;
  if (code === BAD_PARAMETERS) return USAGE;
  // Other faults of the protocol are defects of one side; positive codes are refusals of a newer lockd.
  return code < 0 ? DEFECT : REFUSED;
}
