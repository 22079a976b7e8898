/**
 * Whole runs of the simulation. `npm run simulate` runs more of them; a seed that fails here tells its story by
 * `npm run simulate -- --from SEED --seeds 1`.
 */
import { describe, expect, test } from 'vitest';
import { run } from './run.js';
import { storyText } from './story.js';
import type { Scene } from './troubles.js';

const SEEDS = 200;
const SEEDS_PER_TEST = 25;

describe.each(Array.from({ length: SEEDS / SEEDS_PER_TEST }, (_, index) => 1 + index * SEEDS_PER_TEST))(
  'from seed %i on',
  (from) => {
    test(`${SEEDS_PER_TEST} runs keep every promise`, async () => {
      for (let seed = from; seed < from + SEEDS_PER_TEST; seed += 1) {
        const result = await run(seed);
        expect(result.violations, storyText(result)).toEqual([]);
      }
    });
  },
);

test('a seed is one run, to the last event', async () => {
  for (const seed of [7, 1_234]) {
    const [first, second] = [await run(seed), await run(seed)];
    expect(second.hash).toBe(first.hash);
    expect(second.story).toEqual(first.story);
  }
  expect((await run(8)).hash).not.toBe((await run(7)).hash);
});

test('a disk that lies about its flushes is found out', async () => {
  const rules = new Set<string>();
  for (let seed = 1; seed <= 200 && rules.size === 0; seed += 1) {
    const lie = (scene: Scene) => {
      scene.disk.isLying = true;
    };
    for (const { rule } of (await run(seed, { prepare: lie })).violations) rules.add(rule);
  }
  expect([...rules]).not.toEqual([]);
});
