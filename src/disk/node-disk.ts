/** The real disk, through node:fs. It decides nothing. */
import * as fs from 'node:fs';
import { type Disk, type Entry, type EntryKind, errorCode, type OpenFile } from './disk.js';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR, O_DIRECTORY } = fs.constants;

class NodeFile implements OpenFile {
  constructor(private readonly descriptor: number) {}

  get inode(): bigint {
    return fs.fstatSync(this.descriptor, { bigint: true }).ino;
  }

  get links(): number {
    return fs.fstatSync(this.descriptor).nlink;
  }

  write(bytes: Uint8Array, position: number): number {
    return fs.writeSync(this.descriptor, bytes, 0, bytes.length, position);
  }

  read(target: Uint8Array, position: number): number {
    return fs.readSync(this.descriptor, target, 0, target.length, position);
  }

  readLater(target: Uint8Array, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.read(this.descriptor, target, 0, target.length, position, (error, count) =>
        error ? reject(error) : resolve(count),
      );
    });
  }

  truncate(length: number): void {
    fs.ftruncateSync(this.descriptor, length);
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.fdatasync(this.descriptor, (error) => (error ? reject(error) : resolve()));
    });
  }

  close(): void {
    fs.closeSync(this.descriptor);
  }
}

function kindOf(stats: fs.BigIntStats): EntryKind {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  return stats.isSymbolicLink() ? 'symlink' : 'other';
}

/** Looks at a name. Undefined also where what should be a directory above it is none: then the name is not there. */
function look<Stats>(lstat: () => Stats | undefined): Stats | undefined {
  try {
    return lstat();
  } catch (error) {
    if (errorCode(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** Given up for the flush of a directory that finds no descriptor: what was done must last, or nobody may be answered. */
let spare: number | undefined;

function takeSpare(): void {
  try {
    spare ??= fs.openSync('/dev/null', O_RDONLY);
  } catch {
    // So it goes without one; the next flush tries again.
  }
}

function openDirectory(directory: string): number {
  try {
    return fs.openSync(directory, O_RDONLY | O_DIRECTORY);
  } catch (error) {
    if (spare === undefined || !['EMFILE', 'ENFILE'].includes(errorCode(error) ?? '')) throw error;
    fs.closeSync(spare);
    spare = undefined;
    return fs.openSync(directory, O_RDONLY | O_DIRECTORY);
  }
}

/** The disk of this machine. */
export const nodeDisk: Disk = {
  list: (directory) => fs.readdirSync(directory),

  listLater: (directory) => fs.promises.readdir(directory),

  stat(path): Entry | undefined {
    const stats = look(() => fs.lstatSync(path, { bigint: true, throwIfNoEntry: false }));
    if (!stats) return undefined;
    return {
      kind: kindOf(stats),
      inode: stats.ino,
      size: Number(stats.size),
      modified: Number(stats.mtimeMs),
    };
  },

  exists: (path) => look(() => fs.lstatSync(path, { throwIfNoEntry: false })) !== undefined,

  makeDirectory: (path) => fs.mkdirSync(path, { mode: 0o700 }),

  removeDirectory: (path) => fs.rmdirSync(path),

  create: (path) => new NodeFile(fs.openSync(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)),

  open: (path, access) =>
    new NodeFile(fs.openSync(path, (access === 'read' ? O_RDONLY : O_RDWR) | O_NOFOLLOW | O_NONBLOCK)),

  link: (from, to) => fs.linkSync(from, to),

  rename: (from, to) => fs.renameSync(from, to),

  unlink: (path) => fs.unlinkSync(path),

  async syncDirectory(directory) {
    const descriptor = openDirectory(directory);
    try {
      await new Promise<void>((resolve, reject) => {
        fs.fsync(descriptor, (error) => (error ? reject(error) : resolve()));
      });
    } finally {
      fs.closeSync(descriptor);
      takeSpare();
    }
  },
};
