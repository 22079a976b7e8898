/**
 * One standing for the leadership: a lease at etcd, and a random name under which it stands. It serves for one term at most,
 * so that no two terms ever are under one lease, and what is left under way of an earlier one names another.
 */

import type { KeyValue } from '../etcd/kv.js';
import { type Kv, KvError } from '../etcd/kv.js';
import { type ClusterClock, elapsedSince, type Moment, readMoment } from './clock.js';
import { readLeader } from './leader-value.js';

/**
 * Seconds of a leader's lease. How long everybody waits when a leader dies, and a bit more; and how long etcd may take to
 * replace a leader of its own (about two seconds) without costing us ours.
 */
export const LEASE_SECONDS = 5;

/**
 * Milliseconds that a lease counts as shorter than it is: for what runs in the name of the leadership to be ended in, and for
 * clocks that do not go alike.
 */
export const MARGIN_MS = 1_000;

/** What etcd said of the lease when it was last asked. */
export interface Renewal {
  /** Before it was asked: its lease begins anew then or later. */
  readonly sent: Moment;
  /** Seconds. */
  readonly ttl: number;
}

export class Candidacy {
  private constructor(
    private readonly kv: Kv,
    private readonly clock: ClusterClock,
    /** Names it in the leader's key. */
    readonly name: string,
    /** Id of the lease. */
    readonly lease: string,
    private renewal: Renewal,
  ) {}

  /** Rejects with `KvError`; a lease that was granted all the same ends by itself. */
  static async begin(kv: Kv, clock: ClusterClock, name: string, timeoutMs: number): Promise<Candidacy> {
    const sent = readMoment(clock);
    const { id, ttl } = await kv.grantLease(LEASE_SECONDS, timeoutMs);
    return new Candidacy(kv, clock, name, id, { sent, ttl });
  }

  /** Milliseconds for which the lease certainly lives, less the margin, if nothing more is heard; 0 where that is over. */
  get left(): number {
    const { sent, ttl } = this.renewal;
    return Math.max(0, ttl * 1_000 - MARGIN_MS - elapsedSince(sent, this.clock));
  }

  /** Asks etcd to begin the lease anew; undefined where there is none any more. Counts only once it is given to `renewed`. */
  async ask(timeoutMs: number): Promise<Renewal | undefined> {
    const sent = readMoment(this.clock);
    const ttl = await this.kv.keepAlive(this.lease, timeoutMs);
    return ttl > 0 ? { sent, ttl } : undefined;
  }

  renewed(renewal: Renewal): void {
    this.renewal = renewal;
  }

  /** Whether this is what stands at the leader's key. */
  isIn(leader: KeyValue): boolean {
    return leader.lease === this.lease && readLeader(leader.value)?.candidacy === this.name;
  }

  /** Ends the lease, and the leader's key with it. False where etcd could not be told: then it ends by itself. */
  async withdraw(timeoutMs: number): Promise<boolean> {
    try {
      await this.kv.revoke(this.lease, timeoutMs);
      return true;
    } catch (error) {
      if (!(error instanceof KvError)) throw error;
      return false;
    }
  }
}
