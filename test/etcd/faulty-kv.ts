/** A client of etcd, real or in memory, for whom things go wrong as the test chooses. */
import {
  type Kv,
  KvError,
  type Range,
  type RangeAnswer,
  type Transaction,
  type TransactionAnswer,
} from '../../src/etcd/kv.js';

/**
 * What becomes of one request: refused and not tried; answered with an error, applied or not; not answered, and applied at
 * once, when the test says so (`applyLate`), or not at all.
 */
export type Fault =
  | 'never'
  | 'settledApplied'
  | 'settledNotApplied'
  | 'unknownApplied'
  | 'unknownLater'
  | 'unknownNotApplied';

export type Asked =
  | { readonly kind: 'transact'; readonly transaction: Transaction }
  | { readonly kind: 'range'; readonly range: Range }
  | { readonly kind: 'grantLease' | 'keepAlive' | 'revoke' };

export class FaultyKv implements Kv {
  /** What was asked so far, in order. */
  readonly asked: Asked[] = [];
  /** Faults of the next requests, one each, whatever they ask; `undefined`: none. */
  readonly next: (Fault | undefined)[] = [];
  /** Asked before every request, where `next` is empty: for faults by kind, and to hold a request up with a promise. */
  onRequest: (asked: Asked) => Fault | undefined | Promise<Fault | undefined> = () => undefined;
  /** The reason of the errors to come. */
  reason: KvError['reason'];
  isClosed = false;
  #late: (() => Promise<unknown>)[] = [];

  constructor(private readonly target: Kv) {}

  transact(transaction: Transaction, timeoutMs = 5_000): Promise<TransactionAnswer> {
    return this.#do({ kind: 'transact', transaction }, () => this.target.transact(transaction, timeoutMs));
  }

  range(range: Range, timeoutMs = 5_000): Promise<RangeAnswer> {
    return this.#do({ kind: 'range', range }, () => this.target.range(range, timeoutMs));
  }

  grantLease(ttl: number, timeoutMs = 5_000): Promise<{ readonly id: string; readonly ttl: number }> {
    return this.#do({ kind: 'grantLease' }, () => this.target.grantLease(ttl, timeoutMs));
  }

  keepAlive(id: string, timeoutMs = 5_000): Promise<number> {
    return this.#do({ kind: 'keepAlive' }, () => this.target.keepAlive(id, timeoutMs));
  }

  revoke(id: string, timeoutMs = 5_000): Promise<void> {
    return this.#do({ kind: 'revoke' }, () => this.target.revoke(id, timeoutMs));
  }

  close(): void {
    this.isClosed = true;
    this.target.close();
  }

  /** Applies what arrives late, in the order in which it was sent. Nobody hears of it. */
  async applyLate(): Promise<void> {
    for (const apply of this.#late.splice(0)) await unheard(apply);
  }

  async #do<T>(asked: Asked, apply: () => Promise<T>): Promise<T> {
    this.asked.push(asked);
    const fault = this.next.length > 0 ? this.next.shift() : await this.onRequest(asked);
    if (fault === undefined) return apply();
    if (fault === 'settledApplied' || fault === 'unknownApplied') await unheard(apply);
    if (fault === 'unknownLater') this.#late.push(() => unheard(apply));
    const fate = fault === 'never' ? 'never' : fault.startsWith('settled') ? 'settled' : 'unknown';
    throw new KvError(`faulty: ${fault}`, fate, this.reason);
  }
}

async function unheard(apply: () => Promise<unknown>): Promise<void> {
  try {
    await apply();
  } catch (error) {
    if (!(error instanceof KvError)) throw error;
  }
}
