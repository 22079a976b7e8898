/** The calls that wait on a place in a line: who is there, until when each waits, and since when a place has nobody. */
import type { Now } from '../core/commands.js';
import { Deadlines } from '../core/deadlines.js';
import type { PlaceRecord } from '../core/records.js';
import type { OpenCalls as PresentClients } from '../core/state.js';
import type { Pending } from './draft.js';

/** A call on its place. */
export interface OpenCall {
  readonly place: PlaceRecord;
  readonly pending: Pending;
  /** Milliseconds of the lease clock: how long it waits. */
  readonly until: number;
}

interface Entry {
  readonly call: OpenCall;
  /** Stops listening to the caller's connection. */
  readonly callOff: () => void;
}

export interface OpenCallsEvents {
  /** The caller's connection is closed. */
  onGone(call: OpenCall): void;
}

/** One place of a client per resource. */
function keyOf({ resource, client }: PlaceRecord): string {
  return `${resource}\0${client}`;
}

export class OpenCalls implements PresentClients {
  readonly #calls = new Map<string, Entry>();
  readonly #waits = new Deadlines<string>();
  /** The places without a call. */
  readonly #away = new Map<string, { readonly place: PlaceRecord; readonly until: number }>();
  readonly #claims = new Deadlines<string>();

  constructor(private readonly events: OpenCallsEvents) {}

  has(place: PlaceRecord): boolean {
    const call = this.#calls.get(keyOf(place))?.call;
    return call?.place.sequence === place.sequence && call.pending.peer?.isGone !== true;
  }

  isAbandoned(place: PlaceRecord, now: Now): boolean {
    const away = this.#away.get(keyOf(place));
    return away?.place.sequence === place.sequence && away.until <= now.lease;
  }

  /** A call waits on its place from now on. Answers the one that did before. */
  open(call: OpenCall): OpenCall | undefined {
    const older = this.take(call.place);
    const key = keyOf(call.place);
    const { peer } = call.pending;
    const gone = () => this.events.onGone(call);
    const callOff = peer?.onGone(gone) ?? (() => undefined);
    this.#calls.set(key, { call, callOff });
    this.#waits.set(key, call.until);
    this.#forget(key);
    // Whoever went before we listened would be waited for to the end.
    if (peer?.isGone) queueMicrotask(gone);
    return older;
  }

  /** Whether this very call still waits. */
  isOpen(call: OpenCall): boolean {
    return this.#calls.get(keyOf(call.place))?.call === call;
  }

  /** Takes the call off its place, where there is one. */
  take(place: PlaceRecord): OpenCall | undefined {
    const key = keyOf(place);
    const entry = this.#calls.get(key);
    if (entry?.call.place.sequence !== place.sequence) return undefined;
    entry.callOff();
    this.#calls.delete(key);
    this.#waits.delete(key);
    return entry.call;
  }

  /** The client of a place was heard of; where it has no call open, its claim time starts anew. */
  heardOf(place: PlaceRecord, now: Now): void {
    const key = keyOf(place);
    if (this.#calls.has(key)) return;
    const until = now.lease + place.claim * 1_000;
    this.#away.set(key, { place, until });
    this.#claims.set(key, until);
  }

  /** The moment on the lease clock when the next call has waited long enough, or the next claim time is over. */
  next(): number {
    return Math.min(this.#waits.next(), this.#claims.next());
  }

  /** The calls that have waited long enough, at most `count`; each is told once. */
  takeTimedOut(lease: number, count: number): OpenCall[] {
    return this.#waits.takeDue(lease, count).flatMap((key) => this.#calls.get(key)?.call ?? []);
  }

  /** The places whose claim time is over, at most `count`; each is told once. */
  takeAbandoned(lease: number, count: number): PlaceRecord[] {
    return this.#claims.takeDue(lease, count).flatMap((key) => this.#away.get(key)?.place ?? []);
  }

  /** A place that was told as abandoned is not: it is due again when its claim time is over. */
  watch(place: Pick<PlaceRecord, 'resource' | 'client'>): void {
    const key = `${place.resource}\0${place.client}`;
    const away = this.#away.get(key);
    if (away) this.#claims.set(key, away.until);
  }

  /** A place is gone. */
  forget(place: Pick<PlaceRecord, 'resource' | 'client'>): void {
    this.#forget(`${place.resource}\0${place.client}`);
  }

  /** Takes every call. */
  takeAll(): OpenCall[] {
    const calls = [...this.#calls.values()].map(({ call }) => call);
    for (const call of calls) this.take(call.place);
    return calls;
  }

  #forget(key: string): void {
    this.#away.delete(key);
    this.#claims.delete(key);
  }
}
