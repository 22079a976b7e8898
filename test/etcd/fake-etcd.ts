/**
 * etcd in memory, without its network: keys with all their versions, transactions, leases on a clock that is set by hand,
 * compaction, the space alarm, and its limits on one request. Nothing here waits: who asks is answered in the same step.
 * What a client sees of it when things go wrong: fake-kv.ts.
 */
import {
  type Compare,
  type KeyValue,
  KvError,
  type Operation,
  type Range,
  type RangeAnswer,
  type Transaction,
  type TransactionAnswer,
} from '../../src/etcd/kv.js';

/** As of etcd's defaults: `--max-txn-ops` and `--max-request-bytes`. */
const MAX_OPERATIONS = 128;
const MAX_REQUEST_BYTES = 1.5 * 1024 * 1024;

/** Bytes that a step takes beside its key and value, about. */
const OPERATION_BYTES = 16;

/** A key from one revision on; undefined: there is none. */
interface Version {
  readonly revision: number;
  readonly entry: KeyValue | undefined;
}

interface Lease {
  readonly ttl: number;
  /** Milliseconds of the clock. */
  ends: number;
  readonly keys: Set<string>;
}

/**
 * `over`: the next transaction that puts something is applied, and answered as if it was not; from then on the alarm is on.
 * `alarm`: whatever puts something, or asks for a lease, is refused and not applied.
 */
export type Space = 'enough' | 'over' | 'alarm';

export class FakeEtcd {
  space: Space = 'enough';
  #revision = 1;
  #compacted = 0;
  readonly #versions = new Map<string, Version[]>();
  /** Every key that ever was, in order. */
  readonly #keys: string[] = [];
  readonly #leases = new Map<string, Lease>();
  #lastLease = 7_587_000_000_000_000_000n;

  /** @param now monotonic milliseconds: a lease ends on the millisecond, as early as it may. */
  constructor(private readonly now: () => number = () => 0) {}

  get revision(): number {
    this.endLeases();
    return this.#revision;
  }

  /** Throws a `KvError` of fate `never`, or of fate `settled` where there is no space. */
  transact({ compare, success, failure = [] }: Transaction): TransactionAnswer {
    this.endLeases();
    checkSize(compare, success, failure);
    const succeeded = compare.every((one) => this.#holds(one));
    const operations = succeeded ? success : failure;
    for (const { kind, lease } of puts(operations)) {
      if (kind === 'put' && lease !== undefined && !this.#leases.has(lease))
        throw refused('requested lease not found');
    }
    // Judged by what it could put, whichever branch is taken.
    const puttable = puts([...success, ...failure]).length > 0;
    if (puttable && this.space === 'alarm') throw full();
    const found = this.#apply(operations);
    if (puttable && this.space === 'over') {
      this.space = 'alarm';
      throw full();
    }
    return { succeeded, revision: this.#revision, found };
  }

  range({ key, end, limit, revision = this.revision }: Range): RangeAnswer {
    this.endLeases();
    if (revision < this.#compacted) {
      throw new KvError('etcdserver: mvcc: required revision has been compacted', 'never', 'compacted');
    }
    if (revision > this.#revision) throw refused('mvcc: required revision is a future revision');
    const found: KeyValue[] = [];
    const [from, to] = [this.#place(key), this.#place(end)];
    for (const at of this.#keys.slice(from, to)) {
      const entry = this.#get(at, revision);
      if (entry && found.length === limit) return { found, hasMore: true, revision: this.#revision };
      if (entry) found.push(entry);
    }
    return { found, hasMore: false, revision: this.#revision };
  }

  grantLease(ttl: number): { readonly id: string; readonly ttl: number } {
    this.endLeases();
    if (this.space === 'alarm') throw full();
    this.#lastLease += 1n;
    const id = String(this.#lastLease);
    this.#leases.set(id, { ttl, ends: this.now() + ttl * 1_000, keys: new Set() });
    return { id, ttl };
  }

  /** Answers its seconds; 0: there is none. */
  keepAlive(id: string): number {
    this.endLeases();
    const lease = this.#leases.get(id);
    if (!lease) return 0;
    lease.ends = this.now() + lease.ttl * 1_000;
    return lease.ttl;
  }

  revoke(id: string): void {
    this.endLeases();
    this.#end(id);
  }

  /** What was before this revision cannot be read any more. */
  compact(revision: number): void {
    this.#compacted = Math.max(this.#compacted, revision);
  }

  /** Ends the leases that are over. Everything that is asked does it first. */
  endLeases(): void {
    for (const [id, { ends }] of this.#leases) if (this.now() >= ends) this.#end(id);
  }

  /** What stands at a key; for tests. */
  get(key: string): KeyValue | undefined {
    return this.#get(key, this.revision);
  }

  #end(id: string): void {
    const lease = this.#leases.get(id);
    if (!lease) return;
    this.#leases.delete(id);
    this.#apply([...lease.keys].map((key) => ({ kind: 'remove', key })));
  }

  #holds(compare: Compare): boolean {
    const entry = this.#get(compare.key, this.#revision);
    if ('createRevision' in compare) return (entry?.createRevision ?? 0) === compare.createRevision;
    return (entry?.modRevision ?? 0) === compare.modRevision;
  }

  /** All that changes in one step has one revision; where nothing changes there is no new one. */
  #apply(operations: readonly Operation[]): KeyValue[][] {
    const next = this.#revision + 1;
    let changed = false;
    const found = operations.map((operation): KeyValue[] => {
      const { kind, key } = operation;
      if (kind === 'get') {
        const entry = this.#get(key, next);
        return entry ? [entry] : [];
      }
      if (kind === 'put') {
        this.#put(key, operation.value, operation.lease, next);
        changed = true;
        return [];
      }
      const end = kind === 'removeRange' ? this.#place(operation.end) : this.#place(key) + 1;
      const keys =
        kind === 'remove' && !this.#versions.has(key) ? [] : this.#keys.slice(this.#place(key), end);
      for (const one of keys) changed = this.#remove(one, next) || changed;
      return [];
    });
    if (changed) this.#revision = next;
    return found;
  }

  #put(key: string, value: string, lease: string | undefined, revision: number): void {
    const before = this.#get(key, revision);
    if (before?.lease !== undefined) this.#leases.get(before.lease)?.keys.delete(key);
    if (lease !== undefined) this.#leases.get(lease)?.keys.add(key);
    const createRevision = before?.createRevision ?? revision;
    const entry = {
      key,
      value,
      createRevision,
      modRevision: revision,
      ...(lease === undefined ? {} : { lease }),
    };
    this.#addVersion(key, { revision, entry });
  }

  /** Whether there was something. */
  #remove(key: string, revision: number): boolean {
    const before = this.#get(key, revision);
    if (!before) return false;
    if (before.lease !== undefined) this.#leases.get(before.lease)?.keys.delete(key);
    this.#addVersion(key, { revision, entry: undefined });
    return true;
  }

  #addVersion(key: string, version: Version): void {
    const versions = this.#versions.get(key);
    if (versions) {
      versions.push(version);
      return;
    }
    this.#keys.splice(this.#place(key), 0, key);
    this.#versions.set(key, [version]);
  }

  #get(key: string, revision: number): KeyValue | undefined {
    return this.#versions.get(key)?.findLast((version) => version.revision <= revision)?.entry;
  }

  /** Where a key stands among all, or would. Keys are in the order of their bytes, as in etcd. */
  #place(key: string): number {
    let [from, to] = [0, this.#keys.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (compareBytes(this.#keys[middle] as string, key) < 0) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}

function puts(operations: readonly Operation[]): Extract<Operation, { kind: 'put' }>[] {
  return operations.filter((operation) => operation.kind === 'put');
}

function checkSize(...[compare, success, failure]: [readonly Compare[], ...(readonly Operation[])[]]): void {
  const branches = [success ?? [], failure ?? []];
  const operations = Math.max(compare.length, ...branches.map((branch) => branch.length));
  if (operations > MAX_OPERATIONS) throw refused('too many operations in txn request');
  const bytes = [...compare, ...branches.flat()].reduce((sum, step) => {
    const value = 'value' in step ? step.value : '';
    return sum + OPERATION_BYTES + Buffer.byteLength(step.key) + Buffer.byteLength(value);
  }, 0);
  if (bytes > MAX_REQUEST_BYTES) throw refused('request is too large');
  for (const branch of branches) {
    const keys = puts(branch).map(({ key }) => key);
    const put = new Set(keys);
    const isRemoved = branch.some((step) => {
      if (step.kind === 'removeRange') return keys.some((key) => isWithin(step, key));
      return step.kind === 'remove' && put.has(step.key);
    });
    if (isRemoved || put.size < keys.length) throw refused('duplicate key given in txn request');
  }
}

function isWithin(range: { readonly key: string; readonly end: string }, key: string): boolean {
  return compareBytes(range.key, key) <= 0 && compareBytes(key, range.end) < 0;
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function refused(problem: string): KvError {
  return new KvError(`etcdserver: ${problem}`, 'never');
}

function full(): KvError {
  return new KvError('etcdserver: mvcc: database space exceeded', 'settled', 'noSpace');
}
