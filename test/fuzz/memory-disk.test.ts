/** The disk in memory answers what the real one answers, whatever is asked of it and in whatever order. */
import { expect, test } from 'vitest';
import type { Disk } from '../../src/disk/disk.js';
import { errorCode } from '../../src/disk/disk.js';
import { nodeDisk } from '../../src/disk/node-disk.js';
import { oneOf, type Random, randomFrom } from '../random.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { MemoryDisk } from './memory-disk.js';

const SEEDS = 50;
const STEPS = 80;

const NAMES = ['a', 'b', 'dir', 'dir/a', 'dir/b', 'none/a', 'a/b'];

/** What a call answers, or the code of its error. */
function answerOf(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    return errorCode(error) ?? String(error);
  }
}

type Step = (disk: Disk, root: string) => unknown;

function readAll(disk: Disk, path: string, position: number): string {
  const target = Buffer.alloc(20);
  const file = disk.open(path, 'read');
  const length = file.read(target, position);
  const { links } = file;
  file.close();
  return `${links} ${target.toString('latin1', 0, length)}`;
}

function change(disk: Disk, path: string, work: (file: ReturnType<Disk['open']>) => unknown): unknown {
  const file = disk.open(path, 'write');
  const answer = work(file);
  file.close();
  return answer;
}

function anyStep(random: Random): Step {
  const [one, other] = [oneOf(random, NAMES), oneOf(random, NAMES)];
  const [position, length] = [random(8), random(6)];
  return oneOf<Step>(random, [
    (disk, root) => disk.list(`${root}/${one}`).sort(),
    (disk, root) => {
      const { kind, size } = disk.stat(`${root}/${one}`) ?? {};
      return kind === 'file' ? [kind, size] : kind;
    },
    (disk, root) => disk.exists(`${root}/${one}`),
    (disk, root) => disk.makeDirectory(`${root}/${one}`),
    (disk, root) => disk.removeDirectory(`${root}/${one}`),
    (disk, root) => disk.create(`${root}/${one}`).close(),
    (disk, root) => disk.link(`${root}/${one}`, `${root}/${other}`),
    (disk, root) => disk.rename(`${root}/${one}`, `${root}/${other}`),
    (disk, root) => disk.unlink(`${root}/${one}`),
    (disk, root) => readAll(disk, `${root}/${one}`, position),
    (disk, root) => change(disk, `${root}/${one}`, (file) => file.write(Buffer.alloc(length, 'x'), position)),
    (disk, root) => change(disk, `${root}/${one}`, (file) => file.truncate(position)),
    (disk, root) => {
      const same = [one, other].map((name) => disk.stat(`${root}/${name}`)?.inode);
      return same[0] === same[1];
    },
  ]);
}

test(`${SEEDS} times ${STEPS} calls, none of which answers anything else`, () => {
  let failures = 0;
  for (let seed = 0; seed < SEEDS; seed += 1) {
    const random = randomFrom(seed);
    const real = temporaryDirectory();
    const memory = new MemoryDisk();
    memory.makeDirectory('/root');
    const told: string[] = [];
    for (let count = 0; count < STEPS; count += 1) {
      const step = anyStep(random);
      const expected = answerOf(() => step(nodeDisk, real));
      told.push(`${step} ${JSON.stringify(expected)}`);
      if (typeof expected === 'string' && expected.startsWith('E')) failures += 1;
      expect(
        answerOf(() => step(memory, '/root')),
        `seed ${seed}\n${told.slice(-3).join('\n')}`,
      ).toEqual(expected);
    }
  }
  // Errors are half of what there is to answer.
  expect(failures).toBeGreaterThan(SEEDS * 5);
});
