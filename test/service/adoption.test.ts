import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { nodeDisk } from '../../src/disk/node-disk.js';
import { crashCopy, recovered, temporaryDirectory } from '../store/fixture.js';
import { HeldDisk } from '../store/held-disk.js';
import { adoptedFiles, clientIn, FULL, isSettled, lockFiles, openDaemon, outcome } from './fixture.js';

describe('lock files of another program, found at the start', () => {
  test('a directory of gocept.lockd goes on as it was', async () => {
    const directory = temporaryDirectory();
    fs.writeFileSync(join(directory, 'host1.resource.lock'), 'alice');
    fs.writeFileSync(join(directory, 'host2.resource.lock'), ' bob\n');
    fs.writeFileSync(join(directory, 'notes.txt'), 'not a lock');
    const { lockd, log } = await openDaemon(directory);
    expect(lockd.recoveredLocks).toBe(2);
    expect(await outcome(lockd.lock('host1', 'B'))).toBe("1: Resource already locked by 'alice'");
    expect(await outcome(lockd.unlock('host1', 'bob'))).toBe(
      "2: Resource locked by 'alice' cannot be unlocked by 'bob'",
    );
    expect(lockFiles(directory)).toEqual(['host1.lock', 'host2.lock']);
    expect(clientIn(directory, 'host2.lock')).toBe('bob');
    expect(adoptedFiles(directory)).toEqual(['host1.resource.lock', 'host2.resource.lock']);
    expect(log).toContain(
      `info: Adopted the lock of 'alice' on 'host1' from ${join(directory, 'host1.resource.lock')}`,
    );
    expect(await lockd.unlock('host1', 'alice')).toBe(true);
    await lockd.close();
    const { lockd: next } = await openDaemon(directory);
    expect((await next.list()).map(({ resource }) => resource)).toEqual(['host2']);
    expect(fs.existsSync(join(directory, 'notes.txt'))).toBe(true);
  });

  test('are saved before the daemon is open', async () => {
    const directory = temporaryDirectory();
    fs.writeFileSync(join(directory, 'r.lock'), 'alice');
    await openDaemon(directory);
    const copy = crashCopy(directory);
    expect(recovered(copy).records).toMatchObject([
      { resource: 'r', client: 'alice', from: join(directory, 'r.lock') },
    ]);
    const { lockd } = await openDaemon(copy);
    expect(await lockd.unlock('r', 'alice')).toBe(true);
    const { lockd: next } = await openDaemon(crashCopy(copy));
    expect(await next.list()).toEqual([]);
  });

  test('get tokens above every one that was seen', async () => {
    const directory = temporaryDirectory();
    const token = 7_000_000_000_000_000;
    const content = {
      lockd: 1,
      directory: 'another',
      resource: 'r',
      limit: 2,
      held: 2,
      holders: [
        { client: 'A', token: String(token), note: 'why' },
        { client: 'B', token: String(token - 5) },
      ],
    };
    fs.writeFileSync(join(directory, 'r.lock'), JSON.stringify(content));
    fs.writeFileSync(join(directory, 's.lock'), 'S');
    const { lockd } = await openDaemon(directory);
    const holders = (await lockd.list()).flatMap((status) => status.holders);
    expect(holders.map(({ client }) => client)).toEqual(['A', 'B', 'S']);
    for (const holder of holders) expect(Number(holder.token)).toBeGreaterThan(token);
    expect(holders[0]).toMatchObject({ note: 'why', limit: 2 });
  });

  test('thousands of them are adopted, each once', async () => {
    const directory = temporaryDirectory();
    for (let index = 0; index < 1_100; index += 1) fs.writeFileSync(join(directory, `r${index}.lock`), 'A');
    const { lockd } = await openDaemon(directory);
    expect(lockd.recoveredLocks).toBe(1_100);
    expect(lockFiles(directory)).toHaveLength(1_100);
    expect(adoptedFiles(directory)).toHaveLength(1_100);
    const holders = (await lockd.list({ count: 10_000 })).flatMap((status) => status.holders);
    expect(new Set(holders.map(({ token }) => token)).size).toBe(1_100);
  });

  test('two of one resource: the same client is one lock, different ones lock it for `?`', async () => {
    const directory = temporaryDirectory();
    fs.writeFileSync(join(directory, 'same.lock'), 'A');
    fs.writeFileSync(join(directory, 'same.resource.lock'), 'A\n');
    fs.writeFileSync(join(directory, 'other.lock'), 'A');
    fs.writeFileSync(join(directory, 'other.resource.lock'), 'B');
    const { lockd } = await openDaemon(directory);
    expect(await lockd.status('same')).toMatchObject({ state: 'held', held: 1 });
    expect(await lockd.status('other')).toMatchObject({ state: 'unreadable', held: 0 });
    expect(await outcome(lockd.unlock('other', 'A'))).toMatch(
      /^12: 'other' is locked by '\?': its lock file /,
    );
    expect(await lockd.forceUnlock('other', { reason: 'looked' })).toBe(true);
    expect(await lockd.status('other')).toMatchObject({ state: 'free' });
    expect(adoptedFiles(directory)).toEqual([
      'other.lock',
      'other.resource.lock',
      'same.lock',
      'same.resource.lock',
    ]);
  });

  test('no space to adopt them: the start is refused, nothing is moved, and the next one adopts', async () => {
    const directory = temporaryDirectory();
    fs.writeFileSync(join(directory, 'r.lock'), 'alice');
    const held = new HeldDisk(nodeDisk);
    const first = await openDaemon(temporaryDirectory());
    // The head and the end of the first segment may still be written.
    first.disk.failNext('write', { ...FULL, after: 2 });
    await expect(openDaemon(directory, { faulty: first.disk })).rejects.toMatchObject({ code: 15 });
    expect(lockFiles(directory)).toEqual(['r.lock']);
    expect(fs.readFileSync(join(directory, 'r.lock'), 'utf8')).toBe('alice');
    const { lockd } = await openDaemon(directory, { disk: held.disk });
    expect(await lockd.status('r')).toMatchObject({ state: 'held' });
  });
});

describe('a foreign lock file that appears while the daemon runs', () => {
  test('in the way of a lock: it is a lock first, and the request meets it', async () => {
    const directory = temporaryDirectory();
    const { lockd, log } = await openDaemon(directory);
    const before = await lockd.lock('before', 'A');
    fs.writeFileSync(join(directory, 'r.lock'), 'by hand\n');
    expect(await outcome(lockd.lock('r', 'A'))).toBe("1: Resource already locked by 'by hand'");
    expect(clientIn(directory, 'r.lock')).toBe('by hand');
    expect(adoptedFiles(directory)).toEqual(['r.lock']);
    const [holder] = (await lockd.status('r')).holders;
    expect(Number(holder?.token)).toBeGreaterThan(Number(before.token));
    const { lockd: next } = await openDaemon(crashCopy(directory));
    expect(await outcome(next.lock('r', 'A'))).toBe("1: Resource already locked by 'by hand'");
    expect(log.filter((line) => line.startsWith('warn'))).toEqual([]);
  });

  test('it is saved before the request is refused, and moved only then', async () => {
    const directory = temporaryDirectory();
    const held = new HeldDisk(nodeDisk);
    const { lockd } = await openDaemon(directory, { disk: held.disk });
    fs.writeFileSync(join(directory, 'r.lock'), 'by hand');
    held.hold();
    const refused = outcome(lockd.lock('r', 'A'));
    await held.held();
    expect(await isSettled(refused)).toBe(false);
    expect(fs.readFileSync(join(directory, 'r.lock'), 'utf8')).toBe('by hand');
    held.release();
    expect(await refused).toBe("1: Resource already locked by 'by hand'");
    expect(recovered(directory).records).toMatchObject([{ resource: 'r', client: 'by hand' }]);
  });

  test('with the name of the very client who asks, it is his lock already', async () => {
    const directory = temporaryDirectory();
    const { lockd } = await openDaemon(directory);
    fs.writeFileSync(join(directory, 'r.lock'), 'A');
    expect(await outcome(lockd.lock('r', 'A'))).toBe("1: Resource already locked by 'A'");
    expect(await lockd.unlock('r', 'A')).toBe(true);
    expect(await outcome(lockd.lock('r', 'B'))).toMatchObject({ client: 'B' });
  });

  test('anywhere else it is found by the next maintenance', async () => {
    const directory = temporaryDirectory();
    const { lockd, log } = await openDaemon(directory);
    fs.writeFileSync(join(directory, 'host1.resource.lock'), 'alice');
    fs.writeFileSync(join(directory, 'r.lock'), 'bob');
    await lockd.maintain();
    expect((await lockd.list()).map(({ resource, state }) => `${resource} ${state}`)).toEqual([
      'host1 held',
      'r held',
    ]);
    expect(adoptedFiles(directory)).toEqual(['host1.resource.lock', 'r.lock']);
    expect(lockFiles(directory)).toEqual(['host1.lock', 'r.lock']);
    expect(log).toHaveLength(2);
  });

  test('for a resource that is held it changes nothing, and is put aside', async () => {
    const directory = temporaryDirectory();
    const { lockd, log } = await openDaemon(directory);
    await lockd.lock('r', 'A');
    fs.writeFileSync(join(directory, 'r.resource.lock'), 'B');
    await lockd.maintain();
    expect((await lockd.status('r')).holders.map(({ client }) => client)).toEqual(['A']);
    expect(lockFiles(directory)).toEqual(['r.lock']);
    expect(log).toEqual([
      `warn: ${join(directory, 'r.resource.lock')} claimed 'r', which is held; the file was moved to ` +
        join(directory, '.lockd/adopted'),
    ]);
  });

  test('one that a request adopted first is not taken for foreign again', async () => {
    const directory = temporaryDirectory();
    const held = new HeldDisk(nodeDisk);
    const { lockd } = await openDaemon(directory, { disk: held.disk });
    for (const name of ['a', 'b', 'c']) fs.writeFileSync(join(directory, `${name}.lock`), `client ${name}`);
    held.hold();
    const maintained = lockd.maintain();
    await held.held();
    // Maintenance adopts one after the other; requests for the others come in between.
    const refused = ['a', 'b', 'c'].map((name) => outcome(lockd.lock(name, 'X')));
    held.release();
    expect(await Promise.all(refused)).toEqual([
      "1: Resource already locked by 'client a'",
      "1: Resource already locked by 'client b'",
      "1: Resource already locked by 'client c'",
    ]);
    await maintained;
    for (const name of ['a', 'b', 'c']) expect(clientIn(directory, `${name}.lock`)).toBe(`client ${name}`);
    expect(adoptedFiles(directory)).toEqual(['a.lock', 'b.lock', 'c.lock']);
    expect(lockd.health().status).toBe('ok');
  });

  test('on a full disk it stays where it is, and still keeps everybody out', async () => {
    const directory = temporaryDirectory();
    const { lockd, disk, log } = await openDaemon(directory);
    fs.writeFileSync(join(directory, 'r.lock'), 'by hand');
    fs.writeFileSync(join(directory, 'host1.resource.lock'), 'alice');
    disk.failNext('write', FULL);
    await lockd.maintain();
    expect(log).toEqual([
      `warn: The minute's maintenance failed: No space left in ${directory}; nothing was changed`,
    ]);
    expect(await outcome(lockd.lock('r', 'A'))).toMatch(/^15: /);
    expect(lockFiles(directory)).toEqual(['host1.resource.lock', 'r.lock']);
    expect(adoptedFiles(directory)).toEqual([]);
    disk.heal();
    expect(await outcome(lockd.lock('r', 'A'))).toBe("1: Resource already locked by 'by hand'");
    await lockd.maintain();
    expect(await lockd.status('host1')).toMatchObject({ state: 'held' });
    expect(adoptedFiles(directory)).toEqual(['host1.resource.lock', 'r.lock']);
  });
});

describe('a lock file that cannot be read', () => {
  const UNREADABLE: [string, (path: string) => void][] = [
    ['empty', (path) => fs.writeFileSync(path, '')],
    ['blank', (path) => fs.writeFileSync(path, ' \n')],
    ['torn', (path) => fs.writeFileSync(path, '{"lockd":1,"resource":"r","hol')],
    ['of no text', (path) => fs.writeFileSync(path, Buffer.from([0xff, 0xfe, 0]))],
    [
      'too large',
      (path) => {
        fs.writeFileSync(path, 'A');
        fs.truncateSync(path, 1 << 30);
      },
    ],
    ['of several lines', (path) => fs.writeFileSync(path, 'a\nb\n')],
    ['a directory', (path) => fs.mkdirSync(path)],
    ['a symbolic link', (path) => fs.symlinkSync('/etc/hostname', path)],
    ['a FIFO', (path) => execFileSync('mkfifo', [path])],
  ];

  test.each(UNREADABLE)(
    '%s: its resource is locked by `?` until forceUnlock, the others work',
    async (_, make) => {
      const directory = temporaryDirectory();
      const path = join(directory, 'r.lock');
      make(path);
      const { lockd, log } = await openDaemon(directory);
      const text = `12: 'r' is locked by '?': its lock file ${path} cannot be read. Look at it, then forceUnlock`;
      expect(await outcome(lockd.lock('r', 'A'))).toBe(text);
      expect(await outcome(lockd.unlock('r', 'A'))).toBe(text);
      expect(await lockd.status('r')).toEqual({
        resource: 'r',
        state: 'unreadable',
        limit: 1,
        held: 0,
        holders: [],
        waiting: 0,
        queue: [],
        file: path,
      });
      expect(log).toEqual([
        `warn: 'r' is locked by '?': ${path} cannot be read. Look at it, then forceUnlock`,
      ]);
      expect(await outcome(lockd.lock('other', 'A'))).toMatchObject({ client: 'A' });
      await lockd.maintain();
      expect(await outcome(lockd.lock('r', 'A'))).toBe(text);
      expect(log).toHaveLength(1);

      const { lockd: again } = await openDaemon(crashCopy(directory));
      expect(await again.status('r')).toMatchObject({ state: 'unreadable' });

      expect(await lockd.forceUnlock('r', { reason: 'looked at it' })).toBe(true);
      expect(lockFiles(directory)).toEqual(['other.lock']);
      expect(adoptedFiles(directory)).toEqual(['r.lock']);
      const { lockd: next } = await openDaemon(crashCopy(directory));
      expect(await next.status('r')).toMatchObject({ state: 'free' });
      expect(await outcome(lockd.lock('r', 'A'))).toMatchObject({ client: 'A' });
    },
  );

  test.each(UNREADABLE)('%s, made while the daemon runs: it is in the way just so', async (_, make) => {
    const directory = temporaryDirectory();
    const { lockd } = await openDaemon(directory);
    make(join(directory, 'r.lock'));
    expect(await outcome(lockd.lock('r', 'A'))).toMatch(/^12: /);
    expect(await outcome(lockd.lock('other', 'A'))).toMatchObject({ client: 'A' });
    await lockd.maintain();
    expect(await outcome(lockd.lock('r', 'A'))).toMatch(/^12: /);
    expect(await lockd.forceUnlock('r', { reason: 'x' })).toBe(true);
    expect(await outcome(lockd.lock('r', 'A'))).toMatchObject({ client: 'A' });
  });

  test('mended by hand meanwhile, it still locks: now, and after a restart', async () => {
    const directory = temporaryDirectory();
    const path = join(directory, 'r.lock');
    fs.writeFileSync(path, '');
    const { lockd, log } = await openDaemon(directory);
    fs.writeFileSync(path, 'alice');
    await lockd.maintain();
    expect(await lockd.status('r')).toMatchObject({ state: 'unreadable' });
    expect(lockFiles(directory)).toEqual(['r.lock']);
    await lockd.maintain();
    expect(log).toHaveLength(1);
    await lockd.close();
    const { lockd: next } = await openDaemon(directory);
    expect(await outcome(next.lock('r', 'A'))).toBe("1: Resource already locked by 'alice'");
  });

  test('removed by hand meanwhile, it still locks until forceUnlock', async () => {
    const directory = temporaryDirectory();
    fs.writeFileSync(join(directory, 'r.lock'), '');
    const { lockd } = await openDaemon(directory);
    fs.unlinkSync(join(directory, 'r.lock'));
    await lockd.maintain();
    expect(await outcome(lockd.lock('r', 'A'))).toMatch(/^12: /);
    expect(await lockd.forceUnlock('r', { reason: 'x' })).toBe(true);
    expect(await outcome(lockd.lock('r', 'A'))).toMatchObject({ client: 'A' });
  });

  test('stays where it is when its freeing cannot be saved', async () => {
    const directory = temporaryDirectory();
    fs.writeFileSync(join(directory, 'r.lock'), '');
    const { lockd, disk } = await openDaemon(directory);
    disk.failNext('write', FULL);
    expect(await outcome(lockd.forceUnlock('r', { reason: 'x' }))).toMatch(/^15: /);
    expect(await outcome(lockd.lock('r', 'A'))).toMatch(/^12: /);
    expect(lockFiles(directory)).toEqual(['r.lock']);
    disk.heal();
    expect(await lockd.forceUnlock('r', { reason: 'x' })).toBe(true);
    expect(adoptedFiles(directory)).toEqual(['r.lock']);
  });
});

describe('a directory whose journal was moved away', () => {
  test('every lock file becomes a lock again, with a higher token', async () => {
    const directory = temporaryDirectory();
    const first = await openDaemon(directory);
    for (const resource of ['a', 'deploy/prod', '.hidden', 'x'.repeat(300)]) {
      await first.lockd.lock(resource, `on ${resource.slice(0, 9)}`, { note: 'kept' });
    }
    await first.lockd.lock('pool', 'A', { limit: 3 });
    await first.lockd.lock('pool', 'B', { limit: 3 });
    await first.lockd.lock('gone', 'A');
    await first.lockd.unlock('gone', 'A');
    const before = await first.lockd.list();
    await first.lockd.close();
    fs.renameSync(join(directory, '.lockd'), join(directory, '.lockd.damaged'));

    const { lockd } = await openDaemon(directory);
    expect(lockd.id).not.toBe(first.lockd.id);
    expect(lockd.recoveredLocks).toBe(6);
    const after = await lockd.list();
    const shape = (page: typeof after) =>
      page.map(({ resource, limit, holders }) => [
        resource,
        limit,
        holders.map(({ client, note }) => [client, note]),
      ]);
    expect(shape(after)).toEqual(shape(before));
    const highest = Math.max(...before.flatMap(({ holders }) => holders.map(({ token }) => Number(token))));
    for (const { holders } of after) {
      for (const { token } of holders) expect(Number(token)).toBeGreaterThan(highest);
    }
    expect(lockFiles(directory)).toHaveLength(5);
    await lockd.close();
    const { lockd: next } = await openDaemon(directory);
    expect(await next.list()).toEqual(after);
  });
});
