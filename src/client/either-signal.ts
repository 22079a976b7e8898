/** Several reasons to end one thing early. */
import { setMaxListeners } from 'node:events';

/** A signal that fires when one of these does, until it is ended. */
export class EitherSignal {
  readonly #either = new AbortController();
  readonly #listeners: (() => void)[] = [];

  constructor(signals: readonly (AbortSignal | undefined)[]) {
    const given = new Set(signals.filter((signal) => signal !== undefined));
    // One signal may end any number of calls: that many listeners are no leak, and Node need not warn of them.
    setMaxListeners(0, ...given);
    for (const signal of given) {
      const onAbort = () => this.#either.abort(signal.reason);
      signal.addEventListener('abort', onAbort);
      if (signal.aborted) onAbort();
      this.#listeners.push(() => signal.removeEventListener('abort', onAbort));
    }
  }

  get signal(): AbortSignal {
    return this.#either.signal;
  }

  /** Leaves no listener behind. */
  end(): void {
    for (const remove of this.#listeners.splice(0)) remove();
  }
}

/** Runs `task` with a signal that fires when one of these does, and leaves no listener on them behind. */
export async function underEither<T>(
  signals: readonly (AbortSignal | undefined)[],
  task: (signal: AbortSignal | undefined) => Promise<T>,
): Promise<T> {
  const given = new Set(signals.filter((signal) => signal !== undefined));
  if (given.size < 2) {
    setMaxListeners(0, ...given);
    return task([...given][0]);
  }
  const either = new EitherSignal(signals);
  try {
    return await task(either.signal);
  } finally {
    either.end();
  }
}
