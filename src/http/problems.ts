/**
 * The table of HTTP statuses for requests that are no XML-RPC at all: what is wrong, and what to send instead. What is
 * wrong inside an XML-RPC call is no matter of HTTP: that is a fault, answered with status 200.
 */
import { MAX_HEADER_BYTES, MAX_HEADERS } from './limits.js';

/** What the texts need to know. */
export interface ProblemFacts {
  readonly maxBodyBytes: number;
  /** Milliseconds. */
  readonly requestMs: number;
  /** The headers of every answer. */
  readonly common: readonly string[];
}

interface ProblemRow {
  readonly status: number;
  /** @param detail what `Problem.detail` says. */
  text(facts: ProblemFacts, detail: string): string;
}

/** For what is no document of the page, but of the same origin: it runs nothing, and is shown in no frame. */
export const NOTHING_RUNS = "default-src 'none'; frame-ancestors 'none'";

/** Asks for HTTP Basic (RFC 7617), which every client knows; Bearer is taken too. */
const CHALLENGE = 'Basic realm="lockd", charset="UTF-8"';

export const PROBLEMS = {
  leaderElsewhere: { status: 307, text: (_, problem) => problem },
  malformed: { status: 400, text: (_, reason) => `This is no HTTP/1.1 request: ${reason}` },
  badQuery: { status: 400, text: (_, problem) => problem },
  plainHttp: { status: 400, text: () => 'Only TLS is spoken here: call https://, not http://' },
  noCredentials: {
    status: 401,
    text: () =>
      'Sign in with a user and its secret: by HTTP Basic, as with http://USER:SECRET@HOST, or with Authorization: Bearer SECRET',
  },
  wrongCredentials: {
    status: 401,
    text: () =>
      'This user and its secret are not known here. Look for a slip, or ask for a new secret (lockd user add)',
  },
  foreignPage: {
    status: 403,
    text: () =>
      'A page of another site made a browser send this. Programs that send neither Origin nor Sec-Fetch-Site may call, ' +
      'and pages of this very address',
  },
  noCertificate: {
    status: 403,
    text: (_, reason) =>
      `Show a client certificate that the authority of --tls-client-ca has signed: ${reason}`,
  },
  unknownPath: {
    status: 404,
    text: () =>
      'There is nothing here: open / in a browser, send XML-RPC calls to / or /RPC2, GET /healthz or /readyz to ask how it is, ' +
      'GET /events to be told what happens, GET /metrics for Prometheus, and GET /lockd.py or /lockd.sh for a client',
  },
  missingClient: {
    status: 404,
    text: (_, name) =>
      `This daemon cannot hand out ${name}: its installation lacks clients/${name}. Install lockd again there`,
  },
  missingPage: {
    status: 404,
    text: (_, name) =>
      `The web page is not there: this installation lacks dist/page/${name}. Run npm run build in it, or install lockd ` +
      'again. Everything else works: calls by POST, and all commands',
  },
  wrongMethod: { status: 405, text: (_, allow) => `Send ${allow}: this path takes nothing else` },
  tooSlow: {
    status: 408,
    text: ({ requestMs }) => `Send the whole request within ${requestMs / 1_000} s`,
  },
  noLength: { status: 411, text: () => 'Send Content-Length, or Transfer-Encoding: chunked' },
  tooLarge: {
    status: 413,
    text: ({ maxBodyBytes }) => `Send at most ${maxBodyBytes.toLocaleString('en')} bytes of body`,
  },
  contentType: { status: 415, text: () => 'Send Content-Type: text/xml' },
  charset: {
    status: 415,
    text: () => 'Send Content-Type: text/xml; charset=utf-8 (us-ascii and iso-8859-1 are read too)',
  },
  contentEncoding: { status: 415, text: () => 'Send the body as it is, without Content-Encoding' },
  foreignHost: {
    status: 421,
    text: (_, name) =>
      `This daemon is not called '${name}': call it by its IP address, or start it with --allow-host ${name}`,
  },
  expectation: { status: 417, text: () => 'Send Expect: 100-continue, or no Expect at all' },
  tooManyHeaders: { status: 431, text: () => `Send at most ${MAX_HEADERS} headers` },
  longHeaders: {
    status: 431,
    text: () => `Send at most ${MAX_HEADER_BYTES.toLocaleString('en')} bytes of headers`,
  },
  transferCoding: { status: 501, text: () => 'Send Transfer-Encoding: chunked, or Content-Length' },
  noLeader: { status: 503, text: (_, problem) => problem },
  tooManyConnections: {
    status: 503,
    text: (_, max) =>
      `There are ${max} connections, the most allowed (--max-connections): come again later, and keep fewer of your own`,
  },
} as const satisfies Readonly<Record<string, ProblemRow>>;

export type ProblemName = keyof typeof PROBLEMS;

/** Why a request is refused before it is looked into. */
export interface Problem {
  readonly name: ProblemName;
  /**
   * For `malformed` and `noCertificate` the reason, for `badQuery`, `leaderElsewhere` and `noLeader` the whole text, for `wrongMethod` the methods allowed, for `missingClient` and
   * `missingPage` the file, for `foreignHost` the name, for `tooManyConnections` their number.
   */
  readonly detail?: string;
  /** For `leaderElsewhere`: what to ask for instead, a URL. */
  readonly location?: string;
}

/** There may be thousands of these: that the limit was reached is told once, and who leads is told by the one that does. */
const UNTOLD: ReadonlySet<ProblemName> = new Set(['tooManyConnections', 'leaderElsewhere', 'noLeader']);

/** Whether it is worth a line in the log, and is counted. */
export function isTold({ name }: Problem): boolean {
  return !UNTOLD.has(name);
}

/** The answer to a refused request: its status, flat list of headers, and body. The connection ends with it. */
export interface ProblemAnswer {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: string;
}

/** What is answered to a problem. */
export function problemAnswer(problem: Problem, facts: ProblemFacts): ProblemAnswer {
  const row: ProblemRow = PROBLEMS[problem.name];
  const detail = problem.detail ?? '';
  const body = `${row.text(facts, detail)}\n`;
  const headers = [
    ...facts.common,
    ...['Content-Type', 'text/plain; charset=utf-8'],
    ...['Content-Length', String(Buffer.byteLength(body))],
    ...['X-Content-Type-Options', 'nosniff'],
    ...['Content-Security-Policy', NOTHING_RUNS],
    ...['Connection', 'close'],
    ...(problem.name === 'wrongMethod' ? ['Allow', detail] : []),
    ...(problem.location === undefined ? [] : ['Location', problem.location]),
    ...(problem.name === 'noLeader' ? ['Retry-After', '1'] : []),
    ...(row.status === 401 ? ['WWW-Authenticate', CHALLENGE] : []),
  ];
  return { status: row.status, headers, body };
}
