/**
 * The lock table: every record, found by what the rules ask for. It changes in one way only, by `apply`, and every
 * change can be undone. It decides nothing (that is decide.ts) and knows no clock, disk or network.
 */
import { MAX_LISTED_HOLDERS } from './limits.js';
import type { Change, HoldRecord, LostRecord, RecordKey, TableRecord, UnreadableRecord } from './records.js';
import { SortedNames } from './sorted-names.js';

/** Takes back what `apply` did. To be called at most once, and in the reverse order of the applying. */
export type Undo = () => void;

interface ResourceEntry {
  readonly holds: Map<string, HoldRecord>;
  unreadable?: UnreadableRecord;
}

export class LockTable {
  /** The token of the next grant. It only rises, also when a turn is undone. */
  nextToken = 1;
  readonly #resources = new Map<string, ResourceEntry>();
  /** By resource, client and token. */
  readonly #lost = new Map<string, Map<number, LostRecord>>();
  readonly #names = new SortedNames((name) => this.#resources.has(name));
  #held = 0;
  #lostCount = 0;

  /** Number of holds. */
  get held(): number {
    return this.#held;
  }

  /** Number of remembered lost holds. */
  get lostCount(): number {
    return this.#lostCount;
  }

  /** The hold of `client` on `resource`. */
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

  /** How many hold a resource. */
  holdCount(resource: string): number {
    return this.#resources.get(resource)?.holds.size ?? 0;
  }

  /** The limit that stands while anybody holds the resource. */
  limit(resource: string): number | undefined {
    const first = this.#resources.get(resource)?.holds.values().next().value;
    return first?.limit;
  }

  /** The files that lock a resource although they cannot be read. */
  unreadable(resource: string): UnreadableRecord | undefined {
    return this.#resources.get(resource)?.unreadable;
  }

  /** The lost holds of a client on a resource, in no order: at most one of them is not superseded. */
  lost(resource: string, client: string): Iterable<LostRecord> {
    return this.#lost.get(pairKey(resource, client))?.values() ?? [];
  }

  /** Every lost hold that is remembered. */
  *allLost(): Generator<LostRecord> {
    for (const records of this.#lost.values()) yield* records.values();
  }

  /** Every hold, in no order. */
  *allHolds(): Generator<HoldRecord> {
    for (const entry of this.#resources.values()) yield* entry.holds.values();
  }

  /** The names of resources that are not free, in code-unit order, behind `after`. */
  resourcesAfter(after: string): Generator<string> {
    return this.#names.startingAfter(after);
  }

  /** Whether the resource is anything but free. */
  has(resource: string): boolean {
    return this.#resources.has(resource);
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
    if (record.kind === 'lost') return this.#putLost(record);
    const entry = this.#entry(record.resource);
    if (record.kind === 'unreadable') {
      const replaced = entry.unreadable;
      entry.unreadable = record;
      return replaced;
    }
    const replaced = entry.holds.get(record.client);
    entry.holds.set(record.client, record);
    if (!replaced) this.#held += 1;
    this.nextToken = Math.max(this.nextToken, record.token + 1);
    return replaced;
  }

  #remove(key: RecordKey): TableRecord | undefined {
    if (key.kind === 'lost') return this.#removeLost(key.resource, key.client, key.token);
    const entry = this.#resources.get(key.resource);
    if (!entry) return undefined;
    let removed: TableRecord | undefined;
    if (key.kind === 'unreadable') {
      removed = entry.unreadable;
      delete entry.unreadable;
    } else {
      removed = entry.holds.get(key.client);
      if (entry.holds.delete(key.client)) this.#held -= 1;
    }
    if (entry.holds.size === 0 && !entry.unreadable) {
      this.#resources.delete(key.resource);
      this.#names.remove(key.resource);
    }
    return removed;
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

  #putLost(record: LostRecord): LostRecord | undefined {
    const key = pairKey(record.resource, record.client);
    const records = this.#lost.get(key) ?? new Map<number, LostRecord>();
    this.#lost.set(key, records);
    const replaced = records.get(record.token);
    records.set(record.token, record);
    if (!replaced) this.#lostCount += 1;
    return replaced;
  }

  #removeLost(resource: string, client: string, token: number): LostRecord | undefined {
    const key = pairKey(resource, client);
    const records = this.#lost.get(key);
    const removed = records?.get(token);
    if (!records || !removed) return undefined;
    records.delete(token);
    this.#lostCount -= 1;
    if (records.size === 0) this.#lost.delete(key);
    return removed;
  }
}

function pairKey(resource: string, client: string): string {
  return `${resource}\0${client}`;
}
