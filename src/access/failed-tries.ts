/**
 * Slows down whoever tries credentials that are wrong. No secret of 128 bits is ever guessed; this keeps an address that
 * goes on with a secret of yesterday, or tries all the same, from filling log and processor. Right ones are never slowed.
 */

/** Failures of an address within a minute from which on each is answered late. */
const FREE_FAILURES = 10;
const WINDOW_MS = 60_000;
/** So late. */
const DELAY_MS = 1_000;

/** Addresses that are remembered, about 2 MB: who has more of them forgets the one that failed longest ago. */
const MAX_ADDRESSES = 10_000;

export class FailedTries {
  /** The times of the last failures of each address, oldest first; the address that failed last stands last. */
  readonly #times = new Map<string, number[]>();

  constructor(private readonly maxAddresses = MAX_ADDRESSES) {}

  /** Addresses that are remembered at present. */
  get size(): number {
    return this.#times.size;
  }

  /**
   * An address failed once more.
   *
   * @param now milliseconds on a clock that never goes back.
   * @returns milliseconds after which it shall learn so.
   */
  failed(address: string, now: number): number {
    const times = this.#times.get(address) ?? [];
    times.push(now);
    if (times.length > FREE_FAILURES) times.shift();
    this.#times.delete(address);
    this.#times.set(address, times);
    this.#forgetOldest(now);
    const [tenthLast = now] = times;
    return times.length === FREE_FAILURES && now - tenthLast < WINDOW_MS ? DELAY_MS : 0;
  }

  /** Those whose last failure is past count as new anyway. */
  #forgetOldest(now: number): void {
    for (const [address, times] of this.#times) {
      const isPast = now - (times.at(-1) ?? now) >= WINDOW_MS;
      if (!isPast && this.#times.size <= this.maxAddresses) return;
      this.#times.delete(address);
    }
  }
}
