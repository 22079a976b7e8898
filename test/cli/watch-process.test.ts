/** `lockd watch` as a process: what it says while it follows a real daemon, and how it ends. */
import { spawn } from 'node:child_process';
import { describe, expect, onTestFinished, test } from 'vitest';
import { processesWith, until } from '../clients/shell-process.js';
import { Caller } from '../crash/caller.js';
import { callOnce, succeeded } from '../crash/clients.js';
import { LockdProcess, serve } from '../daemon.js';
import { steadyAddress } from '../steady-address.js';
import { temporaryDirectory } from '../temporary-directory.js';

const QUICKLY = ['--interval', '100ms'];

/** A watch that has told of `first`, which is locked for that. */
async function watching(url: string, words: readonly string[] = [], first = 'deploy/first') {
  const caller = await Caller.to(url);
  await caller.lock(first, 'A', { ttl: 60 });
  caller.close();
  const watch = new LockdProcess(['watch', ...words, '--url', url, ...QUICKLY]);
  await watch.wrote('stdout', new RegExp(first));
  return watch;
}

/** A line without its time. */
function changes({ stdout }: LockdProcess): string[] {
  return stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => line.replace(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\t/, ''));
}

test('tells what is locked, then each change, in words', async () => {
  const { url } = await serve();
  const watch = await watching(url);
  const caller = await Caller.to(url);
  const held = await caller.lock('r', 'A', { note: 'why' });
  await watch.wrote('stdout', /\tr\theld\t.*\n/);
  await caller.enqueue('r', 'B');
  await watch.wrote('stdout', /1 waiting\n/);
  await caller.unlock('r', 'A');
  await watch.wrote('stdout', /\tr\treserved\t.*\n/);
  succeeded(await callOnce(url, 'cancel', 'r', 'B'));
  await watch.wrote('stdout', /\tr\tfree\t.*\n/);
  expect(changes(watch)).toEqual([
    expect.stringMatching(
      /^deploy\/first\theld\tA\t\d{16}\t\d+ s left$|^deploy\/first\theld\tA\t\d{16}\t1 min left$/,
    ),
    `r\theld\tA\t${held.token}\tno lease, note: why`,
    `r\theld\tA\t${held.token}\tno lease, note: why, 1 waiting`,
    "r\treserved\t\t\tkept for 'B', 1 waiting",
    'r\tfree\t\t\t',
  ]);
  expect(watch.stderr).toBe('');
  caller.close();
});

test('--json: one object per line; a prefix: nothing else is told', async () => {
  const { url } = await serve();
  const watch = await watching(url, ['deploy/', '--json']);
  succeeded(await callOnce(url, 'lock', 'other', 'A'));
  succeeded(await callOnce(url, 'lock', 'deploy/second', 'A'));
  await watch.wrote('stdout', /deploy\/second.*\n/);
  succeeded(await callOnce(url, 'unlock', 'deploy/first', 'A'));
  await watch.wrote('stdout', /free.*\n/);
  const objects = watch.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(objects).toMatchObject([
    { resource: 'deploy/first', state: 'held', holders: [{ client: 'A', ttl: 60 }] },
    { resource: 'deploy/second', state: 'held', holders: [{ client: 'A' }], queue: [] },
    { resource: 'deploy/first', state: 'free', holders: [], held: 0, waiting: 0 },
  ]);
  for (const { time } of objects) expect(time).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
});

test.each(['SIGINT', 'SIGTERM'] as const)('%s ends it with 0 and without a word', async (signal) => {
  const { url } = await serve();
  const watch = await watching(url);
  watch.child.kill(signal);
  expect(await watch.ended).toBe(0);
  expect(watch.stderr).toBe('');
});

test('a signal ends it during an outage too', async () => {
  const { url, daemon } = await serve();
  const watch = await watching(url);
  await daemon.kill();
  await watch.wrote('stderr', /goes on/);
  watch.child.kill('SIGINT');
  expect(await watch.ended).toBe(0);
});

test('a daemon that is restarted: said once, gone on with, and what changed meanwhile is told', async () => {
  const address = await steadyAddress();
  const { url, daemon, directory } = await serve([], temporaryDirectory(), { address });
  const watch = await watching(url);
  succeeded(await callOnce(url, 'lock', 'r', 'A'));
  await watch.wrote('stdout', /\tr\theld/);
  await daemon.kill();
  await watch.wrote('stderr', /\n/);
  await serve([], directory, { address });
  await watch.wrote('stderr', /answers again\n/);
  succeeded(await callOnce(url, 'unlock', 'r', 'A'));
  await watch.wrote('stdout', /\tr\tfree/);
  const said = watch.stderr.trimEnd().split('\n');
  expect(said).toHaveLength(2);
  expect(said[0]).toMatch(
    /^No daemon answers at http:.*The watch goes on when it answers again$|^The daemon at http:/,
  );
  expect(said[1]).toBe('The daemon answers again');
  // What was locked all the time is not told again.
  expect(changes(watch)).toHaveLength(3);
});

test('nobody reads any more: it ends quietly at the next change', async () => {
  const { url } = await serve();
  const watch = await watching(url);
  watch.child.stdout?.destroy();
  succeeded(await callOnce(url, 'lock', 'r', 'A'));
  expect(await watch.ended).toBe(0);
  expect(watch.stderr).toBe('');
});

/** `lockd watch | head -n 1` of a daemon where `r` is locked, and what it wrote. */
async function intoHead(words: string, path = process.env.PATH) {
  const { url } = await serve();
  succeeded(await callOnce(url, 'lock', 'r', 'A'));
  const lockd = new URL('../../bin/lockd.js', import.meta.url).pathname;
  const script = `PATH="$3" "$0" "$1" watch --url "$2" ${words} | head -n 1`;
  const shell = spawn('sh', ['-c', script, process.execPath, lockd, url, path ?? ''], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void shell.kill('SIGKILL'));
  const written = { out: '', error: '' };
  shell.stdout.on('data', (chunk) => {
    written.out += chunk;
  });
  shell.stderr.on('data', (chunk) => {
    written.error += chunk;
  });
  const ended = new Promise((resolve) => shell.once('close', resolve));
  return { url, shell, written, ended };
}

describe('as the first part of a pipe', () => {
  test('ends with who reads it, although nothing changes any more', async () => {
    const { written, ended } = await intoHead('--interval 1h');
    expect(await ended).toBe(0);
    expect(written).toEqual({ out: expect.stringMatching(/\tr\theld\tA\t\d{16}\tno lease\n$/), error: '' });
  });

  test('where nobody can tell that, at the next change', async () => {
    // No `tail` is found.
    const { url, shell, written, ended } = await intoHead('--interval 100ms', '/nowhere');
    shell.stdout.on('data', () => void callOnce(url, 'unlock', 'r', 'A'));
    expect(await ended).toBe(0);
    expect(written).toEqual({ out: expect.stringMatching(/\tr\theld\tA\t/), error: '' });
  });

  test.each(['SIGTERM', 'SIGKILL'] as const)('leaves nothing behind when %s ends it', async (signal) => {
    const { url } = await serve();
    const watch = await watching(url);
    const looking = () => processesWith(`--pid\0${watch.child.pid}\0`).length;
    await until(() => looking() === 1);
    watch.child.kill(signal);
    await watch.ended;
    await until(() => looking() === 0);
  });
});
