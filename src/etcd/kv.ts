/**
 * What lockd asks of etcd, as a port: linearizable transactions and reads, and leases. Nothing here knows what a lock is.
 * Every read is linearizable; nothing is ever sent a second time by itself.
 */

/** What must hold for a transaction to do what it is to do. */
export type Compare =
  /** 0: there is no such key. */
  | { readonly key: string; readonly createRevision: number }
  /** 0: there is no such key. */
  | { readonly key: string; readonly modRevision: number };

/** One step of a transaction. No key may be written twice in one. */
export type Operation =
  | { readonly kind: 'put'; readonly key: string; readonly value: string; readonly lease?: string }
  | { readonly kind: 'remove'; readonly key: string }
  /** All keys from `key` up to but without `end`. */
  | { readonly kind: 'removeRange'; readonly key: string; readonly end: string }
  | { readonly kind: 'get'; readonly key: string };

export interface Transaction {
  readonly compare: readonly Compare[];
  /** Done where everything compared holds, all of it or nothing. */
  readonly success: readonly Operation[];
  /** Done otherwise. */
  readonly failure?: readonly Operation[];
}

export interface KeyValue {
  readonly key: string;
  readonly value: string;
  readonly createRevision: number;
  readonly modRevision: number;
  /** Id of the lease that it ends with; absent where it does not. */
  readonly lease?: string;
}

export interface TransactionAnswer {
  readonly succeeded: boolean;
  /** That of the whole of etcd after the transaction. */
  readonly revision: number;
  /** What each step that was done found: nothing for other steps than `get`. */
  readonly found: readonly (readonly KeyValue[])[];
}

/** All keys from `key` up to but without `end`. */
export interface Range {
  readonly key: string;
  readonly end: string;
  /** At most so many. */
  readonly limit: number;
  /** As it was at this revision; the newest when absent. */
  readonly revision?: number;
}

export interface RangeAnswer {
  /** By key. */
  readonly found: readonly KeyValue[];
  readonly hasMore: boolean;
  /** That of the whole of etcd when this was read. */
  readonly revision: number;
}

export interface Kv {
  /** Each rejects with `KvError`, after `timeoutMs` (monotonic milliseconds) at the latest. */
  transact(transaction: Transaction, timeoutMs: number): Promise<TransactionAnswer>;
  range(range: Range, timeoutMs: number): Promise<RangeAnswer>;
  /** A new lease of at least so many seconds; `ttl` is what etcd made of it. */
  grantLease(ttl: number, timeoutMs: number): Promise<{ readonly id: string; readonly ttl: number }>;
  /** The lease begins anew. Answers its seconds; 0: there is no such lease any more. */
  keepAlive(id: string, timeoutMs: number): Promise<number>;
  /** Ends a lease, and every key with it. That there is none is no error. */
  revoke(id: string, timeoutMs: number): Promise<void>;
  /** Closes the connections that are kept. */
  close(): void;
}

/**
 * What became of a request that was not answered as hoped. `never`: it was not sent, or was refused before anything was
 * tried, and will never take effect. `settled`: etcd answered with an error, so nothing of it is under way any more; but it
 * may have been applied (a full etcd says so only after it has written), and a linearizable read tells. `unknown`: it may
 * have been applied, or may be at any later time; only a transaction with the same comparisons tells.
 */
export type Fate = 'never' | 'settled' | 'unknown';

/**
 * `noSpace`: etcd is full (NOSPACE alarm). `compacted`: the revision that was asked for is not kept any more. `denied`: who we
 * are may not. `tooLong`: the answer is longer than is read; fewer keys may fit. `refused`: etcd does not take such a request,
 * as it is too large for it.
 */
export type KvReason = 'noSpace' | 'compacted' | 'denied' | 'tooLong' | 'refused';

export class KvError extends Error {
  override readonly name = 'KvError';
  constructor(
    /** What happened, at which endpoint. */
    message: string,
    readonly fate: Fate,
    /** Where it makes no sense to ask the same again. */
    readonly reason?: KvReason,
  ) {
    super(message);
  }
}

/** The end of the range of all keys that begin with `prefix`, which is not empty and ends with a character below U+007F. */
export function endOfPrefix(prefix: string): string {
  const last = prefix.charCodeAt(prefix.length - 1);
  return prefix.slice(0, -1) + String.fromCharCode(last + 1);
}
