/** The promises of the store (src/store/port.ts) as tests. Every implementation must pass them: see contract.test.ts. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Change, recordKeyText, type StoredRecord, type Turn } from '../../src/core/records.js';
import { Stopped, type Store } from '../../src/store/port.js';
import { arbitraryTurn, NAMES } from './arbitrary-turns.js';
import { testEventsAfter } from './events-after-contract.js';
import {
  ended,
  FREE,
  grant,
  hold,
  inOrder,
  LOCK,
  lost,
  put,
  remove,
  turn,
  unlock,
  waiting,
} from './fixture.js';
import { ALL, idsOf, testHistory } from './history-contract.js';
import type { StorePlace } from './store-place.js';

/** Runs the whole suite; `makePlace` makes a new, empty place. `canRefuse` is false where no commit can fail. */
export function testStoreContract(name: string, makePlace: () => StorePlace, canRefuse = true): void {
  describe(`the promises of the store: ${name}`, () => {
    testSaving(makePlace);
    testRecords(makePlace);
    testHistory(makePlace);
    testEventsAfter(makePlace);
    if (canRefuse) testRefusing(makePlace);
    testEnding(makePlace);
  });
}

function testSaving(makePlace: () => StorePlace): void {
  test('a new store is empty, well, and knows a first token', async () => {
    const store = await makePlace().open();
    expect(recordsOf(store)).toEqual([]);
    expect(store.recovered.nextToken).toBeGreaterThanOrEqual(1);
    expect(store.problems).toEqual([]);
    expect(store.bytes).toBeGreaterThanOrEqual(0);
    await expect(store.confirm()).resolves.toBeUndefined();
  });

  test.each(['open', 'openAfterCrash'] as const)('saved turns are there after %s', async (how) => {
    const place = makePlace();
    const store = await place.open();
    for (const token of [1, 2, 3])
      expect(await store.commit(grant(token), LOCK)).toMatchObject({ saved: true });
    expect(await store.commit(unlock(2, 4), FREE)).toMatchObject({ saved: true });
    if (how === 'open') await store.close();
    const next = await place[how]();
    expect(recordsOf(next)).toEqual([hold(1, 'r1'), hold(3, 'r3')]);
    expect(next.recovered.nextToken).toBe(4);
  });

  test('every saved turn is told its number, and it counts on after restarts', async () => {
    const place = makePlace();
    let store = await place.open();
    expect(store.recovered.lastTurn).toBe(0);
    expect(await store.commit(grant(1), LOCK)).toEqual({ saved: true, turn: 1 });
    expect(await store.commit(turn(2), LOCK)).toEqual({ saved: true, turn: 2 });
    expect(store.recovered.lastTurn).toBe(2);
    await store.close();
    store = await place.open();
    expect(store.recovered.lastTurn).toBe(2);
    expect(await store.commit(grant(3), LOCK)).toEqual({ saved: true, turn: 3 });
    store = await place.openAfterCrash();
    expect(store.recovered.lastTurn).toBe(3);
    expect(await store.commit(unlock(3, 4), FREE)).toEqual({ saved: true, turn: 4 });
    expect(idsOf(await store.history(ALL))).toEqual(['4.0', '3.0', '1.0']);
  });

  test('what is saved is recovered at once, too', async () => {
    const store = await makePlace().open();
    await store.commit(grant(7), LOCK);
    expect(recordsOf(store)).toEqual([hold(7, 'r7')]);
    expect(store.recovered.nextToken).toBe(8);
  });

  test('the next token is remembered though every hold is gone', async () => {
    const place = makePlace();
    const store = await place.open();
    await store.commit(grant(4_102_444_800_000_000), LOCK);
    await store.commit(turn(4_102_444_800_000_001, remove(hold(1, 'r4102444800000000'))), FREE);
    await store.close();
    const next = await place.open();
    expect(recordsOf(next)).toEqual([]);
    expect(next.recovered.nextToken).toBe(4_102_444_800_000_001);
  });

  test('it goes on after each of many restarts', async () => {
    const place = makePlace();
    for (let token = 1; token <= 5; token += 1) {
      const store = token % 2 === 0 ? await place.openAfterCrash() : await place.open();
      expect(recordsOf(store)).toHaveLength(token - 1);
      await store.commit(grant(token), LOCK);
      if (token % 2 === 0) await store.close();
    }
    expect(recordsOf(await place.openAfterCrash())).toHaveLength(5);
  });

  test('a turn of as many changes as are allowed is there whole', async () => {
    const place = makePlace();
    const store = await place.open();
    const records = Array.from({ length: store.limits.changesPerTurn }, (_, index) =>
      hold(index + 1, `r${index}`, 'c'.repeat(256), '"'.repeat(1_024)),
    );
    await store.commit(turn(records.length + 1, ...records.map(put)), LOCK);
    await store.close();
    expect(recordsOf(await place.open())).toEqual(inOrder(records));
  });

  test('a turn without any change is no harm', async () => {
    const place = makePlace();
    const store = await place.open();
    expect(await store.commit(turn(9), LOCK)).toMatchObject({ saved: true });
    await store.close();
    expect((await place.open()).recovered.nextToken).toBe(9);
  });
}

function testRecords(makePlace: () => StorePlace): void {
  test('later changes win, between turns and within one', async () => {
    const place = makePlace();
    const store = await place.open();
    const again = hold(3, 'r1', 'alice', 'third');
    await store.commit(turn(2, put(hold(1))), LOCK);
    await store.commit(turn(2, remove(hold(1))), FREE);
    await store.commit(turn(4, put(hold(2)), remove(hold(2)), put(again)), LOCK);
    await store.commit(turn(5, put(hold(4, 'r2')), remove(hold(4, 'r2'))), LOCK);
    await store.close();
    expect(recordsOf(await place.open())).toEqual([again]);
  });

  test('a change removes first and puts then', async () => {
    const place = makePlace();
    const store = await place.open();
    await store.commit(turn(2, put(hold(1))), LOCK);
    const both: Change = { ...put(hold(2)), remove: [hold(1)] };
    await store.commit(turn(3, both), LOCK);
    await store.close();
    expect(recordsOf(await place.open())).toEqual([hold(2)]);
  });

  test('lost holds are kept one by one, and found by their token', async () => {
    const place = makePlace();
    const store = await place.open();
    await store.commit(turn(4, put(lost(1)), put(lost(2)), put(lost(3))), LOCK);
    await store.commit(turn(4, put({ ...lost(3), superseded: true }), remove(lost(2))), LOCK);
    await store.close();
    expect(recordsOf(await place.open())).toEqual([lost(1), { ...lost(3), superseded: true }]);
  });

  test('every kind of record comes back with all its members', async () => {
    const place = makePlace();
    const store = await place.open();
    const fencing: StoredRecord = {
      ...hold(1),
      ttl: 30,
      extended: 12.5,
      request: { key: 'k', ttl: 30, limit: 1, note: 'n', claim: 5 },
      lost: 'fencing',
      fence: { tries: 2, lastError: 'exit 1' },
    };
    const expired: StoredRecord = {
      kind: 'lost',
      resource: 'r1',
      client: 'alice',
      token: 9,
      time: 1,
      cause: 'expired',
      request: 'k',
    };
    const records = [fencing, waiting(1), waiting(2, 'r2', 'bob'), expired, ended('k'), ended('l')];
    await store.commit(turn(10, ...records.map(put), put(ended('gone')), put(waiting(3, 'r3'))), LOCK);
    await store.commit(turn(10, remove(ended('gone')), remove(waiting(3, 'r3'))), FREE);
    await store.close();
    expect(recordsOf(await place.open())).toEqual(inOrder(records));
  });

  test('removing what is not there is no harm', async () => {
    const place = makePlace();
    const store = await place.open();
    const unreadable: Change = {
      ...remove(hold(1)),
      remove: [{ kind: 'unreadable', resource: 'x', files: [] }],
    };
    expect(await store.commit(turn(2, remove(hold(1)), remove(lost(1)), unreadable), FREE)).toMatchObject({
      saved: true,
    });
    await store.close();
    expect(recordsOf(await place.open())).toEqual([]);
  });

  test.each(NAMES)('text comes back as it was: %j', async (text) => {
    const place = makePlace();
    const store = await place.open();
    const record = hold(1, text, `${text} too`, `${text} as well`);
    await store.commit(turn(2, put(record), put(lost(1, text, text, text))), LOCK);
    await store.close();
    expect(recordsOf(await place.open())).toEqual(inOrder([record, lost(1, text, text, text)]));
  });

  test('any history of turns is there after a restart', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(arbitraryTurn, { maxLength: 12 }), async (turns) => {
        const place = makePlace();
        const store = await place.open();
        const model = new Map<string, StoredRecord>();
        for (const one of turns) {
          await store.commit(one, LOCK);
          applyToModel(model, one);
        }
        await store.close();
        const next = await place.open();
        expect(recordsOf(next)).toEqual(inOrder(model.values()));
        await next.close();
      }),
      { numRuns: 30 },
    );
  });
}

function testRefusing(makePlace: () => StorePlace): void {
  test('of a turn that was not saved nothing is ever seen, and the store goes on', async () => {
    const place = makePlace();
    const store = await place.open();
    await store.commit(grant(1), LOCK);
    place.refuseNext?.();
    expect(await store.commit(turn(4, put(hold(2, 'r2')), put(hold(3, 'r3'))), LOCK)).toMatchObject({
      saved: false,
    });
    expect(recordsOf(store)).toEqual([hold(1)]);
    expect(store.recovered.nextToken).toBe(2);
    expect(idsOf(await store.history(ALL))).toEqual(['1.0']);
    await expect(store.confirm()).resolves.toBeUndefined();
    const next = await place.openAfterCrash();
    expect(recordsOf(next)).toEqual([hold(1)]);
    expect(idsOf(await next.history(ALL))).toEqual(['1.0']);
  });

  test('the number of a turn that was not saved goes to the next one', async () => {
    const place = makePlace();
    const store = await place.open();
    place.refuseNext?.();
    expect(await store.commit(grant(1), LOCK)).toMatchObject({ saved: false });
    expect(store.recovered.lastTurn).toBe(0);
    expect(await store.commit(grant(2), LOCK)).toEqual({ saved: true, turn: 1 });
    expect(await store.history(ALL)).toMatchObject([{ id: '1.0', resource: 'r2', token: 2 }]);
  });

  test('turns after one that was not saved are saved', async () => {
    const place = makePlace();
    const store = await place.open();
    place.refuseNext?.();
    await store.commit(grant(1), LOCK);
    await store.commit(grant(2), LOCK);
    await store.close();
    expect(recordsOf(await place.open())).toEqual([hold(2, 'r2')]);
  });
}

function testEnding(makePlace: () => StorePlace): void {
  test('after close nothing is committed and nothing confirmed', async () => {
    const place = makePlace();
    const store = await place.open();
    await store.commit(grant(1), LOCK);
    await store.close();
    await expect(store.commit(grant(2), LOCK)).rejects.toThrow(Stopped);
    await expect(store.confirm()).rejects.toThrow(Stopped);
    await expect(store.history(ALL)).rejects.toThrow(Stopped);
    await expect(store.eventsAfter('0.0').next()).rejects.toThrow(Stopped);
    expect(recordsOf(await place.open())).toEqual([hold(1)]);
  });

  test('close waits for the turn in flight', async () => {
    const place = makePlace();
    const store = await place.open();
    const commit = store.commit(grant(1), LOCK);
    await store.close();
    expect(await commit).toMatchObject({ saved: true });
    expect(recordsOf(await place.open())).toEqual([hold(1)]);
  });

  test('closing twice is no harm', async () => {
    const store = await makePlace().open();
    await store.close();
    await expect(store.close()).resolves.toBeUndefined();
  });
}

export function recordsOf(store: Store): StoredRecord[] {
  return inOrder(store.recovered.records);
}

/** What a turn does to records, said a second time. */
export function applyToModel(model: Map<string, StoredRecord>, { changes }: Turn): void {
  for (const change of changes) {
    for (const key of change.remove ?? []) model.delete(recordKeyText(key));
    for (const record of change.put ?? []) model.set(recordKeyText(record), record);
  }
}
