/** The process of `lockd serve`: its greeting, its log, and every way in which it ends. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { TIMEOUTS } from '../../src/http/limits.js';
import { LockdProcess, lockd, serve } from '../daemon.js';
import { describeWith } from '../needs.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { stopMilliseconds } from './stop-milliseconds.js';

describe('the greeting', () => {
  test('names address, directory, recovered locks, and something to try', async () => {
    const { daemon, url, directory } = await serve();
    await daemon.wrote('stdout', /stays locked\.\n/);
    expect(daemon.stdout).toBe(`lockd 0.1.0 listens at ${url}
Directory: ${directory} (0 locks recovered)

Try it from another terminal:
  lockd lock deploy/prod me --url ${url}
  python3 -c "from xmlrpc.client import ServerProxy as S; print(S('${url}').status('deploy/prod'))"
Or look at it in a browser: ${url}/

Ctrl-C stops it; what is locked stays locked.
`);
  });

  test('as one JSON line, on several addresses', async () => {
    const { daemon, directory } = await serve(['--json', '--listen', 'localhost:0']);
    const greeting = JSON.parse(daemon.stdout);
    expect(greeting).toEqual({
      version: '0.1.0',
      urls: [
        expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
        expect.stringMatching(/^http:\/\/localhost:\d+$/),
      ],
      directory,
      recoveredLocks: 0,
    });
    for (const url of greeting.urls) expect((await lockd(['ping', '--url', url])).status).toBe(0);
  });

  test('everywhere is named as an address that can be called', async () => {
    const directory = temporaryDirectory();
    const words = ['serve', '--listen', '0.0.0.0:0', '--trusted-network', '--directory', directory];
    const daemon = new LockdProcess(words);
    const [, port] = await daemon.wrote('stdout', /listens at http:\/\/0\.0\.0\.0:(\d+)\n/);
    await daemon.wrote('stdout', new RegExp(`lock deploy/prod me --url http://127\\.0\\.0\\.1:${port}\n`));
  });
});

describeWith(['python3'], 'the example', () => {
  test('works as it is printed', async () => {
    const { daemon } = await serve();
    const [, example = ''] = await daemon.wrote('stdout', /(python3 -c .*)\n/);
    const { status, stdout } = spawnSync('sh', ['-c', example], { encoding: 'utf8' });
    expect(status).toBe(0);
    expect(stdout).toContain("'state': 'free'");
  });
});

test('locks are there after a restart, in good order or after kill -9', async () => {
  const first = await serve();
  expect((await lockd(['lock', 'r', 'A', '--url', first.url])).status).toBe(0);
  first.daemon.child.kill('SIGTERM');
  expect(await first.daemon.ended).toBe(0);

  const second = await serve([], first.directory);
  await second.daemon.wrote('stdout', /\(1 lock recovered\)/);
  second.daemon.child.kill('SIGKILL');
  await second.daemon.ended;

  const third = await serve([], first.directory);
  await third.daemon.wrote('stdout', /\(1 lock recovered\)/);
  expect((await lockd(['lock', 'r', 'B', '--url', third.url])).status).toBe(1);
});

describe('the end', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    '%s: exit status 0, and the log says so, line by line',
    async (signal) => {
      const { daemon, url, directory } = await serve();
      // A connection that idles does not delay the end.
      const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => undefined);
      await new Promise((resolve) => socket.once('connect', resolve));
      daemon.child.kill(signal);
      expect(await daemon.ended).toBe(0);
      expect(stopMilliseconds(daemon)).toBeLessThan(TIMEOUTS.closeMs);
      expect(daemon.records).toMatchObject([
        { level: 'info', msg: 'Ready', urls: [url], directory },
        { level: 'info', msg: `Stopping on ${signal}; a second one ends at once` },
        { level: 'info', msg: 'Stopped' },
      ]);
      socket.destroy();
    },
  );

  test('what is in flight is finished, a second signal ends at once', async () => {
    const { daemon, url } = await serve();
    // A request whose end is still to come keeps the daemon from stopping.
    const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => undefined);
    socket.write(
      'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\nContent-Length: 100\r\n\r\n<',
    );
    expect((await lockd(['ping', '--url', url])).status).toBe(0);
    daemon.child.kill('SIGTERM');
    await daemon.wrote('stderr', /Stopping on SIGTERM/);
    daemon.child.kill('SIGINT');
    expect(await daemon.ended).toBe(130);
    expect(daemon.records.at(-1)).toMatchObject({ level: 'error', msg: 'Ended at once by a second SIGINT' });
    socket.destroy();
  });

  test('the same signal twice within a moment is one, later it is the second', async () => {
    const { daemon, url } = await serve();
    const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => undefined);
    socket.write(
      'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\nContent-Length: 100\r\n\r\n<',
    );
    expect((await lockd(['ping', '--url', url])).status).toBe(0);
    // It may be slower to take them than we are to send them: its own clock decides which is the second one.
    while (daemon.child.exitCode === null) {
      daemon.child.kill('SIGTERM');
      await pause(50);
    }
    expect(await daemon.ended).toBe(143);
    const [stopping, ended] = daemon.records.slice(-2);
    expect(stopping).toMatchObject({ msg: 'Stopping on SIGTERM; a second one ends at once' });
    expect(ended).toMatchObject({ msg: 'Ended at once by a second SIGTERM' });
    const apart = Date.parse(String(ended?.time)) - Date.parse(String(stopping?.time));
    // Nearly the half second: the first is told a little after it was taken.
    expect(apart).toBeGreaterThan(250);
    socket.destroy();
  });

  test('a peer that never finishes its request delays it by less than 5 s', async () => {
    const { daemon, url } = await serve();
    const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => undefined);
    socket.write(
      'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\nContent-Length: 100\r\n\r\n<',
    );
    expect((await lockd(['ping', '--url', url])).status).toBe(0);
    daemon.child.kill('SIGTERM');
    expect(await daemon.ended).toBe(0);
    expect(stopMilliseconds(daemon)).toBeLessThan(5_000);
    socket.destroy();
  });
});

describe('trouble', () => {
  test('another daemon took the directory over: it ends at once and answers nobody', async () => {
    const { daemon, url, directory } = await serve();
    writeFileSync(join(directory, '.lockd', 'epoch-0000000002'), '');
    const locked = await lockd(['lock', 'r', 'A', '--url', url]);
    expect(await daemon.ended).toBe(1);
    expect(daemon.records.at(-1)).toMatchObject({
      level: 'error',
      msg: expect.stringMatching(/^Stopped at once, answering nobody: /),
    });
    // The lock was cut off, or came too late to meet anybody.
    expect(locked).toMatchObject({ status: 69, stdout: '' });
  });

  test.each([{ words: ['serve'] }, { words: ['ping', '--url', 'http://127.0.0.1:1'] }])(
    'a defect is one line and exit status 70: $words',
    async ({ words: [name = '', ...rest] }) => {
      const own = ['--listen', '127.0.0.1:0', '--directory', temporaryDirectory()];
      const throwing = "setTimeout(()=>{throw new Error('boom\\n2')},1500)".replaceAll(' ', '%20');
      const words = [name, ...rest, ...(name === 'serve' ? own : [])];
      const ran = await lockd(words, { NODE_OPTIONS: `--import=data:text/javascript,${throwing}` });
      expect(ran.status).toBe(70);
      const line = ran.stderr.trimEnd().split('\n').at(-1);
      expect(line).toMatch(/A defect of lockd, please report it: boom\\(n|u\{a\})2 \(at /);
    },
  );
});

test('a log whose reader is stuck delays nobody', async () => {
  const { daemon, url } = await serve();
  await daemon.wrote('stderr', /Ready/);
  daemon.child.stderr?.pause();
  // Each is a record; together they are more than two pipes hold.
  for (let sent = 0; sent < 2_000; sent += 1) await fetch(`${url}/nothing-here`);
  daemon.child.kill('SIGTERM');
  await new Promise((resolve) => daemon.child.once('exit', resolve));
  expect(daemon.child.exitCode).toBe(0);
  daemon.child.stderr?.resume();
});

describe('readers that go away', () => {
  test('a closed standard output and error do not stop the daemon', async () => {
    const { daemon, url } = await serve();
    await daemon.wrote('stderr', /Ready/);
    daemon.child.stdout?.destroy();
    daemon.child.stderr?.destroy();
    // Each refused request is a record that nobody can read any more.
    for (let count = 0; count < 3; count += 1) await fetch(`${url}/nothing-here`);
    expect((await lockd(['lock', 'r', 'A', '--url', url])).status).toBe(0);
    daemon.child.kill('SIGTERM');
    expect(await daemon.ended).toBe(0);
  });

  test('a command whose reader has seen enough ends quietly', async () => {
    const { url } = await serve();
    await lockd(['lock', 'r', 'A', '--url', url]);
    const list = new LockdProcess(['list', '--url', url]);
    list.child.stdout?.destroy();
    expect(await list.ended).toBe(0);
    expect(list.stderr).toBe('');
  });
});
