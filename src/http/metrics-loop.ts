/**
 * How late the event loop is: whatever waits in it waits for so long. One timer that notes by how much it came too late; the
 * daemon does one thing at a time, so that a long one shows here.
 */
import type { CallOff, Clock } from '../service/clock.js';
import { Histogram } from '../service/meters-histogram.js';

/** Milliseconds between two looks: every longer stall is seen, shorter ones now and then. */
const BEAT_MS = 100;

/** Seconds. Timers have whole milliseconds, so that one that is late by less is on time. */
const DELAY_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export class LoopDelay {
  readonly seconds = new Histogram(DELAY_SECONDS);
  #callOff: CallOff | undefined;

  constructor(private readonly clock: Pick<Clock, 'monotonic' | 'after'>) {}

  /** Looks from now on; a second time it changes nothing. */
  start(): void {
    if (!this.#callOff) this.#look();
  }

  stop(): void {
    this.#callOff?.();
    this.#callOff = undefined;
  }

  #look(): void {
    const due = this.clock.monotonic() + BEAT_MS;
    this.#callOff = this.clock.after(BEAT_MS, () => {
      this.seconds.add(Math.max(0, this.clock.monotonic() - due) / 1_000);
      this.#look();
    });
  }
}
