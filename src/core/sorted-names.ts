/**
 * The names in use, in code-unit order, for paging through `list`. Adding and removing cost nothing until somebody
 * lists; then the changes since the last time are merged in one pass.
 */
export class SortedNames {
  #sorted: string[] = [];
  readonly #added = new Set<string>();
  #removed = 0;

  /** @param isUsed tells whether a name is still in use; the owner's own map, so that no second copy is kept. */
  constructor(private readonly isUsed: (name: string) => boolean) {}

  /** A name came into use. */
  add(name: string): void {
    this.#added.add(name);
  }

  /** A name went out of use. */
  remove(name: string): void {
    if (!this.#added.delete(name)) this.#removed += 1;
  }

  /** The names in use behind `after`, in order. Finding the first takes a binary search. */
  *startingAfter(after: string): Generator<string> {
    this.#merge();
    for (let index = this.#firstIndexBehind(after); index < this.#sorted.length; index += 1) {
      yield this.#sorted[index] as string;
    }
  }

  #merge(): void {
    if (this.#added.size === 0 && this.#removed === 0) return;
    const added = [...this.#added].sort();
    const merged: string[] = [];
    let next = 0;
    for (const name of this.#sorted) {
      while (next < added.length && (added[next] as string) < name) merged.push(added[next++] as string);
      if (added[next] === name) next += 1;
      if (this.isUsed(name)) merged.push(name);
    }
    while (next < added.length) merged.push(added[next++] as string);
    this.#sorted = merged;
    this.#added.clear();
    this.#removed = 0;
  }

  #firstIndexBehind(after: string): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#sorted[middle] as string) <= after) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
