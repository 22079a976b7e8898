/** How the bars run down. */
import { describe, expect, test } from 'vitest';
import { leaseAt, leaseText, spanText } from '../../src/page/lease.js';

const told = (ttl: number, left: number) => ({ ttl, left, received: 1_000 });

test.each([
  ['when it was told', 30, 30, 0, { share: 1, left: 30, level: 'good' }],
  ['half way', 30, 30, 15, { share: 0.5, left: 15, level: 'good' }],
  ['told late', 30, 15, 0, { share: 0.5, left: 15, level: 'good' }],
  ['under a third', 30, 30, 20.3, { share: 9.7 / 30, left: 9.7, level: 'low' }],
  ['under a tenth', 30, 30, 27.3, { share: 2.7 / 30, left: 2.7, level: 'last' }],
  ['at its end', 30, 30, 30, { share: 0, left: 0, level: 'due' }],
  ['long after', 30, 30, 3_000, { share: 0, left: 0, level: 'due' }],
  ['extended beyond its ttl', 30, 90, 45, { share: 0.5, left: 45, level: 'good' }],
  ['told as over', 30, 0, 0, { share: 0, left: 0, level: 'due' }],
  ['a lease of no length', 0, 0, 0, { share: 0, left: 0, level: 'due' }],
])('%s', (_name, ttl, left, later, expected) => {
  const view = leaseAt(told(ttl, left), 1_000 + later * 1_000);
  expect(view.level).toBe(expected.level);
  expect(view.share).toBeCloseTo(expected.share, 9);
  expect(view.left).toBeCloseTo(expected.left, 9);
});

test('a clock that seems to go back lengthens nothing', () => {
  expect(leaseAt(told(30, 20), 0)).toEqual(leaseAt(told(30, 20), 1_000));
});

test('it only ever runs down', () => {
  let before = Number.POSITIVE_INFINITY;
  for (let now = 900; now < 40_000; now += 37) {
    const { left } = leaseAt(told(30, 25), now);
    expect(left).toBeLessThanOrEqual(before);
    before = left;
  }
});

describe('spans in words', () => {
  test.each([
    [0, '0 s'],
    [0.04, '1 s'],
    [1, '1 s'],
    [1.2, '2 s'],
    [59, '59 s'],
    [59.1, '1 min'],
    [60, '1 min'],
    [65, '1 min 5 s'],
    [600, '10 min'],
    [3_599, '59 min 59 s'],
    [3_600, '1 h'],
    [3_660, '1 h 1 min'],
    [86_400, '1 d'],
    [93_600, '1 d 2 h'],
    [2_678_400, '31 d'],
  ])('%d s: %s', (seconds, text) => {
    expect(spanText(seconds)).toBe(text);
  });
});

test.each([
  [30, '30 s left'],
  [0, 'over, or being renewed'],
])('%d left: %s', (left, text) => {
  expect(leaseText(leaseAt(told(30, left), 1_000))).toBe(text);
});
