/**
 * FILE on disk: opened once, locked by flock(2) on that very inode, never renamed over. Every implementation of the gate
 * keeps to this:
 *
 * 1. Open FILE for reading and writing, made with mode 0600 where absent, and take an exclusive flock on it. If the name
 *    stands for another file by then, begin again.
 * 2. The recorded token is the highest complete line of FILE; of FILE.old where FILE has no complete line.
 * 3. A higher token is appended as `TOKEN` and a line feed, in place of what a crash has cut off, and flushed to disk.
 * 4. Where FILE has more than 4,096 bytes by then, the recorded token is put into FILE.old first (written beside it,
 *    flushed, renamed, the directory flushed), and FILE is cut to nothing.
 *
 * Whatever moment a crash or a power cut picks, the old or the new token is there to be read.
 */
import * as fs from 'node:fs';
import { dirname } from 'node:path';
import { GateRefused } from './errors.js';
import { compareTokens, MAX_BYTES, NO_TOKEN, RENEWED_BYTES, type Recorded, readTokens } from './tokens.js';

const { O_CREAT, O_DIRECTORY, O_NONBLOCK, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } = fs.constants;

export class GateFile {
  private constructor(
    readonly path: string,
    /** Carries the flock, once it is taken. */
    readonly descriptor: number,
  ) {}

  /** Opens FILE, and makes it where it is absent. Throws `GateRefused`. */
  static open(path: string): GateFile {
    return usable(path, () => {
      // O_NONBLOCK: a FIFO in its place must not hold anybody up.
      const file = new GateFile(path, fs.openSync(path, O_RDWR | O_CREAT | O_NONBLOCK, 0o600));
      if (fs.fstatSync(file.descriptor).isFile()) return file;
      file.close();
      throw new Error('it is no regular file');
    });
  }

  /** Whether its name still stands for it: whoever removed it has made another one the gate. Throws `GateRefused`. */
  isInPlace(): boolean {
    return usable(this.path, () => {
      const named = fs.statSync(this.path, { bigint: true, throwIfNoEntry: false });
      const ours = fs.fstatSync(this.descriptor, { bigint: true });
      return named !== undefined && named.ino === ours.ino && named.dev === ours.dev;
    });
  }

  /**
   * Makes `token` the recorded one where it is higher, durably, and answers the one that was recorded before; `0` for none.
   * Nothing is changed where it is lower. To be called with the flock. Throws `GateRefused`.
   */
  record(token: string): string {
    return usable(this.path, () => {
      const { size } = fs.fstatSync(this.descriptor);
      const { highest, completeBytes } = this.#read(this.descriptor, this.path);
      const recorded = highest ?? this.#readOld() ?? NO_TOKEN;
      const order = compareTokens(token, recorded);
      if (order < 0) return recorded;
      if (order > 0) {
        if (size > RENEWED_BYTES) this.#keepBeside(recorded);
        const end = size > RENEWED_BYTES ? 0 : completeBytes;
        fs.ftruncateSync(this.descriptor, end);
        writeWhole(this.descriptor, `${token}\n`, end);
      }
      // Also where it stood there already: whoever wrote it may have died before this.
      fs.fsyncSync(this.descriptor);
      if (size === 0) this.#syncDirectory();
      return recorded;
    });
  }

  /** Lets go of it; the flock stays with those who inherited the descriptor. */
  close(): void {
    fs.closeSync(this.descriptor);
  }

  #read(descriptor: number, path: string): Recorded {
    const content = Buffer.alloc(MAX_BYTES + 1);
    let length = 0;
    for (let count = -1; count !== 0 && length < content.length; length += count) {
      count = fs.readSync(descriptor, content, length, content.length - length, length);
    }
    const recorded = length > MAX_BYTES ? undefined : readTokens(content.subarray(0, length));
    if (recorded) return recorded;
    throw new GateRefused(
      `The gate ${path} cannot be read: it has more in it than tokens. Nobody may pass. Look at it; to mend it, write ` +
        `the highest token that can have passed into it, as a line of its own`,
    );
  }

  #readOld(): string | undefined {
    const path = `${this.path}.old`;
    if (!fs.existsSync(path)) return undefined;
    const descriptor = fs.openSync(path, O_RDONLY | O_NONBLOCK);
    try {
      return this.#read(descriptor, path).highest;
    } finally {
      fs.closeSync(descriptor);
    }
  }

  #keepBeside(recorded: string): void {
    const temporary = `${this.path}.old.tmp`;
    const descriptor = fs.openSync(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0o600);
    try {
      writeWhole(descriptor, `${recorded}\n`, 0);
      fs.fsyncSync(descriptor);
    } finally {
      fs.closeSync(descriptor);
    }
    fs.renameSync(temporary, `${this.path}.old`);
    this.#syncDirectory();
  }

  #syncDirectory(): void {
    const descriptor = fs.openSync(dirname(this.path), O_RDONLY | O_DIRECTORY);
    try {
      fs.fsyncSync(descriptor);
    } finally {
      fs.closeSync(descriptor);
    }
  }
}

function writeWhole(descriptor: number, text: string, position: number): void {
  const bytes = Buffer.from(text);
  for (let written = 0; written < bytes.length; ) {
    written += fs.writeSync(descriptor, bytes, written, bytes.length - written, position + written);
  }
}

/** What goes wrong on disk closes the gate. */
function usable<T>(path: string, use: () => T): T {
  try {
    return use();
  } catch (error) {
    if (error instanceof GateRefused) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new GateRefused(`The gate ${path} cannot be used (${reason}): nobody may pass. Mend that first`, {
      cause: error,
    });
  }
}
