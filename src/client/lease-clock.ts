/**
 * By which clock a client counts its leases: the monotonic one stands still while the machine sleeps, the one since boot
 * does not, and a lease goes on meanwhile. So both are read, and the greater elapsed time counts.
 */
import { uptime } from 'node:os';

/** One reading of both clocks, in seconds. */
export interface Moment {
  readonly monotonic: number;
  /** Counts suspend. */
  readonly sinceBoot: number;
}

/** The clocks, and the timers that go by the monotonic one; tests set theirs by hand. */
export interface LeaseClock {
  now(): Moment;
  /** Calls `action` once after so many seconds, unless it is called off before. */
  after(seconds: number, action: () => void): () => void;
}

/** Seconds from one moment to a later one. */
export function secondsBetween(earlier: Moment, later: Moment): number {
  return Math.max(later.monotonic - earlier.monotonic, later.sinceBoot - earlier.sinceBoot);
}

/** This machine's. Its timers keep no process alive: whoever only holds a lock, and does nothing with it, may end. */
export const REAL_CLOCK: LeaseClock = {
  now: () => ({ monotonic: performance.now() / 1_000, sinceBoot: uptime() }),
  after: (seconds, action) => {
    const timer = setTimeout(action, seconds * 1_000).unref();
    return () => clearTimeout(timer);
  },
};
