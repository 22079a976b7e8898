/**
 * kill -9 of a real daemon under load, at moments that a seed chooses, also during its start, and also while new journal
 * segments begin all the time; afterwards the next one must know everything that was acknowledged. `LOCKD_CRASH_CYCLES`
 * says how often, `LOCKD_TEST_SEED` which moments.
 */
import { expect, test } from 'vitest';
import { killsAtRandom } from '../crash-lab/kills.js';
import { runSeries } from '../crash-lab/series.js';
import { chooseSeed } from '../random.js';

const CYCLES = Number(process.env.LOCKD_CRASH_CYCLES ?? 50);

test('kill -9 loses nothing that was acknowledged', { timeout: 30_000 + CYCLES * 10_000 }, async () => {
  const seed = chooseSeed();
  const options = { times: CYCLES, seed, progress: () => undefined };
  const { problems, acknowledged } = await runSeries(killsAtRandom, options);
  console.log(`${CYCLES} times kill -9, LOCKD_TEST_SEED=${seed}: ${acknowledged} acknowledgements`);
  expect(problems).toEqual([]);
  expect(acknowledged).toBeGreaterThan(CYCLES);
});
