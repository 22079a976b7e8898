import { expect, test } from 'vitest';
import { slope } from './slope.js';

test('points on a line have its slope', () => {
  expect(slope([1, 2, 5, 9].map((x) => ({ x, y: 7 - 3 * x })))).toBeCloseTo(-3, 10);
});

test('what goes up and down as much does not rise', () => {
  const saw = [0, 1, 2, 3, 4].map((x) => ({ x, y: x % 2 === 0 ? 10 : 20 }));
  expect(slope(saw)).toBeCloseTo(0, 10);
});

test('each point counts: worked out by hand', () => {
  const points = [
    { x: 0, y: 1 },
    { x: 1, y: 1 },
    { x: 2, y: 4 },
  ];
  expect(slope(points)).toBeCloseTo(1.5, 10);
});

test('no slope where there is no distance', () => {
  expect(slope([])).toBeNaN();
  expect(slope([{ x: 1, y: 1 }])).toBeNaN();
  expect(
    slope([
      { x: 1, y: 1 },
      { x: 1, y: 2 },
    ]),
  ).toBeNaN();
});
