/**
 * The lease clock: the monotonic clock, standing still while the daemon cannot serve. Whoever could not renew because we
 * were stopped, or because our disk was slow, loses nothing by it: a lease is the time for which its holder could have
 * reached us. So a stall lengthens every lease by its length, and never shortens one.
 */
import type { Clock } from './clock.js';

/** Milliseconds between two beats while leases run: ten a second cost next to nothing, and a stop shows within one. */
const BEAT_MS = 100;

/** Milliseconds by which a beat may be late before we count as not there. */
const LATE_MS = 50;

/** Milliseconds without a look after which we were stopped, and not only busy: then all of it counts. */
const STOP_MS = 1_000;

/**
 * Milliseconds of a flush that count as a disk that hangs. Renewals do not wait for a flush, so that a slow one keeps nobody
 * from his lease; and on a disk that always is slow leases must end all the same.
 */
const HUNG_FLUSH_MS = 2_000;

export class LeaseClock {
  #stalled = 0;
  #seen: number;
  /** When the next beat should come. */
  #beatDue = Number.POSITIVE_INFINITY;
  #callOff: (() => void) | undefined;

  constructor(private readonly clock: Clock) {
    this.#seen = clock.monotonic();
  }

  /** Milliseconds. */
  now(): number {
    const now = this.clock.monotonic();
    if (this.#callOff) this.#look(now);
    return now - this.#stalled;
  }

  /** The monotonic milliseconds until the lease clock says `at`, if nothing stalls. */
  until(at: number): number {
    return at - this.now();
  }

  /** The disk kept us waiting for so long, as this clock has it; a flush that is only slow is no stall. */
  waited(milliseconds: number): void {
    if (milliseconds >= HUNG_FLUSH_MS) this.#stalled += milliseconds;
  }

  /** From here on stalls count; until then nothing is measured by this clock. */
  start(): void {
    if (this.#callOff) return;
    this.#seen = this.clock.monotonic();
    this.#beat();
  }

  stop(): void {
    this.#callOff?.();
    this.#callOff = undefined;
  }

  #beat(): void {
    this.#beatDue = this.clock.monotonic() + BEAT_MS;
    this.#callOff = this.clock.after(BEAT_MS, () => {
      this.#look(this.clock.monotonic());
      this.#beat();
    });
  }

  /**
   * A beat that is late says that we were not there, however lately a call had us look. Of a short absence only that counts by
   * which it is late: where the loop is busy for a moment again and again, time goes on.
   */
  #look(now: number): void {
    const late = this.#beatDue + LATE_MS;
    if (now > late) {
      const gap = now - this.#seen;
      this.#stalled += gap >= STOP_MS ? gap : Math.min(gap, now - late);
      this.#beatDue = now + BEAT_MS;
    }
    this.#seen = now;
  }
}
