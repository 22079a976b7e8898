/** The pace of a real program: slices of 10 ms, between which the event loop goes round. */
import type { Pace } from './segment.js';

/** Milliseconds: a caller on loopback hardly notices a pause of this length. */
const SLICE_MS = 10;

/** What measures the slices, and lets the event loop go round. */
export interface LoopClock {
  /** Milliseconds since some moment; never goes back. */
  monotonic(): number;
  nextRound(action: () => void): void;
}

export class LoopPace implements Pace {
  #sliceStart: number;

  constructor(private readonly clock: LoopClock) {
    this.#sliceStart = clock.monotonic();
  }

  isOver(): boolean {
    return this.clock.monotonic() - this.#sliceStart >= SLICE_MS;
  }

  async breathe(): Promise<void> {
    await new Promise<void>((resolve) => this.clock.nextRound(resolve));
    this.#sliceStart = this.clock.monotonic();
  }
}
