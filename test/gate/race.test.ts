/**
 * Gates race for one FILE with random tokens, and some of them are killed at random moments: admitted tokens never fall,
 * no two commands overlap, and nobody is blocked by the dead. LOCKD_TEST_RUNS multiplies the number of races. Ten thousand
 * tokens: test/wide/gate-race.wide.test.ts.
 */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readTokens } from '../../src/gate/tokens.js';
import { describeWith } from '../needs.js';
import { chooseSeed, oneOf, randomFrom } from '../random.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { GATES, passGate, startGate } from './gates.js';
import { admittedIn, COMMAND } from './log.js';

const RUNS = Number(process.env.LOCKD_TEST_RUNS ?? 1);

/** Gates that are at the file at the same time. */
const RACERS = 3;

interface Race {
  readonly count: number;
  /** Part of the gates that are killed. */
  readonly killed: number;
}

/** What happened in the commands, line by line. */
async function race(gates: readonly (readonly string[])[], seed: number, { count, killed }: Race) {
  const random = randomFrom(seed);
  const directory = temporaryDirectory();
  const [file, log] = [join(directory, 'token'), join(directory, 'log')];
  fs.writeFileSync(log, '');
  const statuses = new Map<number | string, number>();
  let started = 0;
  const racer = async () => {
    while (started < count) {
      const gate = oneOf(random, gates);
      // They rise on the whole, but not from one to the next; some come twice.
      const token = String(10 ** 15 + started * 3 + random(40));
      started += 1;
      const running = startGate(gate, file, token, '--', 'sh', '-c', COMMAND, log, token);
      const fuse =
        random(100) < killed * 100 ? setTimeout(() => running.child.kill('SIGKILL'), random(60)) : undefined;
      // Not until all is written: a command whose gate is dead goes on.
      const { status } = await running.outcome;
      clearTimeout(fuse);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: RACERS }, racer));
  const last = await passGate(gates[0] ?? [], file, String(10 ** 16), '--wait', '20s');
  return { last, statuses, file, log };
}

describeWith(['flock'], 'racing gates', () => {
  test.each([
    ['lockd.sh', 300, 0],
    ['lockd.sh', 150, 0.3],
    ['lockd', 40, 0],
    ['lockd', 40, 0.3],
    ['', 60, 0.2],
  ])(
    '%s, %i tokens, killed: %d',
    async (name, count, killed) => {
      const gates = GATES.filter(([one]) => name === '' || one === name).map(([, words]) => words);
      const seed = chooseSeed();
      const { last, statuses, file, log } = await race(gates, seed, { count: count * RUNS, killed });
      const why = `seed ${seed}`;
      expect(last, why).toMatchObject({ status: 0 });
      admittedIn(log, why);
      const outcomes = [...statuses.keys()].filter((status) => ![0, 76, 'SIGKILL'].includes(status));
      expect(outcomes, why).toEqual([]);
      expect(statuses.get(0), why).toBeGreaterThan(count / 20);
      expect(statuses.get(76), why).toBeGreaterThan(count / 20);
      expect(readTokens(fs.readFileSync(file))?.highest, why).toBe(String(10 ** 16));
    },
    300_000 * RUNS,
  );
});
