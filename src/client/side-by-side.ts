/**
 * The tries of one call that are open at the same time. Who does not answer soon is not given up, but others are asked beside
 * it: a daemon that was stopped answers nothing for a long time while another one leads, and one that is merely slow still
 * answers. The first answer counts, and ends the other tries. Only for calls of which twice is the same as once.
 */
import { EitherSignal } from './either-signal.js';
import type { Pace } from './ports.js';

export class SideBySide<T> {
  readonly #open = new Map<URL, Promise<undefined>>();
  readonly #over = new AbortController();
  readonly #either: EitherSignal;
  /** Of whoever answers first; rejects where no further try may be made. */
  readonly #first: Promise<T>;
  #answer: (answer: T) => void = () => undefined;
  #fail: (error: unknown) => void = () => undefined;

  /** The signal ends all of them; whoever waits is then rejected with its reason. */
  constructor(
    private readonly pace: Pace,
    signal: AbortSignal | undefined,
  ) {
    this.#either = new EitherSignal([signal, this.#over.signal]);
    this.#first = new Promise((resolve, reject) => {
      this.#answer = resolve;
      this.#fail = reject;
    });
    // Whoever waits hears of it; that need not be anybody.
    this.#first.catch(() => undefined);
  }

  /** Whether a try at this address is still open. */
  isOpen(url: URL): boolean {
    return this.#open.has(url);
  }

  /**
   * Begins a try, which answers undefined where another one makes sense. Resolves with the first answer of all, or with undefined
   * when this try has failed, or is still open after so many seconds.
   */
  ask(
    url: URL,
    seconds: number,
    begin: (signal: AbortSignal) => Promise<T | undefined>,
  ): Promise<T | undefined> {
    const tried = begin(this.#either.signal)
      .then((answer) => {
        if (answer !== undefined) this.#answer(answer);
      }, this.#fail)
      .then(() => {
        this.#open.delete(url);
        return undefined;
      });
    this.#open.set(url, tried);
    return this.#within(seconds, [tried]);
  }

  /** Waits so many seconds; resolves earlier with an answer. */
  pause(seconds: number): Promise<T | undefined> {
    return this.#within(seconds, []);
  }

  /** Resolves with the first answer of those that are open, or with undefined when all of them have failed. */
  rest(): Promise<T | undefined> {
    return Promise.race([this.#first, Promise.all(this.#open.values()).then(() => undefined)]);
  }

  /** Ends whatever is open. */
  end(): void {
    this.#over.abort();
    this.#either.end();
  }

  async #within(seconds: number, ends: readonly Promise<undefined>[]): Promise<T | undefined> {
    const enough = new AbortController();
    const until = new EitherSignal([this.#either.signal, enough.signal]);
    try {
      const pause = this.pace.pause(seconds, until.signal).then(() => undefined);
      return await Promise.race([this.#first, ...ends, pause]);
    } finally {
      enough.abort();
      until.end();
    }
  }
}
