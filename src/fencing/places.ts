/** Lets so many in at once; the others wait, first come, first served. */
export class Places {
  readonly #line = new Set<() => void>();

  constructor(private free: number) {}

  /** Waits for a place; false when `stop` came first. Who got one gives it back with `leave`. */
  enter(stop: AbortSignal): Promise<boolean> {
    if (stop.aborted) return Promise.resolve(false);
    if (this.free > 0) {
      this.free -= 1;
      return Promise.resolve(true);
    }
    return new Promise((resolve) => {
      const giveUp = () => {
        this.#line.delete(admit);
        resolve(false);
      };
      const admit = () => {
        stop.removeEventListener('abort', giveUp);
        resolve(true);
      };
      this.#line.add(admit);
      stop.addEventListener('abort', giveUp, { once: true });
    });
  }

  leave(): void {
    const [next] = this.#line;
    if (next === undefined) {
      this.free += 1;
      return;
    }
    this.#line.delete(next);
    next();
  }
}
