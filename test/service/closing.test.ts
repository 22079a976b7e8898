import * as fs from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { nodeDirectoryAccess } from '../../src/disk/directory-access.js';
import { nodeDisk } from '../../src/disk/node-disk.js';
import { StartRefused } from '../../src/disk/start-refused.js';
import { Lockd } from '../../src/service/lockd.js';
import { FaultyDisk } from '../disk/faulty-disk.js';
import { crashCopy, newestSegment, temporaryDirectory } from '../store/fixture.js';
import { HeldDisk } from '../store/held-disk.js';
import { FULL, isSettled, JOURNAL, lockFiles, openDaemon, outcome } from './fixture.js';

const STOPPING = '16: The daemon is stopping';

describe('closing', () => {
  test('answers what waits, refuses what comes, and gives the directory back', async () => {
    const directory = temporaryDirectory();
    const held = new HeldDisk(nodeDisk);
    const { lockd } = await openDaemon(directory, { disk: held.disk });
    held.hold();
    const inFlight = outcome(lockd.lock('a', 'A'));
    await held.held();
    const waiting = [lockd.lock('b', 'B'), lockd.lock('a', 'B'), lockd.status('a'), lockd.list()].map(
      outcome,
    );
    const closed = lockd.close();
    const late = [
      lockd.lock('c', 'C'),
      lockd.unlock('a', 'A'),
      lockd.forceUnlock('a', { reason: 'x' }),
      lockd.status('c'),
      lockd.list(),
      lockd.stats(),
    ].map(outcome);
    expect(await Promise.all(late)).toEqual(late.map(() => STOPPING));
    expect(await isSettled(closed)).toBe(false);
    held.release();
    await closed;
    expect(await inFlight).toMatchObject({ client: 'A' });
    expect(await Promise.all(waiting)).toEqual([
      expect.objectContaining({ client: 'B' }),
      "1: Resource already locked by 'A'",
      expect.objectContaining({ state: 'held' }),
      [expect.objectContaining({ resource: 'a' }), expect.objectContaining({ resource: 'b' })],
    ]);
    const { lockd: next } = await openDaemon(directory);
    expect(next.recoveredLocks).toBe(2);
    expect(await outcome(lockd.status('a'))).toBe(STOPPING);
  });

  test('twice, or by two, is once', async () => {
    const { lockd } = await openDaemon(temporaryDirectory());
    const first = lockd.close();
    expect(lockd.close()).toBe(first);
    await first;
    await lockd.close();
  });

  test('because the directory lock was taken away: says so, also where it cannot be given back', async () => {
    let settle: (error: Error) => void = () => undefined;
    const lost = new Promise<Error>((resolve) => {
      settle = resolve;
    });
    const release = () => Promise.reject(new Error('EROFS: daemon.lock'));
    const claim = async () => ({ lost, warnings: [], release });
    const log: string[] = [];
    const directory = temporaryDirectory();
    const access = { ...nodeDirectoryAccess, claim };
    const lockd = await Lockd.open({ directory, access, log: (_, message) => log.push(message) });
    settle(new Error('heartbeat too late'));
    expect((await lockd.failed).message).toBe('heartbeat too late');
    expect(log).toEqual([
      `The lock on ${lockd.directory} was taken away (heartbeat too late); stopping`,
      `${lockd.directory} could not be given back in good order: EROFS: daemon.lock`,
    ]);
    expect(await outcome(lockd.status('a'))).toBe(STOPPING);
  });

  test('at once, and opened again, many times over', async () => {
    const directory = temporaryDirectory();
    for (let life = 0; life < 5; life += 1) {
      const { lockd } = await openDaemon(directory);
      expect(lockd.recoveredLocks).toBe(life);
      await lockd.lock(`r${life}`, 'A');
      await lockd.close();
    }
    // Of each life only what is still needed.
    const own = fs.readdirSync(join(directory, '.lockd'));
    expect(own.filter((name) => name.startsWith('epoch-'))).toEqual(['epoch-0000000005']);
  });

  test('while a minute is being maintained: nothing is changed any more, and nothing fails', async () => {
    const directory = temporaryDirectory();
    const held = new HeldDisk(nodeDisk);
    const { lockd, log } = await openDaemon(directory, { disk: held.disk });
    for (const name of ['a', 'b', 'c']) fs.writeFileSync(join(directory, `${name}.lock`), name);
    held.hold();
    const maintained = lockd.maintain();
    await held.held();
    const closed = lockd.close();
    held.release();
    await Promise.all([maintained, closed]);
    expect(await isSettled(lockd.failed)).toBe(false);
    expect(log.filter((line) => line.startsWith('warn'))).toEqual([]);
    const { lockd: next } = await openDaemon(directory);
    expect(next.recoveredLocks).toBe(3);
  });

  test('then a late maintenance does nothing', async () => {
    const directory = temporaryDirectory();
    const { lockd } = await openDaemon(directory);
    await lockd.lock('r', 'A');
    await lockd.close();
    fs.unlinkSync(join(directory, 'r.lock'));
    fs.writeFileSync(join(directory, 'x.lock'), 'X');
    await lockd.maintain();
    expect(lockFiles(directory)).toEqual(['x.lock']);
    expect(await isSettled(lockd.failed)).toBe(false);
  });

  test('under load leaves nothing half done', async () => {
    const directory = temporaryDirectory();
    const { lockd } = await openDaemon(directory, { segmentBytes: 1_000 });
    const calls = Array.from({ length: 300 }, async (_, index) => {
      for (let round = 0; round < 20; round += 1) {
        const locked = await outcome(lockd.lock(`r${index}`, 'A'));
        if (locked === STOPPING) return 'free';
        const unlocked = await outcome(lockd.unlock(`r${index}`, 'A'));
        if (unlocked === STOPPING) return 'held';
      }
      return 'free';
    });
    await lockd.lock('first', 'A');
    await lockd.lock('second', 'A');
    await lockd.close();
    const states = await Promise.all(calls);
    const { lockd: next } = await openDaemon(directory);
    for (const [index, state] of states.entries()) {
      expect((await next.status(`r${index}`)).state).toBe(state);
    }
    expect(lockFiles(directory)).toHaveLength(states.filter((state) => state === 'held').length + 2);
  });
});

describe('one daemon per directory', () => {
  test('a second one is refused and told who is there; the first does not notice', async () => {
    const directory = temporaryDirectory();
    const { lockd } = await openDaemon(directory);
    await lockd.lock('a', 'A');
    const before = fs.readdirSync(join(directory, '.lockd')).sort();
    await expect(Lockd.open(directory)).rejects.toThrow(
      new StartRefused(
        `${directory} is owned by another lockd (process ${process.pid} on ${hostname()}); ` +
          'stop that one first, or give another --directory',
      ),
    );
    expect(fs.readdirSync(join(directory, '.lockd')).sort()).toEqual(before);
    expect(await outcome(lockd.lock('b', 'B'))).toMatchObject({ client: 'B' });
    expect(await isSettled(lockd.failed)).toBe(false);
  });

  test('as soon as the first is closed the second may', async () => {
    const directory = temporaryDirectory();
    const { lockd } = await openDaemon(directory);
    await lockd.lock('a', 'A');
    await lockd.close();
    const next = await Lockd.open(directory);
    expect(next.recoveredLocks).toBe(1);
    await next.close();
  });
});

describe('a start that fails gives the directory back', () => {
  test('with a damaged journal: refused with the way out, which works', async () => {
    const directory = temporaryDirectory();
    const first = await openDaemon(directory);
    for (const resource of ['a', 'b', 'c']) await first.lockd.lock(resource, 'A');
    await first.lockd.close();
    const path = newestSegment(directory);
    const lines = fs.readFileSync(path, 'utf8').split('\n');
    fs.writeFileSync(path, [...lines.slice(0, 2), `x${lines[2]?.slice(1)}`, ...lines.slice(3)].join('\n'));
    for (let attempt = 0; attempt < 2; attempt += 1) {
      await expect(openDaemon(directory)).rejects.toThrow(
        `The journal is damaged: ${path}, line 3: the line is not whole, but line 4 behind it is good.`,
      );
    }
    expect(lockFiles(directory)).toEqual(['a.lock', 'b.lock', 'c.lock']);
    fs.renameSync(join(directory, '.lockd'), join(directory, '.lockd.damaged'));
    const { lockd } = await openDaemon(directory);
    expect(lockd.recoveredLocks).toBe(3);
  });

  test.each([
    ['create', /epoch/],
    ['write', JOURNAL],
    ['sync', JOURNAL],
    ['link', JOURNAL],
    ['makeDirectory', /slots/],
    ['list', /lockd-test-[^/]*$/],
  ] as const)('when %s fails', async (op, path) => {
    const directory = temporaryDirectory();
    const first = await openDaemon(directory);
    await first.lockd.lock('a', 'A');
    await first.lockd.close();
    const faulty = new FaultyDisk(nodeDisk);
    faulty.failNext(op, { code: 'EIO', path });
    await expect(openDaemon(directory, { faulty })).rejects.toThrow(/EIO/);
    const { lockd } = await openDaemon(directory);
    expect(lockd.recoveredLocks).toBe(1);
  });

  test('and does nothing there any more', async () => {
    const directory = temporaryDirectory();
    fs.writeFileSync(join(directory, 'r.lock'), 'alice');
    const faulty = new FaultyDisk(nodeDisk);
    faulty.failNext('write', { ...FULL, after: 2 });
    await expect(openDaemon(directory, { faulty })).rejects.toMatchObject({ code: 15 });
    await expect(openDaemon(directory, { faulty: new FaultyDisk(nodeDisk) })).resolves.toBeDefined();
  });

  test('where .lockd is no directory', async () => {
    const directory = temporaryDirectory();
    fs.symlinkSync('/tmp', join(directory, '.lockd'));
    await expect(openDaemon(directory)).rejects.toThrow(
      new StartRefused(`${directory}/.lockd is no directory; move it away, and lockd makes its own`),
    );
  });
});

test('a new directory has a name that lasts before anything is acknowledged', async () => {
  const directory = temporaryDirectory();
  const { disk } = await openDaemon(directory);
  const made = disk.calls.findIndex(
    ({ op, path }) => op === 'makeDirectory' && path === join(directory, '.lockd'),
  );
  const flushed = disk.calls.findIndex(({ op, path }) => op === 'syncDirectory' && path === directory);
  expect(made).toBeGreaterThanOrEqual(0);
  expect(flushed).toBeGreaterThan(made);
});

test('a crash leaves nothing that keeps the next start out', async () => {
  const directory = temporaryDirectory();
  const { lockd } = await openDaemon(directory);
  await lockd.lock('r', 'A');
  const { lockd: next } = await openDaemon(crashCopy(directory));
  expect(await outcome(next.unlock('r', 'A'))).toBe(true);
});
