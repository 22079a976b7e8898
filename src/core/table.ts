/**
 * The lock table: every record, found by what the rules ask for. It changes in one way only, by `apply`, and every
 * change can be undone. It decides nothing (that is decide.ts) and knows no clock, disk or network.
 */
import { KeyedRecords } from './keyed-records.js';
import { MAX_LISTED_HOLDERS } from './limits.js';
import { Line } from './line.js';
import {
  type Change,
  type EndedRecord,
  type HoldRecord,
  type LostRecord,
  type PlaceRecord,
  type RecordKey,
  recordKeyText,
  type TableRecord,
  type UnreadableRecord,
} from './records.js';
import { SortedNames } from './sorted-names.js';

/** Takes back what `apply` did. To be called at most once, and in the reverse order of the applying. */
export type Undo = () => void;

interface ResourceEntry {
  readonly holds: Map<string, HoldRecord>;
  line?: Line;
  unreadable?: UnreadableRecord;
}

const NO_LINE = new Line();

export class LockTable {
  /** The token of the next grant. It only rises, also when a turn is undone. */
  nextToken = 1;
  /** The sequence of the next place in a line. It only rises. */
  nextSequence = 1;
  readonly #resources = new Map<string, ResourceEntry>();
  readonly #lost = new KeyedRecords<number, LostRecord>();
  /** By the text of their keys, the oldest first. */
  readonly #ended = new Map<string, EndedRecord>();
  readonly #placesOf = new Map<string, number>();
  readonly #names = new SortedNames((name) => this.#resources.has(name));
  #held = 0;
  #fencing = 0;
  #waiting = 0;

  /** Number of holds, lost ones that still take a slot included. */
  get held(): number {
    return this.#held;
  }

  /** Number of lost holds that are being fenced. */
  get fencing(): number {
    return this.#fencing;
  }

  /** Number of places in all lines. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Number of remembered lost holds. */
  get lostCount(): number {
    return this.#lost.size;
  }

  /** Number of remembered retry keys of unlocked holds. */
  get endedCount(): number {
    return this.#ended.size;
  }

  /** The hold of `client` on `resource`; it may be lost and still take its slot. */
  hold(resource: string, client: string): HoldRecord | undefined {
    return this.#resources.get(resource)?.holds.get(client);
  }

  /** All holds of a resource, in the order in which they were granted. */
  holds(resource: string): HoldRecord[] {
    const holds = this.#resources.get(resource)?.holds;
    if (!holds) return [];
    // An undone unlock puts its hold back at the end of the map, so that the map's order is not the grants' order.
    return [...holds.values()].sort((a, b) => a.token - b.token);
  }

  /** The holds that answers and lock files name one by one. */
  listedHolds(resource: string): HoldRecord[] {
    return this.holds(resource).slice(0, MAX_LISTED_HOLDERS);
  }

  /** How many hold a resource, lost ones that still take a slot included. */
  holdCount(resource: string): number {
    return this.#resources.get(resource)?.holds.size ?? 0;
  }

  /** The place of `client` in the line of `resource`. */
  place(resource: string, client: string): PlaceRecord | undefined {
    return this.#resources.get(resource)?.line?.get(client);
  }

  /** The line of a resource, to be looked at only. */
  line(resource: string): Iterable<PlaceRecord> & Pick<Line, 'size' | 'position'> {
    return this.#resources.get(resource)?.line ?? NO_LINE;
  }

  /** How many places a client has in all lines. */
  placeCount(client: string): number {
    return this.#placesOf.get(client) ?? 0;
  }

  /** The limit that stands while anybody holds the resource or waits for it. */
  limit(resource: string): number | undefined {
    const entry = this.#resources.get(resource);
    const first = entry?.holds.values().next().value ?? entry?.line?.[Symbol.iterator]().next().value;
    return first?.limit;
  }

  /** The files that lock a resource although they cannot be read. */
  unreadable(resource: string): UnreadableRecord | undefined {
    return this.#resources.get(resource)?.unreadable;
  }

  /** The lost holds of a client on a resource, in no order: at most one of them is not superseded. */
  lost(resource: string, client: string): Iterable<LostRecord> {
    return this.#lost.of(resource, client);
  }

  /** Every lost hold that is remembered. */
  allLost(): Iterable<LostRecord> {
    return this.#lost.all();
  }

  /** What became of the unlocked hold of a retry key. */
  ended(resource: string, client: string, request: string): EndedRecord | undefined {
    return this.#ended.get(recordKeyText({ kind: 'ended', resource, client, request }));
  }

  /** Every retry key of an unlocked hold, the oldest first. */
  allEnded(): Iterable<EndedRecord> {
    return this.#ended.values();
  }

  /** Every hold, in no order. */
  *allHolds(): Generator<HoldRecord> {
    for (const entry of this.#resources.values()) yield* entry.holds.values();
  }

  /** Every place, line by line. */
  *allPlaces(): Generator<PlaceRecord> {
    for (const entry of this.#resources.values()) if (entry.line) yield* entry.line;
  }

  /** The names of resources that are not free, in code-unit order, behind `after`. */
  resourcesAfter(after: string): Generator<string> {
    return this.#names.startingAfter(after);
  }

  /** Whether somebody holds the resource, or nobody can tell who does. */
  isTaken(resource: string): boolean {
    const entry = this.#resources.get(resource);
    return entry !== undefined && (entry.holds.size > 0 || entry.unreadable !== undefined);
  }

  /** Puts a record that was recovered or found, not decided. */
  load(record: TableRecord): void {
    this.#put(record);
  }

  /** Writes and removes the records of `change`. The answer takes it back exactly. */
  apply(change: Change): Undo {
    const undos: Undo[] = [];
    for (const key of change.remove ?? []) {
      const removed = this.#remove(key);
      if (removed) undos.push(() => void this.#put(removed));
    }
    for (const record of change.put ?? []) {
      const replaced = this.#put(record);
      undos.push(() => void (replaced ? this.#put(replaced) : this.#remove(record)));
    }
    return () => {
      for (const undo of undos.reverse()) undo();
    };
  }

  #put(record: TableRecord): TableRecord | undefined {
    switch (record.kind) {
      case 'lost':
        return this.#lost.put(record.token, record);
      case 'ended':
        return this.#putEnded(record);
      case 'hold':
        return this.#putHold(record);
      case 'place':
        return this.#putPlace(record);
      case 'unreadable': {
        const entry = this.#entry(record.resource);
        const replaced = entry.unreadable;
        entry.unreadable = record;
        return replaced;
      }
    }
  }

  #remove(key: RecordKey): TableRecord | undefined {
    if (key.kind === 'lost') return this.#lost.remove(key.resource, key.client, key.token);
    if (key.kind === 'ended') {
      const text = recordKeyText(key);
      const removed = this.#ended.get(text);
      this.#ended.delete(text);
      return removed;
    }
    const entry = this.#resources.get(key.resource);
    if (!entry) return undefined;
    const removed = this.#removeFrom(entry, key);
    if (entry.holds.size === 0 && !entry.unreadable && !entry.line) {
      this.#resources.delete(key.resource);
      this.#names.remove(key.resource);
    }
    return removed;
  }

  #removeFrom(entry: ResourceEntry, key: RecordKey): TableRecord | undefined {
    if (key.kind === 'hold') {
      const removed = entry.holds.get(key.client);
      if (entry.holds.delete(key.client)) this.#held -= 1;
      if (removed?.lost === 'fencing') this.#fencing -= 1;
      return removed;
    }
    if (key.kind === 'place') {
      const removed = entry.line?.remove(key.client);
      if (removed) this.#countPlace(key.client, -1);
      if (entry.line?.size === 0) delete entry.line;
      return removed;
    }
    const removed = entry.unreadable;
    delete entry.unreadable;
    return removed;
  }

  #putEnded(record: EndedRecord): EndedRecord | undefined {
    const text = recordKeyText(record);
    const replaced = this.#ended.get(text);
    this.#ended.set(text, record);
    return replaced;
  }

  #putHold(record: HoldRecord): HoldRecord | undefined {
    const { holds } = this.#entry(record.resource);
    const replaced = holds.get(record.client);
    holds.set(record.client, record);
    if (!replaced) this.#held += 1;
    this.#fencing += Number(record.lost === 'fencing') - Number(replaced?.lost === 'fencing');
    this.nextToken = Math.max(this.nextToken, record.token + 1);
    return replaced;
  }

  #putPlace(record: PlaceRecord): PlaceRecord | undefined {
    const entry = this.#entry(record.resource);
    entry.line ??= new Line();
    const replaced = entry.line.put(record);
    if (!replaced) this.#countPlace(record.client, 1);
    this.nextSequence = Math.max(this.nextSequence, record.sequence + 1);
    return replaced;
  }

  #countPlace(client: string, by: number): void {
    this.#waiting += by;
    const count = this.placeCount(client) + by;
    if (count === 0) this.#placesOf.delete(client);
    else this.#placesOf.set(client, count);
  }

  #entry(resource: string): ResourceEntry {
    let entry = this.#resources.get(resource);
    if (!entry) {
      entry = { holds: new Map() };
      this.#resources.set(resource, entry);
      this.#names.add(resource);
    }
    return entry;
  }
}
