/** The store's promises about history, as tests; part of contract.ts. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Change } from '../../src/core/records.js';
import type { HistoryQuery, StoredEvent } from '../../src/store/port.js';
import { arbitraryName, arbitraryTurn, NAMES } from './arbitrary-turns.js';
import { FREE, grant, hold, LOCK, put, remove, turn } from './fixture.js';
import type { StorePlace } from './store-place.js';

/** Everything, as long as it is little. */
export const ALL: HistoryQuery = { count: 1_000 };

/** The history of a store, as tests. */
export function testHistory(makePlace: () => StorePlace): void {
  test('a new store has no history', async () => {
    expect(await (await makePlace().open()).history(ALL)).toEqual([]);
  });

  test('history tells what happened, newest first, with all that is known of it', async () => {
    const store = await makePlace().open();
    const forced: Change = { ...remove(hold(1)), event: 'forced', by: 'ops', reason: 'gone', time: 7 };
    await store.commit(turn(3, put(hold(1)), put(hold(2, 'r2', 'bob'))), LOCK);
    await store.commit(turn(3, forced), FREE);
    const granted = { time: 1_000, event: 'granted' };
    expect(await store.history(ALL)).toEqual([
      {
        id: '2.0',
        time: 7,
        event: 'forced',
        resource: 'r1',
        client: 'alice',
        token: 1,
        by: 'ops',
        reason: 'gone',
      },
      { id: '1.1', ...granted, resource: 'r2', client: 'bob', token: 2 },
      { id: '1.0', ...granted, resource: 'r1', client: 'alice', token: 1 },
    ]);
  });

  test.each(['open', 'openAfterCrash'] as const)(
    'history is there after %s, under the same ids',
    async (how) => {
      const place = makePlace();
      const store = await place.open();
      for (const token of [1, 2, 3]) await store.commit(grant(token), LOCK);
      const before = await store.history(ALL);
      if (how === 'open') await store.close();
      const next = await place[how]();
      expect(await next.history(ALL)).toEqual(before);
      await next.commit(grant(4), LOCK);
      expect(idsOf(await next.history(ALL))).toEqual(['4.0', '3.0', '2.0', '1.0']);
    },
  );

  test('a change without event is none, and still counts in the ids', async () => {
    const store = await makePlace().open();
    const { event: _, ...silent } = put(hold(1));
    await store.commit(turn(3, silent, put(hold(2, 'r2'))), LOCK);
    await store.commit(turn(3, silent), LOCK);
    await store.commit(turn(3), LOCK);
    expect(idsOf(await store.history(ALL))).toEqual(['1.1']);
  });

  test('pages have no gap and no repeat while turns go on', async () => {
    const store = await makePlace().open();
    for (let token = 1; token <= 30; token += 3) {
      await store.commit(turn(token + 3, ...[0, 1, 2].map((n) => put(hold(token + n)))), LOCK);
    }
    const expected = idsOf(await store.history(ALL));
    const ids: string[] = [];
    for (let before: string | undefined; ; before = ids.at(-1)) {
      const page = idsOf(await store.history({ count: 4, ...(before === undefined ? {} : { before }) }));
      await store.commit(grant(100 + ids.length), LOCK);
      if (page.length === 0) break;
      expect(page.length).toBeLessThanOrEqual(4);
      ids.push(...page);
    }
    expect(ids).toEqual(expected);
    expect(ids).toHaveLength(30);
  });

  test.each([
    ['0.0', []],
    ['1.0', []],
    ['1.1', ['1.0']],
    ['1.99', ['1.1', '1.0']],
    ['2.0', ['1.1', '1.0']],
    ['2.1', ['2.0', '1.1', '1.0']],
    ['2.7', ['2.1', '2.0', '1.1', '1.0']],
    ['9999999999999999.0', ['3.0', '2.1', '2.0', '1.1', '1.0']],
  ])('before %s, whether there is such an event or not', async (before, ids) => {
    const store = await makePlace().open();
    await store.commit(turn(3, put(hold(1)), put(hold(2, 'r2'))), LOCK);
    await store.commit(turn(5, put(hold(3, 'r3')), put(hold(4, 'r4'))), LOCK);
    await store.commit(grant(5), LOCK);
    expect(idsOf(await store.history({ ...ALL, before }))).toEqual(ids);
  });

  test.each(['', '1', '1.', '.1', '1.0 ', '-1.0', '1e3.0', '1.0.0', '99999999999999999.0'])(
    'before %j, which can be no id, is the caller’s mistake',
    async (before) => {
      const store = await makePlace().open();
      await expect(store.history({ ...ALL, before })).rejects.toThrow(RangeError);
    },
  );

  test.each([0, 1, 2, 3, 4])('%i events at most', async (count) => {
    const store = await makePlace().open();
    await store.commit(turn(4, put(hold(1)), put(hold(2)), put(hold(3))), LOCK);
    expect(idsOf(await store.history({ count }))).toEqual(['1.2', '1.1', '1.0'].slice(0, count));
  });

  test.each<[Partial<HistoryQuery>, string[]]>([
    [{ resource: 'r1' }, ['3.0', '1.1', '1.0']],
    [{ client: 'alice' }, ['2.0', '1.0']],
    [{ resource: 'r1', client: 'alice' }, ['1.0']],
    [{ resource: 'r' }, []],
    [{ client: 'ALICE' }, []],
    [{ resource: 'alice' }, []],
    [{ client: 'r1' }, []],
    [{ resource: 'r1', before: '3.0' }, ['1.1', '1.0']],
    [{ resource: 'r1', count: 1 }, ['3.0']],
  ])('history of %j', async (query, ids) => {
    const store = await makePlace().open();
    await store.commit(turn(3, put(hold(1, 'r1', 'alice')), put(hold(2, 'r1', 'bob'))), LOCK);
    await store.commit(turn(4, put(hold(3, 'r2', 'alice', 'not of r1'))), LOCK);
    await store.commit(turn(5, put(hold(4, 'r1', 'bob', 'not by alice'))), LOCK);
    // Twice: what the first one learned must not mislead the second.
    for (let time = 0; time < 2; time += 1)
      expect(idsOf(await store.history({ ...ALL, ...query }))).toEqual(ids);
  });

  test.each(NAMES)('history of the name %j', async (name) => {
    const place = makePlace();
    const store = await place.open();
    await store.commit(turn(2, put(hold(1, name, 'alice'))), LOCK);
    await store.commit(turn(3, put(hold(2, 'r', name))), LOCK);
    await store.commit(grant(3), LOCK);
    for (let time = 0; time < 2; time += 1) {
      expect(idsOf(await store.history({ ...ALL, resource: name }))).toEqual(['1.0']);
      expect(idsOf(await store.history({ ...ALL, client: name }))).toEqual(['2.0']);
    }
  });

  test('many who ask at once are all answered', async () => {
    const store = await makePlace().open();
    for (const token of [1, 2, 3]) await store.commit(grant(token), LOCK);
    const asked = ['r1', 'r2', 'r3', 'r4'].map((resource) => store.history({ ...ALL, resource }));
    expect((await Promise.all(asked)).map(idsOf)).toEqual([['1.0'], ['2.0'], ['3.0'], []]);
  });

  test('any query finds what fits, whatever happened', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(arbitraryTurn, { maxLength: 12 }),
        fc.array(arbitraryQuery, { minLength: 1, maxLength: 6 }),
        async (turns, queries) => {
          const store = await makePlace().open();
          for (const one of turns) await store.commit(one, LOCK);
          const all = idsOf(await store.history(ALL));
          const model = turns.flatMap(({ changes }, n) =>
            changes.map((change, i) => ({ id: [n + 1, i], change })),
          );
          expect(all).toEqual(model.map(({ id }) => id.join('.')).reverse());
          for (const query of queries) {
            const [turn = Infinity, index = 0] = query.before?.split('.').map(Number) ?? [];
            const fits = model.filter(
              ({ id: [t = 0, i = 0], change }) =>
                (t < turn || (t === turn && i < index)) &&
                change.resource === (query.resource ?? change.resource) &&
                change.client === (query.client ?? change.client),
            );
            const ids = fits.map(({ id }) => id.join('.')).reverse();
            expect(idsOf(await store.history(query))).toEqual(ids.slice(0, query.count));
          }
          await store.close();
        },
      ),
      { numRuns: 30 },
    );
  });
}

export function idsOf(events: readonly StoredEvent[]): string[] {
  return events.map(({ id }) => id);
}

const arbitraryQuery: fc.Arbitrary<HistoryQuery> = fc.record(
  {
    count: fc.integer({ min: 0, max: 60 }),
    resource: arbitraryName,
    client: fc.constantFrom('alice', 'bob', 'nobody'),
    before: fc.tuple(fc.nat({ max: 14 }), fc.nat({ max: 6 })).map((parts) => parts.join('.')),
  },
  { requiredKeys: ['count'] },
);
