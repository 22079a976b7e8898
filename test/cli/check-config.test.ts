/** `lockd serve --check-config`: what is in force, and everything that is wrong, without a trace of having looked. */
import { chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { slipsIn } from '../../src/cli/slips.js';
import { lockd } from '../daemon.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { run } from './world.js';

const CHECK = ['serve', '--check-config'];

/** A place for a configuration file and a lock directory that is there. */
function place(config: object = {}) {
  const root = temporaryDirectory();
  const directory = join(root, 'locks');
  mkdirSync(directory, { mode: 0o700 });
  const file = join(root, 'lockd.json');
  writeFileSync(file, JSON.stringify({ directory, ...config }));
  return { root, directory, file };
}

async function problemsOf(words: readonly string[], environment: Record<string, string> = {}) {
  const { status, stdout, stderr } = await run([...CHECK, '--json', ...words], { environment });
  expect({ status, stderr }).toEqual({ status: 2, stderr: '' });
  const { error } = JSON.parse(stdout) as { error: { message: string; problems?: string[] } };
  return error.problems ?? [error.message];
}

describe('what is in force', () => {
  test('each setting, with where it comes from', async () => {
    const { file, directory } = place({ listen: ['127.0.0.1:1', '[::1]:2'], 'max-locks': 5 });
    const { status, stdout } = await run([...CHECK, '--json', '--config', file, '--max-waiters', '7'], {
      environment: { LOCKD_LOG_LEVEL: 'warn' },
    });
    expect(status).toBe(0);
    const checked = JSON.parse(stdout);
    expect(checked).toMatchObject({
      ok: true,
      directory: { path: directory, isThere: true },
      warnings: [],
      settings: {
        listen: { values: ['127.0.0.1:1', '[::1]:2'], from: `'listen' in ${file}` },
        'max-locks': { values: ['5'], from: `'max-locks' in ${file}` },
        'max-waiters': { values: ['7'], from: '--max-waiters' },
        'max-waiters-per-client': { values: ['1000'], from: 'default' },
        'log-level': { values: ['warn'], from: 'LOCKD_LOG_LEVEL' },
        'max-ttl': { values: [], from: 'not set' },
      },
    });
    expect(Object.keys(checked.settings)).not.toContain('check-config');
  });

  test('as a table for people, with warnings', async () => {
    const { file, root } = place();
    const link = join(root, 'link');
    symlinkSync(join(root, 'locks'), link);
    const words = [...CHECK, '--config', file, '--directory', link];
    const { status, stdout } = await run(words, { environment: { LOCKD_LISTN: 'x' } });
    expect(status).toBe(0);
    expect(stdout).toMatch(/^--listen +127\.0\.0\.1:7420 +default$/m);
    expect(stdout).toContain(`warning: ${link} is a symbolic link; the locks are in ${root}/locks`);
    expect(stdout).toContain(
      'warning: The variable LOCKD_LISTN is read by nobody; did you mean LOCKD_LISTEN?',
    );
    expect(stdout).toMatch(/A daemon would start with this\n$/);
  });

  test('nothing is made, neither in a directory nor the directory', async () => {
    const { directory, root } = place();
    expect((await run([...CHECK, '--directory', directory])).status).toBe(0);
    expect(readdirSync(directory)).toEqual([]);
    const { stdout } = await run([...CHECK, '--directory', join(root, 'not', 'yet')]);
    expect(stdout).toContain(`${root}/not/yet would be made`);
    expect(existsSync(join(root, 'not'))).toBe(false);
  });
});

describe('what is wrong', () => {
  test('all of it at once: keys, values, contradictions, files, the directory', async () => {
    const { file, directory, root } = place({
      lisen: '127.0.0.1:1',
      'history-days': 0,
      'max-locks': 10_000_001,
    });
    chmodSync(directory, 0o777);
    const script = join(root, 'fence.sh');
    writeFileSync(script, '#!/bin/sh\n', { mode: 0o644 });
    const words = ['--config', file, '--max-ttl', '1m', '--default-ttl', '2m', '--listen', '0.0.0.0:7420'];
    const files = [
      '--tls-cert',
      `${root}/no.pem`,
      '--tls-key',
      `${root}/no.key`,
      '--fence',
      `host/*=${script}`,
    ];
    expect(await problemsOf([...words, ...files])).toEqual([
      `Unknown key 'lisen' in ${file}; did you mean 'listen'?`,
      expect.stringContaining(`--fence must name an executable file, but lockd may not execute '${script}'`),
      `'history-days' in ${file} must be a whole number from 1 to 36500, not '0'`,
      `'max-locks' in ${file} must be a whole number from 1 to 10000000, not '10000001'`,
      expect.stringContaining('--listen 0.0.0.0:7420 can be reached from other machines'),
      expect.stringContaining('--default-ttl 2m is longer than --max-ttl 1m'),
      expect.stringContaining(`Everybody can write to ${directory} (mode 0777)`),
      expect.stringContaining(`--tls-cert ${root}/no.pem cannot be read`),
    ]);
  });

  test('each on a line of its own, for people', async () => {
    const { file } = place({ lisen: 'x', 'max-waiters': 0 });
    const { status, stdout, stderr } = await run([...CHECK, '--config', file]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr.match(/^error: /gm)).toHaveLength(2);
  });

  test('users that cannot be read', async () => {
    const { directory, root } = place();
    const [problem] = await problemsOf(['--directory', directory, '--users', join(root, 'users.json')]);
    expect(problem).toContain(`There is no users file ${root}/users.json`);
  });

  test('a directory that is none, and one whose own part is none', async () => {
    const { root, directory } = place();
    writeFileSync(join(root, 'file'), '');
    expect(await problemsOf(['--directory', join(root, 'file')])).toEqual([
      `${root}/file is no directory; give another --directory`,
    ]);
    expect(await problemsOf(['--directory', join(root, 'file', 'below')])).toEqual([
      `${root}/file is no directory; give another --directory`,
    ]);
    symlinkSync('nowhere', join(root, 'link'));
    expect(await problemsOf(['--directory', join(root, 'link')])).toEqual([
      expect.stringContaining(`${root}/link cannot be looked at (ENOENT`),
    ]);
    writeFileSync(join(directory, '.lockd'), '');
    expect(await problemsOf(['--directory', directory])).toEqual([
      `${directory}/.lockd is no directory; move it away, and lockd makes its own`,
    ]);
  });

  test('a setting that is given twice where it is one', async () => {
    const { file } = place({ 'log-level': ['info', 'warn'] });
    expect(await problemsOf(['--config', file])).toEqual([`'log-level' in ${file} must be one value`]);
  });
});

test('a start tells every problem of its settings too, and starts nothing', async () => {
  const { file, directory } = place({ lisen: 'x', 'max-waiters': 0 });
  const { status, stderr } = await lockd(['serve', '--config', file]);
  expect(status).toBe(2);
  expect(stderr.match(/^error: /gm)).toHaveLength(2);
  expect(readdirSync(directory)).toEqual([]);
});

describe('variables that nobody reads', () => {
  const FLAGS = new Set(['listen', 'lock-delay', 'users', 'json']);
  test.each([
    ['LOCKD_LISTN', 'LOCKD_LISTEN'],
    ['LOCKD_LOCKDELAY', 'LOCKD_LOCK_DELAY'],
    ['LOCKD_SECRETFILE', 'LOCKD_SECRET_FILE'],
  ])('%s: %s is meant', (variable, meant) => {
    expect(slipsIn({ [variable]: 'x' }, FLAGS)).toEqual([
      `The variable ${variable} is read by nobody; did you mean ${meant}?`,
    ]);
  });

  test.each([
    'LOCKD_LISTEN',
    'LOCKD_USER',
    'LOCKD_CONFIG',
    'LOCKD_PORT',
    'LOCKD_SERVICE_HOST',
    'LOCKD_PORT_7420_TCP',
    'LISTN',
  ])('%s is passed over', (variable) => {
    expect(slipsIn({ [variable]: 'x' }, FLAGS)).toEqual([]);
  });
});
