/**
 * Simulated time and everything that happens in it, on one thread: a queue of events by their moment. No real time passes.
 * What follows from an event by promises alone happens before the next event.
 */
import { createHash } from 'node:crypto';
import { type Random, randomFrom } from '../random.js';

interface Event {
  readonly at: number;
  readonly order: number;
  action: (() => void | Promise<void>) | undefined;
}

/** One line of the story. */
export interface Entry {
  /** Milliseconds since the beginning. */
  readonly at: number;
  readonly who: string;
  readonly what: string;
}

/** Events of one run: some hundred times as many as one has. */
const MAX_EVENTS = 1_000_000;

/** Milliseconds since 1970 at the beginning of every simulation. */
export const BEGINNING = Date.UTC(2026, 10, 21, 8, 0);

export class World {
  readonly random: Random;
  readonly story: Entry[] = [];
  /** Milliseconds that have passed. */
  now = 0;
  /** How many events have happened. */
  events = 0;
  readonly #heap: Event[] = [];
  #order = 0;
  readonly #hash = createHash('sha256');

  constructor(readonly seed: number) {
    this.random = randomFrom(seed);
  }

  /** Whether something that happens once in `chances` happens now. */
  oneIn(chances: number): boolean {
    return this.random(chances) === 0;
  }

  /** Milliseconds from `least` to `most`, short ones as likely as long ones. */
  span(least: number, most: number): number {
    return least * (most / least) ** (this.random(1_000_000) / 1_000_000);
  }

  /** Code that runs takes time too. */
  spend(milliseconds: number): void {
    this.now += milliseconds;
  }

  /** Does `action` at a moment, or as soon as time has got there. */
  at(moment: number, action: () => void | Promise<void>): () => void {
    const event: Event = { at: moment, order: this.#order, action };
    this.#order += 1;
    this.#push(event);
    return () => {
      event.action = undefined;
    };
  }

  after(milliseconds: number, action: () => void | Promise<void>): () => void {
    return this.at(this.now + milliseconds, action);
  }

  /** Writes down what happens, for the story and the hash. */
  tell(who: string, what: string): void {
    this.story.push({ at: this.now, who, what });
    this.#hash.update(`${this.now} ${who} ${what}\n`);
  }

  /** Of all that was told so far; the same seed gives the same. */
  get hash(): string {
    return this.#hash.copy().digest('hex').slice(0, 16);
  }

  /** Lets time pass until `end`, or until `isOver`. */
  async run(end: number, isOver: () => boolean = () => false): Promise<void> {
    while (!isOver()) {
      const next = this.#heap[0];
      if (!next || next.at > end) {
        this.now = Math.max(this.now, end);
        return;
      }
      this.#pop();
      if (!next.action) continue;
      this.now = Math.max(this.now, next.at);
      this.events += 1;
      if (this.events > MAX_EVENTS)
        throw new Error(`seed ${this.seed} goes round in circles at ${this.now} ms`);
      await next.action();
    }
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let index = heap.length;
    while (index > 0) {
      const parent = (index - 1) >>> 1;
      const above = heap[parent] as Event;
      if (isBefore(above, event)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Event;
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Event, heap[child] as Event)) child += 1;
      if (!isBefore(heap[child] as Event, last)) break;
      heap[index] = heap[child] as Event;
      index = child;
    }
    heap[index] = last;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** Resolves when every promise that can settle by itself has. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
