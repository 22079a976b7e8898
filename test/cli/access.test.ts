/** The command line before a daemon with users, and over TLS: how it signs in, and what it gives away. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CertificateAuthority } from '../certificates.js';
import { LockdProcess, lockd, type RunningDaemon, serve } from '../daemon.js';
import { describeWith } from '../needs.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { type Ran, run } from './world.js';

interface Guarded extends RunningDaemon {
  readonly secret: string;
  /** Variables by which `ci` signs in. */
  readonly signedIn: Record<string, string>;
}

/** A daemon at which `ci` may lock `deploy/*`. */
async function guarded(...words: string[]): Promise<Guarded> {
  const directory = temporaryDirectory();
  const [users, secretFile] = [join(directory, 'users.json'), join(directory, 'ci.secret')];
  const added = await run(['user', 'add', 'ci', '--role', 'client', '--allow', 'deploy/*', '--users', users]);
  writeFileSync(secretFile, added.stdout, { mode: 0o600 });
  const daemon = await serve(['--users', users, ...words]);
  const signedIn = { LOCKD_URL: daemon.url, LOCKD_USER: 'ci', LOCKD_SECRET_FILE: secretFile };
  return { ...daemon, secret: added.stdout.trim(), signedIn };
}

const withSecret = (url: string, secret: string) => url.replace('://', `://ci:${secret}@`);

describe('signing in', () => {
  test.each<[string, (guard: Guarded) => [words: string[], environment: Record<string, string>]]>([
    ['LOCKD_USER with LOCKD_SECRET_FILE', ({ signedIn }) => [[], signedIn]],
    ['LOCKD_URL', ({ url, secret }) => [[], { LOCKD_URL: withSecret(url, secret) }]],
    [
      '--user with --secret-file',
      ({ url, signedIn }) => [
        ['--url', url, '--user', 'ci', '--secret-file', signedIn.LOCKD_SECRET_FILE ?? ''],
        {},
      ],
    ],
    [
      'the file of --config',
      ({ url, secret }) => {
        const path = join(temporaryDirectory(), 'lockd.json');
        writeFileSync(path, JSON.stringify({ url: withSecret(url, secret) }));
        return [['--config', path], {}];
      },
    ],
  ])('by %s; the default name is one of the user', async (_, how) => {
    const guard = await guarded();
    const [words, environment] = how(guard);
    const locked = await run(['lock', 'deploy/x', ...words], { environment });
    expect(locked).toMatchObject({ status: 0, stdout: expect.stringMatching(/^\d+\n$/) });
    expect(locked.stderr).toMatch(/^'deploy\/x' is locked by 'ci\/[^']+@[^']+'\. To unlock: lockd unlock /);
    expect(locked.stderr).not.toContain(guard.secret);
    expect((await run(['unlock', 'deploy/x', ...words], { environment })).status).toBe(0);
    const named = await run(['lock', 'deploy/x', 'ci', ...words], { environment });
    expect(named.stderr).toContain("'deploy/x' is locked by 'ci'.");
  });

  test('without credentials: 77, and what to set', async () => {
    const { url } = await guarded();
    const ran = await run(['lock', 'deploy/x', '--url', url]);
    expect(ran).toEqual({
      status: 77,
      stdout: '',
      stderr:
        `${url} lets nobody in who names no user. Set LOCKD_USER with LOCKD_SECRET_FILE, or ` +
        'LOCKD_URL=http://USER:SECRET@HOST:PORT (in a program: user and secret)\n',
    });
  });

  test('with the wrong ones: 77; as JSON too; and for lockd run, whatever --conflict-exit-code says', async () => {
    const { url } = await guarded();
    const environment = { LOCKD_URL: withSecret(url, 'wrong') };
    const says = `${url} does not know the user 'ci' with this secret. Set `;
    const ran = await run(['status', 'deploy/x'], { environment });
    expect(ran).toMatchObject({ status: 77, stdout: '', stderr: expect.stringContaining(says) });
    const { stdout } = await run(['list', '--json'], { environment });
    expect(JSON.parse(stdout)).toEqual({
      error: { message: expect.stringContaining(says), exitStatus: 77 },
    });
    const words = ['run', 'deploy/x', '--conflict-exit-code', '9', '--', 'echo', 'ran'];
    expect(await run(words, { environment })).toMatchObject({ status: 77, stdout: '' });
  });

  test('what the user may not do: 77, what it may, and nothing of who has it', async () => {
    const { signedIn } = await guarded();
    const ran = await run(['lock', 'db/x'], { environment: signedIn });
    expect(ran).toEqual({
      status: 77,
      stdout: '',
      stderr:
        "User 'ci' (client) may not lock 'db/x'; it may: deploy/*\n" +
        'Call as a user who may (LOCKD_USER and LOCKD_SECRET_FILE), or ask whoever runs the daemon: its users file says who may what\n',
    });
  });

  test.each<[string, string[], Record<string, string>, RegExp]>([
    [
      'a secret in --url',
      ['--url', 'http://ci:c0ffee@h:1'],
      {},
      /^error: --url must not carry a user and a secret, which everybody sees in the list of processes: set LOCKD_URL, or /,
    ],
    [
      'a secret in one of several',
      ['--url', 'http://h:1', '--url', 'http://ci:c0ffee@h:1'],
      {},
      /^error: --url must not /,
    ],
    ['a secret in an address that is none', ['--url', 'ci:c0ffee@h'], {}, /^error: --url must not carry/],
    [
      'an address that is none in LOCKD_URL',
      [],
      { LOCKD_URL: 'ci:c0ffee@h' },
      /^error: LOCKD_URL must be like http:/,
    ],
    ['a user without a secret', ['--user', 'ci'], {}, /^error: --user and --secret-file belong together/],
    [
      'a secret without a user',
      [],
      { LOCKD_SECRET_FILE: '/x' },
      /^error: --user and --secret-file belong together/,
    ],
    [
      'a file that is not there',
      ['--user', 'ci', '--secret-file', '/nowhere'],
      {},
      /^error: The file with the secret, \/nowhere, cannot be read \(ENOENT/,
    ],
    [
      'two users',
      ['--user', 'ci', '--secret-file', '/etc/hostname'],
      { LOCKD_URL: 'http://ci:c0ffee@h:1' },
      /^error: The address names a user, and so does --user or LOCKD_USER/,
    ],
    ['a CA that is none', ['--ca', '/etc/hostname'], {}, /^error: --ca must be a certificate in PEM form/],
    ['a key alone', ['--key', '/etc/hostname'], {}, /^error: --key must come with cert/],
  ])('%s: 2, and no secret is repeated', async (_, words, environment, says) => {
    for (const command of [['status', 'r'], ['watch'], ['run', 'r', '--', 'true']]) {
      const [name = '', ...rest] = command;
      const ran = await run([name, ...words, ...rest], { environment });
      expect(ran).toMatchObject({ status: 2, stdout: '' });
      expect(ran.stderr).toMatch(says);
      expect(ran.stderr).not.toContain('c0ffee');
    }
  });
});

/** Prints its environment, and what the list of processes shows of all that are alive. */
const TELL_ALL = 'env; ps -eo args';

describe('the secret', () => {
  test('does not reach the command of lockd run, nor the list of processes; the file is named on', async () => {
    const { url, secret, signedIn } = await guarded();
    const inUrl = await lockd(['run', 'deploy/x', '--', 'sh', '-c', TELL_ALL], {
      LOCKD_URL: withSecret(url, secret),
    });
    expect(inUrl.status).toBe(0);
    expect(inUrl.stdout).toContain(`LOCKD_URL=${url}\n`);
    expect(inUrl.stdout).toMatch(/^LOCKD_CLIENT=ci\/.+@.+:\d+-[0-9a-f]{6}$/m);
    expect(inUrl.stdout).not.toContain(secret);
    const inFile = await lockd(['run', 'deploy/x', '--', 'sh', '-c', TELL_ALL], signedIn);
    expect(inFile.stdout).toContain(`LOCKD_SECRET_FILE=${signedIn.LOCKD_SECRET_FILE}\n`);
    expect(inFile.stdout).not.toContain(secret);
  });

  test('does not reach the command of lockd gate', async () => {
    const words = ['gate', join(temporaryDirectory(), 'token'), '1', '--', 'env'];
    const one = await lockd(words, {
      LOCKD_URL: 'http://ci:c0ffee@h:1,http://ci:c0ffee@i:1',
      LOCKD_TEST_OTHER: 'kept',
    });
    expect(one.stdout).toContain('LOCKD_URL=http://h:1,http://i:1\n');
    expect(one.stdout).toContain('LOCKD_TEST_OTHER=kept\n');
    expect(one.stdout).not.toContain('c0ffee');
    const broken = await lockd(words, { LOCKD_URL: 'http://ci:c0ffee@h:x' });
    expect(broken.status).toBe(0);
    expect(broken.stdout).not.toContain('c0ffee');
  });

  test('a file that cannot be read is named, and the flag with it', async () => {
    const { status, stderr } = await run(['list', '--user', 'ci', '--secret-file', '/nowhere/secret']);
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: expect.stringMatching(
        /\/nowhere\/secret.* It is named by --secret-file \(LOCKD_SECRET_FILE\)\n/s,
      ),
    });
  });

  test('is in nothing that commands print, whatever becomes of them', async () => {
    const { daemon, url, secret } = await guarded();
    const environment = { LOCKD_URL: withSecret(url, secret) };
    const commands = [
      ['lock', 'deploy/x', 'ci', '--note', 'why'],
      ['lock', 'deploy/x', 'ci/2'],
      ['lock', 'deploy/x', 'eve'],
      ['lock', 'deploy/x', 'ci/2', '--wait', '300ms'],
      ['renew', 'deploy/x', 'ci'],
      ['status', 'deploy/x'],
      ['status'],
      ['list'],
      ['history'],
      ['ping'],
      ['force-unlock', 'deploy/x', '--reason', 'why'],
      ['run', 'deploy/x', '--no-wait', '--', 'true'],
      ['unlock', 'deploy/x', 'ci'],
    ];
    const all: Ran[] = [];
    for (const words of commands) {
      all.push(
        await run(words, { environment }),
        await run([...words.slice(0, 1), '--json', ...words.slice(1)], { environment }),
      );
    }
    await daemon.kill();
    all.push(
      await run(['unlock', 'deploy/x'], { environment }),
      await run(['ping', '--json'], { environment }),
    );
    const printed = all.map(({ stdout, stderr }) => stdout + stderr).join('');
    expect(printed).toContain(url);
    expect(printed).not.toContain(secret);
    expect(printed).not.toContain(btoa(`ci:${secret}`));
    expect(daemon.stdout + daemon.stderr).not.toContain(secret);
  });
});

describeWith(['openssl'], 'over TLS', () => {
  test('with an authority and a certificate of our own, users, and a command that runs for longer than its lease', async () => {
    const authority = new CertificateAuthority();
    const { cert, key } = authority.server();
    const tls = ['--tls-cert', cert, '--tls-key', key, '--tls-client-ca', authority.ca];
    const { url, signedIn } = await guarded(...tls);
    expect(url).toMatch(/^https:/);
    const shown = authority.client();
    const environment = { ...signedIn, LOCKD_CA: authority.ca, LOCKD_CERT: shown.cert, LOCKD_KEY: shown.key };
    expect(await run(['ping'], { environment })).toMatchObject({ status: 0, stderr: '' });
    const running = new LockdProcess(
      ['run', 'deploy/x', '--ttl', '3s', '--', 'sh', '-c', 'sleep 5; echo done'],
      { variables: environment },
    );
    expect(await running.ended).toBe(0);
    expect(running).toMatchObject({ stdout: 'done\n', stderr: '' });

    const untrusted = await run(['ping'], { environment: signedIn });
    expect(untrusted.status).toBe(69);
    expect(untrusted.stderr).toMatch(`The certificate of ${url} is not trusted (`);
    const { LOCKD_CERT, LOCKD_KEY, ...unshown } = environment;
    const unknown = await run(['ping'], { environment: unshown });
    expect(unknown.status).toBe(77);
    expect(unknown.stderr).toMatch(`${url} wants to see another certificate (`);
  });
});

test('at a Unix socket', async () => {
  const path = join(temporaryDirectory(), 'socket');
  const { signedIn } = await guarded('--listen', `unix:${path}`);
  const environment = { ...signedIn, LOCKD_URL: `unix:${path}` };
  const locked = await run(['lock', 'deploy/x', 'ci'], { environment });
  expect(locked.status).toBe(0);
  expect(locked.stderr).toContain(`To unlock: lockd unlock deploy/x ci --url unix:${path} --token `);
  const ran = await lockd(['run', 'deploy/y', '--', 'sh', '-c', 'echo "$LOCKD_URL"'], environment);
  expect(ran).toEqual({ status: 0, stdout: `unix:${path}\n`, stderr: '' });
});
