/**
 * The feed: tells those who listen what happened, once it is saved and its callers are answered. What turns did is only put
 * aside; events are made of it on a timer, once for all, and sorted out once for all who ask for the same. Who does not keep up
 * is not waited for. While nobody listens it does nothing.
 */
import type { Hold } from '../core/answers.js';
import { endOfTurn } from '../store/events.js';
import type { LockEvent } from './api.js';
import type { CallOff, Clock } from './clock.js';
import { eventsOfTurn, renewedEvent, type TurnTold } from './feed-events.js';
import { type EventFilter, isWanted } from './feed-filter.js';
import { Groups, type Listener } from './feed-groups.js';
import { RecentlyTold } from './recently-told.js';

/** Milliseconds for which what happens is collected: a person sees no delay, and a busy daemon tells ten times a second. */
const COLLECT_MS = 100;

export interface Subscription {
  /** All up to this id was told. */
  readonly position: string;
  stop(): void;
}

export class Feed {
  #lastTurn: number;
  /** The last turn whose events were told. */
  #toldTurn: number;
  readonly #groups = new Groups();
  #collected: (TurnTold | Hold)[] = [];
  readonly #recent = new RecentlyTold();
  #toldAt = Number.NEGATIVE_INFINITY;
  #callOff: CallOff | undefined;
  readonly #onClose = new Set<() => void>();
  #isClosed = false;

  /** @param lastTurn the number of the newest saved turn. */
  constructor(
    private readonly clock: Clock,
    lastTurn: number,
  ) {
    this.#lastTurn = lastTurn;
    this.#toldTurn = lastTurn;
  }

  /** How many follow, those who still catch up included: each of them waits for the end. */
  get listeners(): number {
    return this.#onClose.size;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** A turn is over, and its callers are answered; without a number where nothing of it had to be saved. */
  happened(turn: number | undefined, changes: TurnTold['changes']): void {
    if (turn !== undefined) {
      this.#lastTurn = turn;
      this.#recent.add(turn, changes);
    }
    if (this.#groups.isEmpty) this.#toldTurn = this.#lastTurn;
    else if (changes.length > 0) this.#collect({ turn, changes });
  }

  /** A lease was renewed, and its client told so. */
  renewed(hold: Hold): void {
    if (!this.#groups.isEmpty) this.#collect(hold);
  }

  /** Tells `listener` all that happens from here on. */
  subscribe(filter: EventFilter, listener: Listener): Subscription {
    return this.#subscribe(filter, listener, 0);
  }

  /** @param knownTurn up to this one everything is known to the listener. */
  #subscribe(filter: EventFilter, listener: Listener, knownTurn: number): Subscription {
    // What was collected so far is not for the new one.
    this.#tell();
    const stop = this.#groups.add(filter, listener);
    const position = () => endOfTurn(Math.max(knownTurn, this.#toldTurn));
    return {
      get position() {
        return position();
      },
      stop,
    };
  }

  /** From now on remembers what happens for a while, until what this returns is called: for those who read the history meanwhile. */
  remember(): () => void {
    return this.#recent.begin(this.#lastTurn);
  }

  /**
   * Subscribes somebody who has read the history up to the end of `turn`: what happened since comes first. Undefined where
   * that is not remembered any more; then the history has to be read on.
   */
  subscribeAfter(turn: number, filter: EventFilter, listener: Listener): Subscription | undefined {
    const since = this.#recent.after(turn);
    if (!since) return undefined;
    // Turns that the history told before they came here.
    const isNews = (event: LockEvent) => event.id === undefined || Number.parseInt(event.id, 10) > turn;
    let mayKnow = this.#lastTurn < turn;
    const onlyNews = (events: readonly LockEvent[]) => {
      const news = mayKnow ? events.filter(isNews) : events;
      mayKnow &&= this.#toldTurn < turn;
      if (news.length > 0) listener(news);
    };
    const subscription = this.#subscribe(filter, onlyNews, turn);
    const missed = since.flatMap(eventsOfTurn).filter((event) => event.id && isWanted(event, filter));
    if (missed.length > 0) listener(missed);
    return subscription;
  }

  /** Calls `action` once when the feed ends; what this returns calls it off. */
  onClose(action: () => void): () => void {
    this.#onClose.add(action);
    return () => void this.#onClose.delete(action);
  }

  /** Tells what was collected, and ends: nothing is told any more. */
  close(): void {
    if (this.#isClosed) return;
    this.#tell();
    this.#isClosed = true;
    for (const action of this.#onClose) action();
    this.#onClose.clear();
    this.#groups.clear();
  }

  #collect(what: TurnTold | Hold): void {
    this.#collected.push(what);
    if (this.#callOff) return;
    const wait = this.#toldAt + COLLECT_MS - this.clock.monotonic();
    this.#callOff = this.clock.after(Math.max(0, wait), () => this.#tell());
  }

  #tell(): void {
    this.#callOff?.();
    this.#callOff = undefined;
    const collected = this.#collected;
    this.#toldTurn = this.#lastTurn;
    if (collected.length === 0) return;
    this.#collected = [];
    this.#toldAt = this.clock.monotonic();
    this.#groups.tell(
      collected.flatMap((what) => ('changes' in what ? eventsOfTurn(what) : renewedEvent(what))),
    );
  }
}
