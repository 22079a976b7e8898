/** What the tries of one call have met so far, and what follows from it: another try, or which failure. */
import type { Cluster } from './cluster.js';
import { RefusedCall } from './errors.js';
import { answerLost, doesNotLead, nobodyAnswers, notTrusted } from './failures.js';
import { Interrupted } from './http-exchange.js';

/** Failures to connect that do not mend themselves within seconds. */
const HOPELESS = new Set(['ENOTFOUND', 'EACCES', 'EPERM', 'EPROTO']);

/** Failures of a handshake because of the certificate that was shown to us: those of OpenSSL, and those of Node. */
const UNTRUSTED =
  /^(?:CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_(?:CA|PURPOSE)|HOSTNAME_MISMATCH|ERR_TLS_CERT_)/;

/** `…:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:…`: only the last part is for people. */
const OF_OPENSSL = /\berror:[0-9A-F]+:[^:]*:[^:]*:([^:]+)/;

/**
 * What becomes of a call that is sent twice. `question`: it changes nothing; `repeatable`: twice is the same as once, as
 * with a retry key; `once`: it must not be.
 */
export type Repetition = 'question' | 'repeatable' | 'once';

export interface Tried {
  /** For the texts. */
  readonly what: string;
  readonly repetition: Repetition;
  /** Whether whoever calls wants to know at once that nobody leads: a wait is not sent again before its time is counted. */
  readonly isToldAtOnce: boolean;
}

type Failure = Interrupted | RefusedCall;

export class Tries {
  /** Where the leader is, as the last one says who is asked and does not lead; undefined where that is none of our addresses. */
  leader: URL | undefined;
  #wasLost = false;
  #hasMetFollower = false;
  #rounds = 0;
  #last: { readonly url: URL; readonly error: Failure } | undefined;
  /** The members that do not lead, and what they said last. */
  readonly #followers = new Map<URL, RefusedCall>();
  /** How addresses failed last that did not answer. */
  readonly #silent = new Map<URL, Interrupted>();
  /** Addresses at which no further try helps. */
  readonly #hopeless = new Set<URL>();
  /** Those at which a try is open. */
  readonly #open = new Set<URL>();

  constructor(
    private readonly cluster: Cluster,
    private readonly call: Tried,
  ) {}

  /** Whether several daemons can be the one that is meant: several addresses, or one at which a member has answered. */
  get isOfCluster(): boolean {
    return this.cluster.urls.length > 1 || this.#hasMetFollower;
  }

  /** Whether a request was sent whose answer was lost, or did not come so far. */
  get mayHaveArrived(): boolean {
    return this.#wasLost || this.#open.size > 1;
  }

  /** A try begins. */
  began(url: URL): void {
    this.#open.add(url);
  }

  /** It is over, answered or not. */
  ended(url: URL): void {
    this.#open.delete(url);
  }

  /** A try failed. Throws what the call fails with, where no further try may be made. */
  failed(url: URL, error: unknown): void {
    // A daemon that stops, or does not lead, has changed nothing: it is back soon, or another one is there.
    if (error instanceof RefusedCall && error.refusal === 'unavailable') {
      this.#last = { url, error };
      this.#hasMetFollower = true;
      this.#followers.delete(url);
      this.#followers.set(url, error);
      this.leader = error.leader === undefined ? undefined : this.cluster.find(error.leader);
      return;
    }
    if (!(error instanceof Interrupted)) throw error;
    this.#last = { url, error };
    this.#followers.delete(url);
    this.#silent.set(url, error);
    this.leader = undefined;
    this.#wasLost ||= error.sent;
    const isSlow = error.code === 'ETIMEDOUT';
    if (isSlow) this.cluster.wasSilent(url);
    // Where there is no other one it was given all the time that there is.
    const wasLast = isSlow && this.cluster.urls.length === 1;
    if (error.sent && (wasLast || this.call.repetition === 'once')) {
      throw answerLost(url, this.call.what, error.message, this.#onlyAsks);
    }
    if (HOPELESS.has(error.code) || isUntrusted(error)) this.#hopeless.add(url);
  }

  /** All addresses were tried; answers how often. */
  endRound(): number {
    this.#rounds += 1;
    return this.#rounds;
  }

  /** Whether a further round cannot help, or nobody wants it. */
  get areHopeless(): boolean {
    if (this.call.isToldAtOnce && this.#followers.size > 0) return true;
    return this.cluster.urls.every((url) => this.#hopeless.has(url));
  }

  /** What the call fails with after its last try. */
  failure(): Error {
    const { urls } = this.cluster;
    if (!this.#last) return nobodyAnswers(urls, 'not tried', 0);
    const [follower] = [...this.#followers.values()].slice(-1);
    const { url, error } = this.#last;
    // One that may have changed something stays in doubt, although the last try met nobody, or was refused.
    if (this.#wasLost && !this.#onlyAsks) return answerLost(url, this.call.what, reason(error), false);
    if (follower) return this.#notLed(follower);
    if (error instanceof RefusedCall) return error;
    if (isUntrusted(error)) return notTrusted(url, error.message);
    return nobodyAnswers(urls, reason(error), Math.max(1, this.#rounds));
  }

  /** Somebody answers, and says that another one leads: why that one was of no use. */
  #notLed(follower: RefusedCall): RefusedCall {
    const { leader } = follower;
    if (leader === undefined) return follower;
    const url = this.cluster.find(leader);
    const met = url && this.#silent.get(url);
    if (url && !met) return follower;
    return doesNotLead(follower, this.cluster.urls, met && reason(met));
  }

  get #onlyAsks(): boolean {
    return this.call.repetition === 'question';
  }
}

function isUntrusted({ sent, code }: Interrupted): boolean {
  return !sent && UNTRUSTED.test(code);
}

function reason(error: Failure): string {
  if (error instanceof RefusedCall) return error.message;
  const [, problem] = OF_OPENSSL.exec(error.message) ?? [];
  if (problem !== undefined) return `no TLS: ${problem}`;
  return error.code === 'ECONNREFUSED' ? 'connection refused' : error.message || error.code;
}
