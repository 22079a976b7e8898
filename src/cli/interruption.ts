/** Commands that can be ended in good order: a signal aborts what they wait for, and they say so. */
import { constants } from 'node:os';

/** Not SIGHUP: whoever listens to it takes away what `nohup` gives. */
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** A signal asked the command to end. */
export class Interruption extends Error {
  override readonly name = 'Interruption';
  /** 128 + n, as shells have it. */
  readonly exitStatus: number;

  constructor(what: string, signal: NodeJS.Signals) {
    super(`${what} was ended by ${signal}`);
    this.exitStatus = 128 + constants.signals[signal];
  }
}

/** Runs a task whose `signal` the first of those signals aborts, with an `Interruption`; a second one ends the process. */
export async function interruptible<T>(what: string, task: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const abort = new AbortController();
  const listeners = SIGNALS.map((name) => ({
    name,
    listener: () => abort.abort(new Interruption(what, name)),
  }));
  for (const { name, listener } of listeners) process.once(name, listener);
  try {
    return await task(abort.signal);
  } finally {
    for (const { name, listener } of listeners) process.off(name, listener);
  }
}
