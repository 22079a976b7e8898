/** What a daemon serves: a directory of its own, or its part in a cluster. */
import { Refusal } from '../core/refusals.js';
import { errorCode } from '../disk/disk.js';
import { StartRefused } from '../disk/start-refused.js';
import type { EventSource } from '../http/events.js';
import type { ClusterMember } from '../http/leader.js';
import type { LockService } from '../service/api.js';
import { Lockd } from '../service/lockd.js';
import type { Leader } from '../service/member-options.js';
import type { LockdOptions } from '../service/options.js';
import { Stopped } from '../store/port.js';
import type { ClusterSettings } from './cluster-settings.js';

/** What a `Lockd` and a `Member` of a cluster have in common. */
export type Service = LockService &
  EventSource &
  Pick<Lockd, 'id' | 'directory' | 'meters' | 'limits' | 'gauges' | 'failed' | 'close'>;

export interface Served {
  readonly lockd: Service;
  /** How many locks there were at the start; absent in a cluster, where the leader knows. */
  readonly recoveredLocks?: number;
  /** Its part in a cluster; absent: it is alone. */
  readonly member?: Membership;
}

/** A member of a cluster. */
export interface Membership extends ClusterMember {
  /** Where the cluster keeps what is locked; without secrets. */
  readonly store: string;
  /** From now on it may come to lead: it can be called. To be called once. */
  stand(): void;
}

export interface ServedOptions extends LockdOptions {
  /** Absent: the daemon is alone with its directory. */
  readonly cluster?: ClusterSettings;
  /** Called whenever a member learns that another one leads, or none, and when it leads itself. */
  readonly onLeader?: (leader: Leader) => void;
}

/** Rejects with `StartRefused`, and with a `UsageError` where a file that the settings name is not what it should be. */
export async function openServed({ cluster, ...options }: ServedOptions): Promise<Served> {
  // Loaded only here: a daemon that is alone runs no line of it.
  const loaded = cluster && (await import('./cluster-member.js'));
  try {
    return await (loaded ? loaded.openMember(cluster, options) : openDirectory(options));
  } catch (error) {
    if (!isTrouble(error)) throw error;
    throw new StartRefused(
      `lockd cannot start in ${options.directory}: ${error.message}. ` +
        'What is locked there stays locked. Make room or mend the disk, then start it again',
      { cause: error },
    );
  }
}

async function openDirectory(options: LockdOptions): Promise<Served> {
  const lockd = await Lockd.open(options);
  return { lockd, recoveredLocks: lockd.recoveredLocks };
}

/** The disk does not do what it is asked, which is no defect of ours. */
function isTrouble(error: unknown): error is Error {
  return error instanceof Refusal || error instanceof Stopped || errorCode(error) !== undefined;
}
