/**
 * One daemon per directory: two directory locks that keep a second one out, on this host and between hosts. They are a
 * courtesy that gives a clear message; what makes a lost one harmless is the epoch (epoch.ts).
 *
 * - `guard` carries a kernel lock (flock(2), through util-linux's `flock` on an inherited descriptor): it belongs to our
 *   own descriptor, dies with this process, and children do not inherit it.
 * - `daemon.lock` is proper-lockfile's: a directory whose time is touched as a heartbeat, so that it works between hosts.
 */
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { hostname } from 'node:os';
import lockfile from 'proper-lockfile';
import { errorCode } from './disk.js';
import type { Layout } from './layout.js';
import { StartRefused } from './start-refused.js';

/** Milliseconds without a heartbeat after which a `daemon.lock` of another host counts as left behind. */
const STALE_MS = 10_000;

/** How often a `daemon.lock` that may be stale is looked at again. */
const RETRY_MS = 500;

/** Who claimed the directory last. */
export interface Owner {
  readonly boot: string;
  readonly host: string;
  readonly pid: number;
  /** Whether it had the kernel lock too: only then does that one's being free say that the owner is gone. */
  readonly guarded: boolean;
}

export interface Claim {
  /** Settles when the directory lock was taken away from us; never while all is well. */
  readonly lost: Promise<Error>;
  readonly warnings: readonly string[];
  release(): Promise<void>;
}

export type Progress = (message: string) => void;

/** Takes both directory locks, or throws `StartRefused` saying who has them. `progress` is told why it takes long. */
export async function claimDirectory(layout: Layout, progress: Progress): Promise<Claim> {
  const guard = fs.openSync(
    layout.guard,
    fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_NOFOLLOW,
    0o600,
  );
  try {
    const warnings: string[] = [];
    const guarded = takeKernelLock(guard, layout, warnings);
    if (guarded) removeLeftover(layout);
    let settleLost: (error: Error) => void = () => undefined;
    const lost = new Promise<Error>((resolve) => {
      settleLost = resolve;
    });
    const unlock = await takeDaemonLock(layout, progress, settleLost);
    // Already compromised: nothing of ours is left to release.
    const release = () => unlock().catch(() => undefined);
    try {
      writeOwner(layout, guarded);
    } catch (error) {
      await release();
      throw error;
    }
    return {
      lost,
      warnings,
      async release() {
        await release();
        fs.closeSync(guard);
      },
    };
  } catch (error) {
    fs.closeSync(guard);
    throw error;
  }
}

function takeKernelLock(guard: number, layout: Layout, warnings: string[]): boolean {
  // Short options: BusyBox knows no long ones. Descriptor 3 in the child is our own open file description.
  const result = spawnSync('flock', ['-x', '-n', '3'], { stdio: ['ignore', 'ignore', 'ignore', guard] });
  if (result.status === 0) return true;
  if (result.status === 1) throw new StartRefused(ownedText(layout));
  warnings.push(
    `The command flock (package util-linux) cannot be run, so that a start after a crash waits ${STALE_MS / 1_000} s`,
  );
  return false;
}

function ownedText(layout: Layout): string {
  const owner = readOwner(layout);
  const who = owner ? ` (process ${owner.pid} on ${owner.host})` : '';
  return `${layout.root} is owned by another lockd${who}; stop that one first, or give another --directory`;
}

/** With the kernel lock in hand, a `daemon.lock` that an owner of this very boot left behind has no owner any more. */
function removeLeftover(layout: Layout): void {
  const owner = readOwner(layout);
  if (!owner?.guarded || owner.boot !== bootId()) return;
  fs.rmSync(layout.daemonLock, { recursive: true, force: true });
}

/**
 * The disk as proper-lockfile sees it. Left to itself it removes `daemon.lock` when it releases it, and also when the process
 * exits, without a look at whose it is by then; and it gives up a lock whose heartbeat could not be written for a while. With
 * this disk it leaves alone what a successor made since, and holds what is still ours.
 */
class OwnDaemonLock {
  #taken: string | undefined;
  #beat: Date | undefined;
  #isStuck = false;

  constructor(private readonly progress: Progress) {}

  readonly fs = {
    ...fs,
    stat: (path: string, done: (error: Error | null, stats?: fs.Stats) => void): void => {
      fs.stat(path, (error, stats) => {
        if (error) done(error);
        else if (this.#isAnothers(path)) done(new AnothersLock(path));
        else done(null, this.#beat ? Object.assign(stats, { mtime: this.#beat }) : stats);
      });
    },
    utimes: (path: string, accessed: Date, modified: Date, done: (error: Error | null) => void): void => {
      fs.utimes(path, accessed, modified, (error) => {
        const goesOn = error && this.#taken !== undefined && !this.#isAnothers(path);
        if (goesOn) this.#skipBeat(path, error);
        else if (!error) this.#isStuck = false;
        if (this.#taken !== undefined) this.#beat = modified;
        done(goesOn ? null : error);
      });
    },
    rmdir: (path: string, done: (error: Error | null) => void): void => {
      if (this.#isAnothers(path)) done(null);
      else fs.rmdir(path, done);
    },
    rmdirSync: (path: string): void => {
      if (!this.#isAnothers(path)) fs.rmdirSync(path);
    },
  };

  /** The directory at `path` was just made by us. */
  taken(path: string): void {
    this.#taken = identity(path);
  }

  #isAnothers(path: string): boolean {
    return this.#taken !== undefined && identity(path) !== this.#taken;
  }

  #skipBeat(path: string, error: Error): void {
    if (!this.#isStuck)
      this.progress(`The heartbeat of ${path} cannot be written (${error.message}); it is tried again`);
    this.#isStuck = true;
  }
}

class AnothersLock extends Error {
  /** What proper-lockfile takes for the loss of a lock. */
  readonly code = 'ENOENT';

  constructor(path: string) {
    super(`${path} was made anew by another`);
  }
}

/** Tells a directory from another that is made later in its place, also with the same inode. */
function identity(path: string): string | undefined {
  const stats = fs.lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return stats && `${stats.ino} ${stats.birthtimeNs}`;
}

async function takeDaemonLock(
  layout: Layout,
  progress: Progress,
  onCompromised: (error: Error) => void,
): Promise<() => Promise<void>> {
  const own = new OwnDaemonLock(progress);
  const giveUpAt = performance.now() + STALE_MS + 2_000;
  for (let told = false; ; told = true) {
    try {
      const release = await lockfile.lock(layout.root, {
        fs: own.fs,
        lockfilePath: layout.daemonLock,
        realpath: false,
        stale: STALE_MS,
        onCompromised,
      });
      own.taken(layout.daemonLock);
      return release;
    } catch (error) {
      if (errorCode(error) !== 'ELOCKED') throw error;
      if (performance.now() > giveUpAt) throw new StartRefused(ownedText(layout));
      if (!told)
        progress(`${layout.daemonLock} is there; waiting up to 12 s for its owner's heartbeat to be stale`);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

function writeOwner(layout: Layout, guarded: boolean): void {
  const owner: Owner = { boot: bootId(), host: hostname(), pid: process.pid, guarded };
  const temporary = `${layout.owner}.tmp`;
  fs.rmSync(temporary, { force: true });
  fs.writeFileSync(temporary, `${JSON.stringify(owner)}\n`, { mode: 0o600, flag: 'wx' });
  fs.renameSync(temporary, layout.owner);
}

/** Who claimed the directory last; undefined where that is not to be read. */
export function readOwner(layout: Layout): Owner | undefined {
  try {
    const owner: unknown = JSON.parse(readRegular(layout.owner));
    return isOwner(owner) ? owner : undefined;
  } catch {
    // Absent or torn: nobody is named, which only makes the start wait for the heartbeat.
    return undefined;
  }
}

/** A FIFO in its place must not hold up the start: it reads as empty. */
function readRegular(path: string): string {
  const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = fs.constants;
  const descriptor = fs.openSync(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
  try {
    return fs.readFileSync(descriptor, 'utf8');
  } finally {
    fs.closeSync(descriptor);
  }
}

/** Whether the owner's process still runs on this very boot; a guess, for people to read. */
export function ownerIsRunning(owner: Owner): boolean {
  if (owner.boot !== bootId()) return false;
  try {
    process.kill(owner.pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}

function isOwner(value: unknown): value is Owner {
  return typeof value === 'object' && value !== null && 'boot' in value && 'host' in value && 'pid' in value;
}

/** Names the running kernel since its start; empty where that is not to be known, which equals no other. */
function bootId(): string {
  try {
    return fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return `unknown-${process.pid}-${Date.now()}`;
  }
}
