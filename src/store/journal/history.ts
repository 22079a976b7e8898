/**
 * The history, read from the segments: from the newest back, each only up to the byte that its successor's head names;
 * what stands behind it is a deposed owner's. Where a segment is gone, or its head is not what was written, the history
 * ends; a bad line among the turns only takes its own events with it.
 *
 * Segments that cannot matter are not opened: those whose turns all come later, known by their heads, and those that were
 * read to the end before and say nothing of the names that are asked for.
 */
import type { Disk } from '../../disk/disk.js';
import { type Layout, segmentFile } from '../../disk/layout.js';
import { EventSelection } from '../events.js';
import { type EventReader, type HistoryQuery, Stopped, type StoredEvent } from '../port.js';
import { EventsAfter } from './events-after.js';
import type { Previous } from './format.js';
import { OneByOne } from './one-by-one.js';
import type { Pace } from './segment.js';
import { type Head, type Saved, SegmentHeads } from './segment-heads.js';
import { NameGathering, SegmentNames } from './segment-names.js';
import { scanSegment } from './segment-scan.js';

export interface HistoryParts {
  readonly disk: Disk;
  readonly layout: Layout;
  readonly pace: Pace;
}

export class JournalHistory {
  readonly #heads: SegmentHeads;
  readonly #names = new SegmentNames();
  readonly #queries = new OneByOne();
  /** Short each: they do not wait for a query that goes through all there is. */
  readonly #pages = new OneByOne();
  #isClosed = false;

  constructor(
    private readonly parts: HistoryParts,
    /** Asked anew for each query. */
    private readonly saved: () => Saved,
  ) {
    this.#heads = new SegmentHeads(parts.disk, parts.layout, (gone) => this.#names.forget(gone));
  }

  /**
   * The events that `query` asks for. One query after the other, so that many need no more memory than one. Rejects with
   * the disk's error, with `Stopped` after `close`, and with a RangeError where `before` can be no id.
   */
  read(query: HistoryQuery): Promise<StoredEvent[]> {
    return this.#queries.do(() => this.#read(query));
  }

  /**
   * Reads forward, page by page. Throws a RangeError where `id` can be no event's. Who wants no more keeps nobody behind it
   * waiting: its page rejects with `Stopped`.
   */
  after(id: string, isWanted: () => boolean): EventReader {
    const reader = new EventsAfter(id, {
      heads: this.#heads,
      pace: this.parts.pace,
      saved: this.saved,
      assertWanted: () => {
        this.#assertWanted();
        if (!isWanted()) throw new Stopped('Nobody wants to know any more');
      },
    });
    return { next: () => this.#pages.do(() => reader.next()) };
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
    const known = this.#heads.known(name);
    if (known && this.#cannotMatter(name, known, query, selection)) return known.previous;
    const file = this.#heads.open(name);
    if (!file) return undefined;
    try {
      const head = await this.#heads.read(file, name);
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

  #assertWanted(): void {
    if (this.#isClosed) throw new Stopped('The journal is closed');
  }
}
