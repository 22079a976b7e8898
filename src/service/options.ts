/** What `Lockd.open` may be told. */
import type { Disk } from '../disk/disk.js';
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
  readonly log?: (level: LogLevel, message: string) => void;
  readonly clock?: Clock;
  readonly disk?: Disk;
  /** Bytes of turns in a journal segment before a new one begins, 64 MiB when absent. */
  readonly segmentBytes?: number;
  /** Bytes that are written ahead of the turns, 256 KiB when absent. */
  readonly roomBytes?: number;
}
