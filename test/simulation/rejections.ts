/** Promises that nobody waits for: those of a process that died are no mistake, every other one is. */
import { Died } from './process.js';

/** Runs `work`, and passes on every rejection that nobody handled meanwhile. */
export async function watchingRejections<T>(
  onRejection: (error: unknown) => void,
  work: () => Promise<T>,
): Promise<T> {
  const others = process.rawListeners('unhandledRejection') as NodeJS.UnhandledRejectionListener[];
  const listener = (error: unknown) => {
    if (!(error instanceof Died)) onRejection(error);
  };
  process.removeAllListeners('unhandledRejection');
  process.on('unhandledRejection', listener);
  try {
    return await work();
  } finally {
    process.off('unhandledRejection', listener);
    for (const other of others) process.on('unhandledRejection', other);
  }
}
