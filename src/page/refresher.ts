/**
 * Reads again what changed: one reading at a time, everything that changed meanwhile in the next. What changes now and then is
 * read at once; what never rests is read every two seconds, so that many pages on a busy daemon cost it little.
 */

/** Milliseconds in which changes are gathered before they are read, and between two readings. */
const GATHER_MS = 20;
const PAUSE_MS = 100;

/** Readings without a rest between them after which the pauses are longer, and how long they are then. */
const RESTLESS_READINGS = 10;
const RESTLESS_PAUSE_MS = 2_000;

/** Reads these resources again, or everything. Rejections are the reader's own to show. */
export type Read = (changed: readonly string[] | 'all') => Promise<void>;

export class Refresher {
  #changed = new Set<string>();
  #isAll = false;
  #isBusy = false;
  #isClosed = false;

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
    for (let readings = 1; this.#hasWork; readings += 1) {
      const changed = this.#isAll ? 'all' : [...this.#changed];
      this.#isAll = false;
      this.#changed = new Set();
      await this.read(changed);
      const pause = readings < RESTLESS_READINGS ? PAUSE_MS : RESTLESS_PAUSE_MS;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
    this.#isBusy = false;
  }
}
