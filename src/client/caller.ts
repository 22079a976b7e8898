/**
 * Calls a method of a cluster, at the address that answered last, or at the next ones in turn. A connection that could
 * not be made is tried again; a call that may have arrived is sent again only where that comes to the same: a second
 * unlock may hit somebody else's hold, a second extend adds again.
 */
import type { Health } from '../service/api.js';
import type { XmlRpcValue } from '../xmlrpc/values.js';
import type { Answered, CallOptions, Calls, EventsAnswer } from './calls.js';
import { Cluster } from './cluster.js';
import type { Credentials } from './credentials.js';
import { encodeCall, type Parameter } from './encode-call.js';
import { RefusedCall } from './errors.js';
import { notLockd } from './failures.js';
import {
  type Exchange,
  type HttpAnswer,
  type HttpOptions,
  Interrupted,
  type Patience,
} from './http-exchange.js';
import { type ClientPorts, REAL_PORTS } from './ports.js';
import { readHealth, readMethodAnswer, readStream } from './read-answer.js';
import type { Retries } from './retry.js';
import { SideBySide } from './side-by-side.js';
import { Tries } from './tries.js';

/** Seconds after which a daemon that does not answer is not the only one to be asked, where there are others. */
const SOON_SECONDS = 2;

/** Seconds for an answer to whoever comes back without one, where there are others to come to. */
const COMEBACK_SECONDS = 5;

export interface CallerOptions extends Omit<HttpOptions, 'authorization'> {
  readonly urls: readonly [URL, ...URL[]];
  readonly credentials?: Credentials | undefined;
  /** Seconds to connect. */
  readonly connectSeconds: number;
  /** Seconds for the whole answer once the connection stands. */
  readonly timeoutSeconds: number;
  readonly retries: Retries;
  readonly ports?: ClientPorts;
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
  readonly #retries: Retries;
  /** As which user it calls. */
  readonly #user: string | undefined;
  readonly #ports: ClientPorts;

  constructor(options: CallerOptions) {
    const {
      urls,
      credentials,
      connectSeconds,
      timeoutSeconds,
      retries,
      ports = REAL_PORTS,
      ...http
    } = options;
    this.#cluster = new Cluster(urls);
    this.#user = credentials?.user;
    this.#http = ports.exchange(credentials ? { ...http, authorization: credentials.authorization() } : http);
    this.#connectSeconds = connectSeconds;
    this.#timeoutSeconds = timeoutSeconds;
    this.#retries = retries;
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
      comesBack: true,
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
    const { oneTry, signal } = sending;
    const began = this.#ports.pace.now();
    const tries = new Tries(this.#cluster, { ...sending, isToldAtOnce: this.#isToldAtOnce(sending) });
    const others = this.#asksOthersMeanwhile(sending)
      ? new SideBySide<Answered<T>>(this.#ports.pace, signal)
      : undefined;
    try {
      for (;;) {
        const round = oneTry ? this.#cluster.turn(oneTry.turn) : this.#cluster.round();
        for (let url = round.next(); url; url = round.next()) {
          const answered = await this.#ask(url, sending, { tries, began, others });
          if (answered) return answered;
          if (tries.leader) round.goTo(tries.leader);
        }
        const seconds = this.#pauseAfter(tries, sending, this.#secondsSince(began));
        const late = await (seconds === undefined ? others?.rest() : this.#pause(seconds, others, signal));
        if (late) return late;
        if (seconds === undefined) throw tries.failure();
      }
    } finally {
      others?.end();
    }
  }

  #isToldAtOnce({ isToldAtOnce = false, failoverSeconds, ...call }: CallOptions): boolean {
    return isToldAtOnce || isWaiting(call) || (failoverSeconds === 0 && this.urls.length > 1);
  }

  /** Whether a daemon that does not answer soon is not the only one to be asked. */
  #asksOthersMeanwhile({ repetition, oneTry, comesBack = false }: CallOptions): boolean {
    return this.urls.length > 1 && repetition !== 'once' && oneTry === undefined && !comesBack;
  }

  /** Asks once, or not yet again; undefined where it makes sense to ask again, here or elsewhere. */
  async #ask<T, A extends HttpAnswer>(
    url: URL,
    sending: Sending<T, A>,
    { others, ...course }: Course<T>,
  ): Promise<Answered<T> | undefined> {
    if (!others) return this.#try(url, sending, course);
    if (others.isOpen(url)) return undefined;
    return others.ask(url, SOON_SECONDS, (signal) => this.#try(url, { ...sending, signal }, course));
  }

  async #pause<T>(seconds: number, others: SideBySide<T> | undefined, signal: AbortSignal | undefined) {
    if (others) return others.pause(seconds);
    await this.#ports.pace.pause(seconds, signal);
    return undefined;
  }

  /** Seconds before the next round; undefined: there is none. */
  #pauseAfter(tries: Tries, call: CallOptions, elapsed: number): number | undefined {
    const rounds = tries.endRound();
    if (call.oneTry || tries.areHopeless) return undefined;
    if (!tries.isOfCluster || isWaiting(call)) return this.#retries.pause(rounds);
    const most = Math.min(this.#retries.failoverSeconds, call.failoverSeconds ?? Number.POSITIVE_INFINITY);
    return this.#retries.failoverPause(rounds, most - elapsed);
  }

  /** Asks once; undefined where it makes sense to ask again, here or elsewhere. */
  async #try<T, A extends HttpAnswer>(
    url: URL,
    sending: Sending<T, A>,
    { tries, began }: Omit<Course<T>, 'others'>,
  ): Promise<Answered<T> | undefined> {
    const { signal } = sending;
    signal?.throwIfAborted();
    const sent = this.#ports.clock.now();
    tries.began(url);
    try {
      const answer = await sending.once(url, this.#patience(sending, this.#secondsSince(began)));
      this.#cluster.check(url, answer);
      const value = sending.read(answer, url, tries.mayHaveArrived);
      this.#cluster.answered(url);
      return { value, sent };
    } catch (error) {
      signal?.throwIfAborted();
      if (isForeignProtocol(error)) throw notLockd(url, 'it speaks no HTTP');
      if (error instanceof RefusedCall && error.refusal !== 'unavailable') this.#cluster.answered(url);
      tries.failed(url, error);
      return undefined;
    } finally {
      tries.ended(url);
    }
  }

  #secondsSince(began: number): number {
    return (this.#ports.pace.now() - began) / 1_000;
  }

  #patience(call: CallOptions, elapsed: number): Patience {
    const { waitSeconds = 0, comesBack = false, repetition, oneTry, signal } = call;
    const hasOthers = this.urls.length > 1;
    const most = oneTry ? Math.max(0, oneTry.seconds - elapsed) : Number.POSITIVE_INFINITY;
    // A member to which no connection comes about, or that says nothing, holds up nobody who can go to another one.
    const connectSeconds = hasOthers && (comesBack || repetition === 'once') ? SOON_SECONDS : most;
    const answerSeconds = hasOthers && comesBack ? COMEBACK_SECONDS : most;
    return {
      connectSeconds: Math.min(this.#connectSeconds, connectSeconds, most),
      answerSeconds: Math.min(Math.min(this.#timeoutSeconds, answerSeconds) + waitSeconds, most),
      ...(signal ? { signal } : {}),
    };
  }
}

/** How a call fares: what its tries have met, when it began, and who else is being asked. */
interface Course<T> {
  readonly tries: Tries;
  readonly began: number;
  readonly others: SideBySide<Answered<T>> | undefined;
}

function isWaiting({ waitSeconds = 0 }: CallOptions): boolean {
  return waitSeconds > 0;
}

/** What came is no HTTP at all; an answer that was merely cut is not meant. */
function isForeignProtocol(error: unknown): boolean {
  if (!(error instanceof Interrupted)) return false;
  return error.code.startsWith('HPE_') && error.code !== 'HPE_INVALID_EOF_STATE';
}
