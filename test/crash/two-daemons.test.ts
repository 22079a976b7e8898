/**
 * Two daemons and one directory: the second is turned away; and where one was frozen while another took over, the old one
 * does nothing more when it wakes.
 */
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { serve, startServe } from '../daemon.js';
import { post, Wire } from '../http/wire.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { callOf } from '../xmlrpc/documents.js';
import { call, callOnce, listHolds, succeeded } from './clients.js';
import { lastingLockFileProblems, lockFileProblems } from './lock-files.js';

const file = (directory: string, resource: string) => join(directory, `${resource}.lock`);

test('a second daemon ends with a clear text and status 1, and the first goes on', async () => {
  const { url, directory, daemon } = await serve();
  succeeded(await callOnce(url, 'lock', 'before', 'A'));
  const epoch = statSync(join(directory, '.lockd/epoch-0000000001'));
  const second = startServe([], directory);
  expect(await second.ended).toBe(1);
  expect(second.stdout).toBe('');
  expect(second.stderr).toBe(
    `${directory} is owned by another lockd (process ${daemon.child.pid} on ${hostname()}); ` +
      'stop that one first, or give another --directory\n',
  );
  expect(statSync(join(directory, '.lockd/epoch-0000000001')).ino).toBe(epoch.ino);
  succeeded(await callOnce(url, 'lock', 'after', 'A'));
  expect(lockFileProblems(directory, await listHolds(url))).toEqual([]);
  expect(daemon.records).toHaveLength(1);
});

test('of several daemons that start at the same moment one serves', async () => {
  const directory = temporaryDirectory();
  const daemons = Array.from({ length: 4 }, () => startServe([], directory));
  const ready = await Promise.all(
    daemons.map((daemon) =>
      daemon.wrote('stdout', /listens at (\S+)\n/).then(
        ([, url = '']) => url,
        () => undefined,
      ),
    ),
  );
  const urls = ready.filter((url) => url !== undefined);
  expect(urls).toHaveLength(1);
  succeeded(await callOnce(urls[0] ?? '', 'lock', 'r', 'A'));
});

/** By what a daemon shows that a directory is its own. */
function claim(directory: string) {
  const own = (name: string) => join(directory, '.lockd', name);
  const { ino, birthtimeMs } = statSync(own('daemon.lock'));
  return { ino, birthtimeMs, owner: readFileSync(own('owner.json'), 'utf8') };
}

/** A daemon that holds `held`, frozen; the directory locks are forced away, and a successor runs. */
async function frozenAndSuccessor() {
  const { daemon: old, url: oldUrl, directory } = await serve();
  succeeded(await callOnce(oldUrl, 'lock', 'held', 'A'));
  const wires = await Promise.all(Array.from({ length: 4 }, () => Wire.to(oldUrl)));
  for (const wire of wires) succeeded(await call(wire, 'status', 'held'));
  old.child.kill('SIGSTOP');
  rmSync(join(directory, '.lockd/daemon.lock'), { recursive: true });
  rmSync(join(directory, '.lockd/guard'));
  const { url, daemon } = await serve([], directory);
  return { old, oldUrl, wires, directory, url, successor: daemon };
}

describe('a frozen daemon whose directory another one took over', () => {
  test.each([
    { frozen: 'for a moment', milliseconds: 0 },
    { frozen: 'for longer than its heartbeat', milliseconds: 5_500 },
  ])('$frozen: answers nobody when it wakes, writes no lock file, and ends', async ({ milliseconds }) => {
    const { old, wires, directory, url, successor } = await frozenAndSuccessor();
    await sleep(milliseconds);
    const [before, beforeToo, after, afterToo] = wires as [Wire, Wire, Wire, Wire];
    before.send(post(callOf('lock', 'stolen', 'X')));
    beforeToo.send(post(callOf('unlock', 'held', 'A')));
    succeeded(await callOnce(url, 'lock', 'new', 'B'));
    old.child.kill('SIGCONT');
    after.send(post(callOf('status', 'held')));
    afterToo.send(post(callOf('lock', 'new', 'X')));
    expect(await old.ended).not.toBe(0);
    await Promise.all(wires.map((wire) => wire.closed));
    expect(wires.map((wire) => wire.rest)).toEqual(['', '', '', '']);
    expect(old.records.at(-1)).toMatchObject({ level: 'error' });

    expect(existsSync(file(directory, 'stolen'))).toBe(false);
    const holds = await listHolds(url);
    expect(holds.map(({ resource, client }) => [resource, client])).toEqual([
      ['held', 'A'],
      ['new', 'B'],
    ]);
    expect(await lastingLockFileProblems(directory, holds, () => listHolds(url))).toEqual([]);
    expect(successor.child.exitCode).toBe(null);
  });

  test('takes nothing of the successor along when it ends', async () => {
    const { old, oldUrl, directory, url, successor } = await frozenAndSuccessor();
    const claimed = claim(directory);
    old.child.kill('SIGCONT');
    await expect(callOnce(oldUrl, 'lock', 'stolen', 'X')).rejects.toThrow(
      /closed before an answer|ECONNREFUSED/,
    );
    expect(await old.ended).not.toBe(0);
    expect(claim(directory)).toEqual(claimed);
    // Longer than its heartbeat would need to find its directory lock gone.
    await sleep(5_500);
    succeeded(await callOnce(url, 'unlock', 'held', 'A'));
    expect(successor.child.exitCode).toBe(null);
    expect(await startServe([], directory).ended).toBe(1);
  });

  test('also where it woke only to be asked to stop', async () => {
    const { old, directory, url } = await frozenAndSuccessor();
    const claimed = claim(directory);
    old.child.kill('SIGTERM');
    old.child.kill('SIGCONT');
    await old.ended;
    expect(claim(directory)).toEqual(claimed);
    expect((await listHolds(url)).map(({ resource }) => resource)).toEqual(['held']);
  });
});
