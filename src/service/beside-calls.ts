/** Long work in small slices, so that calls are answered meanwhile. */
import { afterRound, type Clock } from './clock.js';

/** Milliseconds that it may take at a time. */
const SLICE_MS = 5;

export class BesideCalls {
  #isStopped = false;
  /** Resolves when all steps are done, or it was stopped; rejects with what a step throws. */
  readonly done: Promise<void>;

  /** @param begin makes the steps; called later, and not at all if it is stopped before. */
  constructor(
    private readonly clock: Pick<Clock, 'monotonic' | 'nextRound'>,
    begin: () => Iterator<void>,
  ) {
    this.done = this.#run(begin);
  }

  /** No further step is done. */
  stop(): void {
    this.#isStopped = true;
  }

  async #run(begin: () => Iterator<void>): Promise<void> {
    let steps: Iterator<void> | undefined;
    for (;;) {
      await afterRound(this.clock);
      if (this.#isStopped) return;
      steps ??= begin();
      const end = this.clock.monotonic() + SLICE_MS;
      do {
        if (steps.next().done) return;
      } while (this.clock.monotonic() < end);
    }
  }
}
