/** A held lock whose daemon answers by a script, on a clock that is set by hand. */
import { HeldLock } from '../../src/client/held-lock.js';
import type { RenewTry } from '../../src/client/renewal.js';
import type { Hold } from '../../src/core/answers.js';
import { ManualLeaseClock } from './manual-lease-clock.js';

export const HOLD: Hold = {
  ...{
    resource: 'r',
    client: 'A',
    token: '17',
    limit: 1,
    state: 'held',
    from: '127.0.0.1:1',
    waited: 0,
    ttl: 30,
  },
  ...{ acquired: new Date(0), renewed: new Date(0) },
};

/** A renewal that is open: when it was sent, and how it is answered. */
export interface OpenTry {
  /** Seconds since the lock was asked for. */
  readonly at: number;
  readonly one: RenewTry;
  answer(hold?: Partial<Hold>): void;
  fail(error: Error): void;
}

/** `renewed`: what happens at once to each renewal; without it they stay open. `answeredAfter`: seconds until it was granted. */
export function heldLock(
  hold: Partial<Hold> = {},
  renewed?: (one: OpenTry) => void,
  renewRatio = 1 / 3,
  answeredAfter = 0,
) {
  const clock = new ManualLeaseClock();
  const start = clock.now();
  const elapsed = () => Math.round((clock.now().monotonic - start.monotonic) * 1_000) / 1_000;
  const tries: OpenTry[] = [];
  const unlocks: string[] = [];
  const behaviour: { unlock: () => Promise<unknown> } = { unlock: async () => true };
  const renew = (_: string, one: RenewTry) => {
    const sent = clock.now();
    return new Promise<{ hold: Hold; sent: typeof sent }>((resolve, reject) => {
      one.signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
      const open: OpenTry = {
        at: elapsed(),
        one,
        answer: (more = {}) => resolve({ hold: { ...HOLD, ...hold, waited: 0, ...more }, sent }),
        fail: reject,
      };
      tries.push(open);
      renewed?.(open);
    });
  };
  const unlock = (token: string) => {
    unlocks.push(token);
    return behaviour.unlock();
  };
  clock.stall(answeredAfter);
  const lock = new HeldLock(
    { hold: { ...HOLD, ...hold }, sent: start },
    { renew, unlock },
    { clock, renewRatio, timeoutSeconds: 10 },
  );
  /** When it was lost, in seconds since it was asked for. */
  const losses: number[] = [];
  lock.signal.addEventListener('abort', () => losses.push(elapsed()));
  return { lock, clock, tries, unlocks, losses, behaviour };
}
