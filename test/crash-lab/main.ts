/**
 * `npm run crash-lab`: real daemons under load that are killed, cut from their power, and lied to by their disk; after each
 * the next one is compared with what clients were told. As root.
 *
 *     npm run crash-lab -- --kills 1000 --cuts 100    as the README shows it, about an hour
 *     npm run crash-lab -- --only ext4,xfs            some experiments only; --help names them
 *     npm run crash-lab -- --json                     the results as JSON, problems included
 *
 * The table goes to standard output, progress and problems to standard error. Exit status 1: a promise was broken, or a
 * control did not find that it was. A seed chooses the moments, which the machine then makes its own.
 */
import { parseArgs } from 'node:util';
import { undoExperiments } from '../at-last.js';
import { absentOf } from '../programs.js';
import { chooseSeed } from '../random.js';
import { EXPERIMENTS, type Experiment } from './experiments.js';
import { isGood, markdownTable, type Result } from './table.js';
import type { Tally } from './tally.js';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '100' },
    cuts: { type: 'string', default: '20' },
    seed: { type: 'string' },
    only: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

/** Milliseconds between two lines of progress. */
const PROGRESS_MS = 10_000;

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

function fail(text: string): never {
  say(text);
  process.exit(2);
}

function count(name: 'kills' | 'cuts'): number {
  const number = Number(values[name]);
  if (!Number.isSafeInteger(number) || number < 0)
    fail(`--${name} must be a whole number, not ${values[name]}`);
  return number;
}

function chosen(): readonly Experiment[] {
  const keys = values.only?.split(',') ?? EXPERIMENTS.map(({ key }) => key);
  const unknown = keys.find((key) => !EXPERIMENTS.some((experiment) => experiment.key === key));
  if (unknown !== undefined) {
    fail(`no experiment '${unknown}'; there are: ${EXPERIMENTS.map(({ key }) => key).join(', ')}`);
  }
  return EXPERIMENTS.filter(({ key }) => keys.includes(key));
}

async function perform(experiment: Experiment, times: number, seed: number): Promise<Result> {
  const { name, isControl } = experiment;
  const began = performance.now();
  let said = began;
  const progress = (done: number, { acknowledged }: Tally) => {
    const now = performance.now();
    if (now - said < PROGRESS_MS) return;
    said = now;
    const left = (((now - began) / done) * (times - done)) / 60_000;
    say(`${name}: ${done} of ${times}, more than ${acknowledged} acknowledged, ${left.toFixed(1)} min left`);
  };
  const tally = await experiment.run({ times, seed, progress });
  const minutes = ((performance.now() - began) / 60_000).toFixed(1);
  say(`${name}: ${times} times in ${minutes} min, ${tally.problems.length} problems`);
  for (const problem of isControl ? tally.problems.slice(0, 1) : tally.problems) say(`  ${problem}`);
  return { name, times, isControl, tally };
}

async function main(): Promise<void> {
  if (values.help) {
    const keys = EXPERIMENTS.map(({ key, name }) => `  ${key.padEnd(12)} ${name}`);
    return say(
      `npm run crash-lab -- [--kills N] [--cuts N] [--seed S] [--only KEY,KEY] [--json]\n${keys.join('\n')}`,
    );
  }
  const [kills, cuts] = [count('kills'), count('cuts')];
  const seed = values.seed === undefined ? chooseSeed() : Number(values.seed);
  if (!Number.isSafeInteger(seed)) fail(`--seed must be a whole number, not ${values.seed}`);
  const planned = chosen().filter(({ times }) => times(kills, cuts) > 0);
  const absent = absentOf([...new Set(planned.flatMap(({ needs }) => needs))]);
  if (absent.length > 0)
    fail(`the crash laboratory needs ${absent.join(', ')}; --only leaves experiments out`);
  say(`${kills} kills, ${cuts} power cuts, --seed ${seed}`);
  const results: Result[] = [];
  for (const experiment of planned)
    results.push(await perform(experiment, experiment.times(kills, cuts), seed));
  console.log(values.json ? JSON.stringify({ seed, kills, cuts, results }, null, 2) : markdownTable(results));
  if (!isGood(results)) process.exitCode = 1;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void undoExperiments().finally(() => process.exit(130)));
}
await main();
