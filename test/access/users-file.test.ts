import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { hashOf } from '../../src/access/secret.js';
import type { UserRecord } from '../../src/access/users.js';
import { UsersError } from '../../src/access/users-error.js';
import { changeUsersFile, readUsersFile } from '../../src/access/users-file.js';
import { formatUsers } from '../../src/access/users-text.js';
import { describeWith } from '../needs.js';
import { temporaryDirectory } from '../temporary-directory.js';

const record = (name: string): UserRecord => ({ user: { name, role: 'client' }, secretHash: hashOf(name) });

const add = (path: string, name: string) => changeUsersFile(path, (records) => [...records, record(name)]);

const namesIn = (path: string) => readUsersFile(path, 'own').map(({ user }) => user.name);

const modeOf = (path: string) => fs.statSync(path).mode & 0o7777;

function newFile(...names: string[]): string {
  const path = join(temporaryDirectory(), 'users.json');
  if (names.length > 0) fs.writeFileSync(path, formatUsers(names.map(record)), { mode: 0o600 });
  return path;
}

describe('changing', () => {
  test('makes a file with mode 0600, whatever the umask, and nothing beside it', async () => {
    const path = newFile();
    const before = process.umask(0);
    await add(path, 'a').finally(() => process.umask(before));
    expect(modeOf(path)).toBe(0o600);
    expect(namesIn(path)).toEqual(['a']);
    expect(fs.readdirSync(join(path, '..'))).toEqual(['users.json']);
  });

  test('keeps who may read it', async () => {
    const path = newFile('a');
    fs.chmodSync(path, 0o640);
    await add(path, 'b');
    expect(modeOf(path)).toBe(0o640);
    expect(namesIn(path)).toEqual(['a', 'b']);
  });

  test('does not take the place of a link that leads to nothing', async () => {
    const link = newFile();
    fs.symlinkSync(join(temporaryDirectory(), 'absent'), link);
    await expect(add(link, 'a')).rejects.toThrow(
      new UsersError(
        `The users file ${link} is a link that leads to nothing; make what it names, or rm ${link}`,
      ),
    );
    expect(fs.lstatSync(link).isSymbolicLink()).toBe(true);
    expect(fs.existsSync(`${link}.new`)).toBe(false);
  });

  test('replaces what a link leads to, not the link', async () => {
    const path = newFile('a');
    const link = join(temporaryDirectory(), 'link.json');
    fs.symlinkSync(path, link);
    await add(link, 'b');
    expect(fs.lstatSync(link).isSymbolicLink()).toBe(true);
    expect(namesIn(path)).toEqual(['a', 'b']);
    expect(namesIn(link)).toEqual(['a', 'b']);
  });

  test('a reader sees the old file or the new one, whole', async () => {
    const path = newFile('a');
    const descriptor = fs.openSync(path, 'r');
    await add(path, 'b');
    expect(fs.readFileSync(descriptor, 'utf8')).toBe(formatUsers([record('a')]));
    fs.closeSync(descriptor);
  });

  test('many at once lose none', async () => {
    const path = newFile();
    const names = Array.from({ length: 30 }, (_, index) => `user${index}`);
    await Promise.all(names.map((name) => add(path, name)));
    expect(namesIn(path).sort()).toEqual([...names].sort());
    expect(fs.readdirSync(join(path, '..'))).toEqual(['users.json']);
  });

  test('waits for another one that is under way, and sees what it did', async () => {
    const path = newFile('a');
    fs.writeFileSync(`${path}.new`, formatUsers([record('a'), record('other')]), { mode: 0o600 });
    let isDone = false;
    const added = add(path, 'b').then(() => {
      isDone = true;
    });
    await pause(100);
    expect(isDone).toBe(false);
    fs.renameSync(`${path}.new`, path);
    await added;
    expect(namesIn(path)).toEqual(['a', 'other', 'b']);
  });

  test('what the change throws changes nothing', async () => {
    const path = newFile('a');
    const before = fs.readFileSync(path, 'utf8');
    const refuse = () => {
      throw new UsersError('no');
    };
    await expect(changeUsersFile(path, refuse)).rejects.toThrow('no');
    expect(fs.readFileSync(path, 'utf8')).toBe(before);
    expect(fs.readdirSync(join(path, '..'))).toEqual(['users.json']);
  });

  test('a file that cannot be read is not written over', async () => {
    const path = newFile();
    fs.writeFileSync(path, '{"users": [', { mode: 0o600 });
    await expect(add(path, 'a')).rejects.toThrow(`The users file ${path} is not JSON`);
    expect(fs.readFileSync(path, 'utf8')).toBe('{"users": [');
    expect(fs.readdirSync(join(path, '..'))).toEqual(['users.json']);
  });

  test('without its directory it says so', async () => {
    const path = join(temporaryDirectory(), 'missing', 'users.json');
    await expect(add(path, 'a')).rejects.toThrow(
      new RegExp(`^The users file ${path} cannot be written: ENOENT`),
    );
  });
});

test('what was ended midway is told, with how to mend it', async () => {
  const path = newFile('a');
  fs.writeFileSync(`${path}.new`, '');
  await expect(add(path, 'b')).rejects.toThrow(
    `${path}.new is there: another lockd user is changing ${path}, or was ended midway. If none runs: rm ${path}.new`,
  );
  expect(namesIn(path)).toEqual(['a']);
  fs.rmSync(`${path}.new`);
  await add(path, 'b');
  expect(namesIn(path)).toEqual(['a', 'b']);
});

describe('reading', () => {
  const refused = (path: string, owner: 'own' | 'any' = 'own') => {
    try {
      readUsersFile(path, owner);
    } catch (error) {
      expect(error).toBeInstanceOf(UsersError);
      return (error as Error).message;
    }
    throw new Error('it was read');
  };

  test('a file that is not there', () => {
    const path = newFile();
    expect(refused(path)).toBe(
      `There is no users file ${path}; make one: lockd user add NAME --users ${path}`,
    );
  });

  test.each([0o602, 0o620, 0o666])('others can write it: %o', (mode) => {
    const path = newFile('a');
    fs.chmodSync(path, mode);
    const shown = `0${mode.toString(8)}`;
    const text = `Others can write to the users file ${path} (mode ${shown}) and let themselves in; run: chmod go-w ${path}`;
    expect(refused(path)).toBe(text);
    expect(refused(path, 'any')).toBe(text);
  });

  test.each([0o600, 0o400, 0o644])('others cannot write it: %o', (mode) => {
    const path = newFile('a');
    fs.chmodSync(path, mode);
    expect(namesIn(path)).toEqual(['a']);
  });

  test('a directory, and a FIFO that nobody writes to', () => {
    const directory = temporaryDirectory();
    expect(refused(directory)).toBe(`The users file ${directory} is no file`);
    const fifo = join(directory, 'fifo');
    execFileSync('mkfifo', ['-m', '600', fifo]);
    expect(refused(fifo)).toBe(`The users file ${fifo} is no file`);
  });

  test('a file too large to be one', () => {
    const path = newFile('a');
    fs.truncateSync(path, 4_194_305);
    expect(refused(path)).toBe(`The users file ${path} is larger than 4,194,304 bytes`);
  });

  test('what is wrong in it is told with its name', () => {
    const path = newFile();
    fs.writeFileSync(path, '{"users": [], "user": []}', { mode: 0o600 });
    expect(refused(path)).toBe(`The users file ${path} has an unknown key 'user'; known: users`);
  });
});

describeWith(['root'], 'as root', () => {
  test('a change keeps the owner, so that its daemon can still read it', async () => {
    const path = newFile('a');
    fs.chownSync(path, 1234, 2345);
    await add(path, 'b');
    const { uid, gid } = fs.statSync(path);
    expect({ uid, gid }).toEqual({ uid: 1234, gid: 2345 });
    expect(modeOf(path)).toBe(0o600);
  });

  test('a daemon takes no file that another one owns, and may write', () => {
    const path = newFile('a');
    fs.chownSync(path, 1234, 0);
    expect(() => readUsersFile(path, 'own')).toThrow(
      `The users file ${path} belongs to user 1234, who can let itself in; lockd runs as user 0: chown it`,
    );
    expect(readUsersFile(path, 'any')).toHaveLength(1);
  });
});
