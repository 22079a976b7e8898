/** A prefix in etcd, in memory or real, with leaders that a test makes and deposes as it likes. */
import { setTimeout as realPause } from 'node:timers/promises';
import type { Kv } from '../../src/etcd/kv.js';
import { EtcdStore, type EtcdStoreOptions } from '../../src/store/etcd/etcd-store.js';
import { Keys } from '../../src/store/etcd/keys.js';
import type { Leadership } from '../../src/store/etcd/leadership.js';
import { Stopped } from '../../src/store/port.js';
import { FakeEtcd } from '../etcd/fake-etcd.js';
import { FakeKv } from '../etcd/fake-kv.js';

/** A term that lasts until the test ends it. */
export class TestLeadership implements Leadership {
  readonly lost: Promise<Stopped>;
  /** What `left` says. */
  leftMs = 4_000;
  #settleLost: (error: Stopped) => void = () => undefined;
  #over: Stopped | undefined;

  constructor(
    readonly key: string,
    readonly createRevision: number,
  ) {
    this.lost = new Promise((resolve) => {
      this.#settleLost = resolve;
    });
  }

  assert(): void {
    if (this.#over) throw this.#over;
  }

  left(): number {
    return this.#over ? 0 : this.leftMs;
  }

  /** Ends it, as far as this leader knows; etcd hears nothing of it. */
  end(): void {
    this.#over ??= new Stopped('The leadership ran out');
    this.#settleLost(this.#over);
  }
}

/** Puts a new leader in the place of whoever leads: from now on nothing that an earlier one sends is applied. */
export async function takeLead(kv: Kv, keys: Keys, name = 'leader'): Promise<TestLeadership> {
  const steps = [
    { kind: 'remove', key: keys.leader },
    { kind: 'put', key: keys.leader, value: name },
  ] as const;
  let revision = 0;
  for (const step of steps) ({ revision } = await kv.transact({ compare: [], success: [step] }, 5_000));
  const id = { kind: 'put', key: keys.id, value: 'prefix-1' } as const;
  await kv.transact({ compare: [{ key: keys.id, createRevision: 0 }], success: [id] }, 5_000);
  return new TestLeadership(keys.leader, revision);
}

/** A store in the term of a new leader. */
export interface Term {
  readonly store: EtcdStore;
  readonly leadership: TestLeadership;
}

/** Opens a store as a new leader would. Times and pauses are real unless given. */
export async function beginTerm(kv: Kv, keys: Keys, options: Partial<EtcdStoreOptions> = {}): Promise<Term> {
  const leadership = await takeLead(kv, keys);
  return { leadership, store: await openStore(kv, keys, leadership, options) };
}

export function openStore(
  kv: Kv,
  keys: Keys,
  leadership: Leadership,
  options: Partial<EtcdStoreOptions> = {},
): Promise<EtcdStore> {
  return EtcdStore.open({
    kv,
    keys,
    leadership,
    retention: { historyDays: 30, historyBytes: 1 << 30 },
    time: () => 1_000,
    monotonic: () => performance.now(),
    pause: (milliseconds) => realPause(milliseconds),
    nextRound: (action) => void setImmediate(action),
    ...options,
  });
}

/** A prefix in etcd in memory, whose stores never wait, and a client that is the test's own. */
export class FakePrefix {
  readonly etcd = new FakeEtcd();
  readonly keys = new Keys('/locks');
  /** Of the store: faults go here. */
  readonly kv = new FakeKv(this.etcd);
  /** Pauses so far, in milliseconds. */
  readonly pauses: number[] = [];

  /** A store in a new term, by its own client unless another is given. */
  begin(options: Partial<EtcdStoreOptions> = {}, kv = this.kv): Promise<Term> {
    return beginTerm(kv, this.keys, { ...this.options, ...options });
  }

  get options(): Pick<EtcdStoreOptions, 'pause' | 'monotonic'> {
    const pause = async (milliseconds: number) => {
      this.pauses.push(milliseconds);
    };
    return { pause, monotonic: () => 0 };
  }
}
