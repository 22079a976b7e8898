/** Reads a segment line by line, in bounded memory, whatever is in it. Judges nothing but single lines. */
import type { OpenFile } from '../../disk/disk.js';
import { decodeLine, type Line } from './format.js';

const CHUNK_BYTES = 1 << 20;

/** Longer than any line we write: a turn has at most 1,000 changes of less than 10 KB. */
export const MAX_LINE_BYTES = 64 << 20;

const LINE_FEED = 0x0a;

/** Stands nowhere else: in a text the quotes would be escaped. */
const TURN = Buffer.from('{"line":"turn"');

export interface ReadLine {
  /** Counted from 1. */
  readonly number: number;
  /** Offset of the byte behind the line's line feed. */
  readonly end: number;
  /** Undefined where the line is not whole. */
  readonly line: Line | undefined;
  /** Where in a line that is not whole a turn begins, the last one if there are several; -1: nowhere. */
  readonly turnAt: number;
}

/** The lines of a segment in order, without the empty ones; what follows the last line feed, if anything, counts as a line that is not whole. */
export function* readLines(file: OpenFile): Generator<ReadLine> {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  let rest: Buffer[] = [];
  let restLength = 0;
  let position = 0;
  let number = 0;
  for (;;) {
    const length = file.read(chunk, position);
    if (length === 0) break;
    let start = 0;
    for (;;) {
      const feed = chunk.subarray(0, length).indexOf(LINE_FEED, start);
      if (feed === -1) break;
      number += 1;
      if (restLength === 0 && feed === start) {
        // Room that was written ahead: an empty line says nothing.
        start += 1;
        continue;
      }
      const tooLong = restLength + feed - start > MAX_LINE_BYTES;
      const bytes = tooLong ? Buffer.alloc(0) : Buffer.concat([...rest, chunk.subarray(start, feed)]);
      const line = decodeLine(bytes.toString('utf8'));
      yield { number, end: position + feed + 1, line, turnAt: line ? -1 : bytes.lastIndexOf(TURN) };
      rest = [];
      restLength = 0;
      start = feed + 1;
    }
    restLength += length - start;
    if (restLength <= MAX_LINE_BYTES) rest.push(Buffer.from(chunk.subarray(start, length)));
    else rest = [];
    position += length;
  }
  if (restLength === 0) return;
  const turnAt = Buffer.concat(rest).lastIndexOf(TURN);
  yield { number: number + 1, end: position, line: undefined, turnAt };
}
