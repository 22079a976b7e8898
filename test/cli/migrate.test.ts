/** The settings of `lockd migrate`. What it does: test/service/migrate.test.ts; with a real etcd: migrate.wide.test.ts. */
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../temporary-directory.js';
import { run } from './world.js';

test.each<[string, readonly string[], string]>([
  [
    'no place to move it to',
    [],
    '--store is missing: where to move it, as in --store etcd://etcd-1:2379/lockd',
  ],
  [
    'a place that is none',
    ['--store', 'http://a/b'],
    '--store must be like etcd://etcd-1:2379,etcd-2:2379/lockd',
  ],
  [
    'a user without a password',
    ['--store', 'etcd://u@a/b'],
    'give --store-secret-file FILE, with its password',
  ],
  ['files for TLS without it', ['--store', 'etcd://a/b', '--store-ca', 'x'], 'write --store etcds://...'],
  ['what only a daemon takes', ['--store', 'etcd://a/b', '--advertise-url', 'http://x'], '--advertise-url'],
])('%s is a slip on the command line', async (_, words, problem) => {
  const { status, stderr, stdout } = await run(['migrate', '--directory', temporaryDirectory(), ...words]);
  expect(status).toBe(2);
  expect(stderr).toContain(problem);
  expect(stdout).toBe('');
});

test('a directory without a past is refused before etcd is asked', async () => {
  const directory = temporaryDirectory();
  const ran = await run(['migrate', '--directory', directory, '--store', 'etcd://127.0.0.1:1/x', '--json']);
  expect(ran.status).toBe(1);
  expect(JSON.parse(ran.stdout).error.message).toContain(`no lockd has served ${directory}`);
});
