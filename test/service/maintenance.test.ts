import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { nodeDisk } from '../../src/disk/node-disk.js';
import { FaultyDisk } from '../disk/faulty-disk.js';
import { temporaryDirectory } from '../store/fixture.js';
import { clientIn, FULL, JOURNAL, lockFiles, openDaemon, outcome } from './fixture.js';

describe('the minute’s maintenance', () => {
  test('brings back a lock file that was deleted: deleting unlocks nothing', async () => {
    const directory = temporaryDirectory();
    const { lockd, log } = await openDaemon(directory);
    await lockd.lock('r', 'A');
    const path = join(directory, 'r.lock');
    fs.unlinkSync(path);
    expect(await outcome(lockd.lock('r', 'B'))).toBe("1: Resource already locked by 'A'");
    await lockd.maintain();
    expect(clientIn(directory, 'r.lock')).toBe('A');
    expect(log).toEqual([
      `warn: The lock file ${path} was missing and was made again; deleting it unlocks nothing`,
    ]);
    expect(await lockd.unlock('r', 'A')).toBe(true);
    expect(lockFiles(directory)).toEqual([]);
  });

  test('a deleted lock file is no obstacle to the unlock', async () => {
    const directory = temporaryDirectory();
    const { lockd } = await openDaemon(directory);
    await lockd.lock('r', 'A');
    fs.unlinkSync(join(directory, 'r.lock'));
    expect(await lockd.unlock('r', 'A')).toBe(true);
    expect(lockd.health().status).toBe('ok');
  });

  test('removes lock files of ours that lock nothing', async () => {
    const directory = temporaryDirectory();
    const { lockd, log } = await openDaemon(directory);
    await lockd.lock('r', 'A');
    fs.copyFileSync(join(directory, 'r.lock'), join(directory, 'r.kept'));
    await lockd.unlock('r', 'A');
    fs.renameSync(join(directory, 'r.kept'), join(directory, 'r.lock'));
    await lockd.maintain();
    expect(lockFiles(directory)).toEqual([]);
    expect(await lockd.status('r')).toMatchObject({ state: 'free' });
    expect(log).toEqual([]);
  });

  test('one of ours that came back locks nobody out before it is removed', async () => {
    const directory = temporaryDirectory();
    const { lockd } = await openDaemon(directory);
    await lockd.lock('r', 'A');
    const content = fs.readFileSync(join(directory, 'r.lock'));
    await lockd.unlock('r', 'A');
    fs.writeFileSync(join(directory, 'r.lock'), content);
    expect(await outcome(lockd.lock('r', 'B'))).toMatchObject({ client: 'B' });
    expect(clientIn(directory, 'r.lock')).toBe('B');
  });

  test('does not adopt a second time what a request adopted meanwhile, and gave back', async () => {
    const directory = temporaryDirectory();
    const { lockd, disk } = await openDaemon(directory);
    for (const name of ['a', 'b', 'c']) fs.writeFileSync(join(directory, `${name}.lock`), 'X');
    let unlocked: Promise<unknown> | undefined;
    // While the first claim is being saved, and the others wait for it.
    disk.before(
      'sync',
      () => {
        unlocked ??= outcome(lockd.lock('c', 'B')).then(() => outcome(lockd.unlock('c', 'X')));
      },
      JOURNAL,
    );
    await lockd.maintain();
    expect(await unlocked).toBe(true);
    expect(await lockd.status('c')).toMatchObject({ state: 'free' });
    expect(await lockd.status('a')).toMatchObject({ state: 'held' });
  });

  test('leaves everything else alone', async () => {
    const directory = temporaryDirectory();
    const { lockd } = await openDaemon(directory);
    for (const name of ['README', 'r.lock.bak', '.hidden']) fs.writeFileSync(join(directory, name), 'x');
    const before = fs.readdirSync(directory);
    await lockd.maintain();
    expect(fs.readdirSync(directory)).toEqual(before);
    expect(await lockd.list()).toEqual([]);
  });

  test('drops history that is too much, and says how much there is', async () => {
    const directory = temporaryDirectory();
    const { lockd } = await openDaemon(directory, { segmentBytes: 2_000, historySizeBytes: 0 });
    for (let index = 0; index < 100; index += 1) {
      await lockd.lock('r', 'A');
      await lockd.unlock('r', 'A');
    }
    await lockd.maintain();
    const { journalBytes } = await lockd.stats();
    expect(journalBytes).toBeLessThan(8_000);
  });

  test('that meets an error of the disk is logged, and the daemon goes on', async () => {
    const directory = temporaryDirectory();
    const { lockd, disk, log } = await openDaemon(directory);
    await lockd.lock('r', 'A');
    const content = fs.readFileSync(join(directory, 'r.lock'));
    await lockd.unlock('r', 'A');
    fs.writeFileSync(join(directory, 'r.lock'), content);
    disk.failNext('unlink', { code: 'EPERM', path: /r\.lock$/ });
    await lockd.maintain();
    expect(log).toEqual([expect.stringMatching(/^warn: .*EPERM: /)]);
    expect(await outcome(lockd.lock('other', 'A'))).toMatchObject({ client: 'A' });
    await lockd.maintain();
    expect(lockFiles(directory)).toEqual(['other.lock']);
    expect(lockd.health()).toEqual({ status: 'ok', problems: [] });
  });

  test.each(['listLater', 'list', 'stat'] as const)('that cannot look (%s fails) is logged', async (op) => {
    const directory = temporaryDirectory();
    const { lockd, disk, log } = await openDaemon(directory);
    await lockd.maintain();
    fs.writeFileSync(join(directory, 'x.lock'), 'X');
    disk.failNext(op, { code: 'EIO', ...(op === 'stat' ? { path: /x\.lock$/ } : {}) });
    await lockd.maintain();
    const warnings = log.filter((line) => line.startsWith('warn'));
    expect(warnings).toEqual([expect.stringMatching(/^warn: The minute's maintenance failed: EIO: /)]);
    expect(await outcome(lockd.lock('r', 'A'))).toMatchObject({ client: 'A' });
  });

  test('goes on beside calls', async () => {
    const directory = temporaryDirectory();
    const { lockd } = await openDaemon(directory);
    await Promise.all(Array.from({ length: 50 }, (_, index) => lockd.lock(`kept${index}`, 'A')));
    const rounds = Array.from({ length: 20 }, async (_, client) => {
      for (let round = 0; round < 20; round += 1) {
        await lockd.lock(`r${client}`, 'A');
        await lockd.unlock(`r${client}`, 'A');
      }
    });
    const maintained = Array.from({ length: 5 }, () => lockd.maintain());
    await Promise.all([...rounds, ...maintained]);
    expect(lockFiles(directory)).toHaveLength(50);
    expect(lockd.health()).toEqual({ status: 'ok', problems: [] });
  });
});

describe('health', () => {
  test('tells of a lock file that could not be made, until it is', async () => {
    const directory = temporaryDirectory();
    const { lockd, disk, log } = await openDaemon(directory);
    disk.failNext('link', { code: 'EIO', path: /r\.lock$/ });
    expect(await outcome(lockd.lock('r', 'A'))).toMatchObject({ client: 'A' });
    const problem =
      `The lock file of 'r' is not as it should be (EIO: made up, link '${join(directory, 'r.lock')}'); ` +
      'it is tried again';
    expect(lockd.health()).toEqual({ status: 'degraded', problems: [problem] });
    expect(log).toEqual([`warn: ${problem}`]);
    expect(await outcome(lockd.lock('r', 'B'))).toBe("1: Resource already locked by 'A'");
    await lockd.maintain();
    expect(lockd.health()).toEqual({ status: 'ok', problems: [] });
    expect(clientIn(directory, 'r.lock')).toBe('A');
  });

  test('tells of a lock file that could not be removed, until it is', async () => {
    const directory = temporaryDirectory();
    const { lockd, disk } = await openDaemon(directory);
    await lockd.lock('r', 'A');
    disk.failNext('unlink', { code: 'EIO', path: /r\.lock$/ });
    expect(await outcome(lockd.unlock('r', 'A'))).toBe(true);
    expect(lockd.health().status).toBe('degraded');
    expect(await lockd.status('r')).toMatchObject({ state: 'free' });
    await lockd.maintain();
    expect(lockd.health()).toEqual({ status: 'ok', problems: [] });
    expect(lockFiles(directory)).toEqual([]);
  });

  test('a resource whose lock file could not be removed can be locked again', async () => {
    const directory = temporaryDirectory();
    const { lockd, disk } = await openDaemon(directory);
    await lockd.lock('r', 'A');
    disk.failNext('unlink', { code: 'EIO', path: /r\.lock$/ });
    await lockd.unlock('r', 'A');
    expect(await outcome(lockd.lock('r', 'B'))).toMatchObject({ client: 'B' });
    expect(clientIn(directory, 'r.lock')).toBe('B');
    expect(lockd.health().status).toBe('ok');
  });

  test('tells of a reserve that could not be made', async () => {
    const directory = temporaryDirectory();
    const faulty = new FaultyDisk(nodeDisk);
    // At the start, and when it is looked at.
    faulty.failNext('create', { code: 'ENOSPC', path: /reserve$/, times: 2 });
    const { lockd } = await openDaemon(directory, { faulty });
    const problems = [`There is hardly any space left in ${directory}`];
    expect(lockd.health()).toEqual({ status: 'degraded', problems });
    expect(lockd.health()).toEqual({ status: 'ok', problems: [] });
  });

  test('a refusal for lack of space is no lasting problem', async () => {
    const { lockd, disk } = await openDaemon(temporaryDirectory());
    disk.failNext('write', { ...FULL, times: 1 });
    expect(await outcome(lockd.lock('r', 'A'))).toMatch(/^15: /);
    expect(lockd.health().status).toBe('ok');
  });
});

test('a file system without hard links: locks have files all the same, and nothing is lost', async () => {
  const directory = temporaryDirectory();
  const faulty = new FaultyDisk(nodeDisk);
  faulty.failNext('link', { code: 'EPERM', times: Number.POSITIVE_INFINITY });
  const first = await openDaemon(directory, { faulty });
  await first.lockd.lock('r', 'A', { limit: 2 });
  await first.lockd.lock('r', 'B', { limit: 2 });
  await first.lockd.lock('s', 'A');
  await first.lockd.unlock('s', 'A');
  expect(clientIn(directory, 'r.lock')).toBe('A,B');
  expect(lockFiles(directory)).toEqual(['r.lock']);
  await first.lockd.close();
  const { lockd } = await openDaemon(directory);
  expect(await lockd.list()).toHaveLength(1);
});
