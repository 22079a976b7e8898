/**
 * A lease as its client counts it: from the moment when the request was sent that was answered, less a tenth of the ttl,
 * so that it is over here before it can be over at the daemon.
 */
import type { Hold } from '../core/answers.js';
import { type LeaseClock, type Moment, secondsBetween } from './lease-clock.js';

/** What share of its ttl a client counts: the rest is for clocks that differ and timers that are late. */
const COUNTED_SHARE = 0.9;

/** A hold, and when the request was sent whose answer it is. */
export interface Granted {
  readonly hold: Hold;
  readonly sent: Moment;
}

export class Lease {
  #sent: Moment;
  /** From `#sent` to the start of the lease at the earliest. */
  #waited = 0;
  #ttl: number | undefined;

  constructor(
    private readonly clock: LeaseClock,
    granted: Granted,
  ) {
    this.#sent = granted.sent;
    this.#count(granted);
  }

  /** Seconds of the lease as the daemon has it; undefined for a hold without one. */
  get ttl(): number | undefined {
    return this.#ttl;
  }

  /** Seconds that are left, 0 when it is over; Infinity for a hold without lease. */
  get left(): number {
    if (this.#ttl === undefined) return Number.POSITIVE_INFINITY;
    return Math.max(0, this.#waited + COUNTED_SHARE * this.#ttl - this.#elapsed);
  }

  /** Seconds since the lease was started. */
  get age(): number {
    return this.#elapsed - this.#waited;
  }

  /** Counts a renewal. The answer to a request that was sent before the one that counts now says nothing new. */
  renewed(granted: Granted): void {
    if (granted.sent.monotonic < this.#sent.monotonic) return;
    this.#count(granted);
    // A renewal waits in no line: whatever its answer says, it counts from its sending.
    this.#waited = 0;
  }

  get #elapsed(): number {
    return secondsBetween(this.#sent, this.clock.now());
  }

  #count({ hold, sent }: Granted): void {
    this.#sent = sent;
    this.#ttl = hold.ttl;
    // The lease cannot have started after its answer came, whatever the answer says.
    this.#waited = Math.max(0, Math.min(hold.waited, this.#elapsed));
  }
}
