/** Asks etcd once more where no answer came, as long as the leadership lasts: for what may be asked any number of times. */
import { KvError } from '../../etcd/kv.js';
import type { Leadership } from './leadership.js';

/**
 * Milliseconds for one request: etcd answers within a few, and what takes so long is better asked at another endpoint, while
 * the leadership lasts.
 */
const TRY_MS = 1_500;

/** Milliseconds until it is asked again: not at all the first time, then longer each time. */
const FIRST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 400;

export interface PatienceParts {
  readonly leadership: Leadership;
  /** Resolves after so many milliseconds. */
  readonly pause: (milliseconds: number) => Promise<void>;
}

export class Patience {
  #trouble: string | undefined;

  constructor(private readonly parts: PatienceParts) {}

  /** Why the last request was not answered; undefined when it was. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /**
   * Answers what `request` does, which is given the milliseconds it may take. Throws `Stopped` once the leadership is over,
   * whether there was an answer or not; and `KvError` where it makes no sense to ask again.
   */
  async ask<T>(request: (timeoutMs: number) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      try {
        // What takes long at one endpoint may take long at each: a page of what is there, where much is going on.
        return await this.askOnce(request, TRY_MS * tries);
      } catch (error) {
        if (!(error instanceof KvError) || isFinal(error)) throw error;
      }
      await this.pause(tries);
    }
  }

  /** The same, once: it throws whatever `KvError` there is. */
  async askOnce<T>(request: (timeoutMs: number) => Promise<T>, mostMs = TRY_MS): Promise<T> {
    const { leadership } = this.parts;
    // Read once: a look at the clocks takes a tenth of a millisecond.
    const left = leadership.left();
    if (left <= 0) leadership.assert();
    try {
      const answer = await request(Math.max(1, Math.min(mostMs, left)));
      this.#trouble = undefined;
      return answer;
    } catch (error) {
      if (error instanceof KvError) this.#trouble = error.message;
      throw error;
    } finally {
      // However long the answer has lain here: from that moment on nobody may go by it.
      leadership.assert();
    }
  }

  /** Waits before the next try; `tries`: how many there were. */
  async pause(tries: number): Promise<void> {
    const milliseconds = tries === 1 ? 0 : FIRST_PAUSE_MS * 2 ** Math.min(tries - 2, 10);
    if (milliseconds > 0) await this.parts.pause(Math.min(LONGEST_PAUSE_MS, milliseconds));
  }
}

/** Asked again, it would be refused again. A full etcd refuses no question: it may be over already. */
function isFinal({ reason }: KvError): boolean {
  return reason !== undefined && reason !== 'noSpace';
}
