/** Members that stand for the leadership of one prefix of an etcd in memory, on clocks that are set by hand. */
import { onTestFinished } from 'vitest';
import type { ClusterClock } from '../../src/cluster/clock.js';
import { Contact } from '../../src/cluster/contact.js';
import { Election } from '../../src/cluster/election.js';
import type { Term } from '../../src/cluster/term.js';
import { Keys } from '../../src/store/etcd/keys.js';
import { FakeEtcd } from '../etcd/fake-etcd.js';
import { FakeKv } from '../etcd/fake-kv.js';
import { ManualClock, rounds } from '../service/manual-clock.js';

export const KEYS = new Keys('/test');
export const ID = 'id-1';
export const STORE = 'etcd://etcd:2379/test';

/** The clocks of the machines, and etcd's own. */
export class Time implements ClusterClock {
  readonly manual = new ManualClock();
  #sleptMs = 0;

  monotonic(): number {
    return this.manual.monotonic();
  }

  sinceBoot(): number {
    return this.manual.monotonic() + this.#sleptMs;
  }

  after(milliseconds: number, action: () => void): () => void {
    return this.manual.after(milliseconds, action);
  }

  advance(milliseconds: number): Promise<void> {
    return this.manual.advance(milliseconds);
  }

  /** The machines sleep, and etcd does not: no timer here is any nearer afterwards. */
  sleep(milliseconds: number): void {
    this.#sleptMs += milliseconds;
  }
}

export class Cluster {
  readonly time = new Time();
  readonly etcd = new FakeEtcd(() => this.time.sinceBoot());
  #names = 0;

  constructor() {
    this.etcd.transact({ compare: [], success: [{ kind: 'put', key: KEYS.id, value: ID }] });
  }

  member(url: string): Standing {
    const member = new Standing(this, url, () => {
      this.#names += 1;
      return `candidacy-${this.#names}`;
    });
    onTestFinished(() => member.election.close());
    return member;
  }

  /** Who stands at the leader's key. */
  get leader(): string | undefined {
    const key = this.etcd.get(KEYS.leader);
    return key && (JSON.parse(key.value) as { url: string }).url;
  }

  remove(key: string): void {
    this.etcd.transact({ compare: [], success: [{ kind: 'remove', key }] });
  }

  put(key: string, value: string): void {
    this.etcd.transact({ compare: [], success: [{ kind: 'put', key, value }] });
  }
}

/** One member, without anything that it would do as leader. */
export class Standing {
  readonly kv: FakeKv;
  readonly election: Election;
  readonly log: string[] = [];
  /** All terms that it won, in order. */
  readonly terms: Term[] = [];
  readonly prefixChanged: Error[] = [];
  looks = 0;

  constructor(
    readonly cluster: Cluster,
    readonly url: string,
    makeName: () => string,
  ) {
    this.kv = new FakeKv(cluster.etcd);
    const clock = cluster.time;
    this.election = new Election({
      ...{ kv: this.kv, keys: KEYS, clock, id: ID, url, store: STORE, makeName },
      contact: new Contact(clock, STORE, (level, message) => this.log.push(`${level}: ${message}`)),
      onLook: () => {
        this.looks += 1;
      },
      onPrefixChanged: (error) => this.prefixChanged.push(error),
    });
  }

  /** Stands from now on; the next term it wins comes to `terms`. */
  stand(pauseMs?: number): Promise<Term | undefined> {
    const won = this.election.win(pauseMs);
    void won.then(
      (term) => {
        if (!term) return;
        this.terms.push(term);
      },
      () => undefined,
    );
    return won;
  }

  /** From now on etcd is `count` revisions older than it was, as one that was restored from a copy. */
  setEtcdBack(count: number): void {
    const transact = this.kv.transact.bind(this.kv);
    this.kv.transact = async (...asked) => {
      const answer = await transact(...asked);
      return { ...answer, revision: answer.revision - count };
    };
  }

  get term(): Term {
    const term = this.terms.at(-1);
    if (!term) throw new Error(`${this.url} has not led yet`);
    return term;
  }

  /** Whether its newest term goes on. */
  get leads(): boolean {
    return (this.terms.at(-1)?.left() ?? 0) > 0;
  }

  /** What is said of the end of its newest term; undefined while it goes on. */
  async ended(): Promise<string | undefined> {
    let text: string | undefined;
    void this.term.lost.then((error) => {
      text = error.message;
    });
    await rounds(1);
    return text;
  }
}

/** A cluster with one member that has just begun to lead. */
export async function led(): Promise<{ cluster: Cluster; a: Standing }> {
  const cluster = new Cluster();
  const a = cluster.member('http://a:1');
  await a.stand();
  await rounds();
  return { cluster, a };
}
