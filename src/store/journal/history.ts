/**
 * The history, read from the segments: from the newest back, each only up to the byte that its successor's head names;
 * what stands behind it is a deposed owner's. Where a segment is gone, or its head is not what was written, the history
 * ends; a bad line among the turns only takes its own events with it.
 *
 * Segments that cannot matter are not opened: those whose turns all come later, known by their heads, and those that were
 * read to the end before and say nothing of the names that are asked for.
 */
import { type Disk, errorCode, type OpenFile } from '../../disk/disk.js';
import {
  compareSegments,
  type Layout,
  parseSegmentFile,
  type SegmentName,
  segmentFile,
} from '../../disk/layout.js';
import { EventSelection } from '../events.js';
import { type HistoryQuery, Stopped, type StoredEvent } from '../port.js';
import { decodeLine, type Previous } from './format.js';
import type { Pace } from './segment.js';
import { NameGathering, SegmentNames } from './segment-names.js';
import { scanSegment } from './segment-scan.js';

/** Longer than any head. */
const MAX_HEAD_BYTES = 4 << 10;

export interface HistoryParts {
  readonly disk: Disk;
  readonly layout: Layout;
  readonly pace: Pace;
}

/** The segment that is being written, and the byte up to which its turns are saved. */
export interface Saved {
  readonly name: SegmentName;
  readonly bytes: number;
}

/** What the walk needs of a segment's head. */
interface Head {
  /** No turn in the segment has a lower number. */
  readonly turn: number;
  readonly previous: Previous | undefined;
}

export class JournalHistory {
  /** By the names of the files. A segment's head never changes. */
  readonly #heads = new Map<string, Head>();
  readonly #names = new SegmentNames();
  #reading: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(
    private readonly parts: HistoryParts,
    /** Asked anew for each query. */
    private readonly saved: () => Saved,
  ) {}

  /**
   * The events that `query` asks for. One query after the other, so that many need no more memory than one. Rejects with
   * the disk's error, with `Stopped` after `close`, and with a RangeError where `before` can be no id.
   */
  read(query: HistoryQuery): Promise<StoredEvent[]> {
    const reading = this.#reading.then(() => this.#read(query));
    this.#reading = reading.catch(() => undefined);
    return reading;
  }

  /** Ends what is being read: a long history holds up no stop. */
  close(): void {
    this.#isClosed = true;
  }

  async #read(query: HistoryQuery): Promise<StoredEvent[]> {
    const selection = new EventSelection(query);
    const { name, bytes } = this.saved();
    const newest: Previous = { name: segmentFile(name), bytes };
    for (let next: Previous | undefined = newest; next && !selection.isFull; ) {
      this.#assertWanted();
      next = await this.#readSegment(next, query, selection, next === newest);
    }
    return selection.events;
  }

  /** Answers the segment before this one, if the history goes on there. */
  async #readSegment(
    { name, bytes }: Previous,
    query: HistoryQuery,
    selection: EventSelection,
    grows: boolean,
  ): Promise<Previous | undefined> {
    const known = this.#heads.get(name);
    if (known && this.#cannotMatter(name, known, query, selection)) return known.previous;
    const file = this.#open(name);
    if (!file) return undefined;
    try {
      const head = known ?? (await readHead(file, name));
      this.#heads.set(name, head);
      if (selection.isTooLate(head.turn)) return head.previous;
      const gathering = this.#gatheringFor(name, query, grows);
      const isWhole = await scanSegment({
        file,
        bytes,
        asked: query,
        selection,
        gathering,
        pace: this.parts.pace,
        assertWanted: () => this.#assertWanted(),
      });
      if (gathering && isWhole) this.#names.remember(name, gathering);
      return head.previous;
    } finally {
      file.close();
    }
  }

  #cannotMatter(name: string, head: Head, query: HistoryQuery, selection: EventSelection): boolean {
    return selection.isTooLate(head.turn) || !this.#names.mayHave(name, query);
  }

  /** Who asks for everything learns nothing from names; of a segment that grows they would soon be wrong. */
  #gatheringFor(name: string, { resource, client }: HistoryQuery, grows: boolean): NameGathering | undefined {
    const asksForNames = resource !== undefined || client !== undefined;
    return asksForNames && !grows && !this.#names.knows(name) ? new NameGathering() : undefined;
  }

  /** Undefined where the segment is gone: dropped as too old, or for want of space. */
  #open(name: string): OpenFile | undefined {
    const { disk, layout } = this.parts;
    try {
      return disk.open(layout.ownFile(name), 'read');
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error;
      this.#forgetUpTo(name);
      return undefined;
    }
  }

  /** Segments go oldest first: with this one, all before it are gone. Their names sort by age. */
  #forgetUpTo(gone: string): void {
    for (const name of this.#heads.keys()) {
      if (name > gone) continue;
      this.#heads.delete(name);
      this.#names.forget(name);
    }
  }

  #assertWanted(): void {
    if (this.#isClosed) throw new Stopped('The journal is closed');
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
