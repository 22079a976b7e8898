import { describe, expect, test } from 'vitest';
import { nodeDisk } from '../../src/disk/node-disk.js';
import { FaultyDisk } from '../disk/faulty-disk.js';
import { crashCopy, recovered, temporaryDirectory } from '../store/fixture.js';
import { HeldDisk } from '../store/held-disk.js';
import { isSettled, JOURNAL, lockFiles, openDaemon, outcome } from './fixture.js';

describe('many calls share one flush', () => {
  test('64 at once need no more than two', async () => {
    const { lockd, disk } = await openDaemon(temporaryDirectory());
    disk.calls.length = 0;
    const names = Array.from({ length: 64 }, (_, index) => `r${index}`);
    const holds = await Promise.all(names.map((name) => lockd.lock(name, 'A')));
    expect(disk.count('sync')).toBeLessThanOrEqual(2);
    expect(new Set(holds.map(({ token }) => token)).size).toBe(64);
    await Promise.all(names.map((name) => lockd.unlock(name, 'A')));
    expect(disk.count('sync')).toBeLessThanOrEqual(4);
    expect(disk.count('write', JOURNAL)).toBeLessThanOrEqual(4);
  });

  test('what comes while one is under way goes together into the next', async () => {
    const faulty = new FaultyDisk(nodeDisk);
    const held = new HeldDisk(faulty);
    const { lockd } = await openDaemon(temporaryDirectory(), { disk: held.disk });
    held.hold();
    const first = lockd.lock('first', 'A');
    await held.held();
    const rest = Array.from({ length: 100 }, (_, index) => lockd.lock(`r${index}`, 'A'));
    faulty.calls.length = 0;
    held.release();
    await Promise.all([first, ...rest]);
    expect(faulty.count('write', JOURNAL)).toBe(1);
  });

  test('more than a turn may have go into several, in order, without loss', async () => {
    const directory = temporaryDirectory();
    const { lockd, disk } = await openDaemon(directory);
    disk.calls.length = 0;
    const names = Array.from({ length: 1_100 }, (_, index) => `r${index}`);
    const holds = await Promise.all(names.map((name) => lockd.lock(name, 'A')));
    const tokens = holds.map(({ token }) => Number(token));
    expect(tokens).toEqual([...tokens].sort((a, b) => a - b));
    expect(disk.count('write', JOURNAL)).toBe(2);
    expect(recovered(crashCopy(directory)).records).toHaveLength(1_100);
    expect(lockFiles(directory)).toHaveLength(1_100);
  });

  test('calls of one turn see each other, in the order in which they came', async () => {
    const { lockd } = await openDaemon(temporaryDirectory());
    const outcomes = await Promise.all(
      [
        lockd.lock('r', 'A'),
        lockd.lock('r', 'B'),
        lockd.status('r').then(({ holders }) => holders.map(({ client }) => client).join()),
        lockd.unlock('r', 'B'),
        lockd.unlock('r', 'A'),
        lockd.status('r').then(({ state }) => state),
        lockd.lock('r', 'B').then(({ client }) => client),
        lockd.unlock('r', 'A'),
      ].map(outcome),
    );
    expect(outcomes.slice(1)).toEqual([
      "1: Resource already locked by 'A'",
      'A',
      "2: Resource locked by 'A' cannot be unlocked by 'B'",
      true,
      'free',
      'B',
      "2: Resource locked by 'B' cannot be unlocked by 'A'",
    ]);
  });
});

describe('nothing is answered before it is on disk', () => {
  async function heldDaemon() {
    const directory = temporaryDirectory();
    const held = new HeldDisk(nodeDisk);
    const { lockd } = await openDaemon(directory, { disk: held.disk });
    await lockd.lock('old', 'O');
    held.hold();
    return { directory, held, lockd };
  }

  test('while a flush hangs nobody learns of the lock, and it has no lock file', async () => {
    const { directory, held, lockd } = await heldDaemon();
    const lock = lockd.lock('new', 'A');
    await held.held();
    const later = [lock, lockd.lock('new', 'B'), lockd.status('new'), lockd.list(), lockd.stats()].map(
      outcome,
    );
    for (const call of later) expect(await isSettled(call)).toBe(false);
    expect(lockFiles(directory)).toEqual(['old.lock']);
    held.release();
    const [granted, refused, status, list, stats] = await Promise.all(later);
    expect(granted).toMatchObject({ client: 'A' });
    expect(refused).toBe("1: Resource already locked by 'A'");
    expect(status).toMatchObject({ state: 'held' });
    expect(list).toHaveLength(2);
    expect(stats).toMatchObject({ held: 2 });
  });

  test('while a flush hangs a resource that it does not touch can be looked at', async () => {
    const { held, lockd } = await heldDaemon();
    const lock = lockd.lock('new', 'A');
    await held.held();
    expect(await lockd.status('old')).toMatchObject({ state: 'held' });
    expect(await lockd.status('never seen')).toMatchObject({ state: 'free' });
    expect(await isSettled(lock)).toBe(false);
    expect(lockd.health().status).toBe('ok');
    held.release();
    await lock;
  });

  test('an unlock shows neither in answers nor in the directory before it is saved', async () => {
    const { directory, held, lockd } = await heldDaemon();
    const unlock = lockd.unlock('old', 'O');
    await held.held();
    const status = lockd.status('old');
    expect(await isSettled(status)).toBe(false);
    expect(lockFiles(directory)).toEqual(['old.lock']);
    held.release();
    expect(await unlock).toBe(true);
    expect(await status).toMatchObject({ state: 'free' });
    expect(lockFiles(directory)).toEqual([]);
  });

  test('what a crash leaves before the flush is no acknowledged lock, after it it is', async () => {
    const { directory, held, lockd } = await heldDaemon();
    const lock = lockd.lock('new', 'A');
    await held.held();
    const before = crashCopy(directory);
    held.release();
    await lock;
    const after = crashCopy(directory);
    expect(await (await openDaemon(after)).lockd.status('new')).toMatchObject({ state: 'held' });
    // Here it may be or not; the old one must.
    expect(await (await openDaemon(before)).lockd.status('old')).toMatchObject({ state: 'held' });
  });
});
