/** The line feeds that are written ahead of the turns: there for the speed of the flush, and never in the way. */
import * as fs from 'node:fs';
import { expect, test } from 'vitest';
import {
  crashCopy,
  FREE,
  grant,
  hold,
  LOCK,
  newestSegment,
  openJournal,
  recovered,
  temporaryDirectory,
  unlock,
} from './fixture.js';

const SEGMENT = /journal.*jsonl/;
const ROOM = 1_000;

function size(directory: string): number {
  return fs.statSync(newestSegment(directory)).size;
}

test('turns do not change the size of the file until the room is used up, then there is more', async () => {
  const directory = temporaryDirectory();
  const { store } = await openJournal(directory, { roomBytes: ROOM });
  const sizes: number[] = [];
  for (let token = 1; token <= 12; token += 1) {
    expect(await store.commit(grant(token), LOCK)).toMatchObject({ saved: true });
    sizes.push(size(directory));
  }
  const different = new Set(sizes).size;
  expect(different).toBeGreaterThan(1);
  expect(different).toBeLessThan(sizes.length / 2);
  expect(size(directory)).toBeGreaterThanOrEqual(store.bytes);
});

test('after a crash the turns are there, without a warning; so they are after a close, without the room', async () => {
  const directory = temporaryDirectory();
  const { store } = await openJournal(directory, { roomBytes: ROOM });
  for (let token = 1; token <= 5; token += 1) await store.commit(grant(token), LOCK);
  const copy = crashCopy(directory);
  expect(recovered(copy)).toMatchObject({ turns: 5, warnings: [] });
  expect(fs.readFileSync(newestSegment(copy), 'utf8')).toMatch(/\n\n$/);
  const { bytes } = store;
  await store.close();
  expect(size(directory)).toBe(bytes);
  expect(recovered(directory)).toMatchObject({ turns: 5, warnings: [] });
});

test.each([1, 10, 100])(
  'a turn torn after %i bytes, with room behind it, is ignored with a warning',
  async (bytes) => {
    const directory = temporaryDirectory();
    const { store } = await openJournal(directory, { roomBytes: ROOM });
    await store.commit(grant(1), LOCK);
    const end = recovered(directory).previous.bytes;
    await store.commit(grant(2), LOCK);
    const copy = crashCopy(directory);
    const file = fs.openSync(newestSegment(copy), 'r+');
    const rest = fs.fstatSync(file).size - end - bytes;
    fs.writeSync(file, Buffer.alloc(rest, '\n'), 0, rest, end + bytes);
    fs.closeSync(file);
    const { records, warnings } = recovered(copy);
    expect(records).toEqual([hold(1)]);
    expect(warnings).toEqual([expect.stringContaining('never acknowledged')]);
  },
);

test('a turn of which the disk kept only the end is ignored as well', async () => {
  const directory = temporaryDirectory();
  const { store } = await openJournal(directory, { roomBytes: ROOM });
  await store.commit(grant(1), LOCK);
  const end = recovered(directory).previous.bytes;
  await store.commit(grant(2), LOCK);
  const copy = crashCopy(directory);
  const file = fs.openSync(newestSegment(copy), 'r+');
  fs.writeSync(file, Buffer.alloc(20, '\n'), 0, 20, end);
  fs.closeSync(file);
  expect(recovered(copy).records).toEqual([hold(1)]);
});

test('on a disk without space for it turns are saved all the same, as long as they fit themselves', async () => {
  const directory = temporaryDirectory();
  const { store, disk } = await openJournal(directory, { roomBytes: ROOM });
  for (let token = 1; token <= 20; token += 1) {
    const before = size(directory);
    disk.failNext('write', { code: 'ENOSPC', path: SEGMENT, shortBytes: 17 });
    const { saved } = await store.commit(grant(token), LOCK);
    disk.heal();
    if (!saved) expect(await store.commit(grant(token), LOCK)).toMatchObject({ saved: true });
    expect(size(directory)).toBeLessThanOrEqual(before + 2 * ROOM);
  }
  expect(recovered(directory)).toMatchObject({ turns: 20, warnings: [] });
});

test('a turn that failed in the room leaves nothing of itself, and the next one stands in its place', async () => {
  const directory = temporaryDirectory();
  const { store, disk } = await openJournal(directory, { roomBytes: ROOM });
  await store.commit(grant(1), LOCK);
  disk.failNext('write', { code: 'EIO', path: SEGMENT, shortBytes: 50 });
  expect(await store.commit(grant(2), LOCK)).toMatchObject({ saved: false });
  disk.heal();
  expect(recovered(directory)).toMatchObject({ records: [hold(1)], warnings: [] });
  expect(await store.commit(unlock(1, 1), FREE)).toMatchObject({ saved: true });
  expect(recovered(directory)).toMatchObject({ records: [], warnings: [] });
});
