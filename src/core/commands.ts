/**
 * What can be asked of the lock table, and what it answers. Commands arrive checked (names.ts); answers are plain
 * data: a hold, a status.
 */

/** Who calls: the address as the daemon saw it, `process` for calls from within the same program. */
export interface Caller {
  readonly from: string;
}

export type HoldState = 'held';
export type ResourceState = 'free' | 'held' | 'unreadable';

/** One client's possession of one resource, as answers show it. */
export interface Hold {
  readonly resource: string;
  readonly client: string;
  /** The fencing token, decimal digits: XML-RPC integers end at 2^31-1. */
  readonly token: string;
  /** How many may hold the resource at once. */
  readonly limit: number;
  readonly state: HoldState;
  /** When it was granted, UTC. */
  readonly acquired: Date;
  /** When its lease was last started, UTC; the same as `acquired` for a hold without lease. */
  readonly renewed: Date;
  /** The caller's address; no proof of anything. */
  readonly from: string;
  /** Seconds from the reading of the request to the grant. */
  readonly waited: number;
  /** Why, in the client's words. */
  readonly note?: string;
}

/** What is known of one resource; free ones have a status too. */
export interface Status {
  readonly resource: string;
  readonly state: ResourceState;
  readonly limit: number;
  /** How many hold it; `holders` names the first 100. */
  readonly held: number;
  readonly holders: readonly Hold[];
  /** Absolute paths of the files that lock the resource although they cannot be read; only in state `unreadable`. */
  readonly unreadableFiles?: readonly string[];
}

export interface LockCommand {
  readonly kind: 'lock';
  readonly resource: string;
  readonly client: string;
  readonly limit: number;
  readonly note?: string;
  readonly from: string;
  /** The monotonic clock, in milliseconds, when the request had been read. */
  readonly received: number;
}

export interface UnlockCommand {
  readonly kind: 'unlock';
  readonly resource: string;
  readonly client: string;
  /** Decimal digits: only that very hold. */
  readonly token?: string;
}

export interface ForceUnlockCommand {
  readonly kind: 'forceUnlock';
  readonly resource: string;
  /** Needed where several hold the resource. */
  readonly client?: string;
  readonly reason: string;
  /** Who forces, for the victim and the history. */
  readonly by: string;
}

/** A lock file that is not lockd's own becomes a lock. */
export interface AdoptCommand {
  readonly kind: 'adopt';
  readonly resource: string;
  readonly limit: number;
  readonly holders: readonly { readonly client: string; readonly note?: string; readonly token?: number }[];
  /** Path of the file, for the history. */
  readonly file: string;
}

export interface StatusCommand {
  readonly kind: 'status';
  readonly resource: string;
}

export interface ListCommand {
  readonly kind: 'list';
  readonly prefix?: string;
  readonly client?: string;
  readonly state?: ResourceState;
  /** At most so many. */
  readonly count: number;
  /** Only resources behind this one, in code-unit order. */
  readonly after: string;
}

/** How much there is, as of this turn. */
export interface CountCommand {
  readonly kind: 'count';
}

/** Drops what is older than it is kept for; the service sends it from time to time. */
export interface ForgetCommand {
  readonly kind: 'forget';
}

export type Command =
  | LockCommand
  | UnlockCommand
  | ForceUnlockCommand
  | AdoptCommand
  | StatusCommand
  | ListCommand
  | CountCommand
  | ForgetCommand;

/** The answer to each kind of command. */
export interface Answers {
  lock: Hold;
  unlock: true;
  forceUnlock: true;
  adopt: boolean;
  status: Status;
  list: Status[];
  count: { readonly held: number };
  forget: number;
}

/** The moment of a turn, read once and the same for all its commands. */
export interface Now {
  /** Milliseconds since 1970, UTC: for writing down. */
  readonly time: number;
  /** Milliseconds of the monotonic clock: for measuring. */
  readonly monotonic: number;
}
