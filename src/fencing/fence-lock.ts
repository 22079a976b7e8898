/**
 * The kernel lock (flock(2)) of one fencing token. Whatever runs for the token has it by an inherited descriptor, and the
 * daemon does not keep it: so it is free exactly when the last process of a run is gone, whatever became of the daemon.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { errorCode } from '../disk/disk.js';
import { StartRefused } from '../disk/start-refused.js';

const { O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR } = fs.constants;

/** What util-linux's flock answers with -n when another has the lock. */
const CONFLICT = 1;

/** Throws `StartRefused` where util-linux's `flock` cannot be run. */
export function requireFlock(): void {
  // Any file will do: a shared lock on Node's own program, for a moment.
  const descriptor = fs.openSync(process.execPath, O_RDONLY);
  try {
    const stdio = ['ignore' as const, 'ignore' as const, 'ignore' as const, descriptor];
    const { status, error } = spawnSync('flock', ['-s', '-n', '3'], { stdio });
    if (status === 0 || status === CONFLICT) return;
    const reason = error ? (errorCode(error) ?? error.message) : `exit ${status}`;
    throw new StartRefused(
      `Fence commands need the program flock of util-linux, which cannot be run (${reason}); ` +
        'install util-linux, or start without --fence and --fence-command',
    );
  } finally {
    fs.closeSync(descriptor);
  }
}

export class FenceLock {
  private constructor(
    readonly path: string,
    /** Who inherits it has the lock too, once it is taken. */
    readonly descriptor: number,
  ) {}

  /** Opens the file, and makes it where it is missing. Throws system errors. */
  static open(path: string): FenceLock {
    // O_NONBLOCK: a FIFO in its place must not hold up the daemon.
    const descriptor = fs.openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600);
    if (fs.fstatSync(descriptor).isFile()) return new FenceLock(path, descriptor);
    fs.closeSync(descriptor);
    throw new Error(`${path} is no file; remove it`);
  }

  /** Waits for the lock; false when `until` came first. With an aborted `until` it asks once and does not wait. */
  async take(until: AbortSignal): Promise<boolean> {
    // A group of its own: should this daemon die meanwhile, its successor must not take the daemon's group for a command's.
    const child = spawn('flock', until.aborted ? ['-x', '-n', '3'] : ['-x', '3'], {
      stdio: ['ignore', 'ignore', 'ignore', this.descriptor],
      detached: true,
    });
    const giveUp = () => child.kill('SIGKILL');
    until.addEventListener('abort', giveUp, { once: true });
    try {
      const [status, signal] = await once(child, 'exit');
      if (status === 0) return true;
      if (status === CONFLICT || (signal === 'SIGKILL' && until.aborted)) return false;
      throw new Error(`flock on ${this.path} ended with ${signal ?? `exit ${status}`}`);
    } finally {
      until.removeEventListener('abort', giveUp);
    }
  }

  /** Lets go of it; the lock stays with those who inherited the descriptor. */
  close(): void {
    fs.closeSync(this.descriptor);
  }
}
