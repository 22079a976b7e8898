/**
 * kill -9 of a real daemon under load, at moments that a seed chooses, also during its start; afterwards the next one
 * must know everything that was acknowledged. `LOCKD_CRASH_CYCLES` says how often, `LOCKD_TEST_SEED` which moments.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import {
  type LockdProcess,
  listening,
  type RunningDaemon,
  startServe,
  startSmallSegments,
} from '../daemon.js';
import { chooseSeed, type Random, randomFrom } from '../random.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { listHolds, runClients } from './clients.js';
import { Ledger } from './ledger.js';
import { lastingLockFileProblems } from './lock-files.js';

const CYCLES = Number(process.env.LOCKD_CRASH_CYCLES ?? 50);
const CLIENTS = 8;
/** Milliseconds after which the latest of the killed daemons dies. */
const LONGEST_LOAD_MS = 600;
const LONGEST_START_MS = 350;

type Start = (directory: string) => LockdProcess;

/** Starts a daemon; some are killed before they listen, and then there is another one. */
async function startAtLast(directory: string, start: Start, random: Random): Promise<RunningDaemon> {
  while (random(5) === 0) {
    const short = start(directory);
    await Promise.race([sleep(random(LONGEST_START_MS)), short.ended]);
    await short.kill();
  }
  return listening(start(directory), directory);
}

/** A daemon starts, is compared with the ledger, works, and is killed. */
async function cycle(directory: string, start: Start, ledger: Ledger, random: Random): Promise<void> {
  const { daemon, url } = await startAtLast(directory, start, random);
  const holds = await listHolds(url);
  ledger.restarted(holds);
  ledger.problems.push(...(await lastingLockFileProblems(directory, holds, () => listHolds(url))));
  const clients = runClients({ url, ledger, random, clients: CLIENTS });
  await sleep(random(LONGEST_LOAD_MS));
  await daemon.kill();
  await clients;
}

test.each([
  { name: 'with one journal segment', share: 0.6, start: (directory: string) => startServe([], directory) },
  {
    name: 'while new journal segments begin all the time',
    share: 0.4,
    start: (directory: string) => startSmallSegments(4_000, directory),
  },
])(
  'kill -9 loses nothing that was acknowledged, $name',
  { timeout: 30_000 + CYCLES * 10_000 },
  async ({ name, share, start }) => {
    const seed = chooseSeed();
    const random = randomFrom(seed);
    const ledger = new Ledger();
    const directory = temporaryDirectory();
    const cycles = Math.ceil(CYCLES * share);
    for (let count = 0; count < cycles; count += 1) {
      await cycle(directory, start, ledger, random);
      expect(ledger.problems, `LOCKD_TEST_SEED=${seed}, cycle ${count}`).toEqual([]);
    }
    console.log(
      `${cycles} times kill -9 ${name}, LOCKD_TEST_SEED=${seed}: ${ledger.acknowledged} acknowledgements`,
    );
    expect(ledger.acknowledged).toBeGreaterThan(cycles);
  },
);
