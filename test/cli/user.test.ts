/** `lockd user`: what it prints, what it writes, and what it refuses. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { hashOf } from '../../src/access/secret.js';
import { readUsersFile } from '../../src/access/users-file.js';
import { lockd } from '../daemon.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { run } from './world.js';

const newFile = () => join(temporaryDirectory(), 'users.json');

const add = (file: string, name: string, ...flags: string[]) =>
  run(['user', 'add', name, '--users', file, ...flags]);

describe('add', () => {
  test('prints the secret alone, says what it may on standard error, and keeps a hash', async () => {
    const file = newFile();
    const ran = await add(file, 'ci', '--role', 'client', '--allow', 'deploy/*', '--allow', 'host/a');
    expect(ran.status).toBe(0);
    expect(ran.stdout).toMatch(/^[0-9a-f]{32}\n$/);
    expect(ran.stderr).toBe(
      `Added user 'ci' to ${file}: it may lock deploy/*, host/a, under the client names ci, ci/*, and read everything. ` +
        'Its secret is shown this once: the file has only a hash of it. A daemon that runs reads the file again on SIGHUP\n',
    );
    const secret = ran.stdout.trim();
    expect(readUsersFile(file, 'own')).toEqual([
      { user: { name: 'ci', role: 'client', allow: ['deploy/*', 'host/a'] }, secretHash: hashOf(secret) },
    ]);
    expect(readFileSync(file, 'utf8')).not.toContain(secret);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test('as one JSON document', async () => {
    const ran = await add(newFile(), 'ci', '--role', 'client', '--clients', '*', '--json');
    expect(JSON.parse(ran.stdout)).toEqual({
      name: 'ci',
      role: 'client',
      clients: ['*'],
      secret: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    expect(ran.stdout).toMatch(/^[^\n]+\n$/);
    expect(ran.stderr).toBe('');
  });

  test.each([
    [
      ['--role', 'client'],
      'it may lock every resource, as there is no --allow, under the client names x, x/*,',
    ],
    [['--role', 'client', '--clients', 'a/*'], 'under the client names x, x/*, a/*, and read everything.'],
    [
      ['--role', 'operator', '--allow', 'db/*'],
      'it may lock, force, confirm and hand over db/*, under any client name, and read everything.',
    ],
    [['--role', 'viewer'], 'it may read everything, and change nothing.'],
  ])('%j says what that means', async (flags, text) => {
    expect((await add(newFile(), 'x', ...flags)).stderr).toContain(text);
  });

  test('a user who is there is refused, and keeps its secret', async () => {
    const file = newFile();
    await add(file, 'ci', '--role', 'viewer');
    const before = readFileSync(file, 'utf8');
    expect(await add(file, 'ci', '--role', 'operator')).toEqual({
      status: 1,
      stdout: '',
      stderr:
        "User 'ci' (viewer) is there already. To give it a new secret or other rights, remove it first: " +
        `lockd user remove ci --users ${file}\n`,
    });
    expect(readFileSync(file, 'utf8')).toBe(before);
  });

  test.each([
    [['x'], "error: Say what 'x' may do: --role viewer, or client, or operator\n"],
    [['x', '--role', 'admin'], "error: --role must be viewer, client, operator; it is 'admin'\n"],
    [
      ['a/b', '--role', 'viewer'],
      'error: The name of a user must be 1 to 64 letters (A to Z), digits, dots, hyphens or underscores, ' +
        "with a letter or digit first and last; it is 'a/b'\n",
    ],
    [
      ['x', '--role', 'viewer', '--allow', '*'],
      'error: --allow is for who changes something: a viewer reads everything\n',
    ],
    [
      ['x', '--role', 'operator', '--clients', '*'],
      'error: --clients is for the role client: an operator may act under every name\n',
    ],
    [['x', '--role', 'client', '--allow', ''], 'error: --allow must not be empty\n'],
  ])('%j makes no sense', async ([name = '', ...flags], stderr) => {
    const file = newFile();
    expect(await add(file, name, ...flags)).toEqual({ status: 2, stdout: '', stderr });
    expect(() => statSync(file)).toThrow('ENOENT');
  });

  test('without a file it says which is meant', async () => {
    expect(await run(['user', 'add', 'x', '--role', 'viewer'])).toEqual({
      status: 2,
      stdout: '',
      stderr: 'error: Say which users file: --users FILE, or LOCKD_USERS\n',
    });
    const environment = { LOCKD_USERS: newFile() };
    expect((await run(['user', 'add', 'x', '--role', 'viewer'], { environment })).status).toBe(0);
  });

  test('processes at the same time lose no user', async () => {
    const file = newFile();
    const names = ['a', 'b', 'c', 'd'];
    const all = names.map((name) => lockd(['user', 'add', name, '--role', 'viewer', '--users', file]));
    expect((await Promise.all(all)).map(({ status }) => status)).toEqual([0, 0, 0, 0]);
    expect(
      readUsersFile(file, 'own')
        .map(({ user }) => user.name)
        .sort(),
    ).toEqual(names);
  });
});

describe('remove', () => {
  test('takes that one out', async () => {
    const file = newFile();
    for (const name of ['a', 'b']) await add(file, name, '--role', 'viewer');
    expect(await run(['user', 'remove', 'a', '--users', file])).toEqual({
      status: 0,
      stdout: '',
      stderr: `Removed user 'a' from ${file}. A daemon that runs reads the file again on SIGHUP\n`,
    });
    expect(readUsersFile(file, 'own').map(({ user }) => user.name)).toEqual(['b']);
    expect((await add(file, 'a', '--role', 'client')).status).toBe(0);
  });

  test('of nobody is refused', async () => {
    const file = newFile();
    await add(file, 'a', '--role', 'viewer');
    expect(await run(['user', 'remove', 'b', '--users', file])).toEqual({
      status: 1,
      stdout: '',
      stderr: `There is no user 'b' in ${file}; to see who is: lockd user list --users ${file}\n`,
    });
  });

  test('makes no file', async () => {
    const file = newFile();
    expect(await run(['user', 'remove', 'b', '--users', file])).toMatchObject({
      status: 1,
      stderr: `There is no users file ${file}; make one: lockd user add NAME --users ${file}\n`,
    });
    expect(() => statSync(file)).toThrow('ENOENT');
  });
});

describe('list', () => {
  test('shows who may do what, and nothing of a secret', async () => {
    const file = newFile();
    await add(file, 'ci', '--role', 'client', '--allow', 'deploy/*', '--clients', 'team/*');
    await add(file, 'ops', '--role', 'operator');
    await add(file, 'eve', '--role', 'viewer');
    expect((await run(['user', 'list', '--users', file])).stdout).toBe(
      [
        'NAME  ROLE      RESOURCES  CLIENT NAMES',
        'ci    client    deploy/*   ci, ci/*, team/*',
        'ops   operator  *          *',
        'eve   viewer',
        '',
      ].join('\n'),
    );
    const json = JSON.parse((await run(['user', 'list', '--users', file, '--json'])).stdout);
    expect(json).toEqual([
      { name: 'ci', role: 'client', allow: ['deploy/*'], clients: ['team/*'] },
      { name: 'ops', role: 'operator' },
      { name: 'eve', role: 'viewer' },
    ]);
  });

  test('of a broken file says what is wrong', async () => {
    const file = newFile();
    writeFileSync(file, '{"users": [{"name": "a"}]}', { mode: 0o600 });
    expect(await run(['user', 'list', '--users', file])).toEqual({
      status: 1,
      stdout: '',
      stderr: `The users file ${file} must give user 'a' a role: viewer, client, operator\n`,
    });
  });
});

describe('user alone', () => {
  test('shows its commands', async () => {
    const ran = await run(['user']);
    expect(ran.status).toBe(2);
    expect(ran.stderr).toMatch(/add \[options\] <name>[\s\S]*remove [\s\S]*list /);
  });

  test('with another word is a slip', async () => {
    expect(await run(['user', 'ad'])).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/unknown command 'ad'[\s\S]*Did you mean add/),
    });
  });
});
