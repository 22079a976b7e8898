/**
 * Reads the journal forward from an id: a chunk of lines at a time, segment after segment, up to what is saved by then. Turns
 * are numbered without gaps, so that what is missing is noticed: segments that were dropped, lines that are not what was
 * written. It is told once, and reading goes on behind it.
 *
 * No file stays open between two pages, so that a dropped segment gives its space back.
 */
import type { OpenFile } from '../../disk/disk.js';
import { segmentFile } from '../../disk/layout.js';
import { Position } from '../events.js';
import { type EventPage, type EventReader, Stopped, type StoredEvent } from '../port.js';
import { decodeLine, type Previous } from './format.js';
import { linesFrom, startNear } from './lines-forward.js';
import { peekTurn } from './peek.js';
import type { Pace } from './segment.js';
import type { Saved, SegmentHeads } from './segment-heads.js';

export interface EventsAfterParts {
  readonly heads: SegmentHeads;
  readonly pace: Pace;
  /** Asked anew for each page. */
  readonly saved: () => Saved;
  /** Throws when nobody wants to know any more. */
  readonly assertWanted: () => void;
}

/** A segment, the byte up to which it counts, and the number that no turn in it is below. */
interface Part extends Previous {
  readonly turn: number;
}

/** The byte from which on a segment is to be read. */
interface Place {
  readonly name: string;
  readonly offset: number;
}

/** Turns that are not there, without a gap between them. */
interface Missing {
  readonly first: number;
  readonly last: number;
}

/** What a page will have. */
interface Found {
  readonly events: StoredEvent[];
  /** What is not there before its first event. */
  missing: Missing | undefined;
}

export class EventsAfter implements EventReader {
  readonly #position: Position;
  #place: Place | undefined;

  constructor(
    id: string,
    private readonly parts: EventsAfterParts,
  ) {
    this.#position = new Position(id);
  }

  async next(): Promise<EventPage> {
    this.parts.assertWanted();
    const saved = this.parts.saved();
    if (this.#position.turn > saved.turn) {
      this.#position.skipTo(saved.turn);
      return this.#page([], true, 'nothing has happened here so far that has such an id');
    }
    const found: Found = { events: [], missing: undefined };
    for (;;) {
      const [part, isNewest] = this.#nextPart(await this.#parts(saved));
      this.#skipBefore(part.turn, found);
      const file = this.parts.heads.open(part.name);
      // Dropped this moment: what comes is in the next one.
      if (!file) continue;
      try {
        const offset = await this.#read(file, part, found);
        this.#place = { name: part.name, offset };
        return this.#page(found.events, isNewest && offset >= part.bytes, gapText(found.missing));
      } finally {
        file.close();
      }
    }
  }

  /** The segments from the one with the next turn, or from where reading ended, to the newest; oldest first. */
  async #parts({ name, bytes }: Saved): Promise<Part[]> {
    const parts: Part[] = [];
    for (let next: Previous | undefined = { name: segmentFile(name), bytes }; next; ) {
      const head = await this.parts.heads.of(next.name);
      if (!head) break;
      parts.unshift({ ...next, turn: head.turn });
      if (next.name === this.#place?.name || head.turn <= this.#position.nextTurn) break;
      next = head.previous;
    }
    return parts;
  }

  /** The segment to read now, and whether it is the newest. */
  #nextPart([first, ...later]: readonly Part[]): [Part, boolean] {
    if (!first) throw new Stopped('The journal was removed');
    const [second] = later;
    const isRead = first.name === this.#place?.name && this.#place.offset >= first.bytes;
    return isRead && second ? [second, later.length === 1] : [first, later.length === 0];
  }

  /** Goes behind what should have come before turn `turn`, and notes that it is missing. */
  #skipBefore(turn: number, found: Found): void {
    if (!this.#position.isBefore(turn - 1)) return;
    const { first } = found.missing ?? { first: this.#position.nextTurn };
    found.missing = { first, last: turn - 1 };
    this.#position.skipTo(turn - 1);
  }

  /** Takes a chunk of lines. Answers the offset from which on to read next. */
  async #read(file: OpenFile, part: Part, found: Found): Promise<number> {
    const isBegun = this.#place?.name === part.name;
    const start = isBegun
      ? (this.#place as Place).offset
      : await startNear(file, this.#position.nextTurn, part.bytes);
    if (start >= part.bytes) return start;
    const { lines, end } = await linesFrom(file, start, part.bytes);
    let offset = start;
    for (const line of lines) {
      if (this.parts.pace.isOver()) await this.parts.pace.breathe();
      this.parts.assertWanted();
      if (!this.#take(line.bytes, found)) return offset;
      offset = line.end;
    }
    return end;
  }

  /** False: before this line something is missing, which the next page begins with. */
  #take(bytes: Buffer, found: Found): boolean {
    const turn = peekTurn(bytes);
    if (turn === undefined || !this.#position.isBefore(turn)) return true;
    const line = decodeLine(bytes.toString('utf8'));
    if (line?.line !== 'turn') return true;
    if (found.events.length > 0 && this.#position.isBefore(line.turn - 1)) return false;
    this.#skipBefore(line.turn, found);
    found.events.push(...this.#position.take(line.turn, line.changes));
    return true;
  }

  #page(events: readonly StoredEvent[], isLast: boolean, gap: string | undefined): EventPage {
    return { events, position: this.#position.id, isLast, ...(gap === undefined ? {} : { gap }) };
  }
}

function gapText(missing: Missing | undefined): string | undefined {
  if (!missing) return undefined;
  const { first, last } = missing;
  const which = first === last ? `turn ${first}` : `turns ${first} to ${last}`;
  return `what happened in ${which} is not there any more`;
}
