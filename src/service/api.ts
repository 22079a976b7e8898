/**
 * What lockd does, as TypeScript sees it: implemented by `Lockd` in process, called by the XML-RPC method table.
 *
 * Every method rejects with `Refusal` (the daemon says no), with `BadParameter` (no daemon could say yes), or with
 * `Stopped` when nobody can say any more what is on disk. Durations are seconds, whole or not; tokens are decimal digits.
 */
import type { Enqueued, Fence, Hold, ResourceState, Status } from '../core/answers.js';
import type { Caller } from '../core/commands.js';
import type { EventName } from '../core/records.js';

export interface EnqueueOptions {
  /** Seconds of the lease, 0.1 to 2,678,400; absent or 0: the daemon's default, which is none unless it was given one. */
  readonly ttl?: number;
  /** How many may hold the resource at once, 1 to 1,000; 1 when absent. The same for all who hold it or wait for it. */
  readonly limit?: number;
  /** Why, in at most 1,024 printable characters; shown to everybody who looks at the lock. */
  readonly note?: string;
  /** Retry key, 1 to 256 bytes: a repeat with the same key gets the same hold, or the same place in line. */
  readonly request?: string;
  /** Seconds for which a place is kept while its client is away, up to 3,600; 30 when absent. */
  readonly claim?: number;
}

export interface LockOptions extends EnqueueOptions {
  /** Seconds to wait in the line, up to 3,600; 0 when absent: refused at once. */
  readonly wait?: number;
}

export interface WaitOptions {
  /** Names the place, where it was asked for with a retry key. */
  readonly request?: string;
}

export interface TokenOptions {
  /** Decimal digits, or a whole number: only that very hold. */
  readonly token?: string | number;
}

export type UnlockOptions = TokenOptions;
export type ExtendOptions = TokenOptions;

export interface RenewOptions extends TokenOptions {
  /** A new ttl from now on, which may be shorter. */
  readonly ttl?: number;
}

export interface UpdateOptions extends TokenOptions {
  /** A new note; an empty one removes it. */
  readonly note?: string;
  readonly ttl?: number;
  /** For operators: hands the hold over to this client, with a new token. */
  readonly newClient?: string;
}

export interface ForceUnlockOptions extends TokenOptions {
  /** Why, in at most 1,024 printable characters; the victim is told. */
  readonly reason: string;
  /** Whose hold; needed where several hold the resource. */
  readonly client?: string;
  /** The caller vouches that the holder can do no more harm: no fence command runs. */
  readonly fenced?: boolean;
}

export interface ConfirmFencedOptions extends TokenOptions {
  /** Why, in at most 1,024 printable characters. */
  readonly reason: string;
}

export interface ListOptions {
  readonly prefix?: string;
  /** Only what this client holds or waits for. */
  readonly client?: string;
  readonly state?: ResourceState;
  /** At most so many resources: 1 to 10,000; 1,000 when absent. */
  readonly count?: number;
  /** Only resources behind this one in code-unit order: the last of the page before. */
  readonly after?: string;
}

export interface HistoryOptions {
  readonly resource?: string;
  readonly client?: string;
  /** At most so many events: 1 to 1,000; 100 when absent. */
  readonly count?: number;
  /** Only events before this id: the last of the page before. */
  readonly before?: string;
}

/** What happened to a lock, as the journal has it. */
export interface HistoryEvent {
  /** Names the event for ever; later ones are not smaller as `before` sees them. */
  readonly id: string;
  /** UTC. */
  readonly time: Date;
  readonly event: EventName;
  readonly resource: string;
  readonly client: string;
  /** Absent where there is none, as with a place in the line. */
  readonly token?: string;
  readonly by?: string;
  readonly reason?: string;
}

/** What is told while it happens: all that the history has, and on request that leases were renewed. */
export type EventKind = EventName | 'renewed';

/** What happened to a lock, told while it happens. */
export interface LockEvent extends Omit<HistoryEvent, 'id' | 'event'> {
  /** As in the history; absent where the history does not have it: a renewal, or a place that its client cannot come back to. */
  readonly id?: string;
  readonly event: EventKind;
}

/** What a stream of events tells of itself. */
export type EventNotice =
  /** From this id on everything is told that is asked for; whoever looks at locks from now on misses nothing. */
  | { readonly event: 'ready'; readonly id: string }
  /** What came right after the id `after` is not known any more: look at everything anew. `ready` follows, and says from where it goes on. */
  | { readonly event: 'gap'; readonly after: string; readonly problem: string };

export interface EventsOptions {
  /** Only resources that begin so. */
  readonly prefix?: string;
  /** Only this resource. */
  readonly resource?: string;
  /** Only resources from this one on, and up to that one, both included, in code-unit order. */
  readonly from?: string;
  readonly to?: string;
  readonly client?: string;
  /** What to tell besides: `renewed`, and `queued`: joining and leaving a line by clients that cannot come back. */
  readonly include?: readonly ('renewed' | 'queued')[];
  /** Go on after the event with this id, as far as it is kept; absent: from now on. */
  readonly after?: string;
}

/** A status with the place of the lock file. */
export interface FileStatus extends Omit<Status, 'unreadableFiles' | 'fence'> {
  /** Absolute path of the lock file, also where there is none at present; the unreadable ones in that state. */
  readonly file: string;
  /** Lost holds that are being fenced; absent where there are none. */
  readonly fence?: readonly Fence[];
  /** Path of the command that fences who loses this resource; absent where none applies, and in a `list`. */
  readonly fenceCommand?: string;
  /** Seconds for which a slot of it rests after a loss; absent where it does not, and in a `list`. */
  readonly lockDelay?: number;
}

/** What the daemon has done since it started, and what it holds now. */
export interface Stats {
  readonly version: string;
  /** UTC. */
  readonly started: Date;
  /** Absolute path of the lock directory. */
  readonly directory: string;
  /** Holds at present, lost ones that still take a slot included. */
  readonly held: number;
  /** Places in all lines. */
  readonly waiting: number;
  /** Lost holds that are being fenced. */
  readonly fencing: number;
  /** Since the start. */
  readonly grants: number;
  readonly refusals: number;
  /** Holds that ended against their holder's will since the start. */
  readonly lost: number;
  /** Bytes of all journal segments on disk; of a cluster, of all that it keeps in etcd. */
  readonly journalBytes: number;
  /** Where the leader is called, which is the one that answers; absent where the daemon is alone. */
  readonly leader?: string;
}

/** Whether all is well; `problems` are whole sentences for an operator. */
export interface Health {
  readonly status: 'ok' | 'degraded';
  readonly problems: readonly string[];
}

/** Whether a lock can be had at this moment; `problems` are whole sentences that say why not. */
export interface Readiness {
  readonly status: 'ready' | 'notReady';
  readonly problems: readonly string[];
}

/** The caller's end of a call: whether anybody is still there to be answered. */
export interface Peer {
  readonly isGone: boolean;
  /** Calls `action` once when the caller is gone, unless it is called off before. */
  onGone(action: () => void): () => void;
}

/** Who calls and since when; what XML-RPC passes on from the connection. */
export interface CallContext extends Caller {
  /** `performance.now()` when the request had been read; the answer's `waited` counts from here. */
  readonly received?: number;
  /** Absent: the caller is there for as long as the daemon is. */
  readonly peer?: Peer;
  /** One of several calls that are decided one after another: none of them waits, and none overtakes. */
  readonly inSequence?: boolean;
}

export interface LockService {
  /** Takes `resource` for `client`, or waits in the line for it, or is refused. */
  lock(resource: string, client: string, options?: LockOptions, context?: CallContext): Promise<Hold>;
  /** First half of a two-phase lock: granted at once, or a place in the line that outlives the call. */
  enqueue(
    resource: string,
    client: string,
    options?: EnqueueOptions,
    context?: CallContext,
  ): Promise<Enqueued>;
  /** Second half: waits up to `seconds` on the client's place, which it keeps for its claim time if that is too short. */
  wait(
    resource: string,
    client: string,
    seconds: number,
    options?: WaitOptions,
    context?: CallContext,
  ): Promise<Hold>;
  /** Leaves the line. */
  cancel(resource: string, client: string, context?: CallContext): Promise<true>;
  /** Gives back what `client` holds. A second time is refused. */
  unlock(resource: string, client: string, options?: UnlockOptions, context?: CallContext): Promise<true>;
  /** The lease runs for the greater of what is left and its ttl. */
  renew(resource: string, client: string, options?: RenewOptions, context?: CallContext): Promise<Hold>;
  /** Adds to what is left of the lease. A repeat adds again. */
  extend(
    resource: string,
    client: string,
    seconds: number,
    options?: ExtendOptions,
    context?: CallContext,
  ): Promise<Hold>;
  /** Changes the note, the ttl, or (operators) the holder. */
  update(resource: string, client: string, options?: UpdateOptions, context?: CallContext): Promise<Hold>;
  /** Whether `token` is that of a current hold: not lost, not being fenced. */
  check(resource: string, token: string | number, context?: CallContext): Promise<boolean>;
  /** Ends somebody's hold, or the lock of an unreadable lock file; answers when that is saved. */
  forceUnlock(resource: string, options: ForceUnlockOptions, context?: CallContext): Promise<true>;
  /** Ends a fencing that does not succeed: the caller vouches that the holder can do no more harm. */
  confirmFenced(resource: string, options: ConfirmFencedOptions, context?: CallContext): Promise<true>;
  /** Who holds `resource`, and who waits; a free one answers too. */
  status(resource: string, context?: CallContext): Promise<FileStatus>;
  /** The resources that are not free, in code-unit order of their names, a page at a time. */
  list(options?: ListOptions): Promise<FileStatus[]>;
  /** What happened, newest first, a page at a time. */
  history(options?: HistoryOptions): Promise<HistoryEvent[]>;
  stats(): Promise<Stats>;
  health(): Health;
  readiness(): Readiness;
}
