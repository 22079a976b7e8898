/** Reading a journal forward: over segments, beside turns, and where something is missing. Promises to all: events-after-contract.ts. */
import * as fs from 'node:fs';
import { describe, expect, test } from 'vitest';
import { endOfTurn } from '../../src/store/events.js';
import { type EventReader, Stopped } from '../../src/store/port.js';
import { told } from './events-after-contract.js';
import {
  grant,
  hold,
  LOCK,
  newestSegment,
  openJournal,
  put,
  segmentNames,
  temporaryDirectory,
  turn,
} from './fixture.js';
import { segments } from './segments.js';

/** `T.0` of these turns. */
function ids(oldest: number, newest: number): string[] {
  return Array.from({ length: newest - oldest + 1 }, (_, n) => `${oldest + n}.0`);
}

function missing(which: string): string {
  return `gap: what happened in ${which} is not there any more`;
}

/** Overwrites the line of a turn with what is none. */
function spoil(path: string, turn: number): void {
  const lines = fs.readFileSync(path, 'latin1').split('\n');
  const spoiled = lines.map((line) =>
    line.startsWith(`{"line":"turn","turn":${turn},`) ? 'x'.repeat(line.length) : line,
  );
  fs.writeFileSync(path, spoiled.join('\n'), 'latin1');
}

describe('over many segments', () => {
  test.each([0, 1, 2, 3, 4, 5, 6, 7, 8])('after turn %i', async (after) => {
    const { store } = await segments(4);
    expect(await told(store.eventsAfter(endOfTurn(after)))).toEqual(ids(after + 1, 8));
    if (after > 0) expect(await told(store.eventsAfter(`${after}.0`))).toEqual(ids(after + 1, 8));
  });

  test('every turn comes once, also those of the time in which a segment was begun', async () => {
    const breathe = () => new Promise<void>((resolve) => setImmediate(resolve));
    const pace = { isOver: () => true, breathe };
    const directory = temporaryDirectory();
    const { store } = await openJournal(directory, { segmentBytes: 2_000, pace });
    const reader = store.eventsAfter('0.0');
    const found: string[] = [];
    for (let token = 1; token <= 120; token += 1) {
      await store.commit(grant(token), LOCK);
      if (token % 7 === 0) found.push(...(await told(reader)));
      if (token % 30 === 0) expect(await told(store.eventsAfter('3.0'))).toEqual(ids(4, token));
    }
    expect([...found, ...(await told(reader))]).toEqual(ids(1, 120));
    expect(segmentNames(directory).length).toBeGreaterThan(3);
  });

  test('segments before are not opened', async () => {
    const { store, disk } = await segments(4);
    expect(await told(store.eventsAfter('6.0'))).toEqual(ids(7, 8));
    const opened = disk.calls.filter(({ op }) => op === 'open').map(({ path }) => path);
    expect(opened.filter((path) => /000[12]-0000000001/.test(path))).toEqual([]);
    expect(opened.length).toBeGreaterThan(0);
  });

  test('no file stays open between two pages', async () => {
    const { store, disk } = await segments(3);
    await told(store.eventsAfter('0.0'));
    const count = (op: string) => disk.calls.filter((call) => call.op === op).length;
    expect(count('close')).toBe(count('open'));
  });

  test('what a deposed owner wrote after its successor had read is nobody’s', async () => {
    const directory = temporaryDirectory();
    const old = await openJournal(directory);
    await old.store.commit(grant(1), LOCK);
    const { store } = await openJournal(directory);
    await expect(old.store.commit(grant(2), LOCK)).rejects.toThrow(Stopped);
    await store.commit(grant(3), LOCK);
    const { events } = await store.eventsAfter('0.0').next();
    expect(events).toMatchObject([{ id: '1.0', resource: 'r1' }]);
    const reader: EventReader = store.eventsAfter('1.0');
    expect((await reader.next()).events.concat((await reader.next()).events)).toMatchObject([
      { id: '2.0', resource: 'r3' },
    ]);
  });
});

describe('what is missing is told once, and it goes on behind', () => {
  test.each([
    ['0.0', [missing('turns 1 to 4'), ...ids(5, 8)]],
    ['3.0', [missing('turns 3 to 4'), ...ids(5, 8)]],
    // Nobody knows whether that turn had a second event.
    ['4.0', [missing('turn 4'), ...ids(5, 8)]],
    [endOfTurn(4), ids(5, 8)],
    ['5.0', ids(6, 8)],
  ])('a dropped segment, after %s', async (id, expected) => {
    const { store, paths } = await segments(4);
    fs.unlinkSync(paths[0] ?? '');
    fs.unlinkSync(paths[1] ?? '');
    const reader = store.eventsAfter(id);
    expect(await told(reader)).toEqual(expected);
    expect(await told(reader)).toEqual([]);
  });

  test('a segment that is dropped while it is read, between two pages', async () => {
    const { store, paths } = await segments(4);
    const reader = store.eventsAfter('0.0');
    expect((await reader.next()).events).toMatchObject([{ id: '1.0' }, { id: '2.0' }]);
    for (const path of paths.slice(0, 3)) fs.unlinkSync(path);
    expect(await told(reader)).toEqual([missing('turns 3 to 6'), ...ids(7, 8)]);
  });

  test('a segment that is dropped between the look at its head and the reading', async () => {
    const { store, paths, disk } = await segments(4);
    await told(store.eventsAfter('2.0'));
    disk.before('open', () => fs.unlinkSync(paths[1] ?? ''), /0002-0000000001/);
    expect(await told(store.eventsAfter('2.0'))).toEqual([missing('turns 3 to 4'), ...ids(5, 8)]);
  });

  test('a line that is not what was written', async () => {
    const directory = temporaryDirectory();
    const { store } = await openJournal(directory);
    for (let token = 1; token <= 9; token += 1) await store.commit(grant(token), LOCK);
    for (const bad of [3, 4, 7]) spoil(newestSegment(directory), bad);
    const expected = [...ids(1, 2), missing('turns 3 to 4'), ...ids(5, 6), missing('turn 7'), ...ids(8, 9)];
    expect(await told(store.eventsAfter('0.0'))).toEqual(expected);
    expect(await told(store.eventsAfter('5.0'))).toEqual(expected.slice(4));
  });

  test('the last line of a segment', async () => {
    const { store, paths } = await segments(3);
    spoil(paths[1] ?? '', 4);
    expect(await told(store.eventsAfter('1.0'))).toEqual([...ids(2, 3), missing('turn 4'), ...ids(5, 6)]);
  });

  test('a head that is not what was written leads nowhere', async () => {
    const { store, paths } = await segments(4);
    const text = fs.readFileSync(paths[2] ?? '', 'latin1');
    fs.writeFileSync(paths[2] ?? '', `x${text.slice(1)}`, 'latin1');
    expect(await told(store.eventsAfter('1.0'))).toEqual([missing('turns 1 to 4'), ...ids(5, 8)]);
  });
});

test('the disk’s error is told, and it can be asked again', async () => {
  const { store, disk } = await segments(2);
  disk.failNext('readLater', { code: 'EIO' });
  const reader = store.eventsAfter('0.0');
  await expect(reader.next()).rejects.toHaveProperty('code', 'EIO');
  expect(await told(reader)).toEqual(ids(1, 4));
});

test('a journal that was removed ends it', async () => {
  const { store, paths } = await segments(2);
  const reader = store.eventsAfter('0.0');
  for (const path of paths) fs.unlinkSync(path);
  await expect(reader.next()).rejects.toThrow(Stopped);
});

test('who wants no more keeps nobody waiting: nothing is read for it', async () => {
  const { store, disk } = await segments(2);
  let isWanted = true;
  const [first, second] = [store.eventsAfter('0.0'), store.eventsAfter('0.0', () => isWanted)];
  const pages = [first.next(), second.next().catch((error: unknown) => error)];
  isWanted = false;
  await pages[0];
  const reads = disk.count('readLater');
  expect(await pages[1]).toBeInstanceOf(Stopped);
  expect(disk.count('readLater')).toBe(reads);
  expect(await told(first)).toEqual(ids(3, 4));
});

test('close ends it', async () => {
  const { store } = await segments(2);
  const reader = store.eventsAfter('0.0');
  await store.close();
  await expect(reader.next()).rejects.toThrow(Stopped);
});

describe('a long segment', () => {
  const note = 'x'.repeat(900);

  async function long(turns: number) {
    const directory = temporaryDirectory();
    const { store, disk } = await openJournal(directory);
    // A snapshot of some length, too.
    for (let token = 1; token <= 1_000; token += 1)
      await store.commit(grant(token, `kept${token}`, note), LOCK);
    await store.close();
    const next = await openJournal(directory, { faulty: disk });
    for (let token = 1; token <= turns; token += 1)
      await next.store.commit(grant(10_000 + token, 'r', note), LOCK);
    disk.calls.length = 0;
    return { ...next, disk, directory };
  }

  test('is read from near the id on, not from its beginning', async () => {
    const { store, disk, directory } = await long(3_000);
    const bytes = fs.statSync(newestSegment(directory)).size;
    expect(bytes).toBeGreaterThan(4 << 20);
    for (const after of [1_000, 1_001, 2_500, 3_999]) {
      disk.calls.length = 0;
      const page = await store.eventsAfter(endOfTurn(after)).next();
      expect(page.events[0]?.id).toBe(`${after + 1}.0`);
      expect(page.events.length).toBeLessThanOrEqual(1_000);
      expect(disk.calls.filter(({ op }) => op === 'readLater').length).toBeLessThan(12);
    }
    expect(await told(store.eventsAfter('2000.0'))).toEqual(ids(2_001, 4_000));
  });

  test('with lines longer than a chunk', async () => {
    const directory = temporaryDirectory();
    const { store } = await openJournal(directory);
    const many = (from: number) =>
      Array.from({ length: 900 }, (_, n) => put(hold(from + n, `r${n}`, 'a', note)));
    for (let count = 0; count < 3; count += 1) {
      await store.commit(turn(2_000, ...many(1)), LOCK);
      await store.commit(grant(1), LOCK);
    }
    expect(fs.statSync(newestSegment(directory)).size).toBeGreaterThan(2 << 20);
    expect(await told(store.eventsAfter('2.0'))).toEqual([
      ...Array.from({ length: 900 }, (_, n) => `3.${n}`),
      '4.0',
      ...Array.from({ length: 900 }, (_, n) => `5.${n}`),
      '6.0',
    ]);
    expect(await told(store.eventsAfter('5.898'))).toEqual(['5.899', '6.0']);
  });

  test('with a snapshot only', async () => {
    const { store } = await long(0);
    expect(await told(store.eventsAfter(endOfTurn(1_000)))).toEqual([]);
    expect(await told(store.eventsAfter('998.0'))).toEqual(['999.0', '1000.0']);
  });
});

test('what stands behind the saved turns is not read', async () => {
  const directory = temporaryDirectory();
  const { store } = await openJournal(directory);
  await store.commit(grant(1), LOCK);
  fs.appendFileSync(newestSegment(directory), fs.readFileSync(newestSegment(directory)));
  expect(await told(store.eventsAfter('0.0'))).toEqual(['1.0']);
});
