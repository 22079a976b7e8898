/**
 * By which clocks a leader counts its leadership: the monotonic one stands still while the machine sleeps, the one since
 * boot does not, and a lease at etcd goes on meanwhile. So both are read, and the greater elapsed time counts.
 */
import { uptime } from 'node:os';

/** All in milliseconds. */
export interface ClusterClock {
  /** Never goes back. */
  monotonic(): number;
  /** The same, suspend included; to about 10 ms. */
  sinceBoot(): number;
  /** Calls `action` once, so long from now on the monotonic clock or later, unless what it returns is called before. */
  after(milliseconds: number, action: () => void): () => void;
}

/** One reading of both clocks. */
export interface Moment {
  readonly monotonic: number;
  readonly sinceBoot: number;
}

export function readMoment(clock: ClusterClock): Moment {
  return { monotonic: clock.monotonic(), sinceBoot: clock.sinceBoot() };
}

/** Milliseconds from an earlier moment to now. */
export function elapsedSince(earlier: Moment, clock: ClusterClock): number {
  return Math.max(clock.monotonic() - earlier.monotonic, clock.sinceBoot() - earlier.sinceBoot);
}

/** `ClusterClock.sinceBoot` of this machine. */
export function sinceBoot(): number {
  return uptime() * 1_000;
}
