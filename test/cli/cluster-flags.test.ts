/** The settings that make a daemon a member of a cluster: what goes together, what is missing, and that no secret is shown. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Lockd } from '../../src/service/lockd.js';
import { CertificateAuthority } from '../certificates.js';
import { describeWith } from '../needs.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { run } from './world.js';

const STORE = 'etcd://a.example,b.example:2380/lockd';
const URL_GIVEN = ['--advertise-url', 'http://lock-a.example.org:7420'];

interface Checked {
  readonly status: number;
  readonly warnings?: readonly string[];
  readonly cluster?: object;
  readonly problems?: readonly string[];
}

/** What `--check-config` says, with a directory that is there. */
async function check(words: readonly string[], environment: Record<string, string> = {}): Promise<Checked> {
  const directory = join(temporaryDirectory(), 'locks');
  mkdirSync(directory, { mode: 0o700 });
  const place = words.includes('--directory') ? [] : ['--directory', directory];
  const ran = await run(['serve', '--check-config', '--json', ...place, ...words], {
    environment,
  });
  const { error, warnings, cluster } = JSON.parse(ran.stdout);
  if (!error) return { status: ran.status, warnings, cluster };
  return { status: ran.status, problems: error.problems ?? [error.message] };
}

function file(text: string, mode = 0o600): string {
  const path = join(temporaryDirectory(), 'file');
  writeFileSync(path, text, { mode });
  return path;
}

describe('what works', () => {
  test('a store and a URL', async () => {
    expect(await check(['--store', STORE, ...URL_GIVEN])).toEqual({
      status: 0,
      warnings: [],
      cluster: { store: 'etcd://a.example:2379,b.example:2380/lockd', url: 'http://lock-a.example.org:7420' },
    });
  });

  test('by variables: what is one value is not cut at its commas', async () => {
    const environment = { LOCKD_STORE: STORE, LOCKD_ADVERTISE_URL: 'http://lock-a.example.org:7420' };
    expect(await check([], environment)).toMatchObject({ status: 0, warnings: [] });
  });

  test('people read which address is told, and that etcd was not asked', async () => {
    const words = ['serve', '--check-config', '--store', STORE, ...URL_GIVEN];
    const { stdout } = await run([...words, '--directory', join(temporaryDirectory(), 'locks')]);
    expect(stdout).toContain(
      'Clients and other daemons would be told http://lock-a.example.org:7420; etcd was not asked',
    );
  });

  test('a user, with the password in a file', async () => {
    const words = ['--store', 'etcd://lockd@a/lockd', ...URL_GIVEN, '--store-secret-file', file('secret\n')];
    expect(await check(words)).toMatchObject({ status: 0, warnings: [] });
  });

  test('a file with the password that others can read: a warning', async () => {
    const path = file('secret\n', 0o640);
    const words = ['--store', 'etcd://lockd@a/lockd', ...URL_GIVEN, '--store-secret-file', path];
    expect(await check(words)).toMatchObject({
      status: 0,
      warnings: [`Others than its owner can read --store-secret-file ${path}. Close it: chmod 600 ${path}`],
    });
  });
});

describeWith(['openssl'], 'what is listened at', () => {
  test('is told where others can reach it, as https where TLS is spoken', async () => {
    const { cert, key } = new CertificateAuthority().server();
    const words = ['--store', STORE, '--listen', '10.0.0.7:7420', '--trusted-network'];
    expect(await check(words)).toMatchObject({ cluster: { url: 'http://10.0.0.7:7420' } });
    expect(await check([...words, '--tls-cert', cert, '--tls-key', key])).toMatchObject({
      cluster: { url: 'https://10.0.0.7:7420' },
    });
  });
});

describeWith(['openssl'], 'a certificate without its key', () => {
  test('is told once', async () => {
    const { cert } = new CertificateAuthority().client();
    const words = ['--store', 'etcds://a/lockd', ...URL_GIVEN, '--store-cert', cert];
    expect((await check(words)).problems).toEqual([
      '--store-cert and --store-key belong together: give both, or none',
    ]);
  });
});

describe('what does not', () => {
  const PASSWORD = 'do-not-show';

  test.each([
    ['--store', [`--store=etcd://lockd:${PASSWORD}@a/lockd`], {}],
    ['LOCKD_STORE', [], { LOCKD_STORE: `etcd://lockd:${PASSWORD}@a/lockd` }],
  ])('a password in %s, and it is not repeated', async (_, words, environment) => {
    const { status, problems } = await check([...words, ...URL_GIVEN], environment);
    expect(status).toBe(2);
    expect(problems).toEqual([expect.stringContaining('--store-secret-file')]);
    expect(JSON.stringify(problems)).not.toContain(PASSWORD);
  });

  test('all at once', async () => {
    const words = ['--store', 'etcd://lockd@a/lockd', '--store-ca', 'x', '--store-cert', 'y'];
    expect(await check(words)).toEqual({
      status: 2,
      problems: [
        '--store takes --advertise-url URL, where clients reach this daemon, as in http://lock-a.example.org:7420: ' +
          'by --listen no other machine can reach it',
        '--store-ca, --store-cert and --store-key are for TLS: write --store etcds://...',
        '--store-cert and --store-key belong together: give both, or none',
        '--store names the user lockd of etcd: give --store-secret-file FILE, with its password',
      ],
    });
  });

  test('a password without a user', async () => {
    const words = ['--store', STORE, ...URL_GIVEN, '--store-secret-file', file('secret')];
    expect((await check(words)).problems).toEqual([
      '--store-secret-file is the password of a user: name it, as in --store etcd://USER@HOST:PORT/PREFIX',
    ]);
  });

  test('a file without a password', async () => {
    const path = file('\n');
    const words = ['--store', 'etcd://lockd@a/lockd', ...URL_GIVEN, '--store-secret-file', path];
    expect((await check(words)).problems).toEqual([`There is no password in --store-secret-file ${path}`]);
  });

  test('files of TLS that are none', async () => {
    const words = ['--store', 'etcds://a/lockd', ...URL_GIVEN, '--store-ca'];
    expect((await check([...words, '/not/there'])).problems).toEqual([
      expect.stringMatching(
        /^The file with the authority, \/not\/there, cannot be read .* --store-ca \(LOCKD_STORE_CA\)$/,
      ),
    ]);
    expect((await check([...words, file('no certificate')])).problems).toEqual([
      '--store-ca must be a certificate in PEM form (-----BEGIN CERTIFICATE-----)',
    ]);
  });

  test('any of it without a store', async () => {
    expect((await check([...URL_GIVEN, '--store-ca', 'x'])).problems).toEqual([
      '--store-ca and --advertise-url take --store: without it the daemon is alone',
    ]);
    expect((await check(URL_GIVEN)).problems).toEqual([
      '--advertise-url takes --store: without it the daemon is alone',
    ]);
  });

  test('a directory that has locks of its own, and one whose locks are elsewhere', async () => {
    const own = temporaryDirectory();
    await (await Lockd.open(own)).close();
    expect((await check(['--store', STORE, ...URL_GIVEN, '--directory', own])).problems).toEqual([
      `${own} has locks of its own, which --store would leave behind; move them with lockd migrate, ` +
        'or give another --directory',
    ]);

    const shown = temporaryDirectory();
    mkdirSync(join(shown, '.lockd'));
    expect(await check(['--store', STORE, ...URL_GIVEN, '--directory', shown])).toMatchObject({ status: 0 });
    writeFileSync(join(shown, '.lockd/store'), JSON.stringify({ store: STORE, id: 'ID' }));
    expect((await check(['--directory', shown])).problems).toEqual([
      expect.stringContaining(`The locks of ${shown} are saved in ${STORE}`),
    ]);
    expect(await check(['--store', STORE, ...URL_GIVEN, '--directory', shown])).toMatchObject({ status: 0 });
  });

  test('a start is refused for the same reasons', async () => {
    const ran = await run(['serve', '--store', STORE, '--directory', temporaryDirectory()]);
    expect(ran.status).toBe(2);
    expect(ran.stderr).toContain('error: --store takes --advertise-url URL');
  });
});
