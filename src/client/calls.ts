/** Calls to one cluster: how they are asked for, and what comes of them. */
import type { Readable } from 'node:stream';
import type { Health } from '../service/api.js';
import type { XmlRpcValue } from '../xmlrpc/values.js';
import type { Parameter } from './encode-call.js';
import type { Moment } from './lease-clock.js';
import type { Repetition } from './tries.js';

export interface CallOptions {
  readonly repetition: Repetition;
  /** Seconds that the daemon may take for it before the normal timeout begins; 0 when absent. */
  readonly waitSeconds?: number;
  /** Ends the call, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Whoever waits comes back when no answer comes, and keeps his place: no more time than that is given to the answer. */
  readonly comesBack?: boolean;
  /** Whether whoever calls wants to know at once that nobody leads. Who waits is told so anyway, and counts the time. */
  readonly isToldAtOnce?: boolean;
  /** Seconds for which a cluster is given to find another leader, at most. */
  readonly failoverSeconds?: number;
  /** One try at one address, so many behind the one that answered last, that takes at most so many seconds;
   * where that one does not lead, at the leader. */
  readonly oneTry?: { readonly turn: number; readonly seconds: number };
}

/** What a method answered, and when the request was sent that was answered. */
export interface Answered<T> {
  readonly value: T;
  readonly sent: Moment;
}

/** One cluster, or what stands in for one. */
export interface Calls {
  /** The address that answered last. */
  readonly url: URL;
  /** All addresses. */
  readonly urls: readonly URL[];
  /** Rejects with `RefusedCall`, `NoDaemon`, `OutcomeUnknown`, `NotLockd`, or `AnotherCluster`. */
  call(
    method: string,
    parameters: readonly Parameter[],
    options: CallOptions,
  ): Promise<Answered<XmlRpcValue>>;
  /** The health, which is a page of its own beside that for calls. Rejects as `call` does. */
  health(signal?: AbortSignal): Promise<Health>;
  /**
   * Opens the stream of events, behind the event `after` if there is one; what comes is not read. Rejects as `call` does. The
   * signal ends the stream too.
   */
  events(
    query: URLSearchParams,
    after: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<EventsAnswer>;
  /** Closes the connections that are kept. */
  close(): void;
}

/** A stream that stands, and the address where it does. */
export interface EventsAnswer {
  readonly url: URL;
  readonly stream: Readable;
}
