import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Deadlines } from '../../src/core/deadlines.js';
import { runs } from './runs.js';

type Step =
  | { readonly set: string; readonly at: number }
  | { readonly remove: string }
  | { readonly now: number; readonly count: number };

const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g');
const moment = fc.oneof(fc.integer({ min: 0, max: 20 }), fc.double({ min: 0, max: 20, noNaN: true }));
const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ set: key, at: moment }) },
    { weight: 2, arbitrary: fc.record({ remove: key }) },
    { weight: 2, arbitrary: fc.record({ now: moment, count: fc.integer({ min: 0, max: 4 }) }) },
  ),
  { maxLength: 200, size: 'max' },
);

/** What deadlines are, written as plainly as that can be done. */
class Naive {
  readonly moments = new Map<string, number>();

  next(): number {
    return Math.min(Number.POSITIVE_INFINITY, ...this.moments.values());
  }

  /** The moments of the keys that are due. Keys of the same moment may come in any order. */
  due(now: number, count: number): number[] {
    const due = [...this.moments.values()].filter((at) => at <= now);
    return due.sort((a, b) => a - b).slice(0, count);
  }
}

function follow(given: readonly Step[]): void {
  const deadlines = new Deadlines<string>();
  const naive = new Naive();
  for (const step of given) {
    if ('set' in step) {
      deadlines.set(step.set, step.at);
      naive.moments.set(step.set, step.at);
    } else if ('remove' in step) {
      deadlines.delete(step.remove);
      naive.moments.delete(step.remove);
    } else {
      const expected = naive.due(step.now, step.count);
      const taken = deadlines.takeDue(step.now, step.count);
      expect(taken.map((one) => naive.moments.get(one))).toEqual(expected);
      for (const one of taken) naive.moments.delete(one);
    }
    const moments = [...'abcdefg'].map((one) => deadlines.get(one));
    expect([deadlines.next(), deadlines.size, ...moments]).toEqual([
      naive.next(),
      naive.moments.size,
      ...[...'abcdefg'].map((one) => naive.moments.get(one)),
    ]);
  }
}

describe('deadlines', () => {
  test('are what a plain list of moments is', () => {
    fc.assert(fc.property(steps, follow), runs(150));
  });

  test('come in order, all of them', () => {
    const moments = fc.array(fc.integer({ min: 0, max: 1_000 }), { maxLength: 300, size: 'max' });
    fc.assert(
      fc.property(moments, (given) => {
        const deadlines = new Deadlines<number>();
        given.forEach((at, index) => void deadlines.set(index, at));
        const taken = deadlines.takeDue(1_000).map((index) => given[index]);
        expect(taken).toEqual([...given].sort((a, b) => a - b));
        expect(deadlines.next()).toBe(Number.POSITIVE_INFINITY);
      }),
      runs(100),
    );
  });

  test('of nothing never come', () => {
    const deadlines = new Deadlines<string>();
    expect([deadlines.next(), deadlines.size, deadlines.takeDue(Number.MAX_VALUE)]).toEqual([
      Number.POSITIVE_INFINITY,
      0,
      [],
    ]);
  });

  test('that are moved again and again are no more than those that are not', () => {
    const deadlines = new Deadlines<number>();
    for (let round = 0; round < 300_000; round += 1) deadlines.set(round % 3, round);
    expect(deadlines.takeDue(300_000)).toEqual([0, 1, 2]);
  });
});
