/**
 * The lines behind the last good one of a segment, none of which is whole. A single turn may be torn into several; but no turn is
 * begun before the one in front of it was saved, so that a further beginning tells of one that may have been acknowledged.
 */
import type { ReadLine } from './read-lines.js';

export class BadTail {
  /** The first of them; undefined while there is none. */
  firstLine: number | undefined;
  /** What those speak of that may have been acknowledged; undefined where none of them was. */
  acknowledged: ReadonlySet<string> | undefined;
  /** How many turns were begun behind it, at least: so many before them may have been acknowledged. */
  further = 0;
  readonly #names = new Set<string>();

  /** The next one, and the resources that it speaks of, where anybody looked. */
  add({ number, turnAt }: ReadLine, names: readonly string[] = []): void {
    // Where a line feed was lost, two turns stand in one line.
    const joined = turnAt > 0 ? names : [];
    const isFurther = turnAt > 0 || (turnAt === 0 && this.firstLine !== undefined);
    if (isFurther) {
      this.further += 1;
      this.acknowledged = new Set([...this.#names, ...joined]);
    }
    this.firstLine ??= number;
    for (const name of names) this.#names.add(name);
  }
}
