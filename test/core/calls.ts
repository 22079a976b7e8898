/** The open calls of a world: which client waits on its place, until when, and since when nobody does. */
import type { Command, Now } from '../../src/core/commands.js';
import type { PlaceRecord } from '../../src/core/records.js';
import type { OpenCalls } from '../../src/core/state.js';

export interface Call {
  readonly place: PlaceRecord;
  readonly command: Command;
  /** On the lease clock. */
  readonly until: number;
  /** Its connection is closed. */
  isGone: boolean;
}

interface Away {
  readonly place: PlaceRecord;
  readonly until: number;
}

function keyOf({ resource, client }: Pick<PlaceRecord, 'resource' | 'client'>): string {
  return `${resource}\0${client}`;
}

export class Calls implements OpenCalls {
  readonly #open = new Map<string, Call>();
  readonly #away = new Map<string, Away>();
  #undos: (() => void)[] = [];

  get size(): number {
    return this.#open.size;
  }

  has(place: PlaceRecord): boolean {
    return this.#of(place)?.isGone === false;
  }

  isAbandoned(place: PlaceRecord, now: Now): boolean {
    const away = this.#away.get(keyOf(place));
    return away?.place.sequence === place.sequence && away.until <= now.lease;
  }

  find(resource: string, client: string): Call | undefined {
    return this.#open.get(keyOf({ resource, client }));
  }

  open(call: Call): void {
    this.#change(this.#open, keyOf(call.place), call);
    this.#change(this.#away, keyOf(call.place), undefined);
  }

  take(place: PlaceRecord): Call | undefined {
    const call = this.#of(place);
    if (call) this.#change(this.#open, keyOf(place), undefined);
    return call;
  }

  heardOf(place: PlaceRecord, now: Now): void {
    if (this.#of(place)) return;
    this.#change(this.#away, keyOf(place), { place, until: now.lease + place.claim * 1_000 });
  }

  timedOut(lease: number): Call[] {
    return [...this.#open.values()].filter((call) => call.until <= lease);
  }

  abandoned(lease: number): PlaceRecord[] {
    return [...this.#away.values()].filter(({ until }) => until <= lease).map(({ place }) => place);
  }

  /** The answer puts everything back as it is now. */
  remember(): () => void {
    const undos: (() => void)[] = [];
    this.#undos = undos;
    return () => {
      for (const undo of undos.reverse()) undo();
    };
  }

  /** Every open call, for comparison. */
  dump(): unknown {
    return [...this.#open.values()]
      .map(({ place, isGone, until }) => [place.resource, place.client, place.sequence, until, isGone])
      .sort();
  }

  #change<Value>(map: Map<string, Value>, key: string, value: Value | undefined): void {
    const before = map.get(key);
    this.#undos.push(() => void (before === undefined ? map.delete(key) : map.set(key, before)));
    if (value === undefined) map.delete(key);
    else map.set(key, value);
  }

  #of(place: PlaceRecord): Call | undefined {
    const call = this.#open.get(keyOf(place));
    return call?.place.sequence === place.sequence ? call : undefined;
  }
}
