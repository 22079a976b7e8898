/**
 * The command in the gate. It inherits the descriptor that carries the lock: so the lock outlives a gate that is killed,
 * for as long as the command runs.
 */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { CannotRun } from '../run/cannot-run.js';
import { isInForeground } from '../run/processes.js';

/** Where the command has the lock: out of reach of the digits that scripts redirect, and of what shells take for themselves. */
const LOCK_DESCRIPTOR = 113;

const PASSED_ON = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/**
 * Runs a command with our own standard streams, passes signals on, and resolves with its exit status; 128 + n where a
 * signal ended it. Throws `CannotRun`.
 */
export async function runWithLock(
  words: readonly string[],
  lock: number,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<number> {
  const [program = '', ...rest] = words;
  let child: ChildProcess | undefined;
  // Before the command is there: no signal in between may end us alone.
  const forget = listen((signal) => child?.kill(signal));
  try {
    return await new Promise<number>((resolve, reject) => {
      child = spawn(program, rest, { stdio: descriptors(lock), env: environment });
      child.on('error', reject);
      child.on('exit', (status, signal) => resolve(status ?? 128 + constants.signals[signal ?? 'SIGKILL']));
    });
  } catch (error) {
    throw new CannotRun(program, error as NodeJS.ErrnoException);
  } finally {
    forget();
  }
}

function descriptors(lock: number): StdioOptions {
  const between = Array.from({ length: LOCK_DESCRIPTOR - 3 }, () => 'ignore' as const);
  return ['inherit', 'inherit', 'inherit', ...between, lock];
}

/** Calls `onSignal` until what it answers is called. */
function listen(onSignal: (signal: NodeJS.Signals) => void): () => void {
  const inForeground = isInForeground();
  const listeners = PASSED_ON.map((signal) => {
    // A terminal sends it to the command itself, which is in our group.
    const listener = () => (inForeground && signal === 'SIGINT' ? undefined : onSignal(signal));
    process.on(signal, listener);
    return () => process.off(signal, listener);
  });
  return () => {
    for (const forget of listeners) forget();
  };
}
