/**
 * `npm run cluster-lab`: three members of etcd and three daemons in a network of their own, clients that use them all the
 * time, and one fault after another; what clients were told is checked. As root.
 *
 *     npm run cluster-lab -- --minutes 60           rounds of three minutes each
 *     npm run cluster-lab -- --seed 4711            the same faults in the same order; the machine does its part
 *     npm run cluster-lab -- --only TEXT            only the faults with this in their name
 *     npm run cluster-lab -- --control NAME         without one of lockd's safeties: something must be found
 *
 * Results go to standard output, progress to standard error. Exit status 1: a promise was broken, or a control found nothing.
 */
import { parseArgs } from 'node:util';
import { experiment, undoExperiments } from '../at-last.js';
import { absentOf } from '../programs.js';
import { chooseSeed } from '../random.js';
import { CONTROLS, withoutSafety } from './controls.js';
import { FAULTS } from './faults.js';
import { NEEDS } from './needs.js';
import { keep, Totals } from './report.js';
import { playRound, type Round } from './round.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '3' },
    seed: { type: 'string' },
    only: { type: 'string' },
    control: { type: 'string' },
    keep: { type: 'boolean', default: false },
  },
});

/** Minutes of one round: each fault about once. */
const ROUND_MINUTES = 3;

/** Seeds of different rounds lie so far apart. */
const SEED_STEP = 7_919;

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

function fail(text: string): never {
  say(text);
  process.exit(2);
}

/** Plays a round in an experiment, and says what became of it. */
async function perform(seed: number, milliseconds: number, script?: string): Promise<Round> {
  const begun = performance.now();
  const tell = (text: string) =>
    say(`${((performance.now() - begun) / 1_000).toFixed(0).padStart(5)} s  ${text}`);
  const faults = FAULTS.filter(({ name }) => name.includes(values.only ?? ''));
  if (faults.length === 0) fail(`no fault has '${values.only}' in its name`);
  const round = await experiment(() =>
    playRound({ seed, milliseconds, faults, tell, ...(script === undefined ? {} : { script }) }),
  );
  const { violations } = round;
  for (const { rule, at, text } of violations.slice(0, 20))
    say(`  ${(at / 1_000).toFixed(3)} ${rule}: ${text}`);
  if (violations.length > 0 || values.keep) {
    say(`  ${violations.length} findings, --seed ${seed}: all that is known is in ${keep(round)}`);
  }
  return round;
}

async function main(): Promise<void> {
  const absent = absentOf(NEEDS);
  if (absent.length > 0) fail(`the cluster laboratory needs ${absent.join(', ')}`);
  const { control } = values;
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) fail(`--minutes must be above 0, not ${values.minutes}`);
  const seed = values.seed === undefined ? chooseSeed() : Number(values.seed);
  if (!Number.isSafeInteger(seed)) fail(`--seed must be a whole number, not ${values.seed}`);
  if (control !== undefined && !CONTROLS.has(control)) {
    fail(`no control '${control}'; there are: ${[...CONTROLS.keys()].join(', ')}`);
  }
  const count = Math.max(1, Math.round(minutes / ROUND_MINUTES));
  say(`${count} rounds, --seed ${seed}`);
  await experiment(async () => {
    const script = control === undefined ? undefined : withoutSafety(control);
    const totals = new Totals();
    for (let number = 0; number < count; number += 1) {
      totals.add(await perform(seed + number * SEED_STEP, (minutes / count) * 60_000, script));
    }
    console.log(String(totals));
    const isFound = totals.violations.length > 0;
    if (isFound !== (control !== undefined)) process.exitCode = 1;
  });
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => void undoExperiments().finally(() => process.exit(130)));
}
await main();
