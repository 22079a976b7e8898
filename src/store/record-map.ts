/** What every store keeps: records by key, changed by turns. */
import { type RecordKey, recordKeyText, type StoredRecord, type Turn } from '../core/records.js';

/** Records by key, changed by turns as every store changes them. */
export class RecordMap {
  readonly #records = new Map<string, StoredRecord>();

  get size(): number {
    return this.#records.size;
  }

  /** Live: what is put while somebody iterates is met, what is removed is not. */
  values(): IterableIterator<StoredRecord> {
    return this.#records.values();
  }

  get(key: RecordKey): StoredRecord | undefined {
    return this.#records.get(recordKeyText(key));
  }

  put(record: StoredRecord): void {
    this.#records.set(recordKeyText(record), record);
  }

  remove(key: RecordKey): void {
    this.#records.delete(recordKeyText(key));
  }

  /** Applies a turn's changes in order: for each what it removes, then what it puts. Twice is as good as once. */
  apply(changes: Turn['changes']): void {
    for (const change of changes) {
      for (const key of change.remove ?? []) this.remove(key);
      for (const record of change.put ?? []) this.put(record);
    }
  }
}
