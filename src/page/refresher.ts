/**
 * Reads again what changed: one reading at a time, everything that changed meanwhile in the next. What changes now and then is
 * read at once; what never rests, be it twice or a thousand times a second, is read every two seconds, so that many pages on a
 * busy daemon cost it little.
 */

/** Milliseconds in which changes are gathered before they are read, and between two readings. */
const GATHER_MS = 20;
const PAUSE_MS = 100;

/** Readings that are had at once, and milliseconds after which one more is. */
const MOST_SAVED = 20;
const SAVING_MS = 2_000;

/** Reads these resources again, or everything. Rejections are the reader's own to show. */
export type Read = (changed: readonly string[] | 'all') => Promise<void>;

export class Refresher {
  #changed = new Set<string>();
  #isAll = false;
  #isBusy = false;
  #isClosed = false;
  #saved = MOST_SAVED;
  #savedAt = performance.now();

  /** @param most as many single resources at most; for more, everything is read. */
  constructor(
    private readonly read: Read,
    private readonly most: number,
  ) {}

  /** A resource may have changed. */
  changed(resource: string): void {
    this.#changed.add(resource);
    if (this.#changed.size > this.most) this.#isAll = true;
    this.#begin();
  }

  /** Anything may have changed. */
  all(): void {
    this.#isAll = true;
    this.#begin();
  }

  close(): void {
    this.#isClosed = true;
  }

  get #hasWork(): boolean {
    return !this.#isClosed && (this.#isAll || this.#changed.size > 0);
  }

  #begin(): void {
    if (this.#isBusy || this.#isClosed) return;
    this.#isBusy = true;
    setTimeout(() => void this.#readAll(), GATHER_MS);
  }

  async #readAll(): Promise<void> {
    while (this.#hasWork) {
      const changed = this.#isAll ? 'all' : [...this.#changed];
      this.#isAll = false;
      this.#changed = new Set();
      await this.read(changed);
      await new Promise((resolve) => setTimeout(resolve, this.#spend()));
    }
    this.#isBusy = false;
  }

  /** Takes one reading from those that are saved; answers how long to wait for the next. */
  #spend(): number {
    const now = performance.now();
    this.#saved = Math.min(MOST_SAVED, this.#saved + (now - this.#savedAt) / SAVING_MS) - 1;
    this.#savedAt = now;
    return Math.max(PAUSE_MS, (1 - this.#saved) * SAVING_MS);
  }
}
