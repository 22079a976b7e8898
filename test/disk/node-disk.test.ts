/** The port's promises, on the real disk; and the small functions that stand on the port. */
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { errorCode, readWhole, ShortWrite, unlinkIfThere, writeWhole } from '../../src/disk/disk.js';
import { nodeDisk } from '../../src/disk/node-disk.js';
import { FaultyDisk } from './faulty-disk.js';
import { temporaryDirectory } from './temporary-directory.js';

function codeOf(work: () => unknown): string | undefined {
  try {
    work();
  } catch (error) {
    return errorCode(error);
  }
  return 'no error';
}

describe('the disk of this machine', () => {
  test('makes files and directories for their owner alone', () => {
    const directory = temporaryDirectory();
    const umask = process.umask(0);
    try {
      nodeDisk.create(join(directory, 'file')).close();
      nodeDisk.makeDirectory(join(directory, 'folder'));
    } finally {
      process.umask(umask);
    }
    expect(fs.statSync(join(directory, 'file')).mode & 0o7777).toBe(0o600);
    expect(fs.statSync(join(directory, 'folder')).mode & 0o7777).toBe(0o700);
    expect(nodeDisk.list(directory).sort()).toEqual(['file', 'folder']);
  });

  test('tells what a name stands for, without following it', () => {
    const directory = temporaryDirectory();
    const at = (name: string) => join(directory, name);
    fs.writeFileSync(at('file'), '12345');
    fs.mkdirSync(at('folder'));
    fs.symlinkSync(at('file'), at('link'));
    fs.symlinkSync('/nowhere', at('dangling'));
    spawnSync('mkfifo', [at('fifo')]);
    const kinds = ['file', 'folder', 'link', 'dangling', 'fifo'].map((name) => nodeDisk.stat(at(name))?.kind);
    expect(kinds).toEqual(['file', 'directory', 'symlink', 'symlink', 'other']);
    expect(nodeDisk.stat(at('file'))).toMatchObject({
      size: 5,
      inode: fs.statSync(at('file'), { bigint: true }).ino,
    });
    expect(nodeDisk.stat(at('nothing'))).toBeUndefined();
    expect(nodeDisk.stat(join(at('file'), 'below'))).toBeUndefined();
    expect(nodeDisk.exists(at('dangling'))).toBe(true);
    expect(nodeDisk.exists(at('nothing'))).toBe(false);
  });

  test('never opens what a symbolic link points to', () => {
    const directory = temporaryDirectory();
    const [target, link] = [join(directory, 'target'), join(directory, 'link')];
    fs.writeFileSync(target, 'untouched');
    fs.symlinkSync(target, link);
    expect(codeOf(() => nodeDisk.open(link, 'read'))).toBe('ELOOP');
    expect(codeOf(() => nodeDisk.open(link, 'write'))).toBe('ELOOP');
    expect(codeOf(() => nodeDisk.create(link))).toBe('EEXIST');
    nodeDisk.unlink(link);
    expect(fs.readFileSync(target, 'utf8')).toBe('untouched');
  });

  test('does not hang on a FIFO', () => {
    const fifo = join(temporaryDirectory(), 'fifo');
    spawnSync('mkfifo', [fifo]);
    const file = nodeDisk.open(fifo, 'read');
    expect(codeOf(() => file.read(new Uint8Array(1), 0))).not.toBe('no error');
    file.close();
  });

  test('never makes a file or a link over another', () => {
    const directory = temporaryDirectory();
    const [one, two] = [join(directory, 'one'), join(directory, 'two')];
    nodeDisk.create(one).close();
    nodeDisk.create(two).close();
    expect(codeOf(() => nodeDisk.create(one))).toBe('EEXIST');
    expect(codeOf(() => nodeDisk.link(one, two))).toBe('EEXIST');
    nodeDisk.rename(one, two);
    expect(nodeDisk.list(directory)).toEqual(['two']);
    nodeDisk.link(two, one);
    expect(nodeDisk.stat(one)?.inode).toBe(nodeDisk.stat(two)?.inode);
  });

  test('writes and reads where it is told', async () => {
    const directory = temporaryDirectory();
    const path = join(directory, 'file');
    const file = nodeDisk.create(path);
    expect(file.write(Buffer.from('hello world'), 0)).toBe(11);
    expect(file.write(Buffer.from('W'), 6)).toBe(1);
    file.truncate(9);
    await file.sync();
    await nodeDisk.syncDirectory(directory);
    const target = Buffer.alloc(20);
    expect(file.read(target, 3)).toBe(6);
    expect(target.subarray(0, 6).toString()).toBe('lo Wor');
    expect(file.read(target, 9)).toBe(0);
    expect(await file.readLater(target, 3)).toBe(6);
    expect(await file.readLater(target.subarray(6, 8), 0)).toBe(2);
    expect(target.subarray(0, 8).toString()).toBe('lo Worhe');
    expect(await file.readLater(target, 9)).toBe(0);
    expect(file.inode).toBe(nodeDisk.stat(path)?.inode);
    file.close();
    expect(await nodeDisk.listLater(directory)).toEqual(['file']);
    nodeDisk.unlink(path);
    nodeDisk.makeDirectory(path);
    nodeDisk.removeDirectory(path);
    expect(nodeDisk.list(directory)).toEqual([]);
  });

  test.each([
    ['open', () => nodeDisk.open('/nowhere/x', 'read')],
    ['create', () => nodeDisk.create('/nowhere/x')],
    ['list', () => nodeDisk.list('/nowhere')],
    ['link', () => nodeDisk.link('/nowhere/x', '/nowhere/y')],
    ['rename', () => nodeDisk.rename('/nowhere/x', '/nowhere/y')],
    ['unlink', () => nodeDisk.unlink('/nowhere/x')],
    ['makeDirectory', () => nodeDisk.makeDirectory('/nowhere/x')],
  ] as const)('%s fails with the code of the system', (_, work) => expect(codeOf(work)).toBe('ENOENT'));

  test('the promises fail with the code of the system', async () => {
    await expect(nodeDisk.syncDirectory('/nowhere')).rejects.toMatchObject({ code: 'ENOENT' });
    const directory = nodeDisk.open(temporaryDirectory(), 'read');
    await expect(directory.readLater(Buffer.alloc(1), 0)).rejects.toMatchObject({ code: 'EISDIR' });
    directory.close();
    await expect(nodeDisk.listLater('/nowhere')).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('writing whole', () => {
  test('says so where it cannot go on behind a short write', () => {
    const path = join(temporaryDirectory(), 'file');
    const disk = new FaultyDisk(nodeDisk);
    const file = disk.create(path);
    disk.failNext('write', { code: 'ENOSPC', shortBytes: 3 });
    expect(codeOf(() => writeWhole(file, Buffer.from('hello'), 2))).toBe('ENOSPC');
    expect(disk.count('write')).toBe(2);
    writeWhole(file, Buffer.from('lo'), 5);
    expect(fs.readFileSync(path, 'utf8')).toBe('\0\0hello');
    file.close();
  });

  test('does not go round for ever where the disk takes nothing', () => {
    const none = {
      inode: 1n,
      links: 1,
      write: () => 0,
      read: () => 0,
      readLater: () => Promise.resolve(0),
      truncate: () => undefined,
      sync: () => Promise.resolve(),
      close: () => undefined,
    };
    expect(() => writeWhole(none, Buffer.from('hello'), 0)).toThrow(ShortWrite);
    expect(codeOf(() => writeWhole(none, Buffer.from('hello'), 0))).toBe('ENOSPC');
    expect(codeOf(() => writeWhole(none, Buffer.alloc(0), 0))).toBe('no error');
  });
});

describe('reading whole', () => {
  test.each([
    [0, 0, ''],
    [0, 5, ''],
    [4, 5, '1234'],
    [5, 5, '12345'],
    [6, 5, undefined],
    [1, 0, undefined],
  ])('a file of %i bytes where %i may be', (size, maxBytes, text) => {
    const path = join(temporaryDirectory(), 'file');
    fs.writeFileSync(path, '123456'.slice(0, size));
    expect(readWhole(nodeDisk, path, maxBytes)?.toString()).toBe(text);
  });

  test('closes the file, whatever happens', () => {
    const path = join(temporaryDirectory(), 'file');
    fs.writeFileSync(path, '1');
    const disk = new FaultyDisk(nodeDisk);
    disk.failNext('read', { code: 'EIO' });
    expect(codeOf(() => readWhole(disk, path, 10))).toBe('EIO');
    expect(disk.count('close')).toBe(1);
  });
});

describe('unlinking what may be gone', () => {
  test('minds every other error', () => {
    const directory = temporaryDirectory();
    expect(codeOf(() => unlinkIfThere(nodeDisk, join(directory, 'nothing')))).toBe('no error');
    expect(['EISDIR', 'EPERM']).toContain(codeOf(() => unlinkIfThere(nodeDisk, directory)));
  });
});

describe('the code of an error', () => {
  test.each<[unknown, string | undefined]>([
    [Object.assign(new Error('x'), { code: 'EIO' }), 'EIO'],
    [Object.assign(new Error('x'), { code: 5 }), undefined],
    [new Error('x'), undefined],
    [{ code: 'EIO' }, undefined],
    [undefined, undefined],
    [new ShortWrite('x'), 'ENOSPC'],
  ])('%#', (error, code) => expect(errorCode(error)).toBe(code));
});
