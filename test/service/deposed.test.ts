import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { nodeDisk } from '../../src/disk/node-disk.js';
import { crashCopy, temporaryDirectory } from '../store/fixture.js';
import { HeldDisk } from '../store/held-disk.js';
import { type Daemon, lockFiles, openDaemon, outcome } from './fixture.js';

/** A daemon with two locks, and a successor that began its epoch. */
async function deposedDaemon(): Promise<Daemon & { directory: string }> {
  const directory = temporaryDirectory();
  const daemon = await openDaemon(directory);
  await daemon.lockd.lock('a', 'A');
  await daemon.lockd.lock('b', 'B');
  fs.writeFileSync(daemon.layout.epoch(2), '');
  return { ...daemon, directory };
}

/** The lock file that a successor in the same directory makes. */
function successorsLockFile({ lockd }: Daemon, resource: string): string {
  const holders = [{ client: 'S', token: '9', acquired: '2026-11-21T08:15:00.000Z', from: 'x' }];
  return JSON.stringify({ lockd: 1, directory: lockd.id, resource, limit: 1, held: 1, holders });
}

describe('a daemon whose directory another one took over', () => {
  const calls: [string, (daemon: Daemon) => Promise<unknown>][] = [
    ['lock', ({ lockd }) => lockd.lock('c', 'C')],
    ['lock what is held', ({ lockd }) => lockd.lock('a', 'C')],
    ['unlock', ({ lockd }) => lockd.unlock('a', 'A')],
    ['unlock what is free', ({ lockd }) => lockd.unlock('c', 'A')],
    ['forceUnlock', ({ lockd }) => lockd.forceUnlock('a', { reason: 'x' })],
    ['status', ({ lockd }) => lockd.status('a')],
    ['list', ({ lockd }) => lockd.list()],
    ['stats', ({ lockd }) => lockd.stats()],
  ];

  test.each(calls)('does not answer %s, and says that it failed', async (_, call) => {
    const daemon = await deposedDaemon();
    expect(await outcome(call(daemon))).toBe('Stopped');
    expect((await daemon.lockd.failed).message).toBe(
      `Another lockd took over ${daemon.directory}, or its journal was removed`,
    );
    for (const [, other] of calls) expect(await outcome(other(daemon))).toBe('Stopped');
  });

  test('does not answer a status beside a commit in flight either', async () => {
    const directory = temporaryDirectory();
    const held = new HeldDisk(nodeDisk);
    const { lockd, layout } = await openDaemon(directory, { disk: held.disk });
    held.hold();
    const lock = outcome(lockd.lock('a', 'A'));
    await held.held();
    fs.writeFileSync(layout.epoch(2), '');
    expect(await outcome(lockd.status('b'))).toBe('Stopped');
    held.release();
    expect(await lock).toBe('Stopped');
    expect(lockFiles(directory)).toEqual([]);
  });

  test('makes and removes no lock file, whatever it is asked', async () => {
    const daemon = await deposedDaemon();
    const { directory, lockd } = daemon;
    fs.unlinkSync(join(directory, 'b.lock'));
    fs.writeFileSync(join(directory, 'c.lock'), successorsLockFile(daemon, 'c'));
    await Promise.all([lockd.lock('c', 'C'), lockd.lock('d', 'D'), lockd.unlock('a', 'A')].map(outcome));
    expect(lockFiles(directory)).toEqual(['a.lock', 'c.lock']);
    expect(fs.readFileSync(join(directory, 'c.lock'), 'utf8')).toBe(successorsLockFile(daemon, 'c'));
  });

  test('does not answer when it was taken over while it decided', async () => {
    const directory = temporaryDirectory();
    const { lockd, layout, disk } = await openDaemon(directory);
    fs.writeFileSync(join(directory, 'torn.lock'), '');
    disk.before('exists', () => fs.writeFileSync(layout.epoch(2), ''), /torn\.lock$/);
    expect(await outcome(lockd.lock('torn', 'A'))).toBe('Stopped');
  });

  test('does not answer what it saved when it was taken over while it flushed names that it moved', async () => {
    const directory = temporaryDirectory();
    const { lockd, layout, disk } = await openDaemon(directory);
    fs.writeFileSync(join(directory, 'x.lock'), 'by hand');
    disk.before('syncDirectory', () => fs.writeFileSync(layout.epoch(2), ''), /adopted$/);
    expect(await outcome(lockd.lock('x', 'X'))).toBe('Stopped');
    expect(disk.count('syncDirectory', /adopted$/)).toBe(1);
  });

  test('does not answer what changed nothing in the middle of that either', async () => {
    const directory = temporaryDirectory();
    const before = await openDaemon(directory);
    await before.lockd.lock('a', 'A');
    await before.lockd.close();
    fs.unlinkSync(join(directory, 'a.lock'));
    fs.writeFileSync(join(directory, 'a.lock'), 'by hand');
    const { lockd, layout, disk } = await openDaemon(directory);
    disk.before('syncDirectory', () => fs.writeFileSync(layout.epoch(3), ''), /adopted$/);
    // The file is moved away beside the calls.
    let told: unknown;
    while (disk.count('syncDirectory', /adopted$/) === 0) told = await outcome(lockd.status('a'));
    expect(told).toBe('Stopped');
  });

  test('moves no unreadable lock file away', async () => {
    const directory = temporaryDirectory();
    fs.writeFileSync(join(directory, 'torn.lock'), '');
    const { lockd, layout } = await openDaemon(directory);
    fs.writeFileSync(layout.epoch(2), '');
    expect(await outcome(lockd.forceUnlock('torn', { reason: 'x' }))).toBe('Stopped');
    expect(lockFiles(directory)).toEqual(['torn.lock']);
  });

  test('leaves the lock directory alone when it first wakes up for its maintenance', async () => {
    const daemon = await deposedDaemon();
    const { directory, lockd } = daemon;
    fs.unlinkSync(join(directory, 'b.lock'));
    fs.writeFileSync(join(directory, 'c.lock'), successorsLockFile(daemon, 'c'));
    fs.writeFileSync(join(directory, 'd.lock'), 'by hand');
    await lockd.maintain();
    expect(lockFiles(directory)).toEqual(['a.lock', 'c.lock', 'd.lock']);
    expect(await lockd.failed).toBeInstanceOf(Error);
    await lockd.maintain();
    expect(lockFiles(directory)).toEqual(['a.lock', 'c.lock', 'd.lock']);
  });
});

describe('a daemon whose directory is not there any more', () => {
  test.each<[string, (directory: string) => void]>([
    ['moved away', (directory) => fs.renameSync(directory, `${directory}.away`)],
    ['emptied', (directory) => fs.rmSync(join(directory, '.lockd'), { recursive: true })],
    [
      'replaced by its copy',
      (directory) => {
        const copy = crashCopy(directory);
        fs.renameSync(directory, `${directory}.away`);
        fs.renameSync(copy, directory);
      },
    ],
  ])('%s: answers nobody', async (_, change) => {
    const directory = temporaryDirectory();
    const { lockd } = await openDaemon(directory);
    await lockd.lock('a', 'A');
    change(directory);
    const calls = [lockd.lock('b', 'B'), lockd.status('a'), lockd.list(), lockd.unlock('a', 'A')];
    expect(await Promise.all(calls.map(outcome))).toEqual(['Stopped', 'Stopped', 'Stopped', 'Stopped']);
    expect(await lockd.failed).toBeInstanceOf(Error);
    await lockd.close();
    fs.rmSync(`${directory}.away`, { recursive: true, force: true });
  });
});
