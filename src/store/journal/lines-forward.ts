/** Reads lines of a segment from some byte on, and finds the byte from which on to read. Judges nothing. */
import type { OpenFile } from '../../disk/disk.js';
import { peekTurn, seemsSnapshot } from './peek.js';
import { MAX_LINE_BYTES } from './read-lines.js';

const CHUNK_BYTES = 256 << 10;

const LINE_FEED = 0x0a;

/** Lines that stand one behind the other. */
export interface Lines {
  /** Without empty ones and without their line feeds; `end` is the offset of the byte behind the line feed. */
  readonly lines: readonly { readonly bytes: Buffer; readonly end: number }[];
  /** The offset behind the last of them. */
  readonly end: number;
}

/**
 * The whole lines from byte `start` on, as many as one chunk has or, if it is longer, a single one; all of them stand before
 * `limit`, behind a line feed. What is longer than any line we write is left out. Throws the disk's error.
 */
export async function linesFrom(file: OpenFile, start: number, limit: number): Promise<Lines> {
  for (let size = CHUNK_BYTES; ; size *= 2) {
    const chunk = await readUpTo(file, start, Math.min(size, limit - start));
    const lastFeed = chunk.lastIndexOf(LINE_FEED);
    if (lastFeed >= 0) return linesOf(chunk.subarray(0, lastFeed + 1), start);
    // The end of the file, before the end of its last line.
    if (chunk.length < size) return { lines: [], end: limit };
    if (size > MAX_LINE_BYTES) return { lines: [], end: start + chunk.length };
  }
}

/**
 * A byte at which a line starts, before the first line of a turn that is not below `turn`, and near it where the segment is as
 * it was written. `limit`: up to where the segment counts. Throws the disk's error.
 */
export async function startNear(file: OpenFile, turn: number, limit: number): Promise<number> {
  let [low, high] = [0, limit];
  while (high - low > CHUNK_BYTES) {
    const middle = Math.floor((low + high) / 2);
    const { lines, end } = await linesFrom(file, middle, Math.min(middle + CHUNK_BYTES, high));
    // What comes before the first line feed may be the rest of a line.
    const [rest, first] = lines;
    const last = lines.at(-1);
    if (!rest || !first || !last) return low;
    if (isBefore(last.bytes, turn)) low = end;
    else if (isBefore(first.bytes, turn)) return rest.end;
    else if (peekTurn(first.bytes) !== undefined) high = middle;
    else return low;
  }
  return low;
}

/** Whether a line for certain comes before all lines of the turn. */
function isBefore(line: Buffer, turn: number): boolean {
  return seemsSnapshot(line) || (peekTurn(line) ?? turn) < turn;
}

function linesOf(chunk: Buffer, offset: number): Lines {
  const lines: { bytes: Buffer; end: number }[] = [];
  for (let start = 0; start < chunk.length; ) {
    const feed = chunk.indexOf(LINE_FEED, start);
    if (feed > start) lines.push({ bytes: chunk.subarray(start, feed), end: offset + feed + 1 });
    start = feed + 1;
  }
  return { lines, end: offset + chunk.length };
}

/** Fewer than `length` bytes only where the file ends before. */
async function readUpTo(file: OpenFile, start: number, length: number): Promise<Buffer> {
  const target = Buffer.allocUnsafe(Math.max(0, length));
  let filled = 0;
  while (filled < target.length) {
    const count = await file.readLater(target.subarray(filled), start + filled);
    if (count === 0) break;
    filled += count;
  }
  return target.subarray(0, filled);
}
