/** What `Lockd.open` may be told. */
import type { DirectoryAccess } from '../disk/directory-access.js';
import type { Disk } from '../disk/disk.js';
import type { FenceRunner } from '../fencing/port.js';
import type { Clock } from './clock.js';

export type LogLevel = 'info' | 'warn' | 'error';

export interface LockdOptions {
  /** Where the lock files are; made with mode 0700 if it is not there. */
  readonly directory: string;
  /** Go on although the directory lies on a network file system. */
  readonly allowNetworkFs?: boolean;
  /** Days for which history is kept, 30 when absent. */
  readonly historyDays?: number;
  /** Bytes of history, 1 GiB when absent. */
  readonly historySizeBytes?: number;
  /** Seconds of the lease of whoever asks for none; absent: `maxTtl`, or else none. */
  readonly defaultTtl?: number;
  /** Seconds that a lease may have at most; absent: 31 days. */
  readonly maxTtl?: number;
  /** `PATTERN=COMMAND`, in order: the first that matches a resource is run before it is granted again after a loss. */
  readonly fence?: readonly string[];
  /** Seconds after which a fence command is ended, 60 when absent. */
  readonly fenceTimeout?: number;
  /** Seconds that pass after a loss before the next grant, where no fence command applies; 0 when absent. */
  readonly lockDelay?: number;
  /** Places in the line of one resource; absent: 10,000. */
  readonly maxWaiters?: number;
  /** Places of one client in all lines; absent: 1,000. */
  readonly maxWaitersPerClient?: number;
  /** Held locks; absent: 1,000,000. */
  readonly maxLocks?: number;
  readonly log?: (level: LogLevel, message: string) => void;
  readonly clock?: Clock;
  readonly disk?: Disk;
  readonly access?: DirectoryAccess;
  /** Makes the id of a new directory; absent: random. */
  readonly makeId?: () => string;
  /** Runs fence commands; absent: as processes of this machine. */
  readonly fenceRunner?: FenceRunner;
  /** Bytes of turns in a journal segment before a new one begins, 64 MiB when absent. */
  readonly segmentBytes?: number;
  /** Bytes that are written ahead of the turns, 256 KiB when absent. */
  readonly roomBytes?: number;
}
