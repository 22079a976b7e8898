/**
 * Calls a method of a daemon. A connection that could not be made is tried again; a call that may have arrived is sent
 * again only where it merely asks: a second lock is refused, and a second unlock may hit somebody else's.
 */
import { setTimeout as pause } from 'node:timers/promises';
import CustomType from 'xmlrpc/lib/customtype.js';
import serializer from 'xmlrpc/lib/serializer.js';
import type { Health } from '../service/api.js';
import type { XmlRpcValue } from '../xmlrpc/values.js';
import { answerLost, cannotBeSent, nobodyAnswers, notLockd } from './failures.js';
import { type HttpAnswer, HttpExchange, Interrupted } from './http-exchange.js';
import { readHealth, readMethodAnswer } from './read-answer.js';

/** What a call may carry: structs are plain objects, and members without a value are left out. */
export type Parameter = string | number | boolean | { readonly [member: string]: Parameter | undefined };

/** Seconds between the tries: with connections that time out, three tries take 10 s. */
const RETRY_PAUSES_SECONDS = [1, 3];

/** Failures to connect that do not mend themselves within seconds. */
const HOPELESS = new Set(['ENOTFOUND', 'EACCES', 'EPERM', 'EPROTO']);

export interface CallerOptions {
  readonly url: URL;
  /** Seconds for the whole answer once the connection stands. */
  readonly timeoutSeconds: number;
  /** Seconds to wait before each further try to connect. */
  readonly retryPausesSeconds?: readonly number[];
}

/** What is sent, and whether it may be sent twice because it changes nothing. */
interface Sending {
  readonly what: string;
  readonly onlyAsks: boolean;
  once(): Promise<HttpAnswer>;
}

/** Its methods reject with `RefusedCall`, `NoDaemon`, `OutcomeUnknown`, or `NotLockd`. */
export class Caller {
  readonly #url: URL;
  readonly #http: HttpExchange;
  readonly #pauses: readonly number[];

  constructor({ url, timeoutSeconds, retryPausesSeconds = RETRY_PAUSES_SECONDS }: CallerOptions) {
    this.#url = url;
    this.#http = new HttpExchange(timeoutSeconds);
    this.#pauses = retryPausesSeconds;
  }

  /** @param onlyAsks the method changes nothing, and may be sent twice. */
  async call(method: string, parameters: readonly Parameter[], onlyAsks: boolean): Promise<XmlRpcValue> {
    const xml = encode(method, parameters);
    const answer = await this.#send({
      what: method,
      onlyAsks,
      once: () => this.#http.post(this.#url, xml),
    });
    return readMethodAnswer(answer, this.#url, (problem) => answerLost(this.#url, method, problem, onlyAsks));
  }

  /** Asks for the health, which is a page of its own beside that for calls. */
  async health(): Promise<Health> {
    const page = new URL('healthz', this.#url);
    const answer = await this.#send({
      what: page.pathname,
      onlyAsks: true,
      once: () => this.#http.get(page),
    });
    return readHealth(answer, page);
  }

  /** Closes the connections that are kept. */
  close(): void {
    this.#http.close();
  }

  async #send({ what, onlyAsks, once }: Sending): Promise<HttpAnswer> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await once();
      } catch (error) {
        if (!(error instanceof Interrupted)) throw error;
        if (isForeignProtocol(error)) throw notLockd(this.#url, 'it speaks no HTTP');
        const isSlow = error.code === 'ETIMEDOUT';
        if (error.sent && (isSlow || !onlyAsks)) throw answerLost(this.#url, what, error.message, onlyAsks);
        const seconds = this.#pauses[tries - 1];
        if (seconds === undefined || HOPELESS.has(error.code)) {
          throw nobodyAnswers(this.#url, reason(error), tries);
        }
        await pause(seconds * 1_000);
      }
    }
  }
}

/** What came is no HTTP at all; an answer that was merely cut is not meant. */
function isForeignProtocol({ code }: Interrupted): boolean {
  return code.startsWith('HPE_') && code !== 'HPE_INVALID_EOF_STATE';
}

function reason({ code, message }: Interrupted): string {
  if (code === 'ECONNREFUSED') return 'connection refused';
  return message || code;
}

/** The call as XML. Throws `RefusedCall` for what XML cannot carry, such as control characters. */
function encode(method: string, parameters: readonly Parameter[]): string {
  try {
    return serializer.serializeMethodCall(method, parameters.map(serializable), 'utf-8');
  } catch (error) {
    throw cannotBeSent(method, error);
  }
}

/** A string that the serializer escapes. Of a plain one with two `]]>` it would write the rest as markup. */
class EscapedText extends CustomType {
  override tagName = 'string';
}

/** Parameters as the serializer must get them: it would also write a member without a value as an empty text. */
function serializable(parameter: Parameter): unknown {
  if (typeof parameter === 'string') return new EscapedText(parameter);
  if (typeof parameter !== 'object') return parameter;
  const present = Object.entries(parameter).flatMap(([member, value]) =>
    value === undefined ? [] : [[member, serializable(value)]],
  );
  return Object.fromEntries(present);
}
