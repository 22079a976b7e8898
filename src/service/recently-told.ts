/**
 * The newest turns, remembered while somebody reads the history to catch up with them: reading takes a moment, in which
 * more happens. In bounded room: who reads too slowly goes on reading.
 */
import type { Change } from '../core/records.js';
import type { TurnTold } from './feed-events.js';

/** Of so many changes at least, and of twice as many and one turn at most: half a second of a daemon at its limit. */
const KEPT_CHANGES = 10_000;

export class RecentlyTold {
  #readers = 0;
  /** All turns behind this one are here. */
  #after = 0;
  #last = 0;
  // Two generations: dropping the older one costs nothing.
  #older: (TurnTold & { readonly turn: number })[] = [];
  #newer: (TurnTold & { readonly turn: number })[] = [];
  #newerChanges = 0;

  /** @param lastTurn the newest turn so far. */
  begin(lastTurn: number): () => void {
    if (this.#readers === 0) {
      this.#after = lastTurn;
      this.#last = lastTurn;
    }
    this.#readers += 1;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#readers -= 1;
      if (this.#readers === 0) this.#forget();
    };
  }

  add(turn: number, changes: readonly Change[]): void {
    if (this.#readers === 0) return;
    this.#last = turn;
    this.#newer.push({ turn, changes });
    this.#newerChanges += changes.length;
    if (this.#newerChanges < KEPT_CHANGES) return;
    this.#after = this.#older.at(-1)?.turn ?? this.#after;
    this.#older = this.#newer;
    this.#newer = [];
    this.#newerChanges = 0;
  }

  /** The turns behind this one; undefined where some of them are not remembered. */
  after(turn: number): TurnTold[] | undefined {
    if (this.#readers === 0 || turn < this.#after) return undefined;
    if (turn >= this.#last) return [];
    return [...this.#older, ...this.#newer].filter((told) => told.turn > turn);
  }

  #forget(): void {
    this.#older = [];
    this.#newer = [];
    this.#newerChanges = 0;
  }
}
