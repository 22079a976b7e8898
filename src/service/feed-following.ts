/**
 * Follows what happens: from now on, or from an id on. What is behind is read from the history, a page at a time and only as
 * fast as it is asked for; once that has caught up, the feed takes over, without a gap and without a repeat.
 */
import { endOfTurn, parseEventId } from '../store/events.js';
import type { EventPage, EventReader, Store } from '../store/port.js';
import type { EventNotice, LockEvent } from './api.js';
import type { Feed, Subscription } from './feed.js';
import { historyEvent } from './feed-events.js';
import { type EventFilter, isWanted } from './feed-filter.js';

/** Events that wait to be asked for, apart from those of one telling: more, and whoever should ask does not keep up. */
const MAX_WAITING = 10_000;

/** What comes next: a notice, or events that came at once; the same array for all who asked for the same. */
export type Told = { readonly notice: EventNotice } | { readonly events: readonly LockEvent[] };

/** Too many events wait to be read. Nothing is lost: go on with the id `after`. */
export class FellBehind extends Error {
  override readonly name = 'FellBehind';

  constructor(
    /** Up to here all was handed out. */
    readonly after: string,
  ) {
    super(
      `More than ${MAX_WAITING.toLocaleString('en')} events wait to be read: nobody takes them fast enough. ` +
        `None is lost: go on with after: '${after}'`,
    );
  }
}

export interface FollowingParts {
  readonly feed: Feed;
  readonly store: Pick<Store, 'eventsAfter' | 'confirm'>;
}

export class Following {
  #reader: EventReader | undefined;
  #subscription: Subscription | undefined;
  /** All up to here was handed out, of what is asked for. */
  #position: string;
  #hasBegun = false;
  #waiting: Told[] = [];
  #waitingEvents = 0;
  #wake: () => void = () => undefined;
  #isOver = false;
  #isClosed = false;
  #failure: Error | undefined;
  #forget: () => void = () => undefined;
  readonly #unwatch: () => void;

  /** @param after the id behind which to begin; undefined: now. */
  constructor(
    private readonly parts: FollowingParts,
    private readonly filter: EventFilter,
    after: string | undefined,
  ) {
    const { feed, store } = parts;
    if (after === undefined) {
      this.#subscription = feed.subscribe(filter, this.#push);
      this.#position = this.#subscription.position;
      this.#begin(this.#position);
    } else {
      this.#position = after;
      this.#reader = store.eventsAfter(after, () => !this.#isOver);
      this.#forget = feed.remember();
    }
    this.#unwatch = feed.onClose(() => this.#end());
    if (feed.isClosed) this.#end();
  }

  /**
   * What comes next, when it comes; at least one thing. Undefined at the end: the daemon stops, or `close` was called. Rejects
   * with `FellBehind`, with the disk's error, or with `Stopped`; then it is over.
   */
  async next(): Promise<readonly Told[] | undefined> {
    for (;;) {
      if (this.#waiting.length > 0) return this.#take();
      if (this.#failure) throw this.#failure;
      if (this.#isOver) return undefined;
      if (this.#reader) await this.#readOn(this.#reader);
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** All up to this id was handed out, of what is asked for: to go on behind it. */
  get position(): string {
    const isAllTaken = this.#waiting.length === 0 && !this.#isOver;
    return (isAllTaken ? this.#subscription?.position : undefined) ?? this.#position;
  }

  /** Whether what comes next is read from the history: then nothing gathers here while nobody asks. */
  get isCatchingUp(): boolean {
    return this.#reader !== undefined;
  }

  /** Ends it, also for a `next` that waits. */
  close(): void {
    this.#isClosed = true;
    this.#waiting = [];
    this.#end();
  }

  async #readOn(reader: EventReader): Promise<void> {
    try {
      const page = await reader.next();
      // Only its owner may say what is saved.
      await this.parts.store.confirm();
      if (this.#isOver) return;
      this.#takePage(page);
      if (page.isLast) this.#join(turnOf(page.position));
    } catch (error) {
      // What nobody wants any more is not read to its end.
      if (!this.#isClosed) this.#fail(error as Error);
    }
  }

  #takePage({ events, position, gap }: EventPage): void {
    if (gap !== undefined) {
      this.#waiting.push({ notice: { event: 'gap', after: this.#position, problem: gap } });
      const [first] = events;
      this.#begin(first ? endOfTurn(turnOf(first.id) - 1) : position);
    } else if (!this.#hasBegun) {
      this.#begin(this.#position);
    }
    const wanted = events.map(historyEvent).filter((event) => isWanted(event, this.filter));
    if (wanted.length > 0) this.#push(wanted);
    this.#position = position;
  }

  /** What comes next the feed tells, if it still knows all that came since. */
  #join(turn: number): void {
    // What was just read is handed out with what comes: both are bounded, and nobody was slow to take them.
    this.#waitingEvents = 0;
    this.#subscription = this.parts.feed.subscribeAfter(turn, this.filter, this.#push);
    if (!this.#subscription) return;
    this.#reader = undefined;
    this.#forget();
  }

  #begin(id: string): void {
    this.#hasBegun = true;
    this.#waiting.push({ notice: { event: 'ready', id } });
  }

  readonly #push = (events: readonly LockEvent[]): void => {
    if (this.#waitingEvents > 0 && this.#waitingEvents + events.length > MAX_WAITING) {
      this.#fail(new FellBehind(this.#position));
      return;
    }
    this.#waiting.push({ events });
    this.#waitingEvents += events.length;
    this.#wake();
  };

  #take(): readonly Told[] {
    const taken = this.#waiting;
    this.#waiting = [];
    this.#waitingEvents = 0;
    this.#position = this.#subscription?.position ?? this.#position;
    return taken;
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.close();
  }

  /** What waits is still handed out. */
  #end(): void {
    this.#isOver = true;
    this.#reader = undefined;
    this.#subscription?.stop();
    this.#forget();
    this.#unwatch();
    this.#wake();
  }
}

function turnOf(id: string): number {
  return parseEventId(id)?.turn ?? 0;
}
