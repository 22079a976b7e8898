/** The list, kept by events alone, is the list that the daemon would answer. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ResourceState } from '../../src/core/answers.js';
import { covers, ListModel, PAGE_SIZE, type Window } from '../../src/page/list-model.js';
import type { FileStatus } from '../../src/service/api.js';

const NOW = new Date(0);

function statusOf(resource: string, state: ResourceState, client: string): FileStatus {
  const hold = {
    ...{ resource, client, token: '1', limit: 1, state: 'held' as const },
    ...{ acquired: NOW, renewed: NOW, from: 'process', waited: 0 },
  };
  const holders = state === 'free' ? [] : [hold];
  return { resource, state, limit: 1, held: holders.length, holders, waiting: 0, queue: [], file: '' };
}

/** A daemon of which only `list` matters. */
class Locks {
  readonly #statuses = new Map<string, FileStatus>();

  set(status: FileStatus): void {
    this.#statuses.set(status.resource, status);
  }

  list({ prefix = '', client, state, after, count = 1_000 }: Readonly<Record<string, string | number>>) {
    const all = [...this.#statuses.values()].sort((a, b) => (a.resource < b.resource ? -1 : 1));
    return all
      .filter((one) => one.state !== 'free' && one.resource.startsWith(String(prefix)))
      .filter((one) => after === undefined || one.resource > after)
      .filter((one) => state === undefined || one.state === state)
      .filter((one) => client === undefined || one.holders.some((hold) => hold.client === client))
      .slice(0, Number(count));
  }
}

const NAMES = Array.from({ length: 3 * PAGE_SIZE }, (_, index) => `r/${index.toString(36).padStart(3, '0')}`);
const name = fc.constantFrom(...NAMES);
const filter = fc.record(
  {
    prefix: fc.constantFrom('r/', 'r/0', 'r/00'),
    client: fc.constant('a'),
    state: fc.constant('held' as const),
  },
  { requiredKeys: [] },
);
const change = fc.tuple(
  name,
  fc.constantFrom('free' as const, 'held' as const, 'fencing' as const),
  fc.constantFrom('a', 'b'),
);

const namesOf = (model: ListModel) => model.rows.map(({ status }) => status.resource);

test('whatever happens', () => {
  fc.assert(
    fc.property(
      fc.array(change, { minLength: 0, maxLength: 400 }),
      filter,
      fc.option(name, { nil: undefined }),
      fc.array(change, { maxLength: 60 }),
      (before, wanted, after, changes) => {
        const locks = new Locks();
        for (const [resource, state, client] of before) locks.set(statusOf(resource, state, client));
        const model = new ListModel(wanted, after);
        model.replace(locks.list(model.query), 0);
        changes.forEach(([resource, state, client], index) => {
          const status = statusOf(resource, state, client);
          locks.set(status);
          if (model.concerns(resource, client) && model.put(status, index)) {
            model.replace(locks.list(model.query), index);
          }
          const { count: _, ...all } = model.query;
          const expected = locks.list(all).map((one) => one.resource);
          const shown = namesOf(model);
          expect(shown).toEqual(expected.slice(0, shown.length));
          expect(shown.length).toBeLessThanOrEqual(PAGE_SIZE);
          if (!model.hasMore) expect(shown.length).toBe(expected.length);
        });
      },
    ),
    { numRuns: 60 },
  );
});

describe('the window', () => {
  const locks = new Locks();
  for (const one of NAMES) locks.set(statusOf(one, 'held', 'a'));
  const modelAfter = (after?: string) => {
    const model = new ListModel({ prefix: 'r/' }, after);
    model.replace(locks.list(model.query), 0);
    return model;
  };

  test('of a page in the middle begins and ends with it', () => {
    const model = modelAfter(NAMES[PAGE_SIZE - 1]);
    expect(model.window).toEqual({ prefix: 'r/', from: NAMES[PAGE_SIZE - 1], to: NAMES[2 * PAGE_SIZE - 1] });
    expect(model.concerns(NAMES[PAGE_SIZE] ?? '', 'x')).toBe(true);
    expect(model.concerns(NAMES[PAGE_SIZE - 1] ?? '', 'x')).toBe(false);
    expect(model.concerns(NAMES[2 * PAGE_SIZE] ?? '', 'x')).toBe(false);
  });

  test('of the last page is open', () => {
    const model = modelAfter(NAMES[2 * PAGE_SIZE - 1]);
    expect(model.window).toEqual({ prefix: 'r/', from: NAMES[2 * PAGE_SIZE - 1] });
    expect(model.concerns('r/zzz', 'x')).toBe(true);
    expect(model.concerns('s', 'x')).toBe(false);
  });
});

describe('a window that is followed is good for another', () => {
  test.each<[string, Window, Window, boolean]>([
    ['the same', { prefix: 'a', from: 'a1', to: 'a9' }, { prefix: 'a', from: 'a1', to: 'a9' }, true],
    ['one that ends before', { to: 'm' }, { to: 'l' }, true],
    ['not one that ends behind', { to: 'm' }, { to: 'n' }, false],
    ['not one without an end', { to: 'm' }, {}, false],
    ['without an end for another such', { prefix: 'a' }, { prefix: 'a' }, true],
    ['without an end not for one that has one: it would be told too much', {}, { to: 'm' }, false],
    ['not of another prefix', { prefix: 'a' }, { prefix: 'b' }, false],
    ['not of another page', { from: 'a', to: 'm' }, { from: 'b', to: 'c' }, false],
  ])('%s', (_name, followed, wanted, expected) => {
    expect(covers(followed, wanted)).toBe(expected);
  });
});
