/**
 * What lockd does, as TypeScript sees it: implemented by `Lockd` in process, called by the XML-RPC method table.
 *
 * Every method rejects with `Refusal` (the daemon says no), with `BadParameter` (no daemon could say yes), or with
 * `Stopped` when nobody can say any more what is on disk.
 */
import type { Caller, Hold, ResourceState, Status } from '../core/commands.js';

export interface LockOptions {
  /** How many may hold the resource at once, 1 to 1,000; 1 when absent. The same for all who hold it. */
  readonly limit?: number;
  /** Why, in at most 1,024 printable characters; shown to everybody who looks at the lock. */
  readonly note?: string;
}

export interface UnlockOptions {
  /** Decimal digits, or a whole number: unlock only that very hold. */
  readonly token?: string | number;
}

export interface ForceUnlockOptions {
  /** Why, in at most 1,024 printable characters; the victim is told. */
  readonly reason: string;
  /** Whose hold; needed where several hold the resource. */
  readonly client?: string;
}

export interface ListOptions {
  readonly prefix?: string;
  readonly client?: string;
  readonly state?: ResourceState;
  /** At most so many resources: 1 to 10,000; 1,000 when absent. */
  readonly count?: number;
  /** Only resources behind this one in code-unit order: the last of the page before. */
  readonly after?: string;
}

/** A status with the place of the lock file. */
export interface FileStatus extends Status {
  /** Absolute path of the lock file, also where there is none at present; the unreadable ones in that state. */
  readonly file: string;
}

/** What the daemon has done since it started, and what it holds now. */
export interface Stats {
  readonly version: string;
  /** UTC. */
  readonly started: Date;
  /** Absolute path of the lock directory. */
  readonly directory: string;
  /** Holds at present. */
  readonly held: number;
  /** Since the start. */
  readonly grants: number;
  readonly refusals: number;
  /** Holds that ended against their holder's will since the start. */
  readonly lost: number;
  /** Bytes of all journal segments on disk. */
  readonly journalBytes: number;
}

/** Whether all is well; `problems` are whole sentences for an operator. */
export interface Health {
  readonly status: 'ok' | 'degraded';
  readonly problems: readonly string[];
}

/** Who calls and since when; what XML-RPC passes on from the connection. */
export interface CallContext extends Caller {
  /** `performance.now()` when the request had been read; the answer's `waited` counts from here. */
  readonly received?: number;
}

export interface LockService {
  /** Takes `resource` for `client`, or is refused at once. */
  lock(resource: string, client: string, options?: LockOptions, context?: CallContext): Promise<Hold>;
  /** Gives back what `client` holds. A second time is refused. */
  unlock(resource: string, client: string, options?: UnlockOptions, context?: CallContext): Promise<true>;
  /** Ends somebody's hold, or the lock of an unreadable lock file; answers when that is saved. */
  forceUnlock(resource: string, options: ForceUnlockOptions, context?: CallContext): Promise<true>;
  /** Who holds `resource`; a free one answers too. */
  status(resource: string): Promise<FileStatus>;
  /** The resources that are not free, in code-unit order of their names, a page at a time. */
  list(options?: ListOptions): Promise<FileStatus[]>;
  stats(): Promise<Stats>;
  health(): Health;
}
