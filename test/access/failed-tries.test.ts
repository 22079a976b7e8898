import { expect, test } from 'vitest';
import { FailedTries } from '../../src/access/failed-tries.js';

const A = '192.0.2.1';
const B = '192.0.2.2';

/** Failures of an address at these moments: the delay of each. */
const delays = (tries: FailedTries, address: string, times: readonly number[]) =>
  times.map((time) => tries.failed(address, time));

const upTo = (count: number, from = 0) => Array.from({ length: count }, (_, index) => from + index);

test('from the tenth failure within a minute on, each waits a second', () => {
  expect(delays(new FailedTries(), A, upTo(13))).toEqual([...Array(9).fill(0), 1_000, 1_000, 1_000, 1_000]);
});

test('nobody else waits', () => {
  const tries = new FailedTries();
  delays(tries, A, upTo(20));
  expect(delays(tries, B, upTo(10, 20))).toEqual([...Array(9).fill(0), 1_000]);
});

test('ten failures in a minute to the millisecond, and a millisecond more', () => {
  expect(delays(new FailedTries(), A, [...upTo(9), 59_999]).at(-1)).toBe(1_000);
  expect(delays(new FailedTries(), A, [...upTo(9), 60_000]).at(-1)).toBe(0);
});

test('a minute is any minute: nine, a pause, and the first of them are forgotten one by one', () => {
  const tries = new FailedTries();
  delays(tries, A, upTo(5, 0));
  expect(delays(tries, A, upTo(5, 59_000))).toEqual([0, 0, 0, 0, 1_000]);
  expect(delays(tries, A, [60_500])).toEqual([0]);
  expect(delays(tries, A, upTo(4, 60_501))).toEqual([0, 0, 0, 1_000]);
});

test('who did nothing for a minute begins anew', () => {
  const tries = new FailedTries();
  delays(tries, A, upTo(20));
  expect(delays(tries, A, upTo(10, 60_019))).toEqual([...Array(9).fill(0), 1_000]);
});

test('the memory is bounded: the address that failed longest ago goes first', () => {
  const tries = new FailedTries(3);
  delays(tries, A, upTo(9));
  for (const address of ['x', 'y']) tries.failed(address, 10);
  expect(tries.failed(A, 11)).toBe(1_000);
  for (const address of ['z', 'u']) tries.failed(address, 12);
  expect(tries.size).toBe(3);
  expect(tries.failed(A, 13)).toBe(1_000);
  for (const address of ['1', '2', '3']) tries.failed(address, 14);
  expect(tries.failed(A, 15)).toBe(0);
});

test('what is past is forgotten without being asked for', () => {
  const tries = new FailedTries();
  for (const address of upTo(1_000)) tries.failed(`a${address}`, 0);
  expect(tries.size).toBe(1_000);
  tries.failed(A, 60_000);
  expect(tries.size).toBe(1);
});
