/** The history of a journal: what stands in which bytes of which segments. What it promises to everybody: history-contract.ts. */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { nodeDisk } from '../../src/disk/node-disk.js';
import { Stopped } from '../../src/store/port.js';
import {
  grant,
  hold,
  LOCK,
  newestSegment,
  type OpenOptions,
  openJournal,
  put,
  segmentNames,
  temporaryDirectory,
  turn,
} from './fixture.js';
import { HeldDisk } from './held-disk.js';
import { ALL, idsOf } from './history-contract.js';
import { segments } from './segments.js';

const SEGMENT = /journal-\d+-\d+\.jsonl$/;

/** `T.0` of the turns from `newest` down to `oldest`. */
function ids(newest: number, oldest: number): string[] {
  return Array.from({ length: newest - oldest + 1 }, (_, n) => `${newest - n}.0`);
}

describe('history over many segments', () => {
  test('of several starts is told as one', async () => {
    const { store } = await segments(4);
    expect(idsOf(await store.history(ALL))).toEqual(ids(8, 1));
  });

  test('has every turn once, also those of the time in which a segment was begun', async () => {
    const directory = temporaryDirectory();
    const breathe = () => new Promise<void>((resolve) => setImmediate(resolve));
    const pace = { isOver: () => true, breathe };
    const { store } = await openJournal(directory, { segmentBytes: 2_000, pace });
    for (let token = 1; token <= 120; token += 1) {
      await store.commit(grant(token), LOCK);
      if (token % 10 === 0) expect(idsOf(await store.history(ALL))).toEqual(ids(token, 1));
    }
    expect(segmentNames(directory).length).toBeGreaterThan(3);
  });

  test('ends where a segment is gone', async () => {
    const { store, paths } = await segments(4);
    fs.unlinkSync(paths[1] ?? '');
    expect(idsOf(await store.history(ALL))).toEqual(ids(8, 5));
    expect(idsOf(await store.history({ ...ALL, resource: 'r1' }))).toEqual([]);
  });

  test('ends where a segment goes while somebody reads', async () => {
    const { store, paths, disk } = await segments(4);
    expect(idsOf(await store.history({ ...ALL, resource: 'nobody' }))).toEqual([]);
    disk.before('readLater', () => fs.unlinkSync(paths[2] ?? ''), /0004-0000000001/);
    expect(idsOf(await store.history(ALL))).toEqual(ids(8, 7));
    expect(idsOf(await store.history(ALL))).toEqual(ids(8, 7));
  });

  test('is read on in a segment that is removed meanwhile', async () => {
    const { store, paths, disk, layout } = await segments(3);
    disk.before('readLater', () => fs.unlinkSync(paths[2] ?? ''), /0003-0000000001/);
    expect(idsOf(await store.history(ALL))).toEqual(ids(6, 1));
    expect(fs.readdirSync(layout.own)).not.toContain('journal-0000000003-0000000001.jsonl');
  });
});

describe('what counts', () => {
  test('is not what a deposed owner wrote after its successor had read', async () => {
    const directory = temporaryDirectory();
    const old = await openJournal(directory);
    await old.store.commit(grant(1), LOCK);
    const [path = ''] = segmentNames(directory).map((name) => join(old.layout.own, name));
    const { store } = await openJournal(directory);
    await expect(old.store.commit(grant(2), LOCK)).rejects.toThrow(Stopped);
    await store.commit(grant(3), LOCK);
    expect(fs.readFileSync(path, 'utf8')).toContain('"r2"');
    expect(await store.history(ALL)).toMatchObject([
      { id: '2.0', resource: 'r3' },
      { id: '1.0', resource: 'r1' },
    ]);
    expect(await store.history({ ...ALL, resource: 'r2' })).toEqual([]);
  });

  test('is not a segment that a deposed owner began', async () => {
    const { store, paths, layout } = await segments(2);
    const [first = ''] = paths;
    fs.copyFileSync(first, layout.segment({ epoch: 1, segment: 2 }));
    expect(idsOf(await store.history(ALL))).toEqual(ids(4, 1));
  });

  test('is not the turn in flight, until it is saved', async () => {
    const held = new HeldDisk(nodeDisk);
    const { store } = await openJournal(temporaryDirectory(), { disk: held.disk });
    await store.commit(grant(1), LOCK);
    held.hold();
    const commit = store.commit(grant(2), LOCK);
    await held.held();
    const meanwhile = await store.history(ALL);
    held.release();
    await commit;
    expect(idsOf(meanwhile)).toEqual(['1.0']);
    expect(idsOf(await store.history(ALL))).toEqual(['2.0', '1.0']);
  });

  test('is not the turn in flight in a segment that was just begun either', async () => {
    const held = new HeldDisk(nodeDisk);
    const directory = temporaryDirectory();
    const { store } = await openJournal(directory, { disk: held.disk, segmentBytes: 2_000 });
    let token = 0;
    while (segmentNames(directory).length < 2) {
      token += 1;
      await store.commit(grant(token, 'r'), LOCK);
      // Whatever goes on behind it may end.
      for (let round = 0; round < 10; round += 1) await new Promise((resolve) => setImmediate(resolve));
    }
    held.hold();
    const commit = store.commit(grant(token + 1, 'r'), LOCK);
    await held.held();
    const meanwhile = await store.history(ALL);
    held.release();
    await commit;
    expect(idsOf(meanwhile)).toEqual(ids(token, 1));
    expect(idsOf(await store.history(ALL))).toEqual(ids(token + 1, 1));
  });

  test('is not the room written ahead of the turns', async () => {
    const { store } = await segments(1, { roomBytes: 1 << 20 });
    expect(idsOf(await store.history(ALL))).toEqual(ids(2, 1));
  });
});

describe('segments that cannot matter are not opened', () => {
  test('those whose turns all come later', async () => {
    const { store, disk } = await segments(4);
    expect(idsOf(await store.history(ALL))).toHaveLength(8);
    disk.calls.length = 0;
    expect(idsOf(await store.history({ ...ALL, before: '4.0' }))).toEqual(ids(3, 1));
    expect(disk.count('open', SEGMENT)).toBe(2);
    expect(idsOf(await store.history({ count: 1, before: '4.0' }))).toEqual(['3.0']);
    expect(disk.count('open', SEGMENT)).toBe(3);
  });

  test('older ones, when there is enough already', async () => {
    const { store, disk } = await segments(4);
    expect(idsOf(await store.history({ count: 2 }))).toEqual(['8.0', '7.0']);
    expect(disk.count('open', SEGMENT)).toBe(1);
  });

  test.each([
    { asked: { resource: 'nobody' }, found: [], opens: 1 },
    { asked: { client: 'nobody' }, found: [], opens: 1 },
    { asked: { resource: 'r3' }, found: ['3.0'], opens: 2 },
    { asked: { resource: 'r3', client: 'nobody' }, found: [], opens: 1 },
    { asked: { client: 'alice' }, found: ids(8, 1), opens: 4 },
  ])('those that were read before and say nothing of $asked', async ({ asked, found, opens }) => {
    const { store, disk } = await segments(4);
    expect(await store.history({ ...ALL, resource: 'whatever' })).toEqual([]);
    expect(disk.count('open', SEGMENT)).toBe(4);
    disk.calls.length = 0;
    expect(idsOf(await store.history({ ...ALL, ...asked }))).toEqual(found);
    expect(disk.count('open', SEGMENT)).toBe(opens);
  });

  test('the current one always is: it grows', async () => {
    const { store } = await segments(2);
    expect(await store.history({ ...ALL, resource: 'r9' })).toEqual([]);
    await store.commit(grant(9), LOCK);
    expect(idsOf(await store.history({ ...ALL, resource: 'r9' }))).toEqual(['5.0']);
  });

  test('what was not read to its end is not taken as known', async () => {
    const { store } = await segments(3);
    expect(idsOf(await store.history({ count: 5, client: 'alice' }))).toEqual(ids(6, 2));
    expect(idsOf(await store.history({ ...ALL, resource: 'r1' }))).toEqual(['1.0']);
  });
});

describe('a big segment', () => {
  /** About 3 MB in one segment: 20 turns of 1,000 grants, of which the last 10 are in `r0` to `r9`. */
  async function big(options: OpenOptions = {}) {
    const opened = await openJournal(temporaryDirectory(), options);
    for (let number = 1; number <= 20; number += 1) {
      const changes = Array.from({ length: 1_000 }, (_, n) => put(hold(number * 1_000 + n, `r${n}`)));
      await opened.store.commit(turn(number * 1_000 + 1_000, ...changes), LOCK);
    }
    opened.disk.calls.length = 0;
    return opened;
  }

  test('is read from its end, and no further than needed', async () => {
    const { store, disk } = await big();
    expect(store.bytes).toBeGreaterThan(3_000_000);
    const found = await store.history({ count: 100 });
    expect(idsOf(found)).toEqual(Array.from({ length: 100 }, (_, n) => `20.${999 - n}`));
    // Head, and two chunks of 256 KiB.
    expect(disk.count('readLater')).toBeLessThanOrEqual(3);
    expect(disk.count('read')).toBe(0);
  });

  test('also where its lines are longer than a chunk', async () => {
    const { store } = await openJournal(temporaryDirectory());
    const long = (first: number) =>
      turn(
        9_999,
        ...Array.from({ length: 1_000 }, (_, n) => put(hold(first + n, 'r', 'c', 'ä'.repeat(1_000)))),
      );
    await store.commit(grant(1), LOCK);
    await store.commit(long(1_000), LOCK);
    await store.commit(long(2_000), LOCK);
    await store.commit(grant(2), LOCK);
    expect(store.bytes).toBeGreaterThan(4_000_000);
    const found = idsOf(await store.history({ count: 3_000 }));
    expect(found).toHaveLength(2_002);
    expect([found[0], found[1], found[1_001], found.at(-1)]).toEqual(['4.0', '3.999', '2.999', '1.0']);
  });

  test('is read in slices, between which turns go on', async () => {
    let breaths = 0;
    let mayGoOn = Promise.resolve();
    const pace = {
      isOver: () => true,
      breathe: () => {
        breaths += 1;
        return mayGoOn;
      },
    };
    const { store } = await big({ pace });
    breaths = 0;
    let goOn = () => {};
    mayGoOn = new Promise((resolve) => {
      goOn = resolve;
    });
    const order: string[] = [];
    const reading = store.history({ ...ALL, resource: 'nobody' }).then(() => order.push('history'));
    for (let token = 1; token <= 3; token += 1) {
      await store.commit(grant(90_000 + token), LOCK);
      order.push(`turn ${token}`);
    }
    goOn();
    await reading;
    expect(order).toEqual(['turn 1', 'turn 2', 'turn 3', 'history']);
    expect(breaths).toBeGreaterThanOrEqual(20);
  });

  test('is read for one query after the other', async () => {
    const { store, disk } = await segments(3);
    await Promise.all(Array.from({ length: 5 }, () => store.history(ALL)));
    let open = 0;
    for (const { op } of disk.calls.filter(({ path }) => SEGMENT.test(path))) {
      if (op === 'open') open += 1;
      if (op === 'close') open -= 1;
      expect(open).toBeLessThanOrEqual(1);
    }
    expect(open).toBe(0);
    expect(disk.count('open', SEGMENT)).toBe(15);
  });
});

describe('what is not as it was written', () => {
  test('a bad line takes its own events with it and no others', async () => {
    const { store, paths } = await segments(3);
    const [first = ''] = paths;
    fs.writeFileSync(first, fs.readFileSync(first, 'utf8').replace('"resource":"r2"', '"resource":"x2"'));
    expect(idsOf(await store.history(ALL))).toEqual([...ids(6, 3), '1.0']);
    expect(await store.history({ ...ALL, resource: 'x2' })).toEqual([]);
    expect(idsOf(await store.history({ ...ALL, resource: 'r1' }))).toEqual(['1.0']);
  });

  test('behind a bad head the history ends', async () => {
    const { store, paths } = await segments(3);
    const [, second = ''] = paths;
    fs.writeFileSync(second, fs.readFileSync(second, 'utf8').replace('"line":"head"', '"line":"hand"'));
    expect(idsOf(await store.history(ALL))).toEqual(ids(6, 3));
  });

  test.each<[string, (content: Buffer) => Buffer | string]>([
    ['empty', () => ''],
    ['cut', (content) => content.subarray(0, content.length - 10)],
    ['zeros', (content) => Buffer.alloc(content.length)],
    ['line feeds', (content) => '\n'.repeat(content.length)],
    ['without any line feed', (content) => 'x'.repeat(content.length)],
  ])('a segment that is %s is no harm', async (_, spoil) => {
    const { store, paths } = await segments(3);
    const [, second = ''] = paths;
    fs.writeFileSync(second, spoil(fs.readFileSync(second)));
    expect(idsOf(await store.history(ALL)).slice(0, 2)).toEqual(['6.0', '5.0']);
    expect(idsOf(await store.history({ ...ALL, resource: 'r5' }))).toEqual(['5.0']);
  });

  test.each(['readLater', 'open'] as const)('an error of %s is told, and leaves nothing open', async (op) => {
    const { store, disk } = await segments(3);
    disk.failNext(op, { code: 'EIO', after: 2, path: SEGMENT });
    await expect(store.history(ALL)).rejects.toMatchObject({ code: 'EIO' });
    expect(disk.count('close', SEGMENT)).toBe(disk.count('open', SEGMENT) - (op === 'open' ? 1 : 0));
    expect(idsOf(await store.history(ALL))).toEqual(ids(6, 1));
    await expect(store.confirm()).resolves.toBeUndefined();
  });
});

test('a history that is being read, or waits to be, ends with the store', async () => {
  const { store, disk, directory } = await segments(3);
  disk.before('readLater', () => void store.close(), SEGMENT);
  const reading = [store.history(ALL), store.history(ALL)];
  for (const one of reading) await expect(one).rejects.toThrow(Stopped);
  expect(disk.count('open', SEGMENT)).toBe(1);
  expect(newestSegment(directory)).toMatch(SEGMENT);
});
