import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Layout } from '../../src/disk/layout.js';
import { nodeDisk } from '../../src/disk/node-disk.js';
import { Stopped } from '../../src/store/port.js';
import { FaultyDisk } from '../disk/faulty-disk.js';
import {
  FREE,
  grant,
  hold,
  LOCK,
  newestSegment,
  openJournal,
  put,
  recovered,
  segmentNames,
  temporaryDirectory,
  turn,
  unlock,
} from './fixture.js';

const SEGMENT = /journal.*jsonl/;
const FULL = { code: 'ENOSPC', path: SEGMENT, times: Number.POSITIVE_INFINITY };

describe('a full disk', () => {
  test('refuses a turn at each possible length of a short write, and cuts it off', async () => {
    const directory = temporaryDirectory();
    const { store, disk } = await openJournal(directory);
    await store.commit(grant(1), LOCK);
    const before = fs.readFileSync(newestSegment(directory));
    const two = turn(4, put(hold(2, 'r2')), put(hold(3, 'r3')));
    for (let taken = 0; taken < 350; taken += 1) {
      disk.failNext('write', { code: 'ENOSPC', path: SEGMENT, shortBytes: taken });
      expect(await store.commit(two, LOCK)).toEqual({ saved: false });
      expect(fs.readFileSync(newestSegment(directory)).equals(before)).toBe(true);
      disk.heal();
    }
    expect(recovered(directory).records).toEqual([hold(1)]);
    expect(recovered(directory).warnings).toEqual([]);
    expect(await store.commit(two, LOCK)).toMatchObject({ saved: true });
    expect(recovered(directory).records).toEqual([hold(1), hold(2, 'r2'), hold(3, 'r3')]);
  });

  test('a write that takes everything in two parts is no failure', async () => {
    const directory = temporaryDirectory();
    const { store, disk } = await openJournal(directory);
    disk.failNext('write', { code: 'ENOSPC', path: SEGMENT, shortBytes: 10, times: 0 });
    expect(await store.commit(grant(1), LOCK)).toMatchObject({ saved: true });
    expect(recovered(directory).records).toEqual([hold(1)]);
  });

  test('the cutting is flushed before the refusal goes out', async () => {
    const { store, disk } = await openJournal(temporaryDirectory());
    disk.failNext('write', { code: 'ENOSPC', path: SEGMENT, shortBytes: 30 });
    disk.calls.length = 0;
    await store.commit(grant(1), LOCK);
    const ops = disk.calls.filter(({ path }) => SEGMENT.test(path)).map(({ op }) => op);
    expect(ops).toEqual(['write', 'write', 'truncate', 'sync']);
  });

  test('any other error of a write is told with its words', async () => {
    const directory = temporaryDirectory();
    const { store, disk } = await openJournal(directory);
    disk.failNext('write', { code: 'EROFS', path: SEGMENT });
    expect(await store.commit(grant(1), LOCK)).toEqual({
      saved: false,
      problem: expect.stringMatching(/^EROFS: made up, write/),
    });
    expect(recovered(directory).records).toEqual([]);
    expect(await store.commit(grant(2), LOCK)).toMatchObject({ saved: true });
  });

  test.each(['truncate', 'sync'] as const)('stops when the cut cannot be made: %s fails', async (op) => {
    const directory = temporaryDirectory();
    const { store, disk } = await openJournal(directory);
    await store.commit(grant(1), LOCK);
    disk.failNext('write', { code: 'ENOSPC', path: SEGMENT, shortBytes: 30 });
    disk.failNext(op, { code: 'EIO', path: SEGMENT });
    const path = newestSegment(directory);
    await expect(store.commit(grant(2), LOCK)).rejects.toThrow(
      new Stopped(
        `${path} could not be cut back after a failed write (EIO: made up, ${op} '${pathOfSegment(disk)}')`,
      ),
    );
    await expectStopped(store);
    expect(recovered(directory).records).toEqual([hold(1)]);
  });

  test('drops history before it refuses anything', async () => {
    const directory = temporaryDirectory();
    for (let start = 1; start <= 3; start += 1) await (await openJournal(directory)).store.close();
    const { store, disk, warnings } = await openJournal(directory);
    expect(segmentNames(directory)).toHaveLength(4);
    const bytes = store.bytes;
    disk.failNext('write', { code: 'ENOSPC', path: SEGMENT });
    expect(await store.commit(grant(1), LOCK)).toMatchObject({ saved: true });
    expect(segmentNames(directory)).toEqual(['journal-0000000004-0000000001.jsonl']);
    expect(warnings).toEqual([
      expect.stringMatching(
        /^The disk is full: 3 old journal segments \(\d+ bytes of history\) were dropped$/,
      ),
    ]);
    expect(store.bytes).toBeLessThan(bytes);
    expect(recovered(directory).records).toEqual([hold(1)]);
    expect(fs.existsSync(new Layout(directory).reserve)).toBe(true);
  });

  test('history that cannot be dropped is no reason to stop', async () => {
    const directory = temporaryDirectory();
    await (await openJournal(directory)).store.close();
    const { store, disk } = await openJournal(directory);
    disk.failNext('write', { code: 'ENOSPC', path: SEGMENT });
    disk.failNext('unlink', { code: 'EPERM', path: SEGMENT });
    expect(await store.commit(grant(1), LOCK)).toEqual({ saved: false });
    expect(await store.commit(grant(2), LOCK)).toMatchObject({ saved: true });
  });

  test('gives the reserve to turns that only free something, never to others', async () => {
    const directory = temporaryDirectory();
    const { store, disk, layout } = await openJournal(directory);
    await store.commit(grant(1), LOCK);
    expect(fs.statSync(layout.reserve).size).toBe(256 << 10);
    disk.failNext('write', { ...FULL, times: 1 });
    expect(await store.commit(grant(2), LOCK)).toEqual({ saved: false });
    expect(fs.existsSync(layout.reserve)).toBe(true);
    expect(store.problems).toEqual([]);
    disk.failNext('write', { ...FULL, times: 1 });
    expect(await store.commit(unlock(1, 3), FREE)).toMatchObject({ saved: true });
    expect(fs.existsSync(layout.reserve)).toBe(false);
    expect(store.problems).toEqual([`There is hardly any space left in ${directory}`]);
    expect(recovered(directory).records).toEqual([]);
  });

  test('makes the reserve again when there is room', async () => {
    const { store, disk, layout } = await openJournal(temporaryDirectory());
    disk.failNext('write', { ...FULL, times: 1 });
    await store.commit(unlock(1, 3), FREE);
    disk.failNext('write', { code: 'ENOSPC', path: /reserve/, shortBytes: 1_000 });
    store.maintain();
    expect(fs.existsSync(layout.reserve)).toBe(false);
    expect(store.problems).toHaveLength(1);
    store.maintain();
    expect(fs.statSync(layout.reserve).size).toBe(256 << 10);
    expect(store.problems).toEqual([]);
  });

  test('makes the reserve again that a crash left too small', async () => {
    const directory = temporaryDirectory();
    await (await openJournal(directory)).store.close();
    fs.truncateSync(new Layout(directory).reserve, 100);
    const { store, layout } = await openJournal(directory);
    expect(fs.statSync(layout.reserve).size).toBe(256 << 10);
    expect(store.problems).toEqual([]);
  });

  test('refuses even what frees when nothing helps, and goes on when there is room', async () => {
    const directory = temporaryDirectory();
    const { store, disk } = await openJournal(directory);
    await store.commit(grant(1), LOCK);
    disk.failNext('write', FULL);
    expect(await store.commit(unlock(1, 2), FREE)).toEqual({ saved: false });
    expect(await store.commit(unlock(1, 2), FREE)).toEqual({ saved: false });
    expect(recovered(directory).records).toEqual([hold(1)]);
    disk.heal();
    expect(await store.commit(unlock(1, 2), FREE)).toMatchObject({ saved: true });
    expect(recovered(directory).records).toEqual([]);
  });

  test('a full disk at the start refuses it, and the journal stays as it was', async () => {
    const directory = temporaryDirectory();
    const first = await openJournal(directory);
    await first.store.commit(grant(1), LOCK);
    await first.store.close();
    const faulty = new FaultyDisk(nodeDisk);
    faulty.failNext('write', FULL);
    await expect(openJournal(directory, { faulty })).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(recovered(directory).records).toEqual([hold(1)]);
    expect(fs.readdirSync(first.layout.own).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});

describe('a flush that fails', () => {
  test.each(['EIO', 'ENOSPC', 'EDQUOT'])(
    'with %s stops everything, and is never tried again',
    async (code) => {
      const directory = temporaryDirectory();
      const { store, disk } = await openJournal(directory, { segmentBytes: 1 });
      await store.commit(grant(1), LOCK);
      disk.calls.length = 0;
      disk.failNext('sync', { code, path: SEGMENT });
      await expect(store.commit(grant(2), LOCK)).rejects.toThrow(
        `The journal could not be flushed (${code}: made up, sync '${pathOfSegment(disk)}')`,
      );
      await expectStopped(store);
      store.maintain();
      await store.close();
      expect(disk.count('sync', SEGMENT)).toBe(1);
      expect(disk.count('write', SEGMENT)).toBe(1);
      expect(recovered(directory).records).toEqual(expect.arrayContaining([hold(1)]));
    },
  );

  test('of the first segment refuses the start', async () => {
    const faulty = new FaultyDisk(nodeDisk);
    faulty.failNext('sync', { code: 'EIO', path: SEGMENT });
    await expect(openJournal(temporaryDirectory(), { faulty })).rejects.toMatchObject({ code: 'EIO' });
  });

  test('of the directory after the first segment refuses the start as stopped', async () => {
    const faulty = new FaultyDisk(nodeDisk);
    faulty.failNext('syncDirectory', { code: 'EIO', after: 1 });
    await expect(openJournal(temporaryDirectory(), { faulty })).rejects.toThrow(Stopped);
  });

  test('a name that does not last although the directory was flushed is noticed', async () => {
    const directory = temporaryDirectory();
    const faulty = new FaultyDisk(nodeDisk);
    const path = join(new Layout(directory).own, 'journal-0000000001-0000000001.jsonl');
    faulty.before('open', () => fs.unlinkSync(path), /jsonl$/);
    await expect(openJournal(directory, { faulty })).rejects.toThrow(/may not have its name \(ENOENT/);
    const other = new FaultyDisk(nodeDisk);
    const replace = () => {
      fs.unlinkSync(path.replace('1-0', '2-0'));
      fs.writeFileSync(path.replace('1-0', '2-0'), '');
    };
    other.before('open', replace, /jsonl$/);
    await expect(openJournal(directory, { faulty: other })).rejects.toThrow(/another file has its name/);
  });
});

async function expectStopped(store: Awaited<ReturnType<typeof openJournal>>['store']): Promise<void> {
  await expect(store.commit(grant(9), LOCK)).rejects.toThrow(Stopped);
  await expect(store.commit(turn(9), FREE)).rejects.toThrow(Stopped);
  await expect(store.confirm()).rejects.toThrow(Stopped);
  expect(store.problems).toHaveLength(1);
}

/** Under which path the disk knows the newest segment. */
function pathOfSegment(disk: FaultyDisk): string {
  return disk.calls.filter(({ op, path }) => op === 'write' && SEGMENT.test(path)).at(-1)?.path ?? '';
}
