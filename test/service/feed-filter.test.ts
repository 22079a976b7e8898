import { describe, expect, test } from 'vitest';
import type { EventsOptions, LockEvent } from '../../src/service/api.js';
import { afterOf, filterKey, filterOf, isWanted } from '../../src/service/feed-filter.js';

const GRANTED: LockEvent = {
  id: '7.1',
  time: new Date(0),
  event: 'granted',
  resource: 'deploy/prod',
  client: 'alice',
  token: '9',
};

/** Options as somebody without types may give them. */
function given(options: unknown): EventsOptions {
  return options as EventsOptions;
}

describe('which events are wanted', () => {
  test.each<[EventsOptions, boolean]>([
    [{}, true],
    [{ resource: 'deploy/prod' }, true],
    [{ resource: 'deploy/pro' }, false],
    [{ prefix: 'deploy/' }, true],
    [{ prefix: '' }, true],
    [{ prefix: 'eploy' }, false],
    [{ client: 'alice' }, true],
    [{ client: 'Alice' }, false],
    [{ client: 'alice', resource: 'other' }, false],
    [{ from: 'deploy/prod' }, true],
    [{ to: 'deploy/prod' }, true],
    [{ from: 'deploy/prod', to: 'deploy/prod' }, true],
    [{ from: 'deploy/prod ' }, false],
    [{ to: 'deploy/pro' }, false],
    [{ from: 'a', to: 'c' }, false],
    [{ from: 'a', to: 'z', prefix: 'x' }, false],
  ])('%j: %s', (options, wanted) => {
    expect(isWanted(GRANTED, filterOf(options))).toBe(wanted);
  });

  const { id: _, ...withoutId } = GRANTED;
  test.each<[LockEvent, EventsOptions, boolean]>([
    [{ ...withoutId, event: 'renewed' }, {}, false],
    [{ ...withoutId, event: 'renewed' }, { include: ['queued'] }, false],
    [{ ...withoutId, event: 'renewed' }, { include: ['renewed'] }, true],
    [{ ...withoutId, event: 'renewed' }, { include: ['queued', 'renewed'], client: 'bob' }, false],
    [{ ...withoutId, event: 'queued' }, { include: ['renewed'] }, false],
    [{ ...withoutId, event: 'queued' }, { include: ['queued'] }, true],
    [{ ...withoutId, event: 'left' }, { include: ['queued'] }, true],
    [{ ...GRANTED, event: 'queued' }, {}, true],
    [{ ...GRANTED, event: 'left' }, {}, true],
  ])('what the history has not, on request only: %j %j', (event, options, wanted) => {
    expect(isWanted(event, filterOf(options))).toBe(wanted);
  });

  test('names are compared by code units, as in a list', () => {
    const event = { ...GRANTED, resource: 'Z' };
    expect(isWanted(event, filterOf({ from: 'A', to: 'a' }))).toBe(true);
    expect(isWanted({ ...GRANTED, resource: 'ä' }, filterOf({ to: 'z' }))).toBe(false);
  });
});

describe('filters that tell the same are one', () => {
  test.each<[EventsOptions, EventsOptions, boolean]>([
    [{}, { include: [] }, true],
    [{ prefix: 'a', client: 'b' }, { client: 'b', prefix: 'a' }, true],
    [{ include: ['queued', 'renewed'] }, { include: ['renewed', 'queued', 'renewed'] }, true],
    [{ prefix: 'a' }, { prefix: 'a', after: '1.0' }, true],
    [{}, { prefix: '' }, false],
    [{ prefix: 'a' }, { resource: 'a' }, false],
    [{ from: 'a' }, { to: 'a' }, false],
    [{}, { include: ['renewed'] }, false],
  ])('%j and %j: %s', (one, other, isOne) => {
    expect(filterKey(filterOf(one)) === filterKey(filterOf(other))).toBe(isOne);
  });
});

test.each([
  [{ prefix: 7 }, "parameter 'prefix' must be a string, not number"],
  [{ client: null }, "parameter 'client' must be a string, not null"],
  [{ include: 'renewed' }, "parameter 'include' must be a list of renewed, queued"],
  [{ include: ['granted'] }, "parameter 'include' must name renewed or queued, not 'granted'"],
  [{ include: [7] }, "parameter 'include' must name renewed or queued, not '7'"],
  [
    { resorce: 'x' },
    "parameter 'options' has no 'resorce'; known: prefix, resource, from, to, client, include, after",
  ],
  ['prefix', "parameter 'options' must be an object"],
])('%j is refused', (options, problem) => {
  expect(() => filterOf(given(options))).toThrow(problem);
});

test.each(['', '1', 'x', '1.0 ', '1.0\n', '-1.0', '1.1234567890', 7])(
  'after %j, which can be no id',
  (after) => {
    expect(() => afterOf(given({ after }))).toThrow("parameter 'after'");
  },
);

test('after an id, or from now on', () => {
  expect(afterOf({ after: '12.999999' })).toBe('12.999999');
  expect(afterOf({})).toBeUndefined();
});
