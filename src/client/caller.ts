/**
 * Calls a method of a cluster, at the address that answered last, or at the next ones in turn. A connection that could
 * not be made is tried again; a call that may have arrived is sent again only where that comes to the same: a second
 * unlock may hit somebody else's hold, a second extend adds again.
 */
import type { Readable } from 'node:stream';
import type { Health } from '../service/api.js';
import type { XmlRpcValue } from '../xmlrpc/values.js';
import { Cluster } from './cluster.js';
import type { Credentials } from './credentials.js';
import { encodeCall, type Parameter } from './encode-call.js';
import { notLockd } from './failures.js';
import {
  type Exchange,
  type HttpAnswer,
  type HttpOptions,
  Interrupted,
  type Patience,
} from './http-exchange.js';
import type { Moment } from './lease-clock.js';
import { type ClientPorts, REAL_PORTS } from './ports.js';
import { readHealth, readMethodAnswer, readStream } from './read-answer.js';
import type { Pauses } from './retry.js';
import { type Repetition, Tries } from './tries.js';

export interface CallerOptions extends Omit<HttpOptions, 'authorization'> {
  readonly urls: readonly [URL, ...URL[]];
  readonly credentials?: Credentials | undefined;
  /** Seconds to connect. */
  readonly connectSeconds: number;
  /** Seconds for the whole answer once the connection stands. */
  readonly timeoutSeconds: number;
  readonly pauses: Pauses;
  readonly ports?: ClientPorts;
}

export interface CallOptions {
  readonly repetition: Repetition;
  /** Seconds that the daemon may take for it before the normal timeout begins; 0 when absent. */
  readonly waitSeconds?: number;
  /** Ends the call, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** One try at one address, so many behind the one that answered last, that takes at most so many seconds. */
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

/** What is sent, for the texts, and how. */
interface Sending<T, A extends HttpAnswer> extends CallOptions {
  readonly what: string;
  once(url: URL, patience: Patience): Promise<A>;
  read(answer: A, url: URL, isRepeat: boolean): T;
}

export class Caller implements Calls {
  readonly #cluster: Cluster;
  readonly #http: Exchange;
  readonly #connectSeconds: number;
  readonly #timeoutSeconds: number;
  readonly #pauses: Pauses;
  /** As which user it calls. */
  readonly #user: string | undefined;
  readonly #ports: ClientPorts;

  constructor(options: CallerOptions) {
    const {
      urls,
      credentials,
      connectSeconds,
      timeoutSeconds,
      pauses,
      ports = REAL_PORTS,
      ...http
    } = options;
    this.#cluster = new Cluster(urls);
    this.#user = credentials?.user;
    this.#http = ports.exchange(credentials ? { ...http, authorization: credentials.authorization() } : http);
    this.#connectSeconds = connectSeconds;
    this.#timeoutSeconds = timeoutSeconds;
    this.#pauses = pauses;
    this.#ports = ports;
  }

  get url(): URL {
    return this.#cluster.url;
  }

  get urls(): readonly URL[] {
    return this.#cluster.urls;
  }

  async call(
    method: string,
    parameters: readonly Parameter[],
    options: CallOptions,
  ): Promise<Answered<XmlRpcValue>> {
    const xml = encodeCall(method, parameters);
    return this.#send({
      ...options,
      what: method,
      once: (url, patience) => this.#http.post(url, xml, patience),
      read: (answer, url, isRepeat) => readMethodAnswer(answer, url, this.#user, isRepeat),
    });
  }

  async health(signal?: AbortSignal): Promise<Health> {
    const page = 'healthz';
    const { value } = await this.#send({
      what: `/${page}`,
      repetition: 'question',
      signal,
      once: (url, patience) => this.#http.get(url, page, patience),
      read: (answer, url) => readHealth(answer, url, this.#user),
    });
    return value;
  }

  async events(
    query: URLSearchParams,
    after: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<EventsAnswer> {
    const headers = {
      Accept: 'text/event-stream',
      ...(after === undefined ? {} : { 'Last-Event-ID': after }),
    };
    const { value } = await this.#send({
      what: '/events',
      repetition: 'question',
      signal,
      once: (url, patience) => this.#http.open(url, `events?${query}`, headers, patience),
      read: (answer, url) => ({ url, stream: readStream(answer, url, this.#user) }),
    });
    return value;
  }

  close(): void {
    this.#http.close();
  }

  async #send<T, A extends HttpAnswer>(sending: Sending<T, A>): Promise<Answered<T>> {
    const { signal, oneTry } = sending;
    const tries = new Tries(this.#cluster.urls, sending.what, sending.repetition);
    for (;;) {
      const urls = this.#cluster.inTurn(oneTry?.turn);
      for (const url of oneTry ? urls.slice(0, 1) : urls) {
        const answered = await this.#try(url, sending, tries);
        if (answered) return answered;
      }
      const seconds = oneTry ? undefined : this.#pauses(tries.endRound());
      if (seconds === undefined || tries.areHopeless) throw tries.failure();
      await this.#ports.pace.pause(seconds, signal);
    }
  }

  /** Asks once; undefined where it makes sense to ask again, here or elsewhere. */
  async #try<T, A extends HttpAnswer>(
    url: URL,
    sending: Sending<T, A>,
    tries: Tries,
  ): Promise<Answered<T> | undefined> {
    const { signal } = sending;
    signal?.throwIfAborted();
    const sent = this.#ports.clock.now();
    try {
      const answer = await sending.once(url, this.#patience(sending));
      this.#cluster.answered(url, answer);
      return { value: sending.read(answer, url, tries.mayHaveArrived), sent };
    } catch (error) {
      signal?.throwIfAborted();
      if (isForeignProtocol(error)) throw notLockd(url, 'it speaks no HTTP');
      tries.failed(url, error);
      return undefined;
    }
  }

  #patience({ waitSeconds = 0, signal, oneTry }: CallOptions): Patience {
    const most = oneTry?.seconds ?? Number.POSITIVE_INFINITY;
    return {
      connectSeconds: Math.min(this.#connectSeconds, most),
      answerSeconds: Math.min(this.#timeoutSeconds + waitSeconds, most),
      ...(signal ? { signal } : {}),
    };
  }
}

/** What came is no HTTP at all; an answer that was merely cut is not meant. */
function isForeignProtocol(error: unknown): boolean {
  if (!(error instanceof Interrupted)) return false;
  return error.code.startsWith('HPE_') && error.code !== 'HPE_INVALID_EOF_STATE';
}
