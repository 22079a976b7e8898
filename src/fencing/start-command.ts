/**
 * Starting a fence command: its environment, its descriptors, a session of its own. It gets nothing on standard input, and
 * sockets as standard output and error (a script writes `>&2`; opening /dev/stderr fails on a socket).
 */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import type { LostHold } from './port.js';

/** Where the command finds the kernel lock. */
const LOCK_DESCRIPTOR = 3;

const O_CLOEXEC = 0o2000000;

/**
 * The descriptors beyond 2 that every child of this process would inherit. Node opens all of its own with O_CLOEXEC, and sets that
 * for those which it was started with, but misses what comes after a gap. So it is enough to look once, and dear to look often.
 */
export function inheritableDescriptors(): number[] {
  const directory = '/proc/self/fdinfo';
  try {
    return readdirSync(directory)
      .map(Number)
      .filter((descriptor) => descriptor > 2 && isInheritable(`${directory}/${descriptor}`));
  } catch {
    return [];
  }
}

function isInheritable(path: string): boolean {
  try {
    const flags = /^flags:\s+([0-7]+)/m.exec(readFileSync(path, 'latin1'))?.[1];
    return flags !== undefined && (Number.parseInt(flags, 8) & O_CLOEXEC) === 0;
  } catch {
    // It was the one that the directory was read by.
    return false;
  }
}

/**
 * Starts `command` for a lost hold, as leader of a session and process group of its own, with `lock` as its only descriptor
 * beyond 2; each of `hidden` is /dev/null there. What goes wrong is thrown, or told by the child's event `error`.
 */
export function startCommand(
  command: string,
  hold: LostHold,
  lock: number,
  hidden: readonly number[],
): ChildProcess {
  const nothing = openSync('/dev/null', 'r');
  try {
    return spawn(command, [], {
      env: { ...withoutSecret(process.env), ...variables(hold) },
      stdio: descriptors(lock, hidden, nothing),
      detached: true,
    });
  } finally {
    closeSync(nothing);
  }
}

/** The daemon reads no LOCKD_URL; whoever started it may have one with a secret, which is no matter of the command. */
function withoutSecret({ LOCKD_URL: url, ...others }: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return url === undefined || url.includes('@') ? others : { ...others, LOCKD_URL: url };
}

function variables({ resource, client, token, cause }: LostHold): NodeJS.ProcessEnv {
  return {
    LOCKD_RESOURCE: resource,
    LOCKD_CLIENT: client,
    LOCKD_TOKEN: String(token),
    LOCKD_REASON: cause,
  };
}

function descriptors(lock: number, hidden: readonly number[], nothing: number): StdioOptions {
  const length = Math.max(LOCK_DESCRIPTOR, ...hidden) + 1;
  return Array.from({ length }, (_, descriptor) => {
    if (descriptor === 0) return 'ignore';
    if (descriptor <= 2) return 'pipe';
    if (descriptor === LOCK_DESCRIPTOR) return lock;
    // What is ignored is left as it is: absent.
    return hidden.includes(descriptor) ? nothing : 'ignore';
  });
}
