/** The heads of the segments: they lead from the newest one back, and say which turns stand where. A head never changes. */
import { type Disk, errorCode, type OpenFile } from '../../disk/disk.js';
import { compareSegments, type Layout, parseSegmentFile, type SegmentName } from '../../disk/layout.js';
import { decodeLine, type Previous } from './format.js';

/** Longer than any head. */
const MAX_HEAD_BYTES = 4 << 10;

/** What a walk over the segments needs of a head. */
export interface Head {
  /** No turn in the segment has a lower number. */
  readonly turn: number;
  /** The segment before, and the byte up to which it counts. */
  readonly previous: Previous | undefined;
}

/** The segment that is being written, and the byte up to which its turns are saved. */
export interface Saved {
  readonly name: SegmentName;
  readonly bytes: number;
  /** The number of the newest of them; 0 where there is none. */
  readonly turn: number;
}

export class SegmentHeads {
  /** By the names of the files. */
  readonly #heads = new Map<string, Head>();

  constructor(
    private readonly disk: Disk,
    private readonly layout: Layout,
    /** Told of each segment that was known and is gone. */
    private readonly onGone: (name: string) => void = () => undefined,
  ) {}

  /** The head of a segment that was read before. */
  known(name: string): Head | undefined {
    return this.#heads.get(name);
  }

  /** The head of a segment that is open. Throws the disk's error. */
  async read(file: OpenFile, name: string): Promise<Head> {
    const head = this.known(name) ?? (await readHead(file, name));
    this.#heads.set(name, head);
    return head;
  }

  /** Undefined where the segment is gone: dropped as too old, or for want of space. */
  open(name: string): OpenFile | undefined {
    try {
      return this.disk.open(this.layout.ownFile(name), 'read');
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error;
      this.#forgetUpTo(name);
      return undefined;
    }
  }

  /** The head of a segment; undefined where it is gone. Throws the disk's error. */
  async of(name: string): Promise<Head | undefined> {
    const known = this.known(name);
    if (known) return known;
    const file = this.open(name);
    if (!file) return undefined;
    try {
      return await this.read(file, name);
    } finally {
      file.close();
    }
  }

  /** Segments go oldest first: with this one, all before it are gone. Their names sort by age. */
  #forgetUpTo(gone: string): void {
    for (const name of this.#heads.keys()) {
      if (name > gone) continue;
      this.#heads.delete(name);
      this.onGone(name);
    }
  }
}

/** A head that is not what was written leads nowhere: nobody knows what came before it. */
async function readHead(file: OpenFile, name: string): Promise<Head> {
  const bytes = Buffer.alloc(MAX_HEAD_BYTES);
  const length = await file.readLater(bytes, 0);
  const text = bytes.toString('utf8', 0, length).split('\n', 1)[0] ?? '';
  const line = decodeLine(text);
  if (line?.line !== 'head') return { turn: 0, previous: undefined };
  return { turn: line.turn, previous: isBefore(line.previous, name) ? line.previous : undefined };
}

function isBefore(previous: Previous | undefined, name: string): boolean {
  const [before, after] = [parseSegmentFile(previous?.name ?? ''), parseSegmentFile(name)];
  return before !== undefined && after !== undefined && compareSegments(before, after) < 0;
}
