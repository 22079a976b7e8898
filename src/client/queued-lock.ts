/** A lock in two calls: first a place in the line, then, when there is time for it, the wait. */
import type { Hold } from '../core/answers.js';
import type { HeldLock } from './held-lock.js';

/** How long to wait, and what ends it before. */
export interface QueueWaitOptions {
  /** Seconds, Infinity: for ever; 10 when absent. */
  readonly wait?: number;
  /** Ends the wait, which then rejects with its reason. The place is kept for its claim time. */
  readonly signal?: AbortSignal;
}

/** What a place asks of its daemon. */
export interface QueuedCalls {
  wait(seconds: number, signal: AbortSignal | undefined): Promise<HeldLock>;
  cancel(): Promise<unknown>;
}

/** Made by `LockdClient.enqueue`. */
export class QueuedLock {
  /** What came of the request: granted at once, or a place in the line. */
  readonly state: 'granted' | 'queued';
  /** Then: 1 is next; 0 where it was granted. */
  readonly position: number;
  /** The hold as it was granted, where it was granted at once. */
  readonly hold?: Hold;
  readonly #calls: QueuedCalls;
  #held: HeldLock | undefined;

  constructor(
    { position, hold }: { readonly position: number; readonly hold?: Hold },
    calls: QueuedCalls,
    held?: HeldLock,
  ) {
    this.#calls = calls;
    this.state = held ? 'granted' : 'queued';
    this.position = position;
    if (hold) this.hold = hold;
    this.#held = held;
  }

  /**
   * Waits for the lock; the held one when it was granted already. Rejects with `timedOut` when the time is over, and keeps
   * the place for its claim time: it may be called again, before that is over. What is granted is renewed from then on.
   */
  async wait({ wait = 10, signal }: QueueWaitOptions = {}): Promise<HeldLock> {
    this.#held ??= await this.#calls.wait(wait, signal);
    return this.#held;
  }

  /** Leaves the line, or gives back what was granted. */
  async cancel(): Promise<void> {
    if (this.#held) await this.#held.release();
    else await this.#calls.cancel();
  }
}
