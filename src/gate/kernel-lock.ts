/**
 * The kernel lock (flock(2)) on FILE, which Node cannot take itself: util-linux's `flock` takes it on a descriptor that it
 * inherits. It belongs to the open file, so that it stays with us when that program has ended, and goes with the last
 * process that has the descriptor.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { GateRefused } from './errors.js';
import type { GateFile } from './gate-file.js';

/** Waits for the lock; false where `until` came first. Throws `GateRefused` where it cannot be had at all. */
export async function takeLock({ descriptor, path }: GateFile, until: AbortSignal): Promise<boolean> {
  // Short options: BusyBox knows no long ones. A group of its own: a Ctrl-C is for us, and we end it.
  const child = spawn('flock', until.aborted ? ['-x', '-n', '3'] : ['-x', '3'], {
    stdio: ['ignore', 'ignore', 'ignore', descriptor],
    detached: true,
  });
  const giveUp = () => child.kill('SIGKILL');
  until.addEventListener('abort', giveUp);
  try {
    const [status, signal] = await once(child, 'exit');
    if (status === 0) return true;
    if (status === 1 || (signal === 'SIGKILL' && until.aborted)) return false;
    throw new Error(`it ended with ${signal ?? `exit status ${status}`}`);
  } catch (error) {
    throw new GateRefused(
      `The gate ${path} needs the program flock of util-linux, which cannot be run (${(error as Error).message}): ` +
        'nobody may pass. Install util-linux',
      { cause: error },
    );
  } finally {
    until.removeEventListener('abort', giveUp);
  }
}

/**
 * Gives the lock back, for everybody who has the descriptor: a daemon that a command has left behind is no longer that
 * command. Where it cannot be run, the lock goes with the last of them.
 */
export async function giveLockBack({ descriptor }: GateFile): Promise<void> {
  const child = spawn('flock', ['-u', '3'], {
    stdio: ['ignore', 'ignore', 'ignore', descriptor],
    detached: true,
  });
  await once(child, 'exit').catch(() => undefined);
}
