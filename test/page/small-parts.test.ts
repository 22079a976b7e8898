/** Durations, waiting times, advice, what changes by itself. */
import { describe, expect, test } from 'vitest';
import { REFUSALS } from '../../src/core/refusals.js';
import { adviceFor } from '../../src/page/advice.js';
import { retryMs } from '../../src/page/backoff.js';
import { readDuration } from '../../src/page/duration.js';
import { isLater } from '../../src/page/event-order.js';
import { problemIn, readLeader } from '../../src/page/leader.js';
import { isUnsettled } from '../../src/page/unsettled.js';
import type { FileStatus } from '../../src/service/api.js';

describe('durations', () => {
  test.each([
    ['90', 90],
    ['90s', 90],
    ['1.5 m', 90],
    ['10 min', 600],
    ['2h', 7_200],
    ['1d', 86_400],
    [' 30s ', 30],
  ])('%s', (text, seconds) => {
    expect(readDuration(text)).toBe(seconds);
  });

  test.each(['', '0', '0s', '-1', 's', '1w', '1h30m', '1e3', 'ten', '٣s'])('not %j', (text) => {
    expect(readDuration(text)).toBeUndefined();
  });
});

describe('events in their order', () => {
  test.each([
    ['2.0', '1.9', true],
    ['1.9', '2.0', false],
    ['10.0', '9.0', true],
    ['1.10', '1.9', true],
    ['1.1', '1.1', false],
  ])('%s after %s: %s', (a, b, later) => {
    expect(isLater(a, b)).toBe(later);
  });
});

describe('waiting before the next try', () => {
  test.each([
    [1, 500],
    [2, 1_000],
    [5, 8_000],
    [6, 15_000],
    [1_000, 15_000],
  ])('after %d failures %d ms, give or take a fifth', (failures, ms) => {
    expect(retryMs(failures, 0.5)).toBeCloseTo(ms);
    expect(retryMs(failures, 0)).toBeCloseTo(ms * 0.8);
    expect(retryMs(failures, 1)).toBeCloseTo(ms * 1.2);
  });
});

test('there is advice for every refusal that a deed of the page can meet', () => {
  const names = [
    ...['denied', 'lost', 'staleToken', 'unreadable', 'notOwner', 'notLocked', 'limitMismatch', 'held'],
    ...['fencing', 'tooMany', 'storageFull', 'unavailable'],
  ] as const;
  for (const name of names) expect(adviceFor(REFUSALS[name].code), name).toMatch(/^[A-Z].*\.$/);
});

describe('what a member says that does not lead', () => {
  test.each([
    ['http://a.example:7420', 'http://a.example:7420/'],
    ['https://locks.example/east', 'https://locks.example/east'],
    ['javascript:alert(1)', undefined],
    ['a.example', undefined],
    [null, undefined],
  ])('the address %j of the leader', (header, address) => {
    expect(readLeader(header)?.href).toBe(address);
  });

  test.each([
    ['{"status":"notReady","problems":["This one.","That one."]}', 'This one.'],
    ['{"status":"ready","problems":[]}', undefined],
    ['{"problems":[1]}', undefined],
    ['{}', undefined],
    ['<html>', undefined],
  ])('the problem in %s', (text, problem) => {
    expect(problemIn(text)).toBe(problem);
  });
});

describe('what changes without an event', () => {
  const status = (more: Partial<FileStatus>): FileStatus => ({
    ...{ resource: 'r', state: 'held', limit: 1, held: 1, holders: [], waiting: 0, queue: [], file: '' },
    ...more,
  });
  const lease = (left: number) => {
    const hold = { resource: 'r', client: 'a', token: '1', limit: 1, state: 'held' as const, ttl: 10, left };
    const when = new Date(0);
    return status({ holders: [{ ...hold, acquired: when, renewed: when, from: 'process', waited: 0 }] });
  };

  test.each([
    ['a hold without a lease does not', status({}), false],
    ['a free resource does not', status({ state: 'free' }), false],
    ['a fencing does not: each run of the command is told', status({ state: 'fencing' }), false],
    ['a rest does', status({ state: 'delayed' }), true],
    ['a claim does', status({ state: 'reserved' }), true],
    ['a lease that runs does not', lease(6), false],
    ['a lease that seems over does', lease(5), true],
  ])('%s', (_name, one, expected) => {
    expect(isUnsettled(one, 1_000, 6_000)).toBe(expected);
  });
});
