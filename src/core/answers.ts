/** What lockd answers about locks: plain data, the same in process and on the wire. */

/**
 * `held`; or it was lost and still takes its slot: `fencing` until the fence command has succeeded, `delayed` until the
 * lock-delay is over.
 */
export type HoldState = 'held' | 'fencing' | 'delayed';

/** The worst that applies. `reserved`: kept for the first in line, who has no call open at present. */
export type ResourceState = 'free' | 'held' | 'reserved' | 'delayed' | 'fencing' | 'unreadable';

/** Every state, from good to bad. */
export const RESOURCE_STATES: readonly ResourceState[] = [
  'free',
  'held',
  'reserved',
  'delayed',
  'fencing',
  'unreadable',
];

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
  /** Seconds from the reading of the request to the start of the lease. */
  readonly waited: number;
  /** Seconds for which a renewal makes the lease run; absent: the hold lasts until it is unlocked. */
  readonly ttl?: number;
  /** When the lease will be over, UTC, as things stand. */
  readonly expires?: Date;
  /** Seconds until then. */
  readonly left?: number;
  /** Why, in the client's words. */
  readonly note?: string;
}

/** The answer to the first half of a two-phase lock. */
export interface Enqueued {
  readonly state: 'granted' | 'queued';
  /** 1 is next; 0 where it was granted. */
  readonly position: number;
  /** The hold, where it was granted. */
  readonly hold?: Hold;
}

/** A place in the line, as a status shows it. */
export interface Place {
  readonly client: string;
  /** 1 is next. */
  readonly position: number;
  /** UTC. */
  readonly since: Date;
  readonly note?: string;
}

/** A hold that is lost and not yet fenced. */
export interface Fence {
  readonly client: string;
  readonly token: string;
  /** How often the fence command was run and failed. */
  readonly tries: number;
  /** What the last failure was. */
  readonly lastError?: string;
  /** When it is run again, UTC; absent while it runs. */
  readonly nextTry?: Date;
}

/** What is known of one resource; free ones have a status too. */
export interface Status {
  readonly resource: string;
  readonly state: ResourceState;
  readonly limit: number;
  /** How many hold it, lost ones that still take a slot included; `holders` names the first 100. */
  readonly held: number;
  readonly holders: readonly Hold[];
  /** How many wait; `queue` names the first 100. */
  readonly waiting: number;
  readonly queue: readonly Place[];
  /** Lost holds that are being fenced; absent where there are none. */
  readonly fence?: readonly Fence[];
  /** Absolute paths of the files that lock the resource although they cannot be read; only in state `unreadable`. */
  readonly unreadableFiles?: readonly string[];
}
