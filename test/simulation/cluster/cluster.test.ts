/**
 * Whole runs of a cluster. `npm run simulate -- --cluster` runs more of them; a seed that fails here tells its story by
 * `npm run simulate -- --cluster --from SEED --seeds 1`.
 */
import { describe, expect, test } from 'vitest';
import { storyText } from '../story.js';
import { runCluster } from './run.js';

const SEEDS = 40;
const SEEDS_PER_TEST = 10;

describe.each(Array.from({ length: SEEDS / SEEDS_PER_TEST }, (_, index) => 1 + index * SEEDS_PER_TEST))(
  'from seed %i on',
  (from) => {
    test(`${SEEDS_PER_TEST} clusters keep every promise`, { timeout: 120_000 }, async () => {
      for (let seed = from; seed < from + SEEDS_PER_TEST; seed += 1) {
        const result = await runCluster(seed);
        expect(result.violations, storyText(result)).toEqual([]);
      }
    });
  },
);

test('a seed is one run, to the last event', { timeout: 60_000 }, async () => {
  const [first, second] = [await runCluster(7), await runCluster(7)];
  expect(second.hash).toBe(first.hash);
  expect(second.story).toEqual(first.story);
  expect((await runCluster(8)).hash).not.toBe(first.hash);
});
