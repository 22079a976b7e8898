/** What the tries of one call have met so far, and what follows from it: another try, or which failure. */
import { RefusedCall } from './errors.js';
import { answerLost, nobodyAnswers, notTrusted } from './failures.js';
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

export class Tries {
  /** Whether a request was sent whose answer was lost. */
  mayHaveArrived = false;
  #rounds = 0;
  #last: { readonly url: URL; readonly error: Interrupted | RefusedCall } | undefined;
  /** Addresses at which no further try helps. */
  readonly #hopeless = new Set<URL>();

  constructor(
    private readonly urls: readonly URL[],
    private readonly what: string,
    private readonly repetition: Repetition,
  ) {}

  /** A try failed. Throws what the call fails with, where no further try may be made. */
  failed(url: URL, error: unknown): void {
    // A daemon that stops, or does not lead, has changed nothing: it is back soon, or another one is there.
    if (error instanceof RefusedCall && error.refusal === 'unavailable') {
      this.#last = { url, error };
      return;
    }
    if (!(error instanceof Interrupted)) throw error;
    this.#last = { url, error };
    this.mayHaveArrived ||= error.sent;
    const isSlow = error.code === 'ETIMEDOUT';
    if (error.sent && (isSlow || this.repetition === 'once')) {
      throw answerLost(url, this.what, error.message, this.#onlyAsks);
    }
    if (HOPELESS.has(error.code) || isUntrusted(error)) this.#hopeless.add(url);
  }

  /** All addresses were tried; answers how often. */
  endRound(): number {
    this.#rounds += 1;
    return this.#rounds;
  }

  /** Whether a further round cannot help. Who must not ask twice is told at once that no daemon could do it. */
  get areHopeless(): boolean {
    if (this.repetition === 'once' && this.#last?.error instanceof RefusedCall) return true;
    return this.urls.every((url) => this.#hopeless.has(url));
  }

  /** What the call fails with after its last try. */
  failure(): Error {
    if (!this.#last) return nobodyAnswers(this.urls, 'not tried', 0);
    const { url, error } = this.#last;
    // One that may have changed something stays in doubt, although the last try met nobody, or was refused.
    if (this.mayHaveArrived && !this.#onlyAsks) return answerLost(url, this.what, reason(error), false);
    if (error instanceof RefusedCall) return error;
    if (isUntrusted(error)) return notTrusted(url, error.message);
    return nobodyAnswers(this.urls, reason(error), Math.max(1, this.#rounds));
  }

  get #onlyAsks(): boolean {
    return this.repetition === 'question';
  }
}

function isUntrusted({ sent, code }: Interrupted): boolean {
  return !sent && UNTRUSTED.test(code);
}

function reason(error: Interrupted | RefusedCall): string {
  if (error instanceof RefusedCall) return error.message;
  const [, problem] = OF_OPENSSL.exec(error.message) ?? [];
  if (problem !== undefined) return `no TLS: ${problem}`;
  return error.code === 'ECONNREFUSED' ? 'connection refused' : error.message || error.code;
}
