/** The client of etcd in a simulated process. It gives up in time, and what it sent may be applied all the same. */
import { type Kv, KvError, type Range, type Transaction } from '../../../src/etcd/kv.js';
import type { Process } from '../process.js';
import type { Asked, SimulatedEtcd } from './etcd.js';

/** By both clocks of a machine, milliseconds. */
interface Moment {
  readonly monotonic: number;
  readonly sinceBoot: number;
}

/** What one process has of etcd. */
export class SimulatedKv implements Kv {
  #isClosed = false;
  /** When the last renewal of a lease was sent that was answered. */
  #renewal: Moment | undefined;
  /** The same, of the last after which the leader's name was seen to be there still. */
  renewed: Moment | undefined;

  constructor(
    private readonly process: Process,
    private readonly to: SimulatedEtcd,
  ) {}

  transact(transaction: Transaction, timeoutMs: number) {
    const { success, failure = [] } = transaction;
    const written = [...success, ...failure].filter(({ kind }) => kind !== 'get');
    const steps = success.filter(({ kind }) => kind !== 'get').map(({ kind, key }) => `${kind} ${key}`);
    const looks = `looks at ${success.map(({ key }) => key).join(', ')}`;
    const asked = { what: steps.join(', ') || looks, writes: written.length > 0 };
    const answer = this.#ask(asked, timeoutMs, () => this.to.etcd.transact(transaction));
    if (transaction.compare.length === 0 || asked.writes) return answer;
    const renewal = this.#renewal;
    return answer.then((told) => {
      if (told.succeeded) this.renewed = renewal;
      return told;
    });
  }

  range(range: Range, timeoutMs: number) {
    const asked = { what: `reads ${range.key}`, writes: false };
    return this.#ask(asked, timeoutMs, () => this.to.etcd.range(range));
  }

  grantLease(ttl: number, timeoutMs: number) {
    const sent = this.#now();
    const asked = { what: 'asks for a lease', writes: true };
    return this.#ask(asked, timeoutMs, () => this.to.etcd.grantLease(ttl)).then((lease) => {
      this.renewed = sent;
      return lease;
    });
  }

  keepAlive(id: string, timeoutMs: number) {
    const asked = { what: `keeps lease ${shortLease(id)} alive`, writes: true };
    const sent = this.#now();
    return this.#ask(asked, timeoutMs, () => this.to.etcd.keepAlive(id)).then((left) => {
      if (left > 0) this.#renewal = sent;
      return left;
    });
  }

  revoke(id: string, timeoutMs: number) {
    const asked = { what: `revokes lease ${shortLease(id)}`, writes: true };
    return this.#ask(asked, timeoutMs, () => this.to.etcd.revoke(id));
  }

  close(): void {
    this.#isClosed = true;
  }

  /** Milliseconds since the last renewal that counts, by whatever clock says more. */
  get sinceRenewed(): number {
    const now = this.#now();
    const { monotonic, sinceBoot } = this.renewed ?? { monotonic: 0, sinceBoot: 0 };
    return Math.max(now.monotonic - monotonic, now.sinceBoot - sinceBoot);
  }

  #now(): Moment {
    const { monotonic, sinceBoot } = this.process.machine;
    return { monotonic, sinceBoot };
  }

  #ask<T>(asked: Asked, timeoutMs: number, apply: () => T): Promise<T> {
    if (this.#isClosed) return Promise.reject(new KvError('etcd: the connection is closed', 'never'));
    return new Promise((resolve, reject) => {
      let isOver = false;
      const once = (action: () => void) => {
        if (isOver) return;
        isOver = true;
        callOff();
        action();
      };
      const callOff = this.process.after(timeoutMs, () =>
        once(() => reject(new KvError(`etcd: no answer within ${Math.round(timeoutMs)} ms`, 'unknown'))),
      );
      this.to.carry(this.process, asked, apply, (outcome) =>
        once(() => ('value' in outcome ? resolve(outcome.value) : reject(outcome.error))),
      );
    });
  }
}

/** Of two leases that end alike nothing would be told apart by their first digits. */
function shortLease(id: string): string {
  return id.slice(-3);
}
