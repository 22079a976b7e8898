/** A client of the etcd in memory (fake-etcd.ts), for whom things go wrong as the test chooses (faulty-kv.ts). */
import type { Kv, Range, RangeAnswer, Transaction, TransactionAnswer } from '../../src/etcd/kv.js';
import { FakeEtcd } from './fake-etcd.js';
import { FaultyKv } from './faulty-kv.js';

export type { Asked, Fault } from './faulty-kv.js';

export class FakeKv extends FaultyKv {
  constructor(readonly etcd: FakeEtcd = new FakeEtcd()) {
    super(new PlainKv(etcd));
  }
}

/** Every request is answered at once, and no answer comes in the step of its question. */
class PlainKv implements Kv {
  constructor(private readonly etcd: FakeEtcd) {}

  async transact(transaction: Transaction): Promise<TransactionAnswer> {
    return this.etcd.transact(transaction);
  }

  async range(range: Range): Promise<RangeAnswer> {
    return this.etcd.range(range);
  }

  async grantLease(ttl: number): Promise<{ readonly id: string; readonly ttl: number }> {
    return this.etcd.grantLease(ttl);
  }

  async keepAlive(id: string): Promise<number> {
    return this.etcd.keepAlive(id);
  }

  async revoke(id: string): Promise<void> {
    this.etcd.revoke(id);
  }

  close(): void {
    // Nothing is kept.
  }
}
