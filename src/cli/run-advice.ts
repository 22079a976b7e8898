/** What to do when `lockd run` did not get its lock: run it again otherwise. A `lockd lock` would be held by nobody. */
import { ADVICE, type Situation } from './advice.js';

const WAIT = 'To wait for as long as it takes, leave --wait and --no-wait out';

export const RUN_ADVICE: Partial<typeof ADVICE> = {
  held: (situation) => (situation.mine ? ADVICE.held(situation) : orEnd(situation)),
  fencing: orEnd,
  timedOut: orEnd,
  notQueued: () => WAIT,
};

/** Wait, or end what is in the way. */
function orEnd({ status, force, confirm }: Situation): string {
  if (status?.state === 'free') return 'It is free now: try again';
  if (status?.fence?.length) return confirm === undefined ? WAIT : `${WAIT}. ${confirm}`;
  const isHeld = status === undefined || status.state === 'held';
  return isHeld ? `${WAIT}. If its holder is gone for good: ${force}` : WAIT;
}
