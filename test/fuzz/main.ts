/**
 * `npm run fuzz`: inputs that nobody would send, until one is answered with a crash, a hang or a lie.
 *
 *     npm run fuzz -- --inputs 1000000 --seed 1     of each kind; without a seed, others each time
 *     npm run fuzz -- --target journal,xmlrpc       some kinds only
 *     npm run fuzz -- --target journal --input BASE64    one input, as a finding prints it
 *     npm run fuzz -- --json                        the results as JSON
 *
 * Exit status 1: something was found.
 */
import { parseArgs } from 'node:util';
import { chooseSeed } from '../random.js';
import { type Hunted, problemOf } from './hunt.js';
import type { Target } from './target.js';
import { TARGETS, targetNamed } from './targets.js';
import { watchedHunt } from './watch.js';

const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '100000' },
    seed: { type: 'string' },
    target: { type: 'string' },
    input: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

function wholeNumber(name: string, given: string): number {
  const number = Number(given);
  if (!Number.isSafeInteger(number)) throw new RangeError(`--${name} must be a whole number, not ${given}`);
  return number;
}

async function perform(target: Target, inputs: number, seed: number): Promise<Hunted> {
  const began = performance.now();
  const progress = (done: number) => {
    const seconds = (performance.now() - began) / 1_000;
    say(`${target.name}: ${done} of ${inputs}, ${(done / seconds).toFixed(0)} a second`);
  };
  const hunted = await watchedHunt({ target, inputs, seed, progress });
  const outcomes = Object.entries(hunted.outcomes).map(([outcome, count]) => `${outcome}: ${count}`);
  say(`${target.name}: ${hunted.inputs} inputs, ${hunted.findings.length} findings; ${outcomes.join(', ')}`);
  for (const { index, input, problem } of hunted.findings) {
    say(`  --seed ${seed}, number ${index}: ${problem}`);
    say(`  again: npm run fuzz -- --target ${target.name} --input ${input}`);
  }
  return hunted;
}

function markdownTable(results: readonly Hunted[]): string {
  const rows = results.map(({ target, inputs, outcomes, slowestMs, findings }) => {
    const counts = Object.entries(outcomes).map(
      ([outcome, count]) => `${outcome} ${count.toLocaleString('en')}`,
    );
    const cells = [
      target,
      inputs.toLocaleString('en'),
      counts.join(', '),
      slowestMs.toFixed(1),
      findings.length,
    ];
    return `| ${cells.join(' | ')} |`;
  });
  const head = '| what was fuzzed | inputs | what came of them | slowest, ms | findings |';
  return [head, '| --- | --: | --- | --: | --: |', ...rows].join('\n');
}

/** Tries one input again. */
async function repeat(target: Target, input: Buffer): Promise<void> {
  await target.prepare?.();
  try {
    console.log(await target.check(input));
  } catch (error) {
    say(problemOf(error));
    process.exitCode = 1;
  }
}

async function main(): Promise<void> {
  const targets = values.target?.split(',').map(targetNamed) ?? TARGETS;
  const [first] = targets;
  if (values.input !== undefined && first) return repeat(first, Buffer.from(values.input, 'base64'));
  const inputs = wholeNumber('inputs', values.inputs);
  const seed = values.seed === undefined ? chooseSeed() : wholeNumber('seed', values.seed);
  say(`${inputs} inputs of each kind, --seed ${seed}`);
  const results: Hunted[] = [];
  for (const target of targets) results.push(await perform(target, inputs, seed));
  console.log(values.json ? JSON.stringify({ seed, inputs, results }, null, 2) : markdownTable(results));
  if (results.some(({ findings }) => findings.length > 0)) process.exitCode = 1;
}

await main().catch((error: unknown) => {
  say(error instanceof RangeError ? error.message : problemOf(error));
  process.exitCode = 2;
});
