/** What `Member.open` may be told. */
import type { Kv } from '../etcd/kv.js';
import type { FenceRunner } from '../fencing/port.js';
import type { LockdOptions } from './options.js';

/** Who leads, as a member knows it. */
export interface Leader {
  /** Where clients reach the leader; absent where none is known. The member's own while it leads. */
  readonly url?: string;
  /** This very member leads and answers calls. */
  readonly isUs: boolean;
}

/** The directory's journal options mean nothing here; `historyDays` and `historySizeBytes` are those of the prefix. */
export interface MemberOptions extends Omit<LockdOptions, 'segmentBytes' | 'roomBytes' | 'fenceRunner'> {
  /** etcd; the member closes it when it closes, also when `open` rejects. */
  readonly kv: Kv;
  /** How etcd is named in texts: where it is, without secrets; `etcd://a:2379,b:2379/lockd`. */
  readonly store: string;
  /** What all keys begin with, without a slash at its end: `/lockd`. */
  readonly prefix: string;
  /** Where clients reach this member, and no other; `http://b:7420`, without a slash at its end. */
  readonly url: string;
  /** Called whenever `Member.leader` has changed. */
  readonly onLeader?: (leader: Leader) => void;
  /** Milliseconds since the machine started, suspend included; absent: of this machine. */
  readonly sinceBoot?: () => number;
  /** Makes what runs the fence commands of one term; absent: as processes of this machine. */
  readonly makeFenceRunner?: () => FenceRunner;
}
