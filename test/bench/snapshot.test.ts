import { expect, test } from 'vitest';
import { longest } from './snapshot.js';

const SNAPSHOTS = [
  { from: 1_000, to: 2_000 },
  { from: 5_000, to: 6_000 },
];

test.each([
  ['within one', { from: 1_500, to: 1_512 }, [12, 0]],
  ['begun before it', { from: 990, to: 1_010 }, [20, 0]],
  ['ended after it', { from: 5_990, to: 6_030 }, [40, 0]],
  ['noticed a little late', { from: 2_015, to: 2_025 }, [10, 0]],
  ['between two', { from: 3_000, to: 3_050 }, [0, 50]],
])('a pause %s', (_, pause, expected) => {
  expect(longest([pause], SNAPSHOTS)).toEqual(expected);
});

test('the longest of each counts', () => {
  const stretches = [3, 9, 4].flatMap((length) => [
    { from: 1_100, to: 1_100 + length },
    { from: 3_000, to: 3_000 + 10 * length },
  ]);
  expect(longest(stretches, SNAPSHOTS)).toEqual([9, 90]);
});
