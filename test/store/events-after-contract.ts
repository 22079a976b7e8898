/** The store's promises about reading events forward, as tests; part of contract.ts. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Change } from '../../src/core/records.js';
import { endOfTurn } from '../../src/store/events.js';
import type { EventPage, EventReader, Store } from '../../src/store/port.js';
import { arbitraryTurn } from './arbitrary-turns.js';
import { grant, hold, LOCK, put, remove, turn } from './fixture.js';
import { ALL, idsOf } from './history-contract.js';
import type { StorePlace } from './store-place.js';

/** All pages of a reader up to what is saved by now. */
export async function pagesOf(reader: EventReader): Promise<EventPage[]> {
  const pages: EventPage[] = [];
  for (;;) {
    const page = await reader.next();
    pages.push(page);
    if (page.isLast) return pages;
  }
}

/** The ids that a reader tells, and where something is missing: `gap: …`. */
export async function told(reader: EventReader): Promise<string[]> {
  return (await pagesOf(reader)).flatMap(({ gap, events }) => [
    ...(gap === undefined ? [] : [`gap: ${gap}`]),
    ...idsOf(events),
  ]);
}

const FUTURE = 'gap: nothing has happened here so far that has such an id';

export function testEventsAfter(makePlace: () => StorePlace): void {
  test('from the beginning of a new store there is nothing, and nothing is missing', async () => {
    const store = await makePlace().open();
    expect(await pagesOf(store.eventsAfter('0.0'))).toMatchObject([{ events: [], isLast: true }]);
    expect(await told(store.eventsAfter(endOfTurn(0)))).toEqual([]);
  });

  test('events come oldest first, with all that is known of them', async () => {
    const store = await makePlace().open();
    const forced: Change = { ...remove(hold(1)), event: 'forced', by: 'ops', reason: 'gone', time: 7 };
    await store.commit(turn(3, put(hold(1)), put(hold(2, 'r2', 'bob'))), LOCK);
    await store.commit(turn(3, forced), LOCK);
    const pages = await pagesOf(store.eventsAfter('0.0'));
    expect(pages.flatMap(({ events }) => events)).toEqual((await store.history(ALL)).toReversed());
    expect(pages.at(-1)?.position).toBe(endOfTurn(2));
  });

  test.each([
    ['0.0', ['1.0', '1.1', '2.0', '2.1', '3.0']],
    ['0.5', ['1.0', '1.1', '2.0', '2.1', '3.0']],
    ['1.0', ['1.1', '2.0', '2.1', '3.0']],
    ['1.1', ['2.0', '2.1', '3.0']],
    ['1.99', ['2.0', '2.1', '3.0']],
    [endOfTurn(1), ['2.0', '2.1', '3.0']],
    ['2.1', ['3.0']],
    ['3.0', []],
    ['3.7', []],
    [endOfTurn(3), []],
    ['4.0', [FUTURE]],
    ['9999999999999999.0', [FUTURE]],
  ])('after %s', async (id, expected) => {
    const store = await makePlace().open();
    await store.commit(turn(3, put(hold(1)), put(hold(2, 'r2'))), LOCK);
    await store.commit(turn(5, put(hold(3, 'r3')), put(hold(4, 'r4'))), LOCK);
    await store.commit(grant(5), LOCK);
    const reader = store.eventsAfter(id);
    expect(await told(reader)).toEqual(expected);
    await store.commit(grant(6), LOCK);
    expect(await told(reader)).toEqual(['4.0']);
    expect(await told(reader)).toEqual([]);
  });

  test.each(['', '1', '1.0 ', '-1.0', '99999999999999999.0'])('%j can be no id', async (id) => {
    const store = await makePlace().open();
    expect(() => store.eventsAfter(id)).toThrow(RangeError);
  });

  test.each(['open', 'openAfterCrash'] as const)('it goes on after %s', async (how) => {
    const place = makePlace();
    const store = await place.open();
    for (const token of [1, 2, 3]) await store.commit(grant(token), LOCK);
    expect(await told(store.eventsAfter('1.0'))).toEqual(['2.0', '3.0']);
    if (how === 'open') await store.close();
    const next = await place[how]();
    await next.commit(grant(4), LOCK);
    expect(await told(next.eventsAfter('1.0'))).toEqual(['2.0', '3.0', '4.0']);
    expect(await told(next.eventsAfter(endOfTurn(3)))).toEqual(['4.0']);
  });

  test('turns without any event are no gap', async () => {
    const store = await makePlace().open();
    const { event: _, ...silent } = put(hold(1));
    await store.commit(turn(3, silent, put(hold(2, 'r2'))), LOCK);
    for (let count = 0; count < 3; count += 1) await store.commit(turn(3), LOCK);
    await store.commit(turn(3, silent), LOCK);
    await store.commit(grant(4), LOCK);
    expect(await told(store.eventsAfter('0.0'))).toEqual(['1.1', '6.0']);
    expect(await told(store.eventsAfter(endOfTurn(3)))).toEqual(['6.0']);
  });

  test('pages are bounded, and beside turns that go on each event comes once', async () => {
    const store = await makePlace().open();
    const note = 'x'.repeat(1_000);
    const commit = (token: number) => store.commit(grant(token, `r${token}`, note), LOCK);
    for (let token = 1; token <= 1_500; token += 1) await commit(token);
    const reader = store.eventsAfter('0.0');
    const ids: string[] = [];
    let pages = 0;
    for (let isLast = false; !isLast; pages += 1) {
      const [page] = await Promise.all([reader.next(), commit(10_000 + pages)]);
      expect(page.gap).toBeUndefined();
      expect(page.events.length).toBeLessThanOrEqual(1_000);
      ids.push(...idsOf(page.events));
      isLast = page.isLast;
    }
    expect(pages).toBeGreaterThan(1);
    ids.push(...(await told(reader)));
    expect(ids).toEqual(await everything(store));
    expect(ids).toHaveLength(1_500 + pages);
  });

  test('from wherever one goes on, nothing is missing and nothing comes twice', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(arbitraryTurn, { maxLength: 12 }),
        fc.tuple(fc.nat({ max: 13 }), fc.nat({ max: 6 })),
        async (turns, [turnAfter, indexAfter]) => {
          const store = await makePlace().open();
          for (const one of turns) await store.commit(one, LOCK);
          const expected = (await everything(store)).filter((id) => {
            const [turn = 0, index = 0] = id.split('.').map(Number);
            return turn > turnAfter || (turn === turnAfter && index > indexAfter);
          });
          const ids = await told(store.eventsAfter(`${turnAfter}.${indexAfter}`));
          expect(ids).toEqual(turnAfter > turns.length ? [FUTURE] : expected);
          await store.close();
        },
      ),
      { numRuns: 30 },
    );
  });

  test('another reader goes on at the position of a page', async () => {
    const store = await makePlace().open();
    for (const token of [1, 2, 3, 4]) await store.commit(grant(token), LOCK);
    const ids: string[] = [];
    for (let position = '0.0', isLast = false; !isLast; ) {
      const page = await store.eventsAfter(position).next();
      ids.push(...idsOf(page.events));
      ({ position, isLast } = page);
    }
    expect(ids).toEqual(['1.0', '2.0', '3.0', '4.0']);
  });
}

/** The ids of all that is kept, oldest first, read the other way. */
async function everything(store: Store): Promise<string[]> {
  const ids: string[] = [];
  for (let before: string | undefined; ; before = ids.at(-1)) {
    const page = idsOf(await store.history(before === undefined ? ALL : { ...ALL, before }));
    ids.push(...page);
    if (page.length < ALL.count) return ids.reverse();
  }
}
