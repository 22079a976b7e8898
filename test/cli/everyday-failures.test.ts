/** The failures that everybody meets: each says what happened, where, and what to do. Nobody is shown a stack. */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { deadUrl, httpServer } from '../client/servers.js';
import { LockdProcess, lockd, serve } from '../daemon.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { realDaemon, run } from './world.js';

test('no daemon there: three tries within 10 s, then 69', async () => {
  const url = await deadUrl();
  const asked = performance.now();
  expect(await lockd(['lock', 'r', '--url', url])).toEqual({
    status: 69,
    stdout: '',
    stderr:
      `No daemon answers at ${url} (connection refused; 3 tries). ` +
      'Start one with: lockd serve. Or name the right address with --url or LOCKD_URL\n',
  });
  expect(performance.now() - asked).toBeLessThan(10_000);
});

test('a daemon that is started meanwhile is found', async () => {
  const url = await deadUrl();
  const ping = new LockdProcess(['ping', '--url', url]);
  const directory = temporaryDirectory();
  new LockdProcess(['serve', '--listen', url.replace('http://', ''), '--directory', directory]);
  expect(await ping.ended).toBe(0);
});

test('no lockd there', async () => {
  const url = await httpServer((_, response) => void response.writeHead(403).end('Go away'));
  expect(await run(['status', 'r', '--url', url])).toEqual({
    status: 69,
    stdout: '',
    stderr:
      `${url} does not answer as a lockd does (HTTP status 403: Go away). ` +
      'Is it the address of a lockd? Name the right one with --url or LOCKD_URL\n',
  });
  const json = await run(['status', 'r', '--url', url, '--json']);
  expect(JSON.parse(json.stdout)).toEqual({
    error: { message: expect.stringContaining('does not answer as a lockd does'), exitStatus: 69 },
  });
});

test('port in use', async () => {
  const url = await httpServer((_, response) => void response.end());
  const address = url.replace('http://', '');
  const ran = await lockd(['serve', '--listen', address, '--directory', temporaryDirectory()]);
  expect(ran).toEqual({
    status: 1,
    stdout: '',
    stderr: `Cannot listen on ${address}: the port is in use, perhaps by another lockd; stop that one, or choose another port\n`,
  });
});

test('directory owned by another daemon', async () => {
  const { daemon, directory } = await serve();
  expect(await lockd(['serve', '--listen', '127.0.0.1:0', '--directory', directory])).toEqual({
    status: 1,
    stdout: '',
    stderr: expect.stringMatching(
      new RegExp(
        `^${directory} is owned by another lockd \\(process ${daemon.child.pid} on .*\\); ` +
          'stop that one first, or give another --directory\n$',
      ),
    ),
  });
});

test('beyond loopback without having been meant', async () => {
  expect(await lockd(['serve', '--listen', '0.0.0.0:0', '--directory', temporaryDirectory()])).toEqual({
    status: 2,
    stdout: '',
    stderr:
      'error: --listen 0.0.0.0:0 can be reached from other machines, and whoever reaches it may take and force every lock. ' +
      'Give --users FILE (lockd user add makes one); or, if everybody there is trusted, --trusted-network; or listen on 127.0.0.1\n',
  });
});

describe('journal damaged', () => {
  /** A directory with three locks whose journal has a bad second turn. */
  async function damagedDirectory() {
    const { lockd: daemon, close } = await realDaemon();
    for (const resource of ['a', 'b', 'c']) await daemon.lock(resource, 'A');
    await close();
    const own = join(daemon.directory, '.lockd');
    const [name = ''] = readdirSync(own).filter((file) => file.startsWith('journal-'));
    const path = join(own, name);
    const lines = readFileSync(path, 'utf8').split('\n');
    const middle = lines.findIndex((line) => line.includes('"b"'));
    lines[middle] = 'garbage';
    writeFileSync(path, lines.join('\n'));
    return { directory: daemon.directory, path, line: middle + 1 };
  }

  test('the daemon does not start, and names file and line', async () => {
    const { directory, path, line } = await damagedDirectory();
    const ran = await lockd(['serve', '--listen', '127.0.0.1:0', '--directory', directory]);
    expect(ran.status).toBe(1);
    expect(ran.stdout).toBe('');
    expect(ran.stderr).toContain(path);
    expect(ran.stderr).toContain(String(line));
    expect(ran.stderr).toMatch(/^[^\n]+\n$/);
  });

  test('fsck finds it and changes nothing', async () => {
    const { directory, path } = await damagedDirectory();
    const before = readFileSync(path);
    const ran = await run(['fsck', directory]);
    expect(ran.status).toBe(1);
    expect(ran.stdout).toMatch(/^damage {3}/m);
    expect(ran.stdout).toContain(path);
    expect(readFileSync(path)).toEqual(before);
    expect(JSON.parse((await run(['fsck', directory, '--json'])).stdout)).toMatchObject({ ok: false });
  });
});

test('an unsafe directory', async () => {
  const directory = join(temporaryDirectory(), 'open');
  mkdirSync(directory);
  chmodSync(directory, 0o777);
  const ran = await lockd(['serve', '--listen', '127.0.0.1:0', '--directory', directory]);
  expect(ran.status).toBe(1);
  expect(ran.stderr).toMatch(/chmod o-w .*\n$/);
});

test('a daemon that breaks off in the middle of a change', async () => {
  const url = await httpServer((request) => void request.socket.destroy());
  const message = (method: string) =>
    `The daemon at ${url} was sent ${method}, but its answer was lost (socket hang up): ` +
    `it may have been carried out or not. Look with: lockd status 'two words' --url ${url}`;
  const ran = await run(['unlock', 'two words', '--url', url]);
  expect(ran).toEqual({ status: 69, stdout: '', stderr: `${message('unlock')}\n` });
  const json = await run(['lock', 'two words', '--url', url, '--json']);
  expect(JSON.parse(json.stdout)).toEqual({ error: { message: message('lock'), exitStatus: 69 } });
});

test('control characters on the command line', async () => {
  const url = 'http://127.0.0.1:1';
  expect(await run(['lock', 'a\u001b[2Jb', 'c1', '--url', url])).toEqual({
    status: 2,
    stdout: '',
    stderr: "lock: parameter 'resource' must be printable text, but has U+001B\n",
  });
  expect(await run(['force-unlock', 'a\u001bb', '--reason', 'r', '--url', url])).toMatchObject({
    status: 2,
    stderr: "forceUnlock: parameter 'resource' must be printable text, but has U+001B\n",
  });
  const listed = await run(['list', '--prefix', 'a\u001bb', '--url', url]);
  expect(listed.status).toBe(2);
  expect(listed.stderr).toMatch(/^list: a parameter cannot be written as XML: [^\p{Cc}]+\n$/u);
});

test.runIf(existsSync('/dev/full'))('standard output that cannot be written', async () => {
  const { url } = await serve();
  const toFull = async (words: readonly string[], resource: string) => {
    const program = ['-c', 'exec "$0" "$@" >/dev/full', process.execPath, 'bin/lockd.js'];
    const ran = spawnSync('sh', [...program, ...words, '--url', url], { encoding: 'utf8' });
    const { stdout } = await lockd(['status', resource, '--json', '--url', url]);
    return { ...ran, token: JSON.parse(stdout).holders[0]?.token };
  };
  const full = 'Standard output cannot be written (ENOSPC: no space left on device, write)\n';
  for (const options of [[], ['--json']]) {
    const resource = `r${options.length}`;
    const { status, stderr, token } = await toFull(['lock', resource, 'c', ...options], resource);
    expect(stderr).toBe(
      `'${resource}' is locked by 'c'. To unlock: lockd unlock ${resource} c --url ${url} --token ${token}\n${full}`,
    );
    expect(status).toBe(1);
  }
  expect(await toFull(['status'], 'r0')).toMatchObject({ status: 1, stderr: full });
});
