/** The crash laboratory in a minute: each experiment a few times. The long form: `npm run crash-lab`. */
import { expect, test } from 'vitest';
import { describeWith } from '../needs.js';
import { chooseSeed } from '../random.js';
import { EXPERIMENTS } from './experiments.js';
import { markdownTable } from './table.js';

/** How often here; those that are left out have a suite of their own (test/crash, test/wide). */
const TIMES: Readonly<Record<string, number>> = {
  lines: 3,
  calls: 20,
  errors: 6,
  full: 1,
  tmpfs: 1,
  descriptors: 3,
  late: 2,
};

const chosen = EXPERIMENTS.filter(({ key }) => TIMES[key] !== undefined);

describeWith([...new Set(chosen.flatMap(({ needs }) => needs))], 'the crash laboratory', () => {
  test.each(chosen)('$name', async ({ name, key, run, isControl }) => {
    const [seed, times] = [chooseSeed(), TIMES[key] ?? 0];
    const tally = await run({ times, seed, progress: () => undefined });
    console.log(markdownTable([{ name, times, isControl, tally }]).split('\n').at(2));
    if (isControl) expect(tally.problems.length).toBeGreaterThan(0);
    else expect(tally.problems, `--seed ${seed}`).toEqual([]);
    expect(tally.acknowledged).toBeGreaterThan(0);
  });
});
