/**
 * The history of a prefix: one key per turn, read some at a time, newest first or from some turn on. Only turns that are saved
 * are read: one that is under way may stand there already. Turns are numbered without gaps and each has a key, so that what
 * is missing is noticed: what was dropped as too old, or somebody removed.
 */
import { EventSelection, Position, parseEventId } from '../events.js';
import { OneByOne } from '../journal/one-by-one.js';
import { type EventPage, type EventReader, type HistoryQuery, Stopped, type StoredEvent } from '../port.js';
import { type HistoryTurn, type HistoryTurnsParts, turnsDownFrom, turnsUpFrom } from './history-turns.js';

/** Events of one page of those that come oldest first. */
const PAGE_EVENTS = 1_000;

export interface HistoryParts extends HistoryTurnsParts {
  /** The number of the newest saved turn. */
  readonly lastTurn: () => number;
  /** Throws `Stopped` where nothing may be read any more. */
  readonly assertUsable: () => void;
}

export class EtcdHistory {
  /** So that many who ask need no more memory than one. */
  readonly #queries = new OneByOne();

  constructor(private readonly parts: HistoryParts) {}

  /** The events that `query` asks for. Rejects with `Stopped`, `KvError`, and with a RangeError where `before` can be no id. */
  read(query: HistoryQuery): Promise<StoredEvent[]> {
    return this.#queries.do(() => this.#read(query));
  }

  async #read(query: HistoryQuery): Promise<StoredEvent[]> {
    const { lastTurn, assertUsable } = this.parts;
    const selection = new EventSelection(query);
    const before = query.before === undefined ? undefined : parseEventId(query.before);
    const last = Math.min(lastTurn(), before?.turn ?? Number.POSITIVE_INFINITY);
    assertUsable();
    if (selection.isFull) return selection.events;
    for await (const turns of turnsDownFrom(this.parts, last)) {
      assertUsable();
      for (const { turn, changes } of turns) selection.add(turn, changes);
      if (selection.isFull) break;
    }
    return selection.events;
  }

  /** Reads forward, page by page. Throws a RangeError where `id` can be no event's. */
  after(id: string, isWanted: () => boolean): EventReader {
    const position = new Position(id);
    return {
      next: async () => {
        const { assertUsable } = this.parts;
        assertUsable();
        if (!isWanted()) throw new Stopped('Nobody wants to know any more');
        const page = await this.#page(position);
        assertUsable();
        return page;
      },
    };
  }

  async #page(position: Position): Promise<EventPage> {
    const last = this.parts.lastTurn();
    if (position.turn > last) {
      position.skipTo(last);
      return pageOf([], position, last, 'nothing has happened here so far that has such an id');
    }
    const turns = await turnsUpFrom(this.parts, position.nextTurn, last);
    if (turns.length > 0) return take(turns, position, last);
    if (!position.isBefore(last)) return pageOf([], position, last);
    const gap = gapText(position.nextTurn, last);
    position.skipTo(last);
    return pageOf([], position, last, gap);
  }
}

/** As many of `turns` as fit into a page. What is missing stands before the first event of a page. */
function take(turns: readonly HistoryTurn[], position: Position, last: number): EventPage {
  const events: StoredEvent[] = [];
  let gap: string | undefined;
  for (const { turn, changes } of turns) {
    const isMissing = position.isBefore(turn - 1);
    const isMuch = isMissing || events.length + changes.length > PAGE_EVENTS;
    if (isMuch && events.length > 0) break;
    if (isMissing) gap = gapText(position.nextTurn, turn - 1);
    events.push(...position.take(turn, changes));
  }
  return pageOf(events, position, last, gap);
}

/** `last`: the newest turn that was saved when the page was asked for. */
function pageOf(events: readonly StoredEvent[], position: Position, last: number, gap?: string): EventPage {
  const isLast = !position.isBefore(last);
  return { events, position: position.id, isLast, ...(gap === undefined ? {} : { gap }) };
}

function gapText(first: number, last: number): string {
  const which = first === last ? `turn ${first}` : `turns ${first} to ${last}`;
  return `what happened in ${which} is not there any more`;
}
