/** The pace of a real program: slices of 10 ms, between which the event loop goes round. */
import type { Pace } from './segment.js';

/** Milliseconds: a caller on loopback hardly notices a pause of this length. */
const SLICE_MS = 10;

export class LoopPace implements Pace {
  #sliceStart = performance.now();

  isOver(): boolean {
    return performance.now() - this.#sliceStart >= SLICE_MS;
  }

  async breathe(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#sliceStart = performance.now();
  }
}
