/**
 * 10,000 random tokens race for one FILE, through all gates at once: that of lockd, of lockd.py and of lockd.sh, each in
 * processes that live on and as a command line. Each runs a real command under the kernel's lock, and some are killed at
 * random moments. Admitted tokens never fall, no two commands overlap, and nobody is blocked by the dead.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readTokens } from '../../src/gate/tokens.js';
import { GATES, passGate } from '../gate/gates.js';
import { admittedIn } from '../gate/log.js';
import { CommandLine, PROGRAMS, Program, type Racer } from '../gate/racers.js';
import { describeWith } from '../needs.js';
import { chooseSeed, type Random, randomFrom } from '../random.js';
import { temporaryDirectory } from '../temporary-directory.js';

const TOKENS = 10_000;

/** From one token to the next, and how far each is off: they rise on the whole, and fall as often as not. */
const STEP = 3;
const SPREAD = 40;

/** Each gate once; in other shells: test/gate/race.test.ts. A start costs more than all the rest. */
const COMMAND_LINES = GATES.filter(([name]) => name in PROGRAMS);

const LEAST_TOKEN = 10 ** 15;
const LAST_TOKEN = String(10 ** 16);

/** The tokens that have been given out. */
class Tokens {
  given = 0;

  constructor(private readonly random: Random) {}

  /** A token as high as those that will have passed when so many others were given out. */
  next(others: number): string {
    this.given += 1;
    return String(LEAST_TOKEN + (this.given + others) * STEP + this.random(SPREAD));
  }
}

class Tally {
  passed = 0;
  stale = 0;
  killed = 0;
  readonly unexpected: unknown[] = [];

  count(outcome: unknown): void {
    if (outcome === 0) this.passed += 1;
    else if (outcome === 76) this.stale += 1;
    else if (outcome === 'SIGKILL') this.killed += 1;
    else this.unexpected.push(outcome);
  }
}

/** Lets a racer try token after token until all are given out; one of so many tries is killed. */
async function run(racer: Racer, tokens: Tokens, random: Random, killedOneOf: number): Promise<Tally> {
  const tally = new Tally();
  let others = 0;
  while (tokens.given < TOKENS) {
    const before = tokens.given;
    const token = tokens.next(others);
    const isKilled = killedOneOf > 0 && random(killedOneOf) === 0;
    const fuse = isKilled ? setTimeout(() => racer.kill(), random(80)) : undefined;
    tally.count(await racer.pass(token));
    clearTimeout(fuse);
    // Whoever is slow comes late: its next token allows for that.
    others = tokens.given - before;
  }
  return tally;
}

describeWith(['flock', 'python3'], 'a race of all gates', () => {
  test(`for ${TOKENS.toLocaleString('en')} tokens`, { timeout: 600_000 }, async () => {
    const seed = chooseSeed();
    const directory = temporaryDirectory();
    const [file, log] = [join(directory, 'token'), join(directory, 'log')];
    writeFileSync(log, '');
    const program = (name: keyof typeof PROGRAMS) => new Program(PROGRAMS[name], file, log);
    const racers: [name: string, racer: Racer, killedOneOf: number][] = [
      ['lockd, one process', program('lockd'), 50],
      ['lockd, another process', program('lockd'), 50],
      // A command that is run from Python's `with` has not the lock itself: who kills that Python lets others overlap.
      ['lockd.py, one process', program('lockd.py'), 0],
      ['lockd.py, another process', program('lockd.py'), 0],
      ['lockd.sh, one process', program('lockd.sh'), 50],
      ...COMMAND_LINES.map(([name, words]): [string, Racer, number] => [
        `${name}, command lines`,
        new CommandLine(words, file, log),
        5,
      ]),
    ];
    const tokens = new Tokens(randomFrom(seed));
    const tallies = await Promise.all(
      racers.map(async ([name, racer, killedOneOf], index) => ({
        name,
        ...(await run(racer, tokens, randomFrom(seed + index), killedOneOf)),
      })),
    );
    const why = [`seed ${seed}`, ...tallies.map((tally) => JSON.stringify(tally))].join('\n');
    expect(await passGate(GATES[0]?.[1] ?? [], file, LAST_TOKEN, '--wait', '5s'), why).toMatchObject({
      status: 0,
    });
    expect(
      tallies.flatMap(({ unexpected }) => unexpected),
      why,
    ).toEqual([]);
    // Of all that were given out, each was tried.
    expect(tokens.given, why).toBeGreaterThanOrEqual(TOKENS);
    const admitted = admittedIn(log, why);
    expect(new Set(admitted).size, why).toBeGreaterThan(TOKENS / 25);
    const sum = (of: (tally: (typeof tallies)[number]) => number) =>
      tallies.reduce((total, tally) => total + of(tally), 0);
    expect(admitted.length, why).toBeGreaterThanOrEqual(sum(({ passed }) => passed));
    // A command whose gate was killed goes on.
    expect(admitted.length, why).toBeLessThanOrEqual(sum(({ passed, killed }) => passed + killed));
    for (const tally of tallies) {
      expect(tally.passed, `${tally.name}, ${why}`).toBeGreaterThan(0);
      expect(tally.stale, `${tally.name}, ${why}`).toBeGreaterThan(0);
    }
    expect(readTokens(readFileSync(file))?.highest, why).toBe(LAST_TOKEN);
  });
});
