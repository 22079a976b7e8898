/** Calls the daemon: the same XML-RPC that every client speaks, by POST to where the page came from. */
import {
  readBoolean,
  readEvents,
  readHold,
  readStats,
  readStatus,
  readStatuses,
  readTrue,
} from '../client/answers.js';
import { UnexpectedAnswer } from '../client/members.js';
import type { XmlRpcValue } from '../xmlrpc/values.js';
import { type Answer, decodeAnswer, faultIn } from './decode-answer.js';
import { encodeCall, type Parameter } from './encode-call.js';
import { NoAnswer, NotSignedIn, Refused } from './failures.js';
import { parseXml } from './parse-xml.js';
import { type Rights, readRights } from './rights.js';
import type { Session } from './session.js';

const PATH = '/RPC2';

/** Milliseconds for an answer: nothing that the page asks for waits in a line. */
const ANSWER_MS = 15_000;

/** Statuses in one call, as `system.multicall` bounds it. */
export const MOST_STATUSES = 64;

type Options = Readonly<Record<string, Parameter | undefined>>;

/** Every method rejects with `Refused`, `NotSignedIn` or `NoAnswer`. */
export class Daemon {
  constructor(private readonly session: Session) {}

  whoAmI(): Promise<Rights> {
    return this.#call(readRights, 'system.whoAmI');
  }

  status(resource: string) {
    return this.#call(readStatus, 'status', resource);
  }

  /** The statuses of several resources, at most `MOST_STATUSES`, as they are at one moment. */
  statuses(resources: readonly string[]) {
    const calls = resources.map((resource) => ({ methodName: 'status', params: [resource] }));
    return this.#call((answers) => readEach(answers).map(readStatus), 'system.multicall', calls);
  }

  list(options: Options) {
    return this.#call(readStatuses, 'list', options);
  }

  history(options: Options) {
    return this.#call(readEvents, 'history', options);
  }

  stats() {
    return this.#call(readStats, 'stats');
  }

  lock(resource: string, client: string, options: Options) {
    return this.#call(readHold, 'lock', resource, client, options);
  }

  unlock(resource: string, client: string, token: string) {
    return this.#call(readTrue, 'unlock', resource, client, { token });
  }

  extend(resource: string, client: string, seconds: number, token: string) {
    return this.#call(readHold, 'extend', resource, client, seconds, { token });
  }

  forceUnlock(resource: string, options: Options) {
    return this.#call(readTrue, 'forceUnlock', resource, options);
  }

  confirmFenced(resource: string, options: Options) {
    return this.#call(readTrue, 'confirmFenced', resource, options);
  }

  check(resource: string, token: string) {
    return this.#call(readBoolean, 'check', resource, token);
  }

  async #call<T>(read: (value: XmlRpcValue) => T, method: string, ...parameters: Parameter[]): Promise<T> {
    const body = encodeCall(method, parameters);
    try {
      const answer = decodeAnswer(await this.#post(body));
      return read(givenBy(answer));
    } catch (error) {
      if (!(error instanceof UnexpectedAnswer)) throw error;
      throw new NoAnswer(
        `The answer to ${method} ${error.message}; this page and the daemon do not fit. Reload the page`,
      );
    }
  }

  async #post(body: string): Promise<Element> {
    const response = await this.#fetch(body);
    const text = await response.text().catch(noAnswer);
    if (response.status === 401) throw new NotSignedIn(text.trim());
    if (response.status !== 200)
      throw new NoAnswer(text.trim() || `The daemon answered HTTP ${response.status}`);
    return parseXml(text);
  }

  #fetch(body: string): Promise<Response> {
    return fetch(PATH, {
      method: 'POST',
      headers: { 'Content-Type': 'text/xml; charset=utf-8', ...this.session.headers },
      body,
      cache: 'no-store',
      // The browser's own sign-in would ask in a window of its own.
      credentials: 'omit',
      signal: AbortSignal.timeout(ANSWER_MS),
    }).catch(noAnswer);
  }
}

function noAnswer(error: Error): never {
  const isLate = error.name === 'TimeoutError';
  throw new NoAnswer(isLate ? `No answer within ${ANSWER_MS / 1_000} s` : 'The daemon cannot be reached');
}

function givenBy(answer: Answer): XmlRpcValue {
  if ('value' in answer) return answer.value;
  throw new Refused(answer.fault.code, answer.fault.text);
}

/** The answers in that of a multicall; a fault among them is thrown. */
function readEach(answers: XmlRpcValue): XmlRpcValue[] {
  if (!Array.isArray(answers)) throw new UnexpectedAnswer('is not an array');
  return answers.map((answer) => {
    if (Array.isArray(answer)) return answer[0] ?? '';
    const { code, text } = faultIn(answer);
    throw new Refused(code, text);
  });
}
