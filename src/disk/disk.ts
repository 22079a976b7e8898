/**
 * The disk as lockd sees it: a port small enough that a test can stand in for it, fail its Nth call, write short, or
 * forget what was not flushed. Everything that touches the lock directory goes through here.
 *
 * Promises of every implementation: no call follows a symbolic link in the last part of a path; new files get mode
 * 0600 and new directories 0700; failures are `NodeJS.ErrnoException`s with a `code`. Calls are synchronous where the
 * kernel answers from memory, and promises where it waits for the device.
 */

export type EntryKind = 'file' | 'directory' | 'symlink' | 'other';

/** What a name stands for. */
export interface Entry {
  readonly kind: EntryKind;
  /** Whole, also above 2^53. */
  readonly inode: bigint;
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since 1970, UTC. */
  readonly modified: number;
}

export interface OpenFile {
  readonly inode: bigint;
  /** How many names the file has. */
  readonly links: number;
  /** Writes at `position`. Answers how many bytes were taken: fewer than given when the disk is full, without an error. */
  write(bytes: Uint8Array, position: number): number;
  /** Reads into `target` from `position`. Answers how many bytes there were; 0 at the end. */
  read(target: Uint8Array, position: number): number;
  /** The same without holding up the program. `target` belongs to the call until it is over. */
  readLater(target: Uint8Array, position: number): Promise<number>;
  truncate(length: number): void;
  /** Makes the content last (fdatasync). After a failure nothing is known of what is on disk. */
  sync(): Promise<void>;
  close(): void;
}

export interface Disk {
  /** The names in a directory, in no order. */
  list(directory: string): string[];
  /** The same without holding up the program. */
  listLater(directory: string): Promise<string[]>;
  /** What a name stands for, or undefined where there is none. */
  stat(path: string): Entry | undefined;
  /** Whether a name is there, whatever it stands for. */
  exists(path: string): boolean;
  makeDirectory(path: string): void;
  removeDirectory(path: string): void;
  /** A new file, to read and write; fails with EEXIST where the name is taken. */
  create(path: string): OpenFile;
  /** An existing file, to read and, if `writable`, to write. Never hangs on a FIFO. */
  open(path: string, access: 'read' | 'write'): OpenFile;
  /** A second name for a file; fails with EEXIST where the name is taken. */
  link(from: string, to: string): void;
  /** Moves a name, over whatever file stands there. */
  rename(from: string, to: string): void;
  unlink(path: string): void;
  /** Makes the names in a directory last (fsync). The descriptor that it takes is taken before it returns. */
  syncDirectory(directory: string): Promise<void>;
}

/** The `code` of a system error, such as ENOSPC; undefined for anything else. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** A short write means that the disk is full: the kernel says so only when it is asked for more. */
export class ShortWrite extends Error {
  readonly code = 'ENOSPC';
}

/** Writes all of `bytes` at `position`, or throws; what was written by then must be cut off by the caller. */
export function writeWhole(file: OpenFile, bytes: Uint8Array, position: number): void {
  let written = 0;
  while (written < bytes.length) {
    const count = file.write(written === 0 ? bytes : bytes.subarray(written), position + written);
    if (count === 0) throw new ShortWrite(`only ${written} of ${bytes.length} bytes were written`);
    written += count;
  }
}

/** Reads a small file whole: at most `maxBytes`, undefined when there is more. */
export function readWhole(disk: Disk, path: string, maxBytes: number): Buffer | undefined {
  const file = disk.open(path, 'read');
  try {
    const target = Buffer.alloc(maxBytes + 1);
    let length = 0;
    while (length < target.length) {
      const count = file.read(target.subarray(length), length);
      if (count === 0) return target.subarray(0, length);
      length += count;
    }
    return undefined;
  } finally {
    file.close();
  }
}

/** Unlinks what may be gone already. */
export function unlinkIfThere(disk: Disk, path: string): void {
  try {
    disk.unlink(path);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
}
