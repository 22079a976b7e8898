/**
 * The keys of one prefix, made and read in one place. Names are escaped as in URLs, so that `etcdctl get --prefix` shows them.
 *
 *     PREFIX/id                              names the prefix for ever, as a directory's id does
 *     PREFIX/leader                          who leads, attached to its lease
 *     PREFIX/turn                            number of the newest turn, and the next token
 *     PREFIX/record/hold/RESOURCE/CLIENT     one key per record; behind those of the other kinds what else identifies them
 *     PREFIX/history/0000000000000012        what happened in a turn; one key for each, without a gap up to the newest
 *     PREFIX/probe                           written to see whether etcd takes anything; nobody reads it
 */
import type { RecordKey, StoredRecord } from '../../core/records.js';
import { endOfPrefix } from '../../etcd/kv.js';

/** Digits of a turn's number: those of the greatest safe integer, so that keys are in the order of the turns. */
const TURN_DIGITS = 16;

/** A range of keys: from `key` up to but without `end`. */
export interface KeyRange {
  readonly key: string;
  readonly end: string;
}

export class Keys {
  readonly id: string;
  readonly leader: string;
  readonly turn: string;
  readonly records: string;
  readonly history: string;
  readonly probe: string;

  /** @param prefix without a slash at its end; not empty. */
  constructor(readonly prefix: string) {
    this.id = `${prefix}/id`;
    this.leader = `${prefix}/leader`;
    this.turn = `${prefix}/turn`;
    this.records = `${prefix}/record/`;
    this.history = `${prefix}/history/`;
    this.probe = `${prefix}/probe`;
  }

  /** Where a record stands. */
  record(key: Exclude<RecordKey, { readonly kind: 'unreadable' }> | StoredRecord): string {
    const names = [key.kind, key.resource, key.client];
    if (key.kind === 'lost') names.push(String(key.token));
    if (key.kind === 'ended') names.push(key.request);
    return this.records + names.map(encodeURIComponent).join('/');
  }

  get allRecords(): KeyRange {
    return { key: this.records, end: endOfPrefix(this.records) };
  }

  get allHistory(): KeyRange {
    return { key: this.history, end: endOfPrefix(this.history) };
  }

  /** Where the events of a turn stand. */
  historyOf(turn: number): string {
    return this.history + String(turn).padStart(TURN_DIGITS, '0');
  }

  /** The turns from `first` to `last`. */
  historyBetween(first: number, last: number): KeyRange {
    return { key: this.historyOf(first), end: this.historyOf(last + 1) };
  }

  /** The turn whose events stand at a key of the history; NaN for a key that is not one of ours. */
  turnOf(historyKey: string): number {
    const digits = historyKey.slice(this.history.length);
    return /^\d{16}$/.test(digits) ? Number(digits) : Number.NaN;
  }
}
