import { describe, expect, test } from 'vitest';
import { Histogram } from '../../src/service/meters-histogram.js';

describe('a histogram with the bounds 1, 2 and 5', () => {
  test.each([
    ['nothing', [], [0, 0, 0, 0], 0],
    ['below all bounds', [0.5], [1, 1, 1, 1], 0.5],
    ['zero', [0], [1, 1, 1, 1], 0],
    ['a bound itself is in its bucket', [1, 2, 5], [1, 2, 3, 3], 8],
    ['just above a bound is in the next', [1.001, 2.001], [0, 1, 2, 2], 3.002],
    ['above all bounds counts too', [6, 1e9], [0, 0, 0, 2], 1e9 + 6],
    ['many of one', [2, 2, 2], [0, 3, 3, 3], 6],
  ])('%s', (_, values, cumulative, sum) => {
    const histogram = new Histogram([1, 2, 5]);
    for (const value of values) histogram.add(value);
    expect(histogram.cumulative()).toEqual(cumulative);
    expect(histogram.sum).toBeCloseTo(sum);
  });
});
