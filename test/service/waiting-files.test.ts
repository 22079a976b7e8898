/** The lock directory while somebody waits: what people see there, and what they put there. */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { begin, clientIn, crash, line, lockFiles, outcome, soFar } from './fixture.js';
import { rounds } from './manual-clock.js';

const WAIT = { wait: 600 };

describe('the lock file of a resource with a line', () => {
  test('is not written again when somebody joins the line or leaves it', async () => {
    const { lockd, directory, disk } = await begin();
    await lockd.lock('r', 'H');
    const before = fs.statSync(join(directory, 'r.lock'));
    disk.calls.length = 0;
    await lockd.enqueue('r', 'A');
    void outcome(lockd.lock('r', 'B', WAIT));
    void outcome(lockd.lock('r', 'C', { ...WAIT, request: 'k' }));
    await rounds();
    await lockd.cancel('r', 'A');
    const isLockFile = /slots|\.lock$/;
    expect(disk.calls.filter(({ op, path }) => op !== 'exists' && isLockFile.test(path))).toEqual([]);
    const after = fs.statSync(join(directory, 'r.lock'));
    expect([after.ino, after.mtimeMs]).toEqual([before.ino, before.mtimeMs]);
  });

  test('names the next holder when it is granted', async () => {
    const { lockd, directory } = await begin();
    await lockd.lock('r', 'H');
    const next = outcome(lockd.lock('r', 'A', { ...WAIT, ttl: 30, note: 'mine' }));
    await rounds();
    await lockd.unlock('r', 'H');
    await next;
    expect(clientIn(directory, 'r.lock')).toBe('A');
  });

  test('is not there while the resource is only reserved', async () => {
    const daemon = await begin();
    const { lockd, directory } = daemon;
    await lockd.lock('r', 'H');
    await lockd.enqueue('r', 'A');
    await lockd.unlock('r', 'H');
    expect(await lockd.status('r')).toMatchObject({ state: 'reserved' });
    expect(lockFiles(directory)).toEqual([]);
    expect(lockFiles((await crash(daemon)).directory)).toEqual([]);
  });
});

describe('a file that somebody put where the next holder’s would be', () => {
  test('is a lock first: whoever waits goes on waiting, until it is given back', async () => {
    const daemon = await begin();
    const { lockd, directory } = daemon;
    await lockd.lock('r', 'H');
    await lockd.enqueue('r', 'A');
    await lockd.unlock('r', 'H');
    fs.writeFileSync(join(directory, 'r.lock'), 'by hand');
    const waiting = outcome(lockd.wait('r', 'A', 600));
    expect(await soFar(waiting)).toBeUndefined();
    expect(await lockd.status('r')).toMatchObject({ state: 'held', holders: [{ client: 'by hand' }] });
    expect(await lockd.unlock('r', 'by hand')).toBe(true);
    expect(await waiting).toMatchObject({ client: 'A' });
    expect(clientIn(directory, 'r.lock')).toBe('A');
  });

  test('and nobody can read: forced away, the next is granted', async () => {
    const daemon = await begin();
    const { lockd, directory } = daemon;
    await lockd.lock('r', 'H');
    await lockd.enqueue('r', 'A');
    await lockd.unlock('r', 'H');
    fs.writeFileSync(join(directory, 'r.lock'), '');
    const waiting = outcome(lockd.wait('r', 'A', 600));
    expect(await soFar(waiting)).toBeUndefined();
    expect(await lockd.status('r')).toMatchObject({ state: 'unreadable' });
    expect(await lockd.forceUnlock('r', { reason: 'looked at it' })).toBe(true);
    expect(await soFar(waiting)).toMatchObject({ client: 'A' });
    expect(clientIn(directory, 'r.lock')).toBe('A');
    expect(await line(daemon)).toEqual([]);
  });

  test('unreadable, forced away and locked by calls of one turn', async () => {
    const { lockd, directory } = await begin();
    fs.writeFileSync(join(directory, 'r.lock'), '');
    expect(await outcome(lockd.lock('r', 'A'))).toMatch(/^12: /);
    const [forced, locked] = await Promise.all([
      outcome(lockd.forceUnlock('r', { reason: 'looked at it' })),
      outcome(lockd.lock('r', 'A')),
    ]);
    expect(forced).toBe(true);
    expect(locked).toMatchObject({ client: 'A' });
    expect(clientIn(directory, 'r.lock')).toBe('A');
    expect(await lockd.unlock('r', 'A')).toBe(true);
    expect(lockFiles(directory)).toEqual([]);
  });

  test('where the disk does not let us look at it: the line moves on as soon as it does', async () => {
    const { lockd, disk, clock, directory } = await begin();
    await lockd.lock('r', 'H');
    await lockd.enqueue('r', 'A');
    await lockd.unlock('r', 'H');
    disk.failNext('exists', { code: 'EIO', path: /\/r\.lock$/, times: Number.POSITIVE_INFINITY });
    const waiting = outcome(lockd.wait('r', 'A', 600));
    await clock.advance(3_000);
    expect(await soFar(waiting)).toBeUndefined();
    disk.heal();
    await clock.advance(1_000);
    expect(await soFar(waiting)).toMatchObject({ client: 'A' });
    expect(clientIn(directory, 'r.lock')).toBe('A');
  });
});
