/**
 * Moments by key, and which comes first: a binary heap whose stale entries are dropped when they come up. Setting and
 * taking cost the logarithm of how many there are; looking at the first costs nothing.
 */
interface Entry<Key> {
  readonly key: Key;
  readonly at: number;
}

export class Deadlines<Key> {
  readonly #moments = new Map<Key, Entry<Key>>();
  #heap: Entry<Key>[] = [];

  /** How many keys have a moment. */
  get size(): number {
    return this.#moments.size;
  }

  /** The moment of `key`. */
  get(key: Key): number | undefined {
    return this.#moments.get(key)?.at;
  }

  /** Gives `key` a moment, in place of the one that it had. */
  set(key: Key, at: number): void {
    const entry = { key, at };
    this.#moments.set(key, entry);
    this.#push(entry);
    // Renewals leave stale entries behind; many more of them than keys are worth one pass.
    if (this.#heap.length > 4 * this.#moments.size + 64) this.#rebuild();
  }

  delete(key: Key): void {
    this.#moments.delete(key);
  }

  /** The earliest moment of all; infinite where there is none. */
  next(): number {
    return this.#first()?.at ?? Number.POSITIVE_INFINITY;
  }

  /** Takes the keys whose moment has come, the earliest first, at most `count`; they have none afterwards. */
  takeDue(now: number, count = Number.POSITIVE_INFINITY): Key[] {
    const due: Key[] = [];
    for (let first = this.#first(); first && first.at <= now && due.length < count; first = this.#first()) {
      this.#moments.delete(first.key);
      due.push(first.key);
    }
    return due;
  }

  #first(): Entry<Key> | undefined {
    for (let first = this.#heap[0]; first; first = this.#heap[0]) {
      if (this.#moments.get(first.key) === first) return first;
      this.#pop();
    }
    return undefined;
  }

  #push(entry: Entry<Key>): void {
    const heap = this.#heap;
    let index = heap.length;
    while (index > 0) {
      const parent = (index - 1) >>> 1;
      const above = heap[parent] as Entry<Key>;
      if (above.at <= entry.at) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && (heap[child + 1] as Entry<Key>).at < (heap[child] as Entry<Key>).at) {
        child += 1;
      }
      const below = heap[child] as Entry<Key>;
      if (below.at >= last.at) break;
      heap[index] = below;
      index = child;
    }
    heap[index] = last;
  }

  #rebuild(): void {
    // What is sorted is a heap too.
    this.#heap = [...this.#moments.values()].sort((a, b) => a.at - b.at);
  }
}
