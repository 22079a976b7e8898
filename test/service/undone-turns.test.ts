import * as fs from 'node:fs';
import { describe, expect, test } from 'vitest';
import { crashCopy, newestSegment, recovered, temporaryDirectory } from '../store/fixture.js';
import { FULL, isSettled, JOURNAL, lockFiles, openDaemon, outcome } from './fixture.js';

/** A daemon with two locks, which is about to be given a turn that cannot be saved. */
async function daemonWithLocks() {
  const directory = temporaryDirectory();
  const daemon = await openDaemon(directory);
  await daemon.lockd.lock('a', 'A');
  await daemon.lockd.lock('b', 'B');
  const full = `15: No space left in ${directory}; nothing was changed`;
  const state = async () => ({
    list: await daemon.lockd.list(),
    files: lockFiles(directory),
    journal: recovered(directory).records,
  });
  return { ...daemon, directory, full, state };
}

describe('a turn that cannot be saved', () => {
  test('is undone: locks are refused, reads see the truth, and unlocks are saved by themselves', async () => {
    const { lockd, disk, directory, full } = await daemonWithLocks();
    disk.failNext('write', { ...FULL, times: 1 });
    const outcomes = await Promise.all(
      [
        lockd.lock('c', 'C'),
        lockd.status('c').then(({ state }) => state),
        lockd.unlock('a', 'A'),
        lockd.lock('a', 'C'),
        lockd.status('a').then(({ state }) => state),
        lockd.lock('b', 'C'),
        lockd.unlock('b', 'C'),
        lockd.list().then((page) => page.map(({ resource }) => resource).join()),
        lockd.stats().then(({ held }) => held),
        lockd.forceUnlock('b', { reason: 'x' }),
        lockd.unlock('c', 'C'),
      ].map(outcome),
    );
    expect(outcomes).toEqual([
      full,
      'free',
      true,
      full,
      'free',
      "1: Resource already locked by 'B'",
      "2: Resource locked by 'B' cannot be unlocked by 'C'",
      'b',
      1,
      true,
      '3: Resource not locked',
    ]);
    expect(lockFiles(directory)).toEqual([]);
    const { lockd: next } = await openDaemon(crashCopy(directory));
    expect(await next.list()).toEqual([]);
    expect(next.recoveredLocks).toBe(0);
  });

  test('leaves nothing at all where nothing can be saved, and all goes on when there is room', async () => {
    const { lockd, disk, directory, full, state } = await daemonWithLocks();
    const before = await state();
    disk.failNext('write', FULL);
    expect(
      await Promise.all([lockd.lock('c', 'C'), lockd.unlock('a', 'A'), lockd.lock('d', 'D')].map(outcome)),
    ).toEqual([full, full, full]);
    expect(await state()).toEqual(before);
    expect(recovered(crashCopy(directory)).records).toEqual(before.journal);
    disk.heal();
    expect(await lockd.lock('c', 'C')).toMatchObject({ client: 'C' });
    expect(await lockd.unlock('a', 'A')).toBe(true);
    expect(recovered(directory).warnings).toEqual([]);
    expect((await lockd.list()).map(({ resource }) => resource)).toEqual(['b', 'c']);
  });

  test.each([0, 1, 100, 250])('also when the disk took %i bytes of it first', async (shortBytes) => {
    const { lockd, disk, directory, full, state } = await daemonWithLocks();
    const before = await state();
    const bytes = fs.statSync(newestSegment(directory)).size;
    disk.failNext('write', { ...FULL, shortBytes, times: 1 });
    expect(await outcome(lockd.lock('c', 'C'))).toBe(full);
    expect(fs.statSync(newestSegment(directory)).size).toBe(bytes);
    expect(await state()).toEqual(before);
  });

  test('uses the reserve for unlocks, says so, and is well again when there is room', async () => {
    const { lockd, disk, directory, full } = await daemonWithLocks();
    disk.failNext('write', { ...FULL, times: 2 });
    expect(await Promise.all([lockd.unlock('a', 'A'), lockd.lock('c', 'C')].map(outcome))).toEqual([
      true,
      full,
    ]);
    disk.failNext('create', { code: 'ENOSPC', path: /reserve/ });
    expect(lockd.health()).toEqual({
      status: 'degraded',
      problems: [`There is hardly any space left in ${directory}`],
    });
    expect(lockd.health()).toEqual({ status: 'ok', problems: [] });
  });

  test('no space for a lock file: refused before anything is written', async () => {
    const { lockd, disk, directory, full, state } = await daemonWithLocks();
    const before = await state();
    for (const op of ['create', 'write'] as const) {
      disk.failNext(op, { code: 'ENOSPC', path: /slots/ });
      disk.calls.length = 0;
      expect(await outcome(lockd.lock('c', 'C'))).toBe(full);
      expect(disk.count('write', JOURNAL)).toBe(0);
      expect(await state()).toEqual(before);
    }
    expect(await lockd.lock('c', 'C')).toMatchObject({ client: 'C' });
    expect(lockFiles(directory)).toEqual(['a.lock', 'b.lock', 'c.lock']);
  });

  test('a disk that can only be read is told with its own words', async () => {
    const { lockd, disk, directory } = await daemonWithLocks();
    disk.failNext('create', { code: 'EROFS', path: /slots/ });
    expect(await outcome(lockd.lock('c', 'C'))).toMatch(
      new RegExp(`^15: ${directory} cannot be written \\(EROFS: .*\\); nothing was changed$`),
    );
    disk.failNext('write', { code: 'EROFS', path: JOURNAL, times: Number.POSITIVE_INFINITY });
    expect(await outcome(lockd.unlock('a', 'A'))).toMatch(/^15: .* cannot be written \(EROFS: /);
    expect(await lockd.status('a')).toMatchObject({ state: 'held' });
  });

  test('a lock file that cannot be looked at refuses its lock, not the daemon', async () => {
    const { lockd, disk } = await daemonWithLocks();
    disk.failNext('exists', { code: 'EIO', path: /c\.lock$/ });
    expect(await Promise.all([lockd.lock('c', 'C'), lockd.lock('d', 'D')].map(outcome))).toEqual([
      expect.stringMatching(/^15: .* cannot be written \(EIO: /),
      expect.objectContaining({ client: 'D' }),
    ]);
  });

  test('tokens of a turn that was undone are never given again', async () => {
    const { lockd, disk } = await daemonWithLocks();
    disk.failNext('write', { ...FULL, times: 1 });
    const { token } = await lockd.status('b').then(({ holders }) => holders[0] ?? { token: '' });
    await outcome(lockd.lock('c', 'C'));
    expect(Number((await lockd.lock('c', 'C')).token)).toBeGreaterThan(Number(token) + 1);
  });

  test('one of several holders can leave although there is no space for a new lock file', async () => {
    const { lockd, disk, directory } = await daemonWithLocks();
    await lockd.lock('pool', 'P', { limit: 2 });
    await lockd.lock('pool', 'Q', { limit: 2 });
    disk.failNext('create', { code: 'ENOSPC', path: /slots/, times: Number.POSITIVE_INFINITY });
    disk.failNext('write', { code: 'ENOSPC', path: /slots/, times: Number.POSITIVE_INFINITY });
    expect(await outcome(lockd.unlock('pool', 'P'))).toBe(true);
    expect((await lockd.status('pool')).holders.map(({ client }) => client)).toEqual(['Q']);
    expect(recovered(directory).records).toHaveLength(3);
    expect(lockd.health().status).toBe('degraded');
    disk.heal();
    await lockd.maintain();
    expect(lockd.health()).toEqual({ status: 'ok', problems: [] });
    expect(fs.readFileSync(`${directory}/pool.lock`, 'utf8')).not.toContain('"P"');
  });
});

describe('a flush that fails', () => {
  test('ends everything: nobody is answered, nothing is shown, the daemon says that it failed', async () => {
    const { lockd, disk, directory } = await daemonWithLocks();
    disk.failNext('sync', { code: 'EIO', path: JOURNAL });
    disk.calls.length = 0;
    const calls = [lockd.lock('c', 'C'), lockd.unlock('a', 'A'), lockd.status('b')];
    expect(await Promise.all(calls.map(outcome))).toEqual(['Stopped', 'Stopped', 'Stopped']);
    expect((await lockd.failed).message).toMatch(/^The journal could not be flushed \(EIO: /);
    const later = [
      lockd.lock('x', 'X'),
      lockd.unlock('b', 'B'),
      lockd.forceUnlock('b', { reason: 'x' }),
      lockd.status('b'),
      lockd.list(),
      lockd.stats(),
    ];
    expect(new Set(await Promise.all(later.map(outcome)))).toEqual(new Set(['Stopped']));
    await lockd.maintain();
    expect(lockFiles(directory)).toEqual(['a.lock', 'b.lock']);
    expect(lockd.health().status).toBe('degraded');
    await lockd.close();
    expect(disk.count('sync', JOURNAL)).toBe(1);
    disk.heal();
    const { lockd: next } = await openDaemon(directory);
    expect(await next.status('b')).toMatchObject({ state: 'held' });
  });

  test('nothing fails while all is well', async () => {
    const { lockd } = await daemonWithLocks();
    expect(await isSettled(lockd.failed)).toBe(false);
    await lockd.close();
    expect(await isSettled(lockd.failed)).toBe(false);
  });
});
