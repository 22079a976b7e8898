import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DirectoryRules, prepareDirectory } from '../../src/disk/directory-checks.js';
import { StartRefused } from '../../src/disk/start-refused.js';
import { describeWith } from '../needs.js';
import { temporaryDirectory } from './temporary-directory.js';

const EXT4 = 0xef53;

function rules(type = EXT4, allowNetworkFs = false): DirectoryRules {
  return { allowNetworkFs, fileSystemType: () => type };
}

function made(mode: number): string {
  const path = join(temporaryDirectory(), 'locks');
  fs.mkdirSync(path);
  fs.chmodSync(path, mode);
  return path;
}

function modeOf(path: string): string {
  return (fs.statSync(path).mode & 0o7777).toString(8);
}

function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof StartRefused) return error.message;
    throw error;
  }
  return 'not refused';
}

describe('a directory that is not there', () => {
  let umask = 0;
  beforeAll(() => {
    umask = process.umask(0);
  });
  afterAll(() => void process.umask(umask));

  test('is made for its owner alone, whatever the umask', () => {
    const path = join(temporaryDirectory(), 'locks');
    expect(prepareDirectory(path, rules())).toEqual({ path, warnings: [] });
    expect(modeOf(path)).toBe('700');
  });

  test('is made with those above it', () => {
    const path = join(temporaryDirectory(), 'a', 'b', 'locks');
    expect(prepareDirectory(path, rules())).toEqual({ path, warnings: [] });
    expect(modeOf(path)).toBe('700');
  });

  test('is made again as it was', () => {
    const path = join(temporaryDirectory(), 'locks');
    prepareDirectory(path, rules());
    fs.rmdirSync(path);
    expect(prepareDirectory(`${path}/../locks/`, rules())).toEqual({ path, warnings: [] });
  });

  test('cannot be made below a file', () => {
    const file = join(temporaryDirectory(), 'file');
    fs.writeFileSync(file, '');
    const path = join(file, 'locks');
    expect(refusal(() => prepareDirectory(path, rules()))).toBe(
      `${path} is no directory; give another --directory`,
    );
  });

  test('cannot be made through a symbolic link to nowhere', () => {
    const path = join(temporaryDirectory(), 'locks');
    fs.symlinkSync('/nowhere/at/all', path);
    expect(refusal(() => prepareDirectory(path, rules()))).toContain(path);
  });
});

describe('a directory that is there', () => {
  test.each([0o700, 0o750, 0o755, 0o500])('keeps mode %o, without a word', (mode) => {
    const path = made(mode);
    expect(prepareDirectory(path, rules())).toEqual({ path, warnings: [] });
    expect(fs.statSync(path).mode & 0o777).toBe(mode);
  });

  test.each([
    [0o777, '0777'],
    [0o702, '0702'],
    [0o1777, '1777'],
  ])('is refused with mode %o: everybody could forge locks', (mode, text) => {
    const path = made(mode);
    expect(refusal(() => prepareDirectory(path, rules()))).toBe(
      `Everybody can write to ${path} (mode ${text}), so that anybody could forge locks; run: chmod o-w ${path}`,
    );
    fs.chmodSync(path, mode & ~0o002);
    expect(prepareDirectory(path, rules()).path).toBe(path);
  });

  test('is warned about where its group can write', () => {
    const path = made(0o770);
    const { gid } = fs.statSync(path);
    expect(prepareDirectory(path, rules()).warnings).toEqual([
      `The group ${gid} can write to ${path} (mode 0770) and forge locks`,
    ]);
  });

  test('is warned about where it is a symbolic link, and what is meant is checked', () => {
    const path = made(0o700);
    const link = `${path}-link`;
    fs.symlinkSync(path, link);
    expect(prepareDirectory(link, rules())).toEqual({
      path,
      warnings: [`${link} is a symbolic link; the locks are in ${path}`],
    });
    fs.chmodSync(path, 0o777);
    expect(refusal(() => prepareDirectory(link, rules()))).toContain(`Everybody can write to ${path} `);
  });

  test.each<[string, (path: string) => void]>([
    ['a file', (path) => fs.writeFileSync(path, '')],
    ['a link to a file', (path) => fs.symlinkSync('/etc/passwd', path)],
  ])('is refused where it is %s', (_, make) => {
    const path = join(temporaryDirectory(), 'locks');
    make(path);
    expect(refusal(() => prepareDirectory(path, rules()))).toBe(
      `${path} is no directory; give another --directory`,
    );
  });
});

describeWith(['root'], 'a directory of somebody else', () => {
  test('is warned about where lockd is root', () => {
    const path = made(0o700);
    fs.chownSync(path, 4_711, 4_711);
    expect(prepareDirectory(path, rules()).warnings).toEqual([
      `${path} belongs to user 4711, who can forge locks; lockd runs as root`,
    ]);
  });

  test('is refused where lockd is not', () => {
    const path = made(0o755);
    fs.chmodSync(join(path, '..'), 0o755);
    const user = process.geteuid?.() ?? 0;
    process.seteuid?.(4_711);
    try {
      expect(refusal(() => prepareDirectory(path, rules()))).toBe(
        `${path} belongs to user 0, but lockd runs as user 4711; run lockd as its owner, or chown it`,
      );
    } finally {
      process.seteuid?.(user);
    }
  });
});

describe('the file system', () => {
  test.each([
    ['NFS', 0x6969],
    ['SMB', 0x517b],
    ['CIFS', 0xff534d42],
    ['CIFS', 0xff534d42 | 0],
    ['SMB2', 0xfe534d42],
    ['9P', 0x01021997],
    ['FUSE', 0x65735546],
    ['AFS', 0x5346414f],
    ['Ceph', 0x00c36400],
    ['Lustre', 0x0bd00bd0],
    ['GPFS', 0x47504653],
    ['OCFS2', 0x7461636f],
    ['GFS2', 0x01161970],
  ])('%s (%i) is refused, unless it is allowed, which warns', (name, type) => {
    const path = made(0o700);
    expect(refusal(() => prepareDirectory(path, rules(type)))).toBe(
      `${path} lies on a network file system (${name}), where a flush may not be one; ` +
        'use a local disk, or --allow-network-fs if you know better',
    );
    expect(prepareDirectory(path, rules(type, true)).warnings).toEqual([
      `${path} lies on a network file system (${name})`,
    ]);
  });

  test.each([
    ['tmpfs', 0x01021994],
    ['ramfs', 0x858458f6],
    ['ramfs', 0x858458f6 | 0],
  ])('%s (%i) is warned about', (name, type) => {
    const path = made(0o700);
    expect(prepareDirectory(path, rules(type)).warnings).toEqual([
      `${path} lies in memory (${name}): a reboot frees every lock`,
    ]);
  });

  test.each([
    ['ext4', EXT4],
    ['XFS', 0x58465342],
    ['Btrfs', 0x9123683e],
  ])('%s is as it should be', (_, type) => {
    expect(prepareDirectory(made(0o700), rules(type, true)).warnings).toEqual([]);
  });

  test('is asked for where nobody says what it is', () => {
    const path = made(0o700);
    const { warnings } = prepareDirectory(path, { allowNetworkFs: true });
    const type = fs.statfsSync(path).type;
    expect(warnings.length).toBe([0x01021994, 0x858458f6, 0x65735546, 0x01021997].includes(type) ? 1 : 0);
  });
});
