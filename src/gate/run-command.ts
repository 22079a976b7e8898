/**
 * The command in the gate. It inherits the descriptor that carries the lock: so the lock outlives a gate that is killed,
 * for as long as the command runs.
 */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';

/** Where the command has the lock: out of reach of the digits that scripts redirect, and of what shells take for themselves. */
const LOCK_DESCRIPTOR = 113;

const PASSED_ON = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

const CANNOT_RUN = 126;
const NOT_FOUND = 127;

/** The command cannot be started. */
export class CannotRun extends Error {
  override readonly name = 'CannotRun';
  /** As shells have it. */
  readonly exitStatus: number;

  constructor(program: string, error: NodeJS.ErrnoException) {
    const isMissing = error.code === 'ENOENT';
    super(isMissing ? `'${program}' was not found` : `'${program}' cannot be run: ${error.message}`);
    this.exitStatus = isMissing ? NOT_FOUND : CANNOT_RUN;
  }
}

/**
 * Runs a command with our own standard streams, passes signals on, and resolves with its exit status; 128 + n where a
 * signal ended it. Throws `CannotRun`.
 */
export async function runWithLock(words: readonly string[], lock: number): Promise<number> {
  const [program = '', ...rest] = words;
  let child: ChildProcess | undefined;
  // Before the command is there: no signal in between may end us alone.
  const forget = listen((signal) => child?.kill(signal));
  try {
    return await new Promise<number>((resolve, reject) => {
      child = spawn(program, rest, { stdio: descriptors(lock) });
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
  const listeners = PASSED_ON.filter((signal) => !isIgnored(signal)).map((signal) => {
    // A terminal sends it to the command itself, which is in our group.
    const listener = () => (inForeground && signal === 'SIGINT' ? undefined : onSignal(signal));
    process.on(signal, listener);
    return () => process.off(signal, listener);
  });
  return () => {
    for (const forget of listeners) forget();
  };
}

/** Whether we were started to ignore it, as `nohup` does: listening to it would end that. */
function isIgnored(signal: NodeJS.Signals): boolean {
  const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readIfThere('/proc/self/status'))?.[1] ?? '0';
  return (BigInt(`0x${mask}`) & (1n << BigInt(constants.signals[signal] - 1))) !== 0n;
}

/** Whether our process group is the one that the terminal sends its signals to. */
function isInForeground(): boolean {
  // Behind the name, which may have blanks in it: state, parent, group, session, terminal, the terminal's group.
  const fields = readIfThere('/proc/self/stat').split(') ').at(-1)?.split(' ') ?? [];
  return fields[2] !== undefined && fields[2] === fields[5];
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
