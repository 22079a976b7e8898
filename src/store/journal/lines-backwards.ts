/** Reads a segment from its end, so that the newest lines cost no more than themselves. Judges nothing. */
import type { OpenFile } from '../../disk/disk.js';
import { MAX_LINE_BYTES } from './read-lines.js';

const CHUNK_BYTES = 256 << 10;

const LINE_FEED = 0x0a;

/**
 * The lines before byte `end`, last first, without empty ones and without their line feeds: in each step those that one
 * more chunk completes. They are good until the next step. Memory: a chunk and one line. What is longer than any line we
 * write is left out. Throws the disk's error.
 */
export async function* linesBackwards(file: OpenFile, end: number): AsyncGenerator<Buffer[]> {
  if (!(end > 0)) return;
  const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, end));
  const rest = new LineRest();
  for (let position = end; position > 0; ) {
    const start = Math.max(0, position - chunk.length);
    const length = await readUntilFull(file, chunk.subarray(0, position - start), start);
    position = start;
    yield completed(chunk.subarray(0, length), rest, position === 0);
  }
}

/** Fewer bytes than `target` has only where the file ends before. */
async function readUntilFull(file: OpenFile, target: Uint8Array, position: number): Promise<number> {
  let length = 0;
  while (length < target.length) {
    const count = await file.readLater(target.subarray(length), position + length);
    if (count === 0) break;
    length += count;
  }
  return length;
}

/** The lines that begin in `chunk`; what stands before the first of them is the rest that goes on in the chunk before. */
function completed(chunk: Buffer, rest: LineRest, isFirst: boolean): Buffer[] {
  const lines: Buffer[] = [];
  const take = (line: Buffer | undefined) => {
    if (line && line.length > 0) lines.push(line);
  };
  let end = chunk.length;
  while (end > 0) {
    const feed = chunk.lastIndexOf(LINE_FEED, end - 1);
    if (feed === -1) break;
    take(rest.endOf(chunk.subarray(feed + 1, end)));
    end = feed;
    // From here on every line ends at a line feed of this chunk.
    rest.begin();
  }
  rest.putBefore(chunk.subarray(0, end));
  if (isFirst) take(rest.endOf(chunk.subarray(0, 0)));
  return lines;
}

/** The end of a line whose beginning was not read yet. */
class LineRest {
  #parts: Buffer[] = [];
  #length = 0;

  begin(): void {
    this.#parts = [];
    this.#length = 0;
  }

  /** Copies: the chunk is read into again. */
  putBefore(part: Buffer): void {
    this.#length += part.length;
    if (this.#length > MAX_LINE_BYTES) this.#parts = [];
    else if (part.length > 0) this.#parts.push(Buffer.from(part));
  }

  /** The whole line that begins with `beginning`, or undefined where it is too long for one. */
  endOf(beginning: Buffer): Buffer | undefined {
    if (this.#length === 0) return beginning;
    if (this.#length > MAX_LINE_BYTES) return undefined;
    return Buffer.concat([beginning, ...this.#parts.toReversed()]);
  }
}
