/**
 * A lock directory with the ledger of all that clients were told of it: daemons live on it one after another; each is
 * compared with the ledger first, then works, and ends in some way.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { listHolds, runClients } from '../crash/clients.js';
import { Ledger } from '../crash/ledger.js';
import { lastingLockFileProblems } from '../crash/lock-files.js';
import {
  type LockdProcess,
  listening,
  type RunningDaemon,
  startServe,
  startSmallSegments,
} from '../daemon.js';
import type { Random } from '../random.js';

const CLIENTS = 8;

/** Milliseconds within which a daemon has to listen, also under strace on a busy machine. */
const PATIENCE_MS = 60_000;

/** Milliseconds between the news that a connection ended and the news that its process did. */
const END_MS = 2_000;

/** How to start a daemon on a directory. */
export type Start = (directory: string) => LockdProcess;

/** As it is, and with journal segments so small that it begins new ones all the time. */
export const STARTS: readonly Start[] = [
  (directory) => startServe([], directory),
  (directory) => startSmallSegments(4_000, directory),
];

export interface LifeOptions {
  readonly start: Start;
  /** Resolves when the daemon is to be killed. */
  readonly end: (running: RunningDaemon) => Promise<unknown>;
  /** The daemon has a reason to end by itself, or not to start at all. */
  readonly mayEnd?: boolean;
  /** A disk that fails may leave the lock files behind what is held: then they are not looked at. */
  readonly withLockFiles?: boolean;
}

export class Place {
  readonly ledger = new Ledger();
  /** That were started here. */
  daemons = 0;
  /** That ended before they were killed. */
  ended = 0;
  /** What the latest of those wrote on standard error. */
  lastWords = '';

  constructor(
    readonly directory: string,
    private readonly random: Random,
  ) {}

  /** A daemon starts, is compared with the ledger, and works until `end`; then it is killed. */
  async live({ start, end, mayEnd = false, withLockFiles = true }: LifeOptions): Promise<void> {
    const { directory, ledger, random } = this;
    const daemon = start(directory);
    this.daemons += 1;
    let isEnded = false;
    const ended = daemon.ended.then(() => {
      isEnded = true;
    });
    this.lastWords = '';
    try {
      const running = await Promise.race([listening(daemon, directory), tooLong()]);
      await this.#compare(running.url, withLockFiles);
      const clients = runClients({ url: running.url, ledger, random, clients: CLIENTS });
      await Promise.race([end(running), ended]);
      if (isEnded && !mayEnd) {
        ledger.problem('other', `the daemon ended by itself with ${await daemon.ended}: ${daemon.stderr}`);
      }
      if (isEnded) this.#hasEnded(daemon);
      await daemon.kill();
      await clients;
    } catch (error) {
      await Promise.race([ended, sleep(END_MS)]);
      if (isEnded) this.#hasEnded(daemon);
      if (!(isEnded && mayEnd)) ledger.problem('other', `no daemon that works: ${(error as Error).message}`);
    } finally {
      await daemon.kill();
    }
  }

  /** A daemon is killed in its start, before anybody is answered. */
  async startInVain(start: Start, milliseconds: number): Promise<void> {
    const daemon = start(this.directory);
    this.daemons += 1;
    await Promise.race([sleep(milliseconds), daemon.ended]);
    await daemon.kill();
  }

  #hasEnded({ stderr }: LockdProcess): void {
    this.ended += 1;
    this.lastWords = stderr;
  }

  /** Rejects where the daemon ends before it can be compared. */
  async #compare(url: string, withLockFiles: boolean): Promise<void> {
    const holds = await listHolds(url);
    this.ledger.restarted(holds);
    if (!withLockFiles) return;
    const problems = await lastingLockFileProblems(this.directory, holds, () => listHolds(url));
    for (const problem of problems) this.ledger.problem('other', problem);
  }
}

async function tooLong(): Promise<never> {
  await sleep(PATIENCE_MS, undefined, { ref: false });
  throw new Error(`it does not listen within ${PATIENCE_MS / 1_000} s`);
}
