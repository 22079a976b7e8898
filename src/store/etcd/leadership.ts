/** What the store must know of the leadership under which it writes. How it is won and kept: src/cluster. */
import type { Stopped } from '../port.js';

/** One term as the leader of a prefix. */
export interface Leadership {
  /** Where the leader's name stands, attached to our lease. */
  readonly key: string;
  /** The revision of etcd that made the key: names the term. Every transaction of the store compares it. */
  readonly createRevision: number;
  /**
   * Throws `Stopped` from the moment on at which the lease could have ended, counted from before it was last renewed, on the
   * greater of the monotonic clock and the one that counts suspend; and once the leadership was given up.
   */
  assert(): void;
  /** Monotonic milliseconds for which `assert` will not throw if nothing more is heard; 0 when it does. */
  left(): number;
  /** Settles when the leadership is over, whether anybody asks or not. */
  readonly lost: Promise<Stopped>;
}
