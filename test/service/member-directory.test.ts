import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Layout } from '../../src/disk/layout.js';
import { inspectDirectory } from '../../src/service/fsck.js';
import { Lockd } from '../../src/service/lockd.js';
import { crashCopy, temporaryDirectory } from '../store/fixture.js';
import { adoptedFiles, clientIn, lockFiles, openDaemon } from './fixture.js';
import { rounds } from './manual-clock.js';
import { cutOff, MemberCluster } from './member-fixture.js';

const marker = (directory: string) => new Layout(directory).storeMarker;

function write(directory: string, name: string, content: string): void {
  fs.writeFileSync(join(directory, name), content);
}

describe('the directory of a member', () => {
  test('says where its locks are saved, and lets nobody take its lock files for locks', async () => {
    const { member, directory } = await new MemberCluster().stand('a');
    await member.lock('r', 'A');
    expect(JSON.parse(fs.readFileSync(marker(directory), 'utf8'))).toEqual({
      store: 'etcd://etcd:2379/test',
      id: 'id-1',
    });
    const left = crashCopy(directory);
    await expect(Lockd.open(left)).rejects.toThrow(
      `The locks of ${left} are saved in etcd://etcd:2379/test, and its lock files only show them; start lockd with --store`,
    );
    expect(lockFiles(left)).toEqual(['r.lock']);
  });

  test('is refused where it has locks of its own', async () => {
    const directory = temporaryDirectory();
    const { lockd } = await openDaemon(directory);
    await lockd.lock('r', 'A');
    await lockd.close();
    await expect(new MemberCluster().open('a', { directory })).rejects.toThrow(
      `${directory} has locks of its own, which --store would leave behind; move them with lockd migrate`,
    );
    expect(fs.existsSync(marker(directory))).toBe(false);
    expect(lockFiles(directory)).toEqual(['r.lock']);
  });

  test('is refused where it was used with another prefix', async () => {
    const { member, directory } = await new MemberCluster().open('a');
    await member.close();
    const other = new MemberCluster();
    await other.open('x', { makeId: () => 'another' });
    await expect(other.open('a', { directory })).rejects.toThrow(
      `${directory} was used with etcd://etcd:2379/test, whose id was id-1; that of etcd://etcd:2379/test is another`,
    );
    fs.unlinkSync(marker(directory));
    expect((await other.open('a', { directory })).member.id).toBe('another');
  });

  test('may come by other endpoints later', async () => {
    const cluster = new MemberCluster();
    const { member, directory } = await cluster.open('a');
    await member.close();
    await cluster.open('a', { directory, store: 'etcd://moved:2379/test' });
    expect(JSON.parse(fs.readFileSync(marker(directory), 'utf8'))).toEqual({
      store: 'etcd://moved:2379/test',
      id: 'id-1',
    });
  });

  test.each(['', '{', '{"store":1}', '[]'])('is refused where its marker says %j', async (content) => {
    const directory = temporaryDirectory();
    fs.mkdirSync(join(directory, '.lockd'));
    write(directory, '.lockd/store', content);
    const text = `${marker(directory)} cannot be read, which says where the locks of this directory are saved`;
    await expect(Lockd.open(directory)).rejects.toThrow(text);
    await expect(new MemberCluster().open('a', { directory })).rejects.toThrow(text);
    expect((await inspectDirectory(directory)).findings).toContainEqual({
      level: 'damage',
      text: expect.stringContaining(text),
    });
  });

  test('shows nothing of an earlier process while it follows, and keeps what is not ours', async () => {
    const cluster = new MemberCluster();
    const a = await cluster.stand('a');
    await Promise.all(['r', 's', 't'].map((name) => a.member.lock(name, 'A')));
    write(a.directory, 'foreign.lock', 'somebody');
    // kill -9 of a, and a start while it is still thought to lead.
    const directory = crashCopy(a.directory);
    const again = await cluster.stand('a', { directory });
    expect(again.member.leader.isUs).toBe(false);
    expect(lockFiles(directory)).toEqual(['foreign.lock']);
    expect(fs.readdirSync(join(directory, '.lockd')).filter((name) => name.startsWith('slots-'))).toEqual([]);
  });

  test('shows what is held when it leads again, and nothing else', async () => {
    const cluster = new MemberCluster();
    const { a, b } = await cluster.two();
    await a.member.lock('r', 'A');
    cutOff(a);
    await cluster.clock.advance(6_000);
    await b.member.unlock('r', 'A');
    await b.member.lock('s', 'B');
    // With what was shown before, as a process that was killed leaves it.
    const directory = crashCopy(b.directory);
    write(directory, 'foreign.lock', 'somebody');
    await b.member.close();
    await cluster.clock.advance(100);
    a.kv.onRequest = () => 'never';
    const again = await cluster.stand('b', { directory });
    expect(again.member.leader.isUs).toBe(true);
    expect(lockFiles(directory)).toEqual(['foreign.lock', 's.lock']);
    expect(clientIn(directory, 's.lock')).toBe('B');
  });
});

describe('a foreign lock file in the directory of the leader', () => {
  test('locks nothing, wherever it comes from, and stays where it is', async () => {
    const { member, directory } = await new MemberCluster().open('a');
    write(directory, 'early.lock', 'somebody');
    member.stand();
    await rounds();
    write(directory, 'late.lock', 'somebody');
    write(directory, 'torn.lock', '{"lockd":1,');
    expect((await member.status('early')).state).toBe('free');
    expect(await member.list()).toEqual([]);
    expect(lockFiles(directory)).toEqual(['early.lock', 'late.lock', 'torn.lock']);
  });

  test.each([
    ['text', 'somebody'],
    ['what cannot be read', '\0\0'],
    [
      'a lock of another directory',
      '{"lockd":1,"directory":"x","resource":"r","limit":1,"held":0,"holders":[]}',
    ],
  ])('is moved where it stands in the way: %s', async (_, content) => {
    const { member, directory, log } = await new MemberCluster().stand('a');
    write(directory, 'r.lock', content);
    expect(await member.lock('r', 'A')).toMatchObject({ client: 'A' });
    expect(clientIn(directory, 'r.lock')).toBe('A');
    expect(adoptedFiles(directory)).toEqual(['r.lock']);
    expect(fs.readFileSync(join(directory, '.lockd/adopted/r.lock'), 'utf8')).toBe(content);
    expect(log).toContainEqual(
      expect.stringContaining("warn: A foreign file stood in the place of the lock file of 'r'; it is now"),
    );
    await member.unlock('r', 'A');
    expect(lockFiles(directory)).toEqual([]);
  });

  test('is moved also where it was there before the term', async () => {
    const cluster = new MemberCluster();
    const { a, b } = await cluster.two();
    await a.member.lock('r', 'A');
    write(b.directory, 'r.lock', 'somebody');
    await a.member.close();
    await cluster.clock.advance(1_000);
    expect(clientIn(b.directory, 'r.lock')).toBe('A');
    expect(adoptedFiles(b.directory)).toEqual(['r.lock']);
  });
});

describe('a disk of the leader that takes nothing', () => {
  test('keeps nobody from a lock, and is a problem; later the lock file is made', async () => {
    const { member, directory, disk } = await new MemberCluster().stand('a');
    disk.failNext('write', { code: 'ENOSPC', path: /slots/, times: Number.POSITIVE_INFINITY });
    disk.failNext('create', { code: 'ENOSPC', path: /slots/, times: Number.POSITIVE_INFINITY });
    expect(await member.lock('r', 'A')).toMatchObject({ client: 'A' });
    expect(lockFiles(directory)).toEqual([]);
    expect(member.readiness().status).toBe('ready');
    expect(member.health().problems).toEqual([
      expect.stringContaining("lock file of 'r' is not as it should be"),
    ]);
    disk.heal();
    await member.lock('s', 'B');
    expect(lockFiles(directory)).toContain('s.lock');
  });
});

describe('fsck of such a directory', () => {
  test('says where the locks are, and what only looks like one', async () => {
    const { member, directory } = await new MemberCluster().stand('a');
    await member.lock('r', 'A');
    write(directory, 'foreign.lock', 'somebody');
    const { findings, ok } = await inspectDirectory(directory);
    expect(ok).toBe(true);
    expect(findings).toEqual([
      {
        level: 'note',
        text: `The locks of ${directory} are saved in etcd://etcd:2379/test; its lock files only show them`,
      },
      {
        level: 'note',
        text: `${directory}/foreign.lock locks nothing: lockd did not write it, and adopts nothing here`,
      },
      { level: 'ok', text: 'Lock files that show a lock: 1; who leads makes them, and takes them away' },
    ]);
  });

  test('finds a journal beside the marker', async () => {
    const directory = temporaryDirectory();
    const { lockd } = await openDaemon(directory);
    await lockd.close();
    write(directory, '.lockd/store', '{"store":"etcd://x/y","id":"z"}');
    const { findings, ok } = await inspectDirectory(directory);
    expect(ok).toBe(false);
    expect(findings.map(({ text }) => text).join()).toContain(
      'which was not finished; run it again: lockd migrate',
    );
  });
});
