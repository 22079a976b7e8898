/** The history of a store that has nothing but memory: the newest turns, in bounded room. */
import type { Change } from '../core/records.js';
import { EventSelection } from './events.js';
import type { HistoryQuery, StoredEvent } from './port.js';

/** Of so many changes at least (where there were as many) the events are kept; of twice that and one turn at most. */
const KEPT_CHANGES = 10_000;

interface NumberedTurn {
  readonly turn: number;
  readonly changes: readonly Change[];
}

export class RecentTurns {
  // Two generations: dropping the older one costs nothing, however many turns it has.
  #older: NumberedTurn[] = [];
  #newer: NumberedTurn[] = [];
  #newerChanges = 0;
  #turns = 0;

  add(changes: readonly Change[]): void {
    this.#turns += 1;
    if (changes.length === 0) return;
    this.#newer.push({ turn: this.#turns, changes });
    this.#newerChanges += changes.length;
    if (this.#newerChanges < KEPT_CHANGES) return;
    this.#older = this.#newer;
    this.#newer = [];
    this.#newerChanges = 0;
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
