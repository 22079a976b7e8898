/** clients/lockd.sh where the daemon wants to know who calls: users, secrets that show nowhere, and sockets. */
import { randomBytes } from 'node:crypto';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { LockdClient } from '../../src/client/client.js';
import { lockd, serve, startServe } from '../daemon.js';
import { describeWith } from '../needs.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { fakeDaemon, fault, hold, member, response } from './shell-daemon.js';
import {
  environmentsOf,
  lockdSh,
  processesWith,
  SHELLS,
  script,
  startLockdSh,
  until,
} from './shell-process.js';

/** In no other process but those of these tests. */
const UNIQUE = randomBytes(8).toString('hex');
const SECRET = `${UNIQUE}/,:@ü"\\'$%$(x)`;
const AUTHORIZATION = `Basic ${Buffer.from(`ci:${SECRET}`).toString('base64')}`;
/** What shows of it, as it is, in a URL, or in a header. */
const TRACES = [new RegExp(UNIQUE), new RegExp(AUTHORIZATION.slice('Basic '.length))];

const YES = response('<boolean>1</boolean>');

/** The URL with user and secret. */
function withUser(url: string, user = 'ci', secret = SECRET): string {
  return url.replace('//', `//${user}:${encodeURIComponent(secret)}@`);
}

/** A file with a secret that only its owner can read. */
function secretFile(content = `${SECRET}\n`, mode = 0o600): string {
  const file = join(temporaryDirectory(), 'secret');
  writeFileSync(file, content);
  chmodSync(file, mode);
  return file;
}

/** A daemon with users, each with its secret. */
async function withUsers(...adding: readonly (readonly string[])[]) {
  const users = join(temporaryDirectory(), 'users.json');
  const secrets: string[] = [];
  for (const words of adding) {
    const added = await lockd(['user', 'add', ...words, '--users', users]);
    expect(added).toMatchObject({ status: 0 });
    secrets.push(added.stdout.trim());
  }
  return { ...(await serve(['--users', users])), secrets };
}

describeWith(['curl', 'flock'], 'lockd.sh and who calls', () => {
  describe.each(SHELLS.map((shell) => [shell]))('%j', (shell) => {
    test.each<[string, (url: string) => Readonly<Record<string, string>>]>([
      ['by variables', () => ({ LOCKD_USER: 'ci', LOCKD_SECRET_FILE: secretFile() })],
      ['by a file without line feed', () => ({ LOCKD_USER: 'ci', LOCKD_SECRET_FILE: secretFile(SECRET) })],
      [
        'by a file from elsewhere',
        () => ({ LOCKD_USER: 'ci', LOCKD_SECRET_FILE: secretFile(`${SECRET}\r\n`) }),
      ],
      ['by the URL', (url) => ({ LOCKD_URL: withUser(url) })],
      ['by several URLs', (url) => ({ LOCKD_URL: `${withUser('http://127.0.0.1:1')},${withUser(url)}` })],
    ])('says so with the first request: %s', async (_how, variables) => {
      const { url, calls, headers } = await fakeDaemon(() => ({ body: YES }));
      const ran = await script('lockd_unlock r 7', { url, shell, variables: variables(url) });
      expect(ran).toEqual({ status: 0, stdout: '', stderr: '' });
      expect(headers.map(({ authorization }) => authorization)).toEqual([AUTHORIZATION]);
      expect(calls[0]).toMatch(/<string>ci\/[^/:]+@[^/:]+<\/string>/);
    });

    test('a command finds where the daemon is, and no secret, and its own variables as they were', async () => {
      const { url } = await fakeDaemon((call) => ({
        body: call.includes('unlock') ? YES : hold('7', member('ttl', '<double>30.0</double>')),
      }));
      const own = { url: 'mine', secret: 'mine', user: 'two\nlines', token: 'mine', status: "it's" };
      const look = 'env; tr "\\0" "\\n" < /proc/$PPID/cmdline';
      const words = ['--no-wait', '--client', 'A', '--', 'sh', '-c', look];
      const variables = { ...own, LOCKD_URL: withUser(url) };
      const ran = await lockdSh(['run', 'r', ...words], { shell, variables });
      expect(ran).toMatchObject({ status: 0, stderr: '' });
      for (const [name, value] of Object.entries({
        ...own,
        LOCKD_URL: url,
        LOCKD_TOKEN: '7',
        LOCKD_CLIENT: 'A',
      }))
        expect(`\n${ran.stdout}`).toContain(`\n${name}=${value}\n`);
      for (const trace of TRACES) expect(ran.stdout).not.toMatch(trace);
      const gate = join(temporaryDirectory(), 'gate');
      const gated = await lockdSh(['gate', gate, '5', '--', 'sh', '-c', look], { shell, variables });
      expect(gated).toMatchObject({ status: 0, stderr: '' });
      expect(`\n${gated.stdout}`).toContain(`\nLOCKD_URL=${url}\n`);
      for (const trace of TRACES) expect(gated.stdout).not.toMatch(trace);
    });
  });

  test('no other process has the secret in its command line or its environment while it is used', async () => {
    const { url, calls } = await fakeDaemon(() => ({ body: YES, delay: 1_000 }));
    const running = startLockdSh(['unlock', 'r', '--token', '7'], {
      variables: { LOCKD_URL: withUser(url), secret: 'x' },
    });
    await until(() => calls.length === 1);
    for (const text of [UNIQUE, AUTHORIZATION]) expect(processesWith(text)).toEqual([]);
    const [curl = ''] = environmentsOf('curl').filter((environment) => environment.includes(url));
    expect(curl).toContain(`LOCKD_URL=${url}\0`);
    for (const trace of TRACES) expect(curl).not.toMatch(trace);
    expect((await running.outcome).status).toBe(0);
  });

  test('what cannot be read is not passed on at all', async () => {
    const gate = join(temporaryDirectory(), 'gate');
    const variables = { LOCKD_URL: 'http://ci:s3cr,et@h' };
    const ran = await lockdSh(['gate', gate, '5', '--', 'env'], { variables });
    expect(ran.status).toBe(0);
    expect(ran.stdout).not.toMatch(/^LOCKD_URL|s3cr/m);
  });

  test.each([
    [
      'one variable of two',
      { LOCKD_USER: 'ci' },
      /LOCKD_USER, LOCKD_SECRET_FILE\) belong together: give both/,
    ],
    ['the other one', { LOCKD_SECRET_FILE: '/dev/null' }, /belong together: give both/],
    [
      'an empty file',
      { LOCKD_USER: 'ci', LOCKD_SECRET_FILE: secretFileOf('') },
      /the secret alone, on one line/,
    ],
    ['two lines', { LOCKD_USER: 'ci', LOCKD_SECRET_FILE: secretFileOf('s3c\nret\n') }, /the secret alone/],
    ['a colon in the name', { LOCKD_USER: 'c:i', LOCKD_SECRET_FILE: secretFileOf('s3c\n') }, /without colon/],
    ['no file', { LOCKD_USER: 'ci', LOCKD_SECRET_FILE: '/nowhere/s' }, /\/nowhere\/s, cannot be read/],
    ['a user without secret', { LOCKD_URL: 'http://ci@h' }, /LOCKD_URL must name a user and a secret/],
    ['two users', { LOCKD_URL: 'http://a:s3cret@h,http://b:s3cret@h' }, /must name the same user and secret/],
    [
      'one address without',
      { LOCKD_URL: 'http://a:s3cret@h,http://h2' },
      /must name the same user and secret/,
    ],
    ['a slash in the secret', { LOCKD_URL: 'http://ci:s3c/ret@h' }, /%XX for whatever is special/],
    ['a comma in the secret', { LOCKD_URL: 'http://ci:s3cr,et@h' }, /%XX for whatever is special/],
    ['another protocol', { LOCKD_URL: 'ftp://ci:s3cret@h' }, /%XX for whatever is special/],
    ['a line feed in the secret', { LOCKD_URL: 'http://ci:s3c%0Aret@h' }, /printable text/],
    ['a key alone', { LOCKD_KEY: '/etc/hostname' }, /belongs to a certificate/],
    [
      'no authority',
      { LOCKD_CA: '/nowhere/ca' },
      /The file of --ca \(LOCKD_CA\), \/nowhere\/ca, cannot be read/,
    ],
    ['a socket without path', { LOCKD_URL: 'unix:' }, /must be like/],
    ['no host', { LOCKD_URL: 'http://:7420' }, /must be like/],
  ])('%s is a matter of usage, and nothing of a secret is shown', async (_what, given, problem) => {
    const entries = Object.entries(given).map(([name, value]) => [
      name,
      typeof value === 'string' ? value : value(),
    ]);
    const ran = await lockdSh(['status', 'r'], { variables: Object.fromEntries(entries) });
    expect(ran).toMatchObject({ status: 2, stdout: '' });
    expect(ran.stderr).toMatch(problem);
    expect(ran.stderr).not.toMatch(/s3c/);
  });

  test('a secret that others can read is used, with a warning', async () => {
    const { url, headers } = await fakeDaemon(() => ({ body: YES }));
    const file = secretFile(undefined, 0o640);
    const words = ['unlock', 'r', '--token', '7', '--user', 'ci', '--secret-file', file];
    expect(await lockdSh(words, { url })).toEqual({
      status: 0,
      stdout: '',
      stderr: `Warning: others than its owner can read the secret in ${file}. Close it: chmod 600 ${file}\n`,
    });
    expect(headers[0]?.authorization).toBe(AUTHORIZATION);
  });

  test('a secret in --url is refused, and not shown', async () => {
    const { url, calls } = await fakeDaemon(() => ({ body: YES }));
    for (const words of [['--url', withUser(url)], [`--url=${withUser(url)}`]]) {
      const refused = await lockdSh(['unlock', 'r', ...words], { url });
      expect(refused).toMatchObject({ status: 2, stdout: '' });
      expect(refused.stderr).toMatch(
        /^error: --url must not carry a user and a secret, which everybody sees/,
      );
      expect(refused.stderr).not.toContain(UNIQUE);
    }
    expect(calls).toEqual([]);
  });

  test('two users, one in the address, are refused', async () => {
    const variables = { LOCKD_URL: withUser('http://h'), LOCKD_USER: 'ci', LOCKD_SECRET_FILE: secretFile() };
    const ran = await lockdSh(['status', 'r'], { variables });
    expect(ran.status).toBe(2);
    expect(ran.stderr).toMatch(
      /LOCKD_URL names a user, and so does --user or LOCKD_USER: leave one of them out/,
    );
  });

  test('who is not let in is told what to set, once', async () => {
    const { url, calls } = await fakeDaemon(() => ({ status: 401, body: 'Unauthorized' }));
    const nobody = await lockdSh(['lock', 'r', '--wait', '5s'], { url });
    expect(nobody).toEqual({
      status: 77,
      stdout: '',
      stderr: `${url} lets nobody in who names no user. Set LOCKD_USER with LOCKD_SECRET_FILE, or LOCKD_URL=http://USER:SECRET@HOST:PORT\n`,
    });
    expect(calls.length).toBe(1);
    const unknown = await lockdSh(['run', 'r', '--', 'echo', 'ran'], {
      variables: { LOCKD_URL: withUser(url) },
    });
    expect(unknown).toMatchObject({ status: 77, stdout: '' });
    expect(unknown.stderr).toMatch(/does not know the user 'ci' with this secret\. Set LOCKD_USER/);
    expect(unknown.stderr).not.toContain(UNIQUE);
    expect(calls.length).toBe(2);
  });

  test('a user who may not is told so', async () => {
    const { url } = await fakeDaemon(() => ({ body: fault(13, "User 'ci' (client) may not lock 'r'") }));
    expect(await lockdSh(['lock', 'r'], { variables: { LOCKD_URL: withUser(url) } })).toEqual({
      status: 77,
      stdout: '',
      stderr: "User 'ci' (client) may not lock 'r'\n",
    });
  });

  test('a redirect is not followed, with the secret least of all', async () => {
    const elsewhere = await fakeDaemon(() => ({ body: YES }));
    const { url } = await fakeDaemon(() => ({ status: 302, headers: { Location: elsewhere.url } }));
    expect((await lockdSh(['unlock', 'r'], { variables: { LOCKD_URL: withUser(url) } })).status).toBe(69);
    expect(elsewhere.calls).toEqual([]);
  });

  test('a daemon with users: who may, who may not, and who is not known', async () => {
    const { url, secrets } = await withUsers(
      ['ci', '--role', 'client', '--allow', 'deploy/*'],
      ['eye', '--role', 'viewer'],
    );
    const [ci = '', eye = ''] = secrets;
    const as = (user: string, secret: string, ...words: string[]) =>
      lockdSh(words, { variables: { LOCKD_URL: withUser(url, user, secret) } });
    const ran = await as('ci', ci, 'run', 'deploy/prod', '--', 'sh', '-c', 'echo "$LOCKD_URL"');
    expect(ran).toEqual({ status: 0, stdout: `${url}\n`, stderr: '' });
    const locked = await as('ci', ci, 'lock', 'deploy/prod');
    expect(locked.status).toBe(0);
    expect((await as('eye', eye, 'status', 'deploy/prod')).stdout).toContain("'ci/");
    const denied = await as('ci', ci, 'lock', 'db/x');
    expect(denied).toMatchObject({ status: 77, stdout: '' });
    expect(denied.stderr).toMatch(/^User 'ci' \(client\) may not lock 'db\/x'.*deploy\/\*/);
    expect((await as('eye', eye, 'unlock', 'deploy/prod', '--token', locked.stdout.trim())).status).toBe(77);
    expect((await as('ci', 'wrong', 'status', 'r')).status).toBe(77);
    expect((await lockdSh(['status', 'r'], { url })).status).toBe(77);
    expect((await as('ci', ci, 'unlock', 'deploy/prod', '--token', locked.stdout.trim())).status).toBe(0);
  });

  test('in a CI job its steps are one client', async () => {
    const { url } = await serve();
    const variables = { CI_JOB_ID: '4711' };
    expect((await lockdSh(['lock', 'r'], { url, variables })).status).toBe(0);
    expect((await new LockdClient({ url }).status('r')).holders[0]?.client).toMatch(/^.+@.+:4711$/);
    expect((await lockdSh(['unlock', 'r'], { url, variables })).status).toBe(0);
  });

  test('a user without a name is one by number', async () => {
    const { url } = await serve();
    const idOfNobody = ['id() { echo 54321; [ "$1" = -u ]; }', 'lockd_lock r >/dev/null'].join('\n');
    expect(await script(idOfNobody, { url })).toEqual({ status: 0, stdout: '', stderr: '' });
    const [hold] = (await new LockdClient({ url }).status('r')).holders;
    expect(hold?.client).toMatch(/^uid54321@/);
  });

  test('a socket of this machine', async () => {
    const directory = temporaryDirectory();
    const url = `unix:${join(directory, 'lockd.sock')}`;
    const daemon = startServe(['--listen', url], join(directory, 'locks'));
    await daemon.wrote('stdout', /unix:/);
    const ran = await lockdSh(['run', 'r', '--', 'sh', '-c', 'echo $LOCKD_URL'], { url });
    expect(ran).toEqual({ status: 0, stdout: `${url}\n`, stderr: '' });
    const none = await lockdSh(['status', 'r'], { url: `${url}.not` });
    expect(none).toMatchObject({ status: 69, stdout: '' });
    expect(none.stderr).toMatch(/^No daemon answers status \(unix:.*\.not: no connection\)/);
  });
});

/** A file whose path is asked for when a test runs. */
function secretFileOf(content: string): () => string {
  return () => secretFile(content);
}
