/** From an HTTP answer to what was asked for. */
import type { Readable } from 'node:stream';
import { notLeaderText, REFUSALS } from '../core/refusals.js';
import type { Health } from '../service/api.js';
import { BAD_PARAMETERS } from '../xmlrpc/faults.js';
import { parseResponse } from '../xmlrpc/parse.js';
import type { XmlRpcValue } from '../xmlrpc/values.js';
import { urlText } from './daemon-url.js';
import { RefusedCall } from './errors.js';
import { certificateWanted, notLetIn, notLockd, redirects } from './failures.js';
import {
  type HttpAnswer,
  ID_HEADER,
  Interrupted,
  LEADER_HEADER,
  type StreamAnswer,
} from './http-exchange.js';

/** What the media types of XML-RPC look like, with their charset. */
const XML = /^(?:text|application)\/xml\s*(?:;.*?\bcharset="?([\w-]+).*)?$/i;

/** The code of an answer that came, and yet leaves open what happened. */
const UNREADABLE = 'EBADMSG';

/**
 * The value that a method answered.
 *
 * @param user as whom it was called.
 * @param isRepeat whether the call may have been carried out by an earlier try already.
 * @throws RefusedCall, Unauthorized, NotLockd, or Interrupted for an answer that leaves open what happened.
 */
export function readMethodAnswer(
  answer: HttpAnswer,
  url: URL,
  user: string | undefined,
  isRepeat: boolean,
): XmlRpcValue {
  const { status, headers, body } = answer;
  checkLetIn(answer, url, user);
  // From a proxy, for instance, behind which the daemon may have done its work.
  if (status >= 500) throw unreadable(problemOf(answer));
  if (status >= 300 && status < 400) throw elsewhere(answer, url);
  const type = XML.exec(headers['content-type'] ?? '');
  if (status !== 200 || !type) throw notLockd(url, problemOf(answer));
  const response = parse(body, type[1]);
  if ('fault' in response) {
    const { code, text } = response.fault;
    throw new RefusedCall(code, text, isRepeat, leaderIn(answer));
  }
  return response.value;
}

/** Throws `Unauthorized` for whoever is not let in. */
function checkLetIn(answer: HttpAnswer, url: URL, user: string | undefined): void {
  if (answer.status === 401) throw notLetIn(url, user);
  // Others that refuse may be no lockd, and say something else.
  const isLockd = answer.headers[ID_HEADER] !== undefined;
  if (answer.status === 403 && isLockd)
    throw certificateWanted(url, firstWords(answer.body).replace(/^: /, ''));
}

/** The health in the answer, whose status is 503 when all is not well. Throws `Unauthorized` or `NotLockd`. */
export function readHealth(answer: HttpAnswer, url: URL, user: string | undefined): Health {
  checkLetIn(answer, url, user);
  if (answer.status !== 200 && answer.status !== 503) throw notLockd(url, problemOf(answer));
  try {
    const health: unknown = JSON.parse(answer.body.toString());
    if (isHealth(health)) return { status: health.status, problems: health.problems };
  } catch {
    // Said below, as of any other page that is no health.
  }
  throw notLockd(url, 'its health is not JSON with status and problems');
}

const EVENT_STREAM = /^text\/event-stream\b/i;

/** The stream of events. Throws `Unauthorized`, `NotLockd`, `RefusedCall` for what the daemon does not understand, or `Interrupted`. */
export function readStream(answer: StreamAnswer, url: URL, user: string | undefined): Readable {
  const { status, headers, body, stream } = answer;
  checkLetIn(answer, url, user);
  if (stream && EVENT_STREAM.test(headers['content-type'] ?? '')) return stream;
  stream?.destroy();
  if (status === 400 && headers[ID_HEADER] !== undefined)
    throw new RefusedCall(BAD_PARAMETERS, body.toString().trim());
  if (status >= 500) throw unreadable(problemOf(answer));
  if (status >= 300 && status < 400) throw elsewhere(answer, url);
  throw notLockd(url, stream ? 'what comes from /events are no events' : problemOf(answer));
}

/** Another one has it: the leader of the cluster, perhaps; nobody follows an answer anywhere else. */
function elsewhere(answer: HttpAnswer, url: URL): Error {
  const leader = leaderIn(answer);
  if (leader === undefined) return redirects(url, answer.headers.location ?? 'nowhere');
  const text = notLeaderText({ member: urlText(url), leader });
  return new RefusedCall(REFUSALS.unavailable.code, text, false, leader);
}

/** Where the leader is, as a member says that does not lead; undefined for what is no address of a daemon. */
function leaderIn({ headers }: HttpAnswer): string | undefined {
  const leader = headers[LEADER_HEADER];
  if (typeof leader !== 'string' || !/^https?:\/\/[^@]+$/.test(leader) || !URL.canParse(leader))
    return undefined;
  return leader;
}

function isHealth(value: unknown): value is Health {
  if (typeof value !== 'object' || value === null || !('status' in value) || !('problems' in value))
    return false;
  const { status, problems } = value;
  if (status !== 'ok' && status !== 'degraded') return false;
  return Array.isArray(problems) && problems.every((problem) => typeof problem === 'string');
}

function parse(body: Buffer, charset: string | undefined) {
  try {
    return parseResponse(body, charset);
  } catch (error) {
    throw unreadable(`it cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function unreadable(problem: string): Interrupted {
  return new Interrupted(true, UNREADABLE, new Error(problem));
}

function problemOf({ status, body }: HttpAnswer): string {
  return `HTTP status ${status}${firstWords(body)}`;
}

/** The beginning of an error page, where it is plain words. */
function firstWords(body: Buffer): string {
  const text = body.subarray(0, 300).toString().replace(/\s+/g, ' ').trim();
  return text === '' || text.startsWith('<') ? '' : `: ${text}`;
}
