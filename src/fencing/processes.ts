/**
 * Looking at the processes of this machine, through /proc. The program goes on between one process and the next: there
 * may be thousands. Where there is no /proc nothing is found.
 */
import * as fs from 'node:fs';
import { basename } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { errorCode } from '../disk/disk.js';

export interface Process {
  readonly id: number;
  /** Process group. */
  readonly group: number;
  /** A zombie has nothing but its number left: it can do no more harm. */
  readonly isZombie: boolean;
}

/** What `look` throws counts as undefined: processes come and go, and some are none of our business. */
function tryTo<Value>(look: () => Value): Value | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

/** What the kernel tells of a process, from its state on: STATE PARENT GROUP ... */
function statOf(id: number): readonly string[] | undefined {
  const stat = tryTo(() => fs.readFileSync(`/proc/${id}/stat`, 'latin1'));
  // ID (NAME) STATE ...; a name may have blanks and brackets in it.
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function readProcess(id: number): Process | undefined {
  const stat = statOf(id);
  if (stat === undefined) return undefined;
  const [state = '', , group] = stat;
  return { id, group: Number(group), isZombie: /[ZXx]/.test(state) };
}

/** When a process started, as the kernel counts: two that had the same number one after the other differ in it. */
export function startOf(id: number): string | undefined {
  return statOf(id)?.[19];
}

async function* processIds(): AsyncGenerator<number> {
  for (const name of tryTo(() => fs.readdirSync('/proc')) ?? []) {
    if (!/^\d+$/.test(name)) continue;
    yield Number(name);
    await nextTurn();
  }
}

/** Whether a process, or the one that it was forked from, was started with this `NAME=VALUE` in its environment. */
export function wasStartedWith(id: number, variable: string): boolean {
  const environment = tryTo(() => fs.readFileSync(`/proc/${id}/environ`, 'utf8')) ?? '';
  return environment.split('\0').includes(variable);
}

/** The other processes that have the kernel lock on a file by a descriptor, as far as this user may look at them. */
export async function* lockHolders(path: string): AsyncGenerator<Process> {
  const file = tryTo(() => fs.statSync(path, { bigint: true }));
  if (!file) return;
  for await (const id of processIds()) {
    if (id === process.pid || !hasLock(id, basename(path), file)) continue;
    const found = readProcess(id);
    if (found) yield found;
  }
}

/** Whoever only has the file open, to look at it, has no lock on it: the kernel tells that for each descriptor. */
function hasLock(id: number, name: string, file: fs.BigIntStats): boolean {
  const descriptors = tryTo(() => fs.readdirSync(`/proc/${id}/fd`)) ?? [];
  return descriptors.some((descriptor) => {
    const link = `/proc/${id}/fd/${descriptor}`;
    // By name first, and only the last part: a look at any file could hang on a dead network file system, and a process
    // in another mount namespace shows other paths.
    if (tryTo(() => basename(fs.readlinkSync(link))) !== name) return false;
    const opened = tryTo(() => fs.statSync(link, { bigint: true }));
    if (opened?.ino !== file.ino || opened.dev !== file.dev) return false;
    const details = tryTo(() => fs.readFileSync(`/proc/${id}/fdinfo/${descriptor}`, 'latin1'));
    return details !== undefined && /^lock:.*FLOCK/m.test(details);
  });
}

/** Whether anything is alive in a process group. */
export async function groupIsAlive(group: number): Promise<boolean> {
  try {
    process.kill(-group, 0);
  } catch (error) {
    // Not permitted means that there is one.
    return errorCode(error) !== 'ESRCH';
  }
  // The kernel counts zombies too, and one whose parent never asks for it stays for ever.
  if (readProcess(process.pid) === undefined) return true;
  for await (const id of processIds()) {
    const found = readProcess(id);
    if (found?.group === group && !found.isZombie) return true;
  }
  return false;
}
