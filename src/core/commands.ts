/** What can be asked of the lock table. Commands arrive checked (names.ts); what they are answered stands in answers.ts. */
import type { Enqueued, Hold, ResourceState, Status } from './answers.js';

/** Who calls: the address as the daemon saw it, `process` for calls from within the same program. */
export interface Caller {
  readonly from: string;
  /** As whom the caller signed in, where the daemon has users. */
  readonly user?: { readonly name: string };
}

/** What a client asks for, with `lock` as with `enqueue`. */
interface Asked {
  readonly resource: string;
  readonly client: string;
  /** Absent: 1. */
  readonly limit?: number;
  /** Seconds of the lease that the hold gets; absent: none. */
  readonly ttl?: number;
  readonly note?: string;
  /** Retry key: a repeat with the same key gets the same hold, or the same place. */
  readonly request?: string;
  /** Seconds for which a place is kept while its client is away; absent: 30. */
  readonly claim?: number;
  readonly from: string;
  /** The monotonic clock, in milliseconds, when the request had been read. */
  readonly received: number;
  /** `ttl` as the caller gave it, before the daemon's default: what a repeat is compared by. */
  readonly askedTtl?: number;
}

export interface LockCommand extends Asked {
  readonly kind: 'lock';
  /** Seconds in the line; 0: refused at once where it cannot be granted. */
  readonly wait: number;
}

/** The first half of a two-phase lock: a place that outlives the call, where it cannot be granted at once. */
export interface EnqueueCommand extends Asked {
  readonly kind: 'enqueue';
}

/** The second half: waits on the client's place, again and again. */
export interface WaitCommand {
  readonly kind: 'wait';
  readonly resource: string;
  readonly client: string;
  readonly wait: number;
  /** Names the place, where the client gave a key. */
  readonly request?: string;
  readonly received: number;
}

/** The client leaves the line. */
export interface CancelCommand {
  readonly kind: 'cancel';
  readonly resource: string;
  readonly client: string;
}

/** The client of an open call gives up: its time is over, or its connection is closed. */
export interface GiveUpCommand {
  readonly kind: 'giveUp';
  readonly resource: string;
  readonly client: string;
  /** Which place is meant: a later one of the same client is not. */
  readonly sequence: number;
  /** Whether its place stays for its claim time, where it is one that is kept. */
  readonly comesBack: boolean;
}

/** The claim time of a place without an open call is over. */
export interface LeaveCommand {
  readonly kind: 'leave';
  readonly resource: string;
  readonly client: string;
  readonly sequence: number;
}

/** Gives what is free to those who are first in line. The service asks for it after whatever may have freed something. */
export interface AdvanceCommand {
  readonly kind: 'advance';
  readonly resource: string;
  /** Grants no more than so many. */
  readonly atMost?: number;
}

export interface UnlockCommand {
  readonly kind: 'unlock';
  readonly resource: string;
  readonly client: string;
  /** Decimal digits: only that very hold. */
  readonly token?: string;
}

/** Takes a grant back that nobody was there to receive: its connection was closed, and no byte of the answer written. */
export interface WithdrawCommand {
  readonly kind: 'withdraw';
  readonly resource: string;
  readonly client: string;
  readonly token: number;
  /** The client can come back: it gets the first place in line, for `claim` seconds. */
  readonly claim: number;
}

export interface RenewCommand {
  readonly kind: 'renew';
  readonly resource: string;
  readonly client: string;
  readonly token?: string;
  /** A new ttl, which may be shorter. */
  readonly ttl?: number;
  /** As whom the caller signed in, for the history. */
  readonly user?: string;
}

export interface ExtendCommand {
  readonly kind: 'extend';
  readonly resource: string;
  readonly client: string;
  readonly token?: string;
  /** Added to what is left. */
  readonly seconds: number;
  /** What is left afterwards must not be more. */
  readonly mostSeconds: number;
  /** As whom the caller signed in, for the history. */
  readonly user?: string;
}

export interface UpdateCommand {
  readonly kind: 'update';
  readonly resource: string;
  readonly client: string;
  readonly token?: string;
  readonly note?: string;
  readonly ttl?: number;
  /** An operator hands the hold over to this client; it gets a new token. */
  readonly newClient?: string;
  /** Who hands over, for the history. */
  readonly by: string;
  readonly from: string;
  /** As whom the caller signed in, for the history. */
  readonly user?: string;
}

/** Is this token that of a current hold? */
export interface CheckCommand {
  readonly kind: 'check';
  readonly resource: string;
  readonly token: string;
}

/** What happens to the slot of a hold that is lost. */
export type Aftermath = 'fence' | 'delay' | 'none';

/** A lease may be over; whether it is, is looked at once more. */
export interface ExpireCommand {
  readonly kind: 'expire';
  readonly resource: string;
  readonly client: string;
  readonly token: number;
  readonly aftermath: Aftermath;
}

export interface ForceUnlockCommand {
  readonly kind: 'forceUnlock';
  readonly resource: string;
  /** Needed where several hold the resource. */
  readonly client?: string;
  /** Decimal digits: only that very hold. */
  readonly token?: string;
  readonly reason: string;
  /** Who forces, for the victim and the history. */
  readonly by: string;
  readonly aftermath: Aftermath;
  /** The caller vouches that the holder can do no more harm: also ends a fencing. */
  readonly fenced: boolean;
}

/** A run of the fence command failed. */
export interface FenceFailedCommand {
  readonly kind: 'fenceFailed';
  readonly resource: string;
  readonly client: string;
  readonly token: number;
  readonly error: string;
}

/** The fence command succeeded, or the lock-delay is over: the slot is free. */
export interface FencedCommand {
  readonly kind: 'fenced';
  readonly resource: string;
  readonly client: string;
  readonly token: number;
}

/** An operator vouches for what the fence command does not achieve. */
export interface ConfirmFencedCommand {
  readonly kind: 'confirmFenced';
  readonly resource: string;
  /** Decimal digits; needed where several holds are being fenced. */
  readonly token?: string;
  readonly reason: string;
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
  /** Only what this client holds or waits for. */
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

/** Drops what is older than it is kept for; the service sends it from time to time, until nothing is left to drop. */
export interface ForgetCommand {
  readonly kind: 'forget';
  /** Drops no more than so many. */
  readonly atMost?: number;
}

export type Command =
  | LockCommand
  | EnqueueCommand
  | WaitCommand
  | CancelCommand
  | GiveUpCommand
  | LeaveCommand
  | AdvanceCommand
  | UnlockCommand
  | WithdrawCommand
  | RenewCommand
  | ExtendCommand
  | UpdateCommand
  | CheckCommand
  | ExpireCommand
  | ForceUnlockCommand
  | FenceFailedCommand
  | FencedCommand
  | ConfirmFencedCommand
  | AdoptCommand
  | StatusCommand
  | ListCommand
  | CountCommand
  | ForgetCommand;

/** How much there is. */
export interface Counted {
  /** Holds, lost ones that still take a slot included. */
  readonly held: number;
  readonly waiting: number;
  /** Lost holds that are being fenced. */
  readonly fencing: number;
}

/** The answer to each kind of command. */
export interface Answers {
  lock: Hold;
  enqueue: Enqueued;
  wait: Hold;
  cancel: true;
  giveUp: true;
  leave: true;
  advance: true;
  unlock: true;
  withdraw: true;
  renew: Hold;
  extend: Hold;
  update: Hold;
  check: boolean;
  expire: true;
  forceUnlock: true;
  fenceFailed: true;
  fenced: true;
  confirmFenced: true;
  adopt: boolean;
  status: Status;
  list: Status[];
  count: Counted;
  forget: number;
}

/** The moment of a turn, read once and the same for all its commands. Milliseconds. */
export interface Now {
  /** Since 1970, UTC: for writing down. */
  readonly time: number;
  /** The monotonic clock: for measuring. */
  readonly monotonic: number;
  /**
   * The time since 1970, but not ahead of what has passed on the monotonic clock since the start: by it is judged how long
   * something is kept, so that a clock which jumps ahead makes nobody forget. Absent: `time`.
   */
  readonly steady?: number;
  /** The lease clock: the monotonic one, but standing still while the daemon cannot serve. By it leases are judged. */
  readonly lease: number;
}
