/** The history of a store that has nothing but memory: the newest turns, in bounded room. */
import type { Change } from '../core/records.js';
import { EventSelection, Position } from './events.js';
import type { EventPage, HistoryQuery, StoredEvent } from './port.js';

/** Of so many changes at least (where there were as many) the events are kept; of twice that and one turn at most. */
const KEPT_CHANGES = 10_000;

/** Events of one page, apart from those that its last turn has beyond. */
const PAGE_EVENTS = 1_000;

interface NumberedTurn {
  readonly turn: number;
  readonly changes: readonly Change[];
}

export class RecentTurns {
  // Two generations: dropping the older one costs nothing, however many turns it has.
  #older: NumberedTurn[] = [];
  #newer: NumberedTurn[] = [];
  #newerChanges = 0;
  #last = 0;
  #forgotten = 0;

  /** The number of the newest turn; 0 where there is none. */
  get last(): number {
    return this.#last;
  }

  /** Answers the number of the turn. */
  add(changes: readonly Change[]): number {
    this.#last += 1;
    if (changes.length === 0) return this.#last;
    this.#newer.push({ turn: this.#last, changes });
    this.#newerChanges += changes.length;
    if (this.#newerChanges < KEPT_CHANGES) return this.#last;
    this.#forgotten = this.#older.at(-1)?.turn ?? this.#forgotten;
    this.#older = this.#newer;
    this.#newer = [];
    this.#newerChanges = 0;
    return this.#last;
  }

  /** Reads what is kept of the events after this id, oldest first. Throws a RangeError where it can be no event's. */
  after(id: string): { next(): EventPage } {
    const position = new Position(id);
    return { next: () => this.#page(position) };
  }

  #page(position: Position): EventPage {
    const gap = this.#gapBehind(position);
    const events: StoredEvent[] = [];
    for (const { turn, changes } of [...this.#older, ...this.#newer]) {
      if (events.length >= PAGE_EVENTS) return { events, position: position.id, ...gap, isLast: false };
      events.push(...position.take(turn, changes));
    }
    return { events, position: position.id, ...gap, isLast: true };
  }

  /** Moves the position over what is not here. */
  #gapBehind(position: Position): { gap?: string } {
    if (position.turn > this.#last) {
      position.skipTo(this.#last);
      return { gap: 'nothing has happened here so far that has such an id' };
    }
    if (!position.isBefore(this.#forgotten)) return {};
    position.skipTo(this.#forgotten);
    return { gap: `the events up to turn ${this.#forgotten} are not kept any more` };
  }

  /** The events that `query` asks for, newest first. */
  select(query: HistoryQuery): StoredEvent[] {
    const selection = new EventSelection(query);
    for (const turns of [this.#newer, this.#older]) {
      for (let at = turns.length - 1; at >= 0 && !selection.isFull; at -= 1) {
        const { turn, changes } = turns[at] as NumberedTurn;
        selection.add(turn, changes);
      }
    }
    return selection.events;
  }
}
