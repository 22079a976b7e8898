/** Commands that do not want to end, for `lockd_run`, and when they have ended. */
import { existsSync, readFileSync } from 'node:fs';
import { expect, onTestFinished } from 'vitest';
import { LockdClient } from '../../src/client/client.js';
import type { RunningDaemon } from '../daemon.js';
import {
  bornOf,
  hasEnded,
  LOCKD_SH,
  processesIn,
  processesWith,
  type Running,
  startLockdSh,
  until,
} from './shell-process.js';

export function clientOf({ url }: RunningDaemon): LockdClient {
  return new LockdClient({ url, client: 'test' });
}

/** A command whose processes have `mark` in their environment: a child and a grandchild, both of which ignore TERM. */
export function stubborn(mark: string): string[] {
  const loop = 'while :; do sleep 0.1; done';
  return ['env', mark, 'sh', '-c', `trap '' TERM; sh -c 'trap "" TERM; echo up; ${loop}' & ${loop}`];
}

const BEREAVED = 'orphan without an environment';

/** How processes leave the command that has started them; each gets its own `MARK-...` into its environment. */
export const LEAVING: Readonly<Record<string, string>> = {
  session: 'setsid $KEEP',
  environment: '$CLEAR',
  both: 'setsid $CLEAR',
  orphan: `setsid sh -c '"$@" & exec sleep 0' sh $KEEP`,
  // Nothing tells of it afterwards: it must be seen while its parent is there, which a test ends then (bereave).
  [BEREAVED]: `setsid sh -c '"$@" & exec sleep 60' sh $CLEAR`,
};

/** A command with processes that leave it in all of these ways, and which all ignore TERM. */
export function scattering(mark: string): string[] {
  const loop = `trap "" TERM; echo up; while :; do sleep 0.1; done`;
  const ways = Object.values(LEAVING).map((way, at) =>
    [`KEEP="env ${mark}${at}"`, `CLEAR="env -i PATH=$PATH ${mark}${at}"`, `${way} sh -c '${loop}' &`].join(
      '; ',
    ),
  );
  return ['sh', '-c', `${ways.join('\n')}\n${loop}`];
}

/** The ways whose processes are there. */
export function scattered(mark: string): string[] {
  return Object.keys(LEAVING).filter((_way, at) => processesIn(`${mark}${at}`).length > 0);
}

/** Waits until `lockd_run` has seen the one that is to be an orphan, and ends its parent. */
export async function bereave(mark: string, running: Running): Promise<void> {
  const variable = `${mark}${Object.keys(LEAVING).indexOf(BEREAVED)}`;
  const [orphan = Number.NaN] = processesIn(variable).filter((pid) => processesWith('echo up').includes(pid));
  const { parent } = bornOf(orphan);
  await until(() => remembered(running).includes(orphan));
  process.kill(parent, 'SIGKILL');
  await until(() => bornOf(orphan).parent !== parent);
}

/** The processes that `lockd_run` knows again, whatever becomes of their parents: they stand in a file of its own. */
function remembered({ child }: Running): number[] {
  // On a terminal its parent has it in the command line, too, but no such file.
  const files = processesWith(LOCKD_SH)
    .filter((pid) => pid === child.pid || bornOf(pid).parent === child.pid)
    .map((pid) => `/proc/${pid}/fd/5`)
    .filter((file) => existsSync(file));
  return files.flatMap((file) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .map((line) => Number.parseInt(line, 10)),
  );
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended since it was found.
  }
}

let marks = 0;

/** A variable that no other test has; whatever still has it at the end of the test is killed. */
export function newMark(): string {
  marks += 1;
  const mark = `MARK=${process.pid}-${marks}-`;
  onTestFinished(() => {
    for (const pid of processesIn(mark)) killIfThere(pid);
  });
  return mark;
}

/** Starts `lockd_run` with a stubborn command, and answers when both of its processes run, with their mark. */
export async function startStubborn(words: readonly string[], url: string, shell: readonly string[]) {
  const mark = newMark();
  const running = startLockdSh(['run', 'r', ...words, '--', ...stubborn(mark)], { url, shell });
  await running.wrote('stdout', /up/);
  expect(processesIn(mark).length).toBeGreaterThanOrEqual(2);
  return { running, mark };
}

/** Waits until the lease was just renewed, does something then, and answers when the lease began, on performance.now(). */
export async function afterRenewal(daemon: RunningDaemon, stop: () => void): Promise<number> {
  for (;;) {
    const [hold] = (await clientOf(daemon).status('r')).holders;
    if (hold?.ttl === undefined || hold.left === undefined)
      throw new Error('the lock was lost before it should be');
    const ago = hold.ttl - hold.left;
    if (ago < 0.3) {
      stop();
      return performance.now() - ago * 1_000;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Resolves when nothing with this mark runs any more, with the seconds since then. */
export async function secondsUntilGone(mark: string, since = performance.now()): Promise<number> {
  const pids = processesIn(mark);
  await until(() => pids.every(hasEnded));
  const seconds = (performance.now() - since) / 1_000;
  // What these had started meanwhile; such a look takes its time.
  await until(() => processesIn(mark).length === 0, 5_000);
  return seconds;
}
