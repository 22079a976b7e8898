/** The daemon in process, in a directory of its own: a clock set by hand, a disk that can fail, a log to look into. */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { BadParameter, Refusal } from '../../src/core/refusals.js';
import { Layout } from '../../src/disk/layout.js';
import { nodeDisk } from '../../src/disk/node-disk.js';
import { Lockd } from '../../src/service/lockd.js';
import type { LockdOptions } from '../../src/service/options.js';
import { Stopped } from '../../src/store/port.js';
import { FaultyDisk } from '../disk/faulty-disk.js';
import { crashCopy, temporaryDirectory } from '../store/fixture.js';
import { HeldDisk } from '../store/held-disk.js';
import { FakeFenceRunner } from './fake-runner.js';
import { ManualClock, rounds } from './manual-clock.js';
import { quickDisk } from './quick-disk.js';

export { ManualClock } from './manual-clock.js';

export interface Daemon {
  readonly lockd: Lockd;
  readonly disk: FaultyDisk;
  readonly clock: ManualClock;
  readonly layout: Layout;
  /** `level: message`. */
  readonly log: string[];
}

export interface DaemonOptions extends Partial<Omit<LockdOptions, 'clock'>> {
  readonly clock?: ManualClock;
  readonly faulty?: FaultyDisk;
}

/** Opens `directory`; at the end of the test it is closed. */
export async function openDaemon(directory: string, options: DaemonOptions = {}): Promise<Daemon> {
  const { faulty: disk = new FaultyDisk(nodeDisk), clock = new ManualClock(), ...given } = options;
  const log: string[] = [];
  const lockd = await Lockd.open({
    directory,
    disk,
    clock,
    log: (level, message) => log.push(`${level}: ${message}`),
    // Nothing written ahead, so that every write and every length is the turn's own.
    roomBytes: 0,
    ...given,
  });
  onTestFinished(async () => {
    disk.heal();
    await lockd.close();
  });
  return { lockd, disk, clock, layout: new Layout(directory), log };
}

/** How a call ended: what it answered, or why not. */
export async function outcome(call: Promise<unknown>): Promise<unknown> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof Refusal) return `${error.code}: ${error.message}`;
    if (error instanceof BadParameter) return error.message;
    if (error instanceof Stopped) return 'Stopped';
    throw error;
  }
}

/** The lock files in a directory, in order. */
export function lockFiles(directory: string): string[] {
  return fs
    .readdirSync(directory)
    .filter((name) => name.endsWith('.lock'))
    .sort();
}

/** The client whom a lock file names. */
export function clientIn(directory: string, name: string): string {
  const content = JSON.parse(fs.readFileSync(join(directory, name), 'utf8')) as {
    holders: { client: string }[];
  };
  return content.holders.map(({ client }) => client).join();
}

/** The foreign files that were taken over. */
export function adoptedFiles(directory: string): string[] {
  return fs.readdirSync(new Layout(directory).adopted).sort();
}

/** Whether a promise has ended by the time everything else has that needs no disk. */
export async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const note = () => {
    settled = true;
  };
  promise.then(note, note);
  for (let round = 0; round < 20; round += 1) await new Promise((resolve) => setImmediate(resolve));
  return settled;
}

export const JOURNAL = /journal.*jsonl/;

/** A disk without any space for the journal. */
export const FULL = { code: 'ENOSPC', path: JOURNAL, times: Number.POSITIVE_INFINITY };

/** A daemon for histories in which time matters: nothing waits for a disk unless it is held, nor for a command. */
export interface TimedDaemon extends Daemon {
  readonly directory: string;
  readonly held: HeldDisk;
  readonly runner: FakeFenceRunner;
}

/** Opens a directory, a new one if none is given. */
export async function begin({
  directory = temporaryDirectory(),
  ...given
}: DaemonOptions = {}): Promise<TimedDaemon> {
  const held = new HeldDisk(quickDisk);
  const runner = new FakeFenceRunner();
  const options = { faulty: new FaultyDisk(held.disk), fenceRunner: runner, ...given };
  return { ...(await openDaemon(directory, options)), directory, held, runner };
}

/** kill -9 at this moment, and a start on what is left; the clocks go on with a new daemon. */
export function crash({ directory, clock }: TimedDaemon, options: DaemonOptions = {}): Promise<TimedDaemon> {
  return begin({ directory: crashCopy(directory), clock: new ManualClock(clock.now), ...options });
}

/** How a call ended so far: `undefined` where it still waits. */
export async function soFar(call: Promise<unknown>): Promise<unknown> {
  let told: unknown;
  void call.then((answer) => {
    told = answer;
  });
  await rounds();
  return told;
}

/** The clients in the line of a resource, in order. */
export async function line({ lockd }: Pick<Daemon, 'lockd'>, resource = 'r'): Promise<string[]> {
  return (await lockd.status(resource)).queue.map(({ client }) => client);
}

/** A program that is there, and that nobody runs: the runner is a fake. */
export const FENCE_COMMAND = process.execPath;
export const FENCE_ALL = [`*=${FENCE_COMMAND}`];
