import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { expiredSegments, type OldSegment } from '../../src/store/journal/retention.js';
import { grant, LOCK, openJournal, recovered, segmentNames, temporaryDirectory } from './fixture.js';

const DAY = 86_400_000;
const NOW = 100 * DAY;

/** Segments of 10 bytes, so many days old. */
function segments(...days: number[]): OldSegment[] {
  return days.map((age, index) => ({ epoch: 1, segment: index + 1, bytes: 10, modified: NOW - age * DAY }));
}

function expired(old: OldSegment[], historyDays: number, historyBytes: number): number[] {
  return expiredSegments(old, { historyDays, historyBytes }, NOW).map(({ segment }) => segment);
}

describe('which old segments go', () => {
  test.each<[string, number[], number, number, number[]]>([
    ['none of none', [], 30, 100, []],
    ['none while all are young and small', [3, 2, 1], 30, 100, []],
    ['those that are too old', [31, 30.1, 30, 1], 30, 100, [1, 2]],
    ['the oldest of those that are too much', [4, 3, 2, 1], 30, 25, [1, 2]],
    ['none that fit exactly', [4, 3, 2, 1], 30, 40, []],
    ['whatever comes first', [40, 3, 2, 1], 30, 15, [1, 2, 3]],
    ['all before one that is too old, for history has no holes', [1, 40, 2], 30, 100, [1, 2]],
    ['all where nothing is kept by size', [3, 2, 1], 30, 0, [1, 2, 3]],
    ['all where nothing is kept by age', [3, 2, 1], 0, 100, [1, 2, 3]],
    ['none of the future', [-1, -40], 30, 100, []],
  ])('%s', (_, days, historyDays, historyBytes, gone) => {
    expect(expired(segments(...days), historyDays, historyBytes)).toEqual(gone);
  });
});

describe('the store keeps history', () => {
  test('for as long as it is told', async () => {
    const directory = temporaryDirectory();
    for (let start = 1; start <= 3; start += 1) await (await openJournal(directory)).store.close();
    const time = Date.now();
    const retention = { historyDays: 10, historyBytes: 1 << 30 };
    const { store, layout } = await openJournal(directory, { retention, time: () => time });
    const [first, second] = segmentNames(directory).map((name) => join(layout.own, name));
    fs.utimesSync(first ?? '', time / 1_000, time / 1_000 - 11 * 86_400);
    fs.utimesSync(second ?? '', time / 1_000, time / 1_000 - 9 * 86_400);
    store.maintain();
    expect(segmentNames(directory)).toHaveLength(3);
    expect(store.bytes).toBe(sizeOfAll(directory));
  });

  test('never without its current segment, however old and large that is', async () => {
    const directory = temporaryDirectory();
    const retention = { historyDays: 0, historyBytes: 0 };
    const { store } = await openJournal(directory, { retention, time: () => Date.now() + 1_000 * DAY });
    await store.commit(grant(1), LOCK);
    store.maintain();
    expect(segmentNames(directory)).toHaveLength(1);
    await store.close();
    const next = await openJournal(directory, { retention });
    expect(segmentNames(directory)).toEqual(['journal-0000000002-0000000001.jsonl']);
    expect([...next.store.recovered.records]).toHaveLength(1);
  });

  test('also over many rotations: the size stays bounded, the state whole', async () => {
    const directory = temporaryDirectory();
    const retention = { historyDays: 30, historyBytes: 20_000 };
    const { store } = await openJournal(directory, { retention, segmentBytes: 4_000 });
    for (let token = 1; token <= 400; token += 1) {
      await store.commit(grant(token, `r${token % 5}`), LOCK);
      store.maintain();
      expect(store.bytes).toBeLessThan(20_000 + 15_000);
    }
    expect(store.bytes).toBe(sizeOfAll(directory));
    await store.close();
    expect(recovered(directory).records).toHaveLength(5);
    expect(recovered(directory).nextToken).toBe(401);
  });

  test('and after its end touches nothing any more', async () => {
    const directory = temporaryDirectory();
    const { store, disk } = await openJournal(directory);
    await store.close();
    disk.calls.length = 0;
    store.maintain();
    expect(disk.calls).toEqual([]);
  });
});

function sizeOfAll(directory: string): number {
  const sizes = segmentNames(directory).map((name) => fs.statSync(join(directory, '.lockd', name)).size);
  return sizes.reduce((sum, size) => sum + size, 0);
}
