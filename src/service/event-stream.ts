/** Events one by one, for programs: an iterator over what a following hands out several at a time. */
import type { EventNotice, LockEvent } from './api.js';
import type { Following, Told } from './feed-following.js';

type Item = EventNotice | LockEvent;

/** Begins when it is first asked. Once it is over, or a loop over it has ended, it stays so. */
export class EventStream implements AsyncIterableIterator<Item> {
  #following: Following | undefined;
  #items: Item[] = [];
  #at = 0;
  #isOver = false;
  #newest: Promise<unknown> = Promise.resolve();

  constructor(private readonly begin: () => Following) {}

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Asked again before it has answered, it answers one after the other. */
  next(): Promise<IteratorResult<Item, undefined>> {
    const answer = this.#newest.then(() => this.#next());
    this.#newest = answer.catch(() => undefined);
    return answer;
  }

  async #next(): Promise<IteratorResult<Item, undefined>> {
    if (this.#at >= this.#items.length) await this.#more();
    const item = this.#items[this.#at];
    if (item === undefined) return { done: true, value: undefined };
    this.#at += 1;
    return { done: false, value: item };
  }

  async return(): Promise<IteratorResult<Item, undefined>> {
    this.#isOver = true;
    this.#items = [];
    this.#following?.close();
    return { done: true, value: undefined };
  }

  async #more(): Promise<void> {
    this.#items = [];
    this.#at = 0;
    if (this.#isOver) return;
    this.#following ??= this.begin();
    const told = await this.#following.next();
    if (told && !this.#isOver) this.#items = told.flatMap(itemsOf);
  }
}

function itemsOf(told: Told): readonly Item[] {
  return 'notice' in told ? [told.notice] : told.events;
}
