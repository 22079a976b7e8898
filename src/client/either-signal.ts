/** Several reasons to end one thing early. */
import { setMaxListeners } from 'node:events';

/** Runs `task` with a signal that fires when one of these does, and leaves no listener on them behind. */
export async function underEither<T>(
  signals: readonly (AbortSignal | undefined)[],
  task: (signal: AbortSignal | undefined) => Promise<T>,
): Promise<T> {
  const given = new Set(signals.filter((signal) => signal !== undefined));
  // One signal may end any number of calls: that many listeners are no leak, and Node need not warn of them.
  setMaxListeners(0, ...given);
  if (given.size < 2) return task([...given][0]);
  const either = new AbortController();
  const listeners = [...given].map((signal) => {
    const onAbort = () => either.abort(signal.reason);
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) onAbort();
    return () => signal.removeEventListener('abort', onAbort);
  });
  try {
    return await task(either.signal);
  } finally {
    for (const remove of listeners) remove();
  }
}
