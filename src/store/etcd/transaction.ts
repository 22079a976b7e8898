/** What a turn writes beside the turn key: its events, and each record that it changes once, as it is in the end. */
import type { Change, RecordKey } from '../../core/records.js';
import type { Operation } from '../../etcd/kv.js';
import type { StoreLimits } from '../port.js';
import { encodeRecord } from './format.js';
import type { Keys } from './keys.js';

/** What etcd takes in one transaction unless it is told otherwise: `--max-txn-ops`. */
const MAX_OPERATIONS = 128;

/** The turn key, and the turn's events. */
const OWN_OPERATIONS = 2;

/**
 * As many records as one transaction may write. The other bound of etcd, 1.5 MiB for one request, is kept by the same
 * number where turns are cut by it (src/service/turns.ts), as long as the names and notes may be.
 */
export const ETCD_LIMITS: StoreLimits = {
  changesPerTurn: MAX_OPERATIONS - OWN_OPERATIONS,
  recordsPerTurn: MAX_OPERATIONS - OWN_OPERATIONS,
};

/** A record that a turn writes or removes. */
export interface WrittenRecord {
  readonly key: RecordKey;
  readonly operation: Extract<Operation, { readonly kind: 'put' | 'remove' }>;
}

/** What `changes` do to the records: for one that is changed several times the last one counts. */
export function writtenRecords(keys: Keys, changes: readonly Change[]): WrittenRecord[] {
  const written = new Map<string, WrittenRecord>();
  const add = (one: WrittenRecord) => written.set(one.operation.key, one);
  for (const { put = [], remove = [] } of changes) {
    for (const key of remove) {
      if (key.kind !== 'unreadable') add({ key, operation: { kind: 'remove', key: keys.record(key) } });
    }
    for (const record of put) {
      add({ key: record, operation: { kind: 'put', key: keys.record(record), value: encodeRecord(record) } });
    }
  }
  return [...written.values()];
}
