/** Events of the history: how a turn's changes become events, which of them a query asks for. Every store tells them so. */
import type { Change } from '../core/records.js';
import type { HistoryQuery, StoredEvent } from './port.js';

/** Where an event stands in the history: first the turn that made it, then its place in the turn. */
export interface EventId {
  readonly turn: number;
  readonly index: number;
}

const EVENT_ID = /^(\d{1,16})\.(\d{1,16})$/;

/** What `TURN.INDEX` stands for, or undefined where `text` can be no event's id. */
export function parseEventId(text: string): EventId | undefined {
  const match = EVENT_ID.exec(text);
  return match ? { turn: Number(match[1]), index: Number(match[2]) } : undefined;
}

/** Behind every place in a turn: no turn has so many changes. */
const END_OF_TURN = 999_999;

/** The id behind all events of a turn and before those of the next one; no event has it. */
export function endOfTurn(turn: number): string {
  return `${turn}.${END_OF_TURN}`;
}

/** Up to where events were read: all of a turn, or as far as one of its events. */
export class Position {
  #at: EventId;

  /** Throws a RangeError where `id` can be no event's. */
  constructor(id: string) {
    const at = parseEventId(id);
    if (!at) throw new RangeError(`'${id}' is no event's id`);
    this.#at = at;
  }

  /** The turn that was read last, perhaps not to its end. */
  get turn(): number {
    return this.#at.turn;
  }

  get id(): string {
    return `${this.#at.turn}.${this.#at.index}`;
  }

  /** The turn that the next event may be of. */
  get nextTurn(): number {
    // There is no turn 0.
    const isRead = this.#at.turn === 0 || this.#at.index >= END_OF_TURN;
    return isRead ? this.#at.turn + 1 : this.#at.turn;
  }

  /** Whether turn `turn`, or one before, may have something that was not read. */
  isBefore(turn: number): boolean {
    return this.nextTurn <= turn;
  }

  /** The events of a turn that come behind here; all of it counts as read then. */
  take(turn: number, changes: readonly Change[]): StoredEvent[] {
    if (turn < this.turn) return [];
    const from = turn === this.turn ? this.#at.index + 1 : 0;
    this.skipTo(turn);
    const events: StoredEvent[] = [];
    for (let index = from; index < changes.length; index += 1) {
      const event = eventOf(turn, index, changes[index] as Change);
      if (event) events.push(event);
    }
    return events;
  }

  /** All up to the end of this turn counts as read. */
  skipTo(turn: number): void {
    this.#at = { turn, index: END_OF_TURN };
  }
}

/** The events that a query asks for, gathered from turns that are given newest first. */
export class EventSelection {
  readonly events: StoredEvent[] = [];
  readonly #query: HistoryQuery;
  readonly #before: EventId;

  /** Throws a RangeError where `before` can be no event's id: callers check it before they ask. */
  constructor(query: HistoryQuery) {
    const before = query.before === undefined ? { turn: Infinity, index: 0 } : parseEventId(query.before);
    if (!before) throw new RangeError(`'${query.before}' is no event's id`);
    this.#query = query;
    this.#before = before;
  }

  get isFull(): boolean {
    return this.events.length >= this.#query.count;
  }

  /** Whether turn `turn` comes too late for every one of its events. */
  isTooLate(turn: number): boolean {
    return turn > this.#before.turn;
  }

  /** Takes what fits of a turn, its last event first. */
  add(turn: number, changes: readonly Change[]): void {
    if (this.isTooLate(turn)) return;
    const end = turn === this.#before.turn ? Math.min(this.#before.index, changes.length) : changes.length;
    for (let index = end - 1; index >= 0 && !this.isFull; index -= 1) {
      const event = eventOf(turn, index, changes[index] as Change);
      if (event && this.#isAskedFor(event)) this.events.push(event);
    }
  }

  #isAskedFor(event: StoredEvent): boolean {
    const { resource = event.resource, client = event.client } = this.#query;
    return event.resource === resource && event.client === client;
  }
}

/** The event that a change at this place of a turn is; undefined where it is none. */
export function eventOf(turn: number, index: number, change: Change): StoredEvent | undefined {
  const { event, time, resource, client, token, by, reason } = change;
  if (event === undefined) return undefined;
  return {
    id: `${turn}.${index}`,
    time,
    event,
    resource,
    client,
    token,
    ...(by === undefined ? {} : { by }),
    ...(reason === undefined ? {} : { reason }),
  };
}
