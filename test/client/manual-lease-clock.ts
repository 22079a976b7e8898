/** A lease clock that stands still until it is told to go on, and can sleep. */
import type { LeaseClock, Moment } from '../../src/client/lease-clock.js';

interface Timer {
  readonly at: number;
  readonly action: () => void;
}

export class ManualLeaseClock implements LeaseClock {
  #monotonic = 1_000;
  #slept = 5_000;
  #timers: Timer[] = [];

  now(): Moment {
    return { monotonic: this.#monotonic, sinceBoot: this.#monotonic + this.#slept };
  }

  /** Timers that have not fired and were not called off. */
  get timers(): number {
    return this.#timers.length;
  }

  after(seconds: number, action: () => void): () => void {
    // No timer is so fine that adding it changes nothing.
    const timer = { at: this.#monotonic + (seconds > 0 ? Math.max(seconds, 1e-9) : 0), action };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer);
    };
  }

  /** The machine sleeps: only the clock since boot goes on, and no timer fires. */
  sleep(seconds: number): void {
    this.#slept += seconds;
  }

  /** The process stands still: time goes by, and no timer fires. */
  stall(seconds: number): void {
    this.#monotonic += seconds;
  }

  /** Time goes by: each timer fires at its moment, and what follows from it happens before the next. */
  async advance(seconds: number): Promise<void> {
    const until = this.#monotonic + seconds;
    for (;;) {
      await settled();
      const [next] = this.#timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
      if (!next) break;
      this.#timers = this.#timers.filter((one) => one !== next);
      this.#monotonic = Math.max(this.#monotonic, next.at);
      next.action();
    }
    this.#monotonic = Math.max(this.#monotonic, until);
    await settled();
  }
}

/** All promises that can settle by themselves have. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}
