/** What a repair still reads of a segment whose lines do not stand as they were written. */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Layout } from '../../src/disk/layout.js';
import { nodeDisk } from '../../src/disk/node-disk.js';
import { salvageJournal } from '../../src/store/journal/salvage.js';
import {
  grant,
  hold,
  inOrder,
  LOCK,
  newestSegment,
  openJournal,
  recovered,
  segmentNames,
  temporaryDirectory,
  unlock,
} from './fixture.js';

/** A directory with one segment, of a head, a snapshot with a hold by token 1,000, and an end; the next token is 2,001. */
async function snapshotOnly() {
  const directory = temporaryDirectory();
  const { store } = await openJournal(directory);
  await store.commit(grant(1_000), LOCK);
  await store.commit(grant(2_000), LOCK);
  await store.commit(unlock(2_000, 2_001), LOCK);
  await store.close();
  await (await openJournal(directory)).store.close();
  const [older = ''] = segmentNames(directory);
  fs.rmSync(join(new Layout(directory).own, older));
  const path = newestSegment(directory);
  const lines = fs.readFileSync(path, 'utf8').trimEnd().split('\n');
  const write = (changed: readonly string[]) => fs.writeFileSync(path, `${changed.join('\n')}\n`);
  return { directory, lines, write };
}

function salvaged(directory: string) {
  const found = salvageJournal(nodeDisk, new Layout(directory));
  return { nextToken: found?.nextToken, records: inOrder(found?.records.values() ?? []) };
}

test('without its head the next token lies above every one in the snapshot', async () => {
  const { directory, lines, write } = await snapshotOnly();
  const { records } = recovered(directory);
  const [head = '', snapshot = '', end = ''] = lines;
  for (const damaged of [
    [`x${head}`, snapshot, end],
    [snapshot, end],
  ]) {
    write(damaged);
    expect(salvaged(directory)).toEqual({ records, nextToken: 1_001 });
  }
});

test('an empty line before its head takes nothing away', async () => {
  const { directory, lines, write } = await snapshotOnly();
  const { records } = recovered(directory);
  write(['', ...lines]);
  expect(recovered(directory)).toMatchObject({ records, nextToken: 2_001 });
  expect(salvaged(directory)).toEqual({ records, nextToken: 2_001 });
});

test.each([
  ['in the middle', (from: number, to: number) => (from + to) >> 1],
  ['at its line feed', (_: number, to: number) => to - 1],
])(
  'a turn spoilt %s is missed where another one was begun behind it; the torn one is not',
  async (_, where) => {
    const directory = temporaryDirectory();
    const { store } = await openJournal(directory);
    const sizes: number[] = [];
    for (const token of [1, 2, 3]) {
      await store.commit(grant(token), LOCK);
      sizes.push(store.bytes);
    }
    await store.close();
    const path = newestSegment(directory);
    const [from = 0, to = 0, end = 0] = sizes;
    const bytes = fs.readFileSync(path).subarray(0, end - 5);
    const at = where(from, to);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    fs.writeFileSync(path, bytes);
    const found = salvageJournal(nodeDisk, new Layout(directory));
    expect(inOrder(found?.records.values() ?? [])).toEqual([hold(1)]);
    expect(found?.losses).toEqual([
      `${path}, line 4: a turn is not whole, and what was locked and unlocked in it is missing`,
    ]);
    expect(found?.doubted).toContain('r2');
    expect(found?.nextTurn).toBe(3);
  },
);

test('a torn turn alone is missed by nobody', async () => {
  const directory = temporaryDirectory();
  const { store } = await openJournal(directory);
  await store.commit(grant(1), LOCK);
  await store.commit(grant(2), LOCK);
  await store.close();
  const path = newestSegment(directory);
  fs.truncateSync(path, fs.statSync(path).size - 5);
  expect(salvageJournal(nodeDisk, new Layout(directory))).toMatchObject({
    losses: [],
    doubted: new Set(),
    nextTurn: 2,
  });
});

test('of two turns that were spoilt before a torn one, both are missed, and their numbers are not given again', async () => {
  const directory = temporaryDirectory();
  const { store } = await openJournal(directory);
  const sizes: number[] = [];
  for (const token of [1, 2, 3, 4]) {
    await store.commit(grant(token), LOCK);
    sizes.push(store.bytes);
  }
  await store.close();
  const path = newestSegment(directory);
  const [one = 0, two = 0, three = 0, end = 0] = sizes;
  const bytes = fs.readFileSync(path).subarray(0, end - 5);
  for (const at of [(one + two) >> 1, (two + three) >> 1]) bytes[at] = (bytes[at] ?? 0) ^ 1;
  fs.writeFileSync(path, bytes);
  const found = salvageJournal(nodeDisk, new Layout(directory));
  expect(found?.losses).toEqual([
    `${path}, line 4: 2 turns are not whole, and what was locked and unlocked in them is missing`,
  ]);
  expect(found?.doubted).toEqual(new Set(['r2', 'r3']));
  expect(found?.nextTurn).toBe(4);
});
