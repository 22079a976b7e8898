/** How much the daemon holds, in one line; read again at most every two seconds. */
import type { Daemon } from './daemon.js';
import { count, element } from './dom.js';

const PAUSE_MS = 2_000;

export class TotalsStrip {
  readonly element = element('p', { class: 'totals' });
  #timer: ReturnType<typeof setTimeout> | undefined;
  #read = Number.NEGATIVE_INFINITY;

  constructor(private readonly daemon: Daemon) {}

  /** Something happened. */
  changed(): void {
    const wait = Math.max(0, this.#read + PAUSE_MS - performance.now());
    this.#timer ??= setTimeout(() => void this.#show(), wait);
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  async #show(): Promise<void> {
    this.#read = performance.now();
    this.#timer = undefined;
    try {
      const { held, waiting, fencing } = await this.daemon.stats();
      this.element.replaceChildren(
        ...figure(held, 'held'),
        ...figure(waiting, 'waiting'),
        ...(fencing > 0 ? figure(fencing, 'being fenced') : []),
      );
    } catch {
      // The list itself says what is wrong.
    }
  }
}

function figure(value: number, name: string): HTMLElement[] {
  return [element('span', {}, element('b', {}, count(value)), ` ${name}`)];
}
