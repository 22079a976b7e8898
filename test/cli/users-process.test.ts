/** A daemon with users, from outside: by command line, from other languages, by curl; and what it gives away. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { callBody } from '../bench/load.js';
import { LockdProcess, lockd, type RunningDaemon, type Surroundings, serve } from '../daemon.js';
import { callFrom } from '../examples/languages.js';
import { describeWith } from '../needs.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { run } from './world.js';

interface Guarded extends RunningDaemon {
  readonly file: string;
  /** The secret of a user. */
  readonly secrets: Readonly<Record<string, string>>;
}

const USERS = {
  ci: ['--role', 'client', '--allow', 'deploy/*'],
  ops: ['--role', 'operator'],
  eve: ['--role', 'viewer'],
};

async function addUser(file: string, name: string, flags: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await run(['user', 'add', name, '--users', file, ...flags]);
  if (status !== 0) throw new Error(stderr);
  return stdout.trim();
}

async function guarded(words: readonly string[] = [], surroundings: Surroundings = {}): Promise<Guarded> {
  const file = join(temporaryDirectory(), 'users.json');
  const secrets: Record<string, string> = {};
  for (const [name, flags] of Object.entries(USERS)) secrets[name] = await addUser(file, name, flags);
  const daemon = await serve(['--users', file, ...words], temporaryDirectory(), surroundings);
  return { ...daemon, file, secrets };
}

/** What a daemon answers to a call: the HTTP status, and the body. */
async function call(url: string, credentials: string | undefined, method: string, ...params: string[]) {
  const headers = {
    'Content-Type': 'text/xml',
    ...(credentials === undefined ? {} : { Authorization: credentials }),
  };
  const answer = await fetch(url, { method: 'POST', headers, body: callBody(method, ...params) });
  return { status: answer.status, body: await answer.text() };
}

/** Forces a lock, and answers the body of the answer. */
async function force(url: string, credentials: string, resource: string): Promise<string> {
  const options = '<struct><member><name>reason</name><value>gone</value></member></struct>';
  const body = callBody('forceUnlock', resource, 'OPTIONS').replace('<string>OPTIONS</string>', options);
  const headers = { 'Content-Type': 'text/xml', Authorization: credentials };
  return (await fetch(url, { method: 'POST', headers, body })).text();
}

const basic = (name: string, secret = '') => `Basic ${Buffer.from(`${name}:${secret}`).toString('base64')}`;

const withUser = (url: string, name: string, secret = '') => url.replace('://', `://${name}:${secret}@`);

describe.each(['python3', 'ruby', 'perl', 'php'] as const)('%s', (language) => {
  describeWith([language], 'with user and secret in the URL', () => {
    test('locks what it may, and is told what else it may', async () => {
      const { url, secrets } = await guarded();
      const ci = withUser(url, 'ci', secrets.ci);
      expect(callFrom(language, ci, ['lock', 'deploy/x', 'ci/1'])).toMatchObject({
        value: { client: 'ci/1' },
      });
      expect(callFrom(language, ci, ['lock', 'db/x', 'ci'])).toEqual({
        fault: [13, "User 'ci' (client) may not lock 'db/x'; it may: deploy/*"],
      });
    });
  });
});

describeWith(['curl'], 'curl', () => {
  const curl = (url: string, ...words: string[]) => {
    const { stdout } = spawnSync(
      'curl',
      [
        ...['-s', '-w', '\n%{http_code}', '-H', 'Content-Type: text/xml', '-d', callBody('status', 'r')],
        ...words,
        url,
      ],
      { encoding: 'utf8' },
    );
    return stdout.split('\n').at(-1);
  };

  test('-u, --anyauth, a Bearer token, and a URL', async () => {
    const { url, secrets } = await guarded();
    const { eve = '' } = secrets;
    expect(curl(url, '-u', `eve:${eve}`)).toBe('200');
    expect(curl(url, '-u', `eve:${eve}`, '--anyauth')).toBe('200');
    expect(curl(url, '-H', `Authorization: Bearer ${eve}`)).toBe('200');
    expect(curl(withUser(url, 'eve', eve))).toBe('200');
    expect(curl(url)).toBe('401');
    expect(curl(url, '-u', `ci:${eve}`)).toBe('401');
    expect(curl(url, '-H', `Authorization: Bearer ${eve}0`)).toBe('401');
  });
});

test('health and clients need no user', async () => {
  const { url } = await guarded();
  for (const path of ['/healthz', '/lockd.py', '/lockd.sh']) {
    expect((await fetch(new URL(path, url))).status).toBe(200);
  }
  expect((await call(url, undefined, 'status', 'r')).status).toBe(401);
});

test('the history names the user who forced, and the log who was denied', async () => {
  const { url, secrets, daemon } = await guarded();
  await call(url, basic('ci', secrets.ci), 'lock', 'deploy/x', 'ci');
  const denied = await call(url, basic('ci', secrets.ci), 'lock', 'db/x', 'ci');
  expect(denied.body).toContain("User 'ci' (client) may not lock 'db/x'; it may: deploy/*");
  expect(await force(url, basic('ops', secrets.ops), 'deploy/x')).toContain('<boolean>1</boolean>');
  const { body } = await call(url, `Bearer ${secrets.eve}`, 'history');
  expect(body).toMatch(/<name>by<\/name><value><string>ops</);
  expect(daemon.records).toContainEqual(
    expect.objectContaining({
      level: 'info',
      msg: 'Denied a call',
      from: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      text: "User 'ci' (client) may not lock 'db/x'; it may: deploy/*",
    }),
  );
});

describe('the start', () => {
  const start = (...words: string[]) =>
    lockd(['serve', '--directory', temporaryDirectory(), '--listen', '127.0.0.1:0', ...words]);

  test('with a file that is not there or wrong is refused, and makes no directory', async () => {
    const directory = join(temporaryDirectory(), 'locks');
    const file = join(temporaryDirectory(), 'users.json');
    const words = ['serve', '--directory', directory, '--listen', '127.0.0.1:0', '--users', file];
    expect(await lockd(words)).toEqual({
      status: 1,
      stdout: '',
      stderr: `There is no users file ${file}; make one: lockd user add NAME --users ${file}\n`,
    });
    writeFileSync(file, '{}', { mode: 0o600 });
    expect((await lockd(words)).stderr).toBe(`The users file ${file} must have a list 'users'\n`);
    expect(existsSync(directory)).toBe(false);
  });

  test('with --trusted-network, too, is a contradiction', async () => {
    expect(await start('--users', 'users.json', '--trusted-network')).toEqual({
      status: 2,
      stdout: '',
      stderr:
        'error: --trusted-network lets every caller do everything, and --users each what its role allows: give one of them\n',
    });
  });

  test('beyond loopback without TLS warns once, on loopback not at all', async () => {
    const { file, daemon: local } = await guarded();
    expect(local.stderr).not.toContain('without TLS');
    const words = ['serve', '--directory', temporaryDirectory(), '--listen', '0.0.0.0:0', '--users', file];
    const daemon = new LockdProcess(words);
    await daemon.wrote('stdout', /stays locked/);
    await daemon.wrote('stderr', /"Ready"/);
    const warnings = daemon.records.filter(({ level }) => level === 'warn');
    expect(warnings.filter(({ msg }) => String(msg).includes('without TLS'))).toHaveLength(1);
  });

  test('tells in its greeting how to sign in', async () => {
    const { daemon, file, url } = await guarded();
    await daemon.wrote('stdout', /stays locked/);
    expect(daemon.stdout).toContain(`as a user of ${file} (lockd user add makes one):
  LOCKD_USER=NAME LOCKD_SECRET_FILE=FILE lockd lock deploy/prod --url ${url}
  python3 -c "from xmlrpc.client import ServerProxy as S; print(S('${withUser(url, 'NAME', 'SECRET')}').status('deploy/prod'))"
`);
  });

  test('checked beforehand', async () => {
    const { file } = await guarded();
    expect((await start('--users', file, '--check-config')).status).toBe(0);
    writeFileSync(file, '{"user": []}', { mode: 0o600 });
    expect(await start('--users', file, '--check-config')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining(`The users file ${file} has an unknown key 'user'; known: users`),
    });
  });
});

describe('SIGHUP', () => {
  test('a new file counts from the next call on; a broken one is refused, and the old one stays', async () => {
    const { url, file, secrets, daemon } = await guarded();
    const ci = basic('ci', secrets.ci);
    // A connection that is open, and calls that wait on others, through all of it.
    await call(url, ci, 'lock', 'deploy/x', 'ci/1');
    const waitOf = (authorization: string, client: string) =>
      fetch(url, {
        method: 'POST',
        headers: { 'Content-Type': 'text/xml', Authorization: authorization },
        body: callBody('lock', 'deploy/x', client, 'OPTIONS').replace(
          '<string>OPTIONS</string>',
          '<struct><member><name>wait</name><value><int>60</int></value></member></struct>',
        ),
      });
    const removed = waitOf(ci, 'ci/2').then(
      ({ status }) => `answered with ${status}`,
      () => 'cut off',
    );
    const kept = waitOf(basic('ops', secrets.ops), 'ops/2');
    await expect
      .poll(async () => (await call(url, ci, 'stats')).body, { timeout: 25_000 })
      .toMatch(/<name>waiting<\/name><value><int>2</);

    const good = readFileSync(file, 'utf8');
    writeFileSync(file, '{"users": [');
    daemon.child.kill('SIGHUP');
    await daemon.wrote('stderr', /Kept the users file .* as before: The users file .* is not JSON/);
    expect((await call(url, ci, 'status', 'r')).status).toBe(200);

    writeFileSync(file, good);
    const dora = await addUser(file, 'dora', ['--role', 'viewer']);
    expect((await call(url, basic('dora', dora), 'status', 'r')).status).toBe(401);
    expect((await lockd(['user', 'remove', 'ci', '--users', file])).status).toBe(0);
    expect((await call(url, ci, 'status', 'r')).status).toBe(200);
    daemon.child.kill('SIGHUP');
    await daemon.wrote('stderr', /Read the users file .* again/);
    expect((await call(url, basic('dora', dora), 'status', 'r')).status).toBe(200);
    expect((await call(url, ci, 'status', 'r')).status).toBe(401);

    // Who would not be let in any more gets nothing for which it waits; who would goes on.
    expect(await removed).toBe('cut off');
    await call(url, basic('ops', secrets.ops), 'unlock', 'deploy/x', 'ci/1');
    expect(await (await kept).text()).toContain('<string>ops/2</string>');
    const told = daemon.records.filter(({ msg }) => /users file/.test(String(msg)));
    expect(told.map(({ level }) => level)).toEqual(['error', 'info']);
  });

  test('that comes while the daemon starts is done when it serves', async () => {
    const file = join(temporaryDirectory(), 'users.json');
    await addUser(file, 'ci', USERS.ci);
    const directory = temporaryDirectory();
    const daemon = new LockdProcess(
      ['serve', '--listen', '127.0.0.1:0', '--directory', directory, '--users', file],
      {},
    );
    // The first thing that it makes there, long before it listens.
    await expect
      .poll(() => existsSync(join(directory, '.lockd')), { interval: 1, timeout: 20_000 })
      .toBe(true);
    daemon.child.kill('SIGHUP');
    await daemon.wrote('stderr', /Read the users file/);
    expect(daemon.stderr).toContain('Ready');
  });
});

test('whoever goes on trying waits; the right one does not', async () => {
  const { url, secrets } = await guarded();
  const timeOf = async (credentials: string) => {
    const begun = performance.now();
    const { status } = await call(url, credentials, 'status', 'r');
    return { status, milliseconds: performance.now() - begun };
  };
  for (let time = 0; time < 9; time += 1) expect((await timeOf(basic('ci', 'wrong'))).status).toBe(401);
  const tries = [basic('ci', 'wrong'), basic('nobody', 'x'), 'Bearer x'].map(timeOf);
  const right = await timeOf(basic('ci', secrets.ci));
  expect(right.status).toBe(200);
  for (const { status, milliseconds } of await Promise.all(tries)) {
    expect(status).toBe(401);
    expect(milliseconds).toBeGreaterThan(950);
  }
});

describe('a secret', () => {
  /** All that stands in the files below a directory. */
  const contentOf = (directory: string): string =>
    readdirSync(directory, { recursive: true, encoding: 'utf8' })
      .map((name) => join(directory, name))
      .filter((path) => statSync(path).isFile())
      .map((path) => readFileSync(path, 'latin1'))
      .join('\n');

  test('is in no log, no error, no file, no command line and no environment', async () => {
    const place = temporaryDirectory();
    const command = join(place, 'fence');
    writeFileSync(command, `#!/bin/sh\ntr '\\0' '\\n' < /proc/$$/environ > '${place}/environment'\n`, {
      mode: 0o755,
    });
    const variables = { LOCKD_URL: 'http://ci:of-the-shell@lockd:7420', KEPT: 'yes' };
    const { url, secrets, daemon, directory, file } = await guarded(
      ['--log-level', 'debug', '--fence', `*=${command}`],
      { variables },
    );
    const { ci = '', ops = '' } = secrets;
    const credentials = [
      basic('ci', ci),
      `Bearer ${ci}`,
      basic(ci, ci),
      basic('ci', `${ci}x`),
      `Digest ${ci}`,
      ci,
    ];
    const answers: string[] = [];
    for (const one of credentials) {
      answers.push((await call(url, one, 'lock', 'deploy/x', 'ci')).body);
      answers.push((await call(url, one, 'lock', 'db/x', 'bob')).body);
    }
    answers.push(await force(url, basic('ops', ops), 'deploy/x'));
    await expect
      .poll(
        () => existsSync(join(place, 'environment')) && readFileSync(join(place, 'environment'), 'utf8'),
        { timeout: 25_000 },
      )
      .toContain('LOCKD_TOKEN=');
    daemon.child.kill('SIGHUP');
    await daemon.wrote('stderr', /Read the users file/);

    const environment = readFileSync(join(place, 'environment'), 'utf8');
    expect(environment).toContain('KEPT=yes');
    expect(environment).not.toContain('of-the-shell');
    const commandLine = readFileSync(`/proc/${daemon.child.pid}/cmdline`, 'latin1');
    expect(commandLine).toContain('--users');
    const everything = [
      ...[answers.join('\n'), daemon.stdout, daemon.stderr, environment, commandLine],
      ...[contentOf(directory), readFileSync(file, 'utf8')],
    ].join('\n');
    expect(everything).toContain('may not lock');
    for (const secret of [ci, ops]) {
      expect(everything).not.toContain(secret);
      expect(everything).not.toContain(Buffer.from(secret).toString('base64').slice(0, 40));
      expect(everything).not.toContain(Buffer.from(`ci:${secret}`).toString('base64'));
    }
  });
});
