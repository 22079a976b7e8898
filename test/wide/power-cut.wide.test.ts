/**
 * Power cuts: under load the file system is shut down at a random moment, so that nothing reaches its disk any more; the
 * next daemon finds what was there. `LOCKD_POWER_CUTS` says how many on each file system, `LOCKD_TEST_SEED` which moments.
 */
import { expect, test } from 'vitest';
import { cutsOfLyingDisk, powerCuts } from '../crash-lab/cuts.js';
import { runSeries } from '../crash-lab/series.js';
import { describeWith } from '../needs.js';
import { chooseSeed } from '../random.js';
import type { FileSystem } from './mounts.js';

const CUTS = Number(process.env.LOCKD_POWER_CUTS ?? 5);
/** Cuts until a disk that lies must have been found out. */
const CUTS_TO_FIND = 10;

const progress = () => undefined;

describeWith(['root', 'mkfs.ext4', 'mkfs.xfs', 'xfs_io'], 'a power cut', () => {
  test.each<FileSystem>(['ext4', 'xfs'])(
    'on %s loses nothing that was acknowledged, and brings nothing back',
    { timeout: 60_000 + CUTS * 30_000 },
    async (kind) => {
      const seed = chooseSeed();
      const { problems, acknowledged } = await runSeries(powerCuts(kind), { times: CUTS, seed, progress });
      console.log(`${CUTS} power cuts on ${kind}, LOCKD_TEST_SEED=${seed}: ${acknowledged} acknowledgements`);
      expect(problems).toEqual([]);
      expect(acknowledged).toBeGreaterThan(CUTS);
    },
  );
});

describeWith(
  ['root', 'strace', 'mkfs.ext4', 'mkfs.xfs', 'xfs_io'],
  'a disk that lies about its flushes',
  () => {
    test.each<FileSystem>(['ext4', 'xfs'])('%s: is found out by a few power cuts', async (kind) => {
      const seed = chooseSeed();
      let problems: readonly string[] = [];
      let cuts = 0;
      for (; cuts < CUTS_TO_FIND && problems.length === 0; cuts += 1) {
        ({ problems } = await runSeries(cutsOfLyingDisk(kind), { times: 1, seed: seed + cuts, progress }));
      }
      console.log(`${kind} that lies, LOCKD_TEST_SEED=${seed}, cut ${cuts}: ${problems[0]}`);
      expect(problems.length).toBeGreaterThan(0);
    });
  },
);
