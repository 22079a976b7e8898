/**
 * Power cuts: under load the file system is shut down at a random moment, so that nothing reaches its disk any more; the
 * next daemon finds what was there. `LOCKD_POWER_CUTS` says how many on each file system, `LOCKD_TEST_SEED` which moments.
 */
import { existsSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { listHolds, runClients } from '../crash/clients.js';
import { Ledger } from '../crash/ledger.js';
import { lastingLockFileProblems } from '../crash/lock-files.js';
import { type LockdProcess, listening, startServe, startSmallSegments } from '../daemon.js';
import { describeWith } from '../needs.js';
import { chooseSeed, type Random, randomFrom } from '../random.js';
import { Disk, type FileSystem, run } from './mounts.js';

const CUTS = Number(process.env.LOCKD_POWER_CUTS ?? 5);
/** Cuts until a disk that lies must have been found out. */
const CUTS_TO_FIND = 5;
const CLIENTS = 8;
const LONGEST_LOAD_MS = 800;

type Start = (directory: string) => LockdProcess;

const STARTS: readonly Start[] = [
  (directory) => startServe([], directory),
  (directory) => startSmallSegments(8_000, directory),
];

/** What a daemon finds is compared with the ledger. */
async function compare(url: string, directory: string, ledger: Ledger): Promise<void> {
  // Throws where a resource is neither free nor held, but unreadable.
  const holds = await listHolds(url);
  ledger.restarted(holds);
  ledger.problems.push(...(await lastingLockFileProblems(directory, holds, () => listHolds(url))));
}

/** A machine takes longer to start again than a heartbeat lasts. */
function growOld(directory: string): void {
  const lock = join(directory, '.lockd/daemon.lock');
  if (existsSync(lock)) utimesSync(lock, 0, 0);
}

/** Clients work until the power is cut; then it comes back. */
async function workUntilCut(
  disk: Disk,
  daemon: LockdProcess,
  url: string,
  ledger: Ledger,
  random: Random,
): Promise<void> {
  const clients = runClients({ url, ledger, random, clients: CLIENTS });
  await sleep(100 + random(LONGEST_LOAD_MS));
  disk.cutPower();
  // Whatever it answers while it notices must be true as well.
  await Promise.race([clients, sleep(200)]);
  await daemon.kill();
  await clients;
  disk.unmount();
  disk.mount();
  growOld(join(disk.path, 'locks'));
}

/** A disk whose directory has had a daemon, which is flushed: a cut in the first seconds of a new one is another matter. */
async function preparedDisk(kind: FileSystem) {
  const disk = new Disk(kind, kind === 'xfs' ? 320 : 64);
  const directory = join(disk.path, 'locks');
  const first = await listening(startServe([], directory), directory);
  await first.daemon.kill();
  run('sync', '-f', disk.path);
  return { disk, directory };
}

describeWith(['root', 'mkfs.ext4', 'mkfs.xfs', 'xfs_io'], 'a power cut', () => {
  test.each<FileSystem>(['ext4', 'xfs'])(
    'on %s loses nothing that was acknowledged, and brings nothing back',
    { timeout: 60_000 + CUTS * 30_000 },
    async (kind) => {
      const seed = chooseSeed();
      const random = randomFrom(seed);
      const { disk, directory } = await preparedDisk(kind);
      const ledger = new Ledger();
      for (let cut = 0; cut < CUTS; cut += 1) {
        const start = STARTS[cut % STARTS.length] as Start;
        const { daemon, url } = await listening(start(directory), directory);
        await compare(url, directory, ledger);
        expect(ledger.problems, `LOCKD_TEST_SEED=${seed}, before cut ${cut}`).toEqual([]);
        await workUntilCut(disk, daemon, url, ledger, random);
      }
      const { url } = await listening(startServe([], directory), directory);
      await compare(url, directory, ledger);
      expect(ledger.problems, `LOCKD_TEST_SEED=${seed}, after the last cut`).toEqual([]);
      console.log(
        `${CUTS} power cuts on ${kind}, LOCKD_TEST_SEED=${seed}: ${ledger.acknowledged} acknowledgements`,
      );
    },
  );
});

const LYING = ['strace', '-D', '-f', '-qq', '-o', '/dev/null'];
const NO_FLUSH = ['-e', 'trace=fdatasync,fsync', '-e', 'inject=fdatasync,fsync:retval=0'];

/** What the next daemon says after a cut on a disk that said yes to every flush and did none. */
async function problemsOfLyingDisk(kind: FileSystem, random: Random): Promise<string[]> {
  const { disk, directory } = await preparedDisk(kind);
  const ledger = new Ledger();
  const lying = startServe([], directory, { through: [...LYING, ...NO_FLUSH] });
  const { daemon, url } = await listening(lying, directory);
  await workUntilCut(disk, daemon, url, ledger, random);
  const honest = startServe([], directory);
  try {
    await compare((await listening(honest, directory)).url, directory, ledger);
    return ledger.problems;
  } catch (error) {
    return [`no daemon starts: ${(error as Error).message}`];
  }
}

describeWith(
  ['root', 'strace', 'mkfs.ext4', 'mkfs.xfs', 'xfs_io'],
  'a disk that lies about its flushes',
  () => {
    test.each<FileSystem>(['ext4', 'xfs'])('%s: is found out by a few power cuts', async (kind) => {
      const seed = chooseSeed();
      const random = randomFrom(seed);
      let problems: string[] = [];
      let cuts = 0;
      for (; cuts < CUTS_TO_FIND && problems.length === 0; cuts += 1) {
        problems = await problemsOfLyingDisk(kind, random);
      }
      console.log(`${kind} that lies, LOCKD_TEST_SEED=${seed}, cut ${cuts}: ${problems[0]}`);
      expect(problems.length).toBeGreaterThan(0);
    });
  },
);
