/**
 * What a request must be before its body is read: a table of paths and methods, then the headers of an XML-RPC call. It
 * looks at the head of the request only, and answers nothing itself.
 */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { isOfAnotherSite } from './browsers.js';
import type { ClientName } from './client-files.js';
import type { Transport } from './connections.js';
import { type AcceptedHosts, readHost } from './hosts.js';
import { MAX_HEADERS } from './limits.js';
import type { Problem } from './problems.js';

/** A call whose body may be read. */
export interface CallRequest {
  readonly page: 'call';
  /** Of the Content-Type, in lower case. */
  readonly charset: string | undefined;
}

/** A question for the daemon's health. */
export interface HealthRequest {
  readonly page: 'health';
}

/** Somebody wants a client to run. */
export interface ClientRequest {
  readonly page: 'client';
  readonly file: ClientName;
}

/** A page that is only read. */
type ReadRequest = HealthRequest | ClientRequest;

const CALL_METHODS = ['POST'];
const READ_METHODS = ['GET', 'HEAD'];

const PAGES: ReadonlyMap<string, 'call' | ReadRequest> = new Map<string, 'call' | ReadRequest>([
  ['/', 'call'],
  ['/RPC2', 'call'],
  ['/healthz', { page: 'health' }],
  ['/lockd.py', { page: 'client', file: 'lockd.py' }],
  ['/lockd.sh', { page: 'client', file: 'lockd.sh' }],
]);

/** What the checks go by. */
export interface RequestRules {
  readonly maxBodyBytes: number;
  readonly hosts: AcceptedHosts;
}

/** What the request asks for, or why it is refused. `transport`: on what it came. */
export function checkRequest(
  request: IncomingMessage,
  { maxBodyBytes, hosts }: RequestRules,
  transport: Transport,
): CallRequest | ReadRequest | Problem {
  const problem = checkMessage(request) ?? checkSender(request, hosts, transport);
  if (problem) return problem;
  const page = PAGES.get(pathOf(request.url ?? ''));
  if (!page) return { name: 'unknownPath' };
  const methods = page === 'call' ? CALL_METHODS : READ_METHODS;
  if (!methods.includes(request.method ?? '')) return { name: 'wrongMethod', detail: methods.join(', ') };
  return page === 'call' ? checkCall(request.headers, maxBodyBytes) : page;
}

/** What Node lets pass although it is no HTTP/1.1, or too much. */
function checkMessage(request: IncomingMessage): Problem | undefined {
  const { httpVersionMajor, httpVersionMinor, rawHeaders } = request;
  if (rawHeaders.length > 2 * MAX_HEADERS) return { name: 'tooManyHeaders' };
  if (httpVersionMajor !== 1) return { name: 'malformed', detail: 'it is of another version' };
  if (httpVersionMinor === 1 && request.headers.host === undefined) {
    return { name: 'malformed', detail: 'it has no Host header' };
  }
  if (hasTwoHosts(rawHeaders)) return { name: 'malformed', detail: 'it has two Host headers' };
  return undefined;
}

/** Node shows the first one only. */
function hasTwoHosts(rawHeaders: readonly string[]): boolean {
  let count = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    if (name.length === 'host'.length && name.toLowerCase() === 'host') count += 1;
  }
  return count > 1;
}

/** Whether whoever made this request meant this daemon. No name leads to a Unix socket, so that any will do there. */
function checkSender(
  { headers, method }: IncomingMessage,
  hosts: AcceptedHosts,
  transport: Transport,
): Problem | undefined {
  const host = headers.host === undefined ? undefined : readHost(headers.host);
  if (headers.host && !host) return { name: 'malformed', detail: 'its Host header names no host' };
  if (transport !== 'unix' && headers.host !== undefined) {
    if (!host) return { name: 'malformed', detail: 'its Host header is empty' };
    if (!hosts.accepts(host)) return { name: 'foreignHost', detail: host.name };
  }
  return isOfAnotherSite(method, headers, host, transport === 'tls') ? { name: 'foreignPage' } : undefined;
}

const ORIGIN_OF_ABSOLUTE_URL = /^https?:\/\/[^/?]*/i;

/** A query is no part of XML-RPC and is ignored; whole URLs are as good as paths (RFC 9112, 3.2.2). */
function pathOf(target: string): string {
  if (PAGES.has(target)) return target;
  const path = target.replace(ORIGIN_OF_ABSOLUTE_URL, '').replace(/\?.*$/, '');
  return path === '' ? '/' : path;
}

function checkCall(headers: IncomingHttpHeaders, maxBodyBytes: number): CallRequest | Problem {
  const coding = headers['transfer-encoding'];
  const length = headers['content-length'];
  if (coding !== undefined && coding.toLowerCase() !== 'chunked') return { name: 'transferCoding' };
  if (coding === undefined && length === undefined) return { name: 'noLength' };
  if (Number(length) > maxBodyBytes) return { name: 'tooLarge' };
  if ((headers['content-encoding'] ?? 'identity').toLowerCase() !== 'identity') {
    return { name: 'contentEncoding' };
  }
  return checkContentType(headers['content-type'] ?? '');
}

const XML_TYPES: ReadonlySet<string> = new Set(['text/xml', 'application/xml']);

/** The three encodings that are read, under the names that clients use for them. */
const CHARSETS: ReadonlySet<string> = new Set([
  ...['utf-8', 'utf8'],
  ...['us-ascii', 'ascii'],
  ...['iso-8859-1', 'iso_8859-1', 'iso8859-1', 'latin1'],
]);

const CHARSET_PARAMETER = /^\s*charset\s*=\s*(?:"([^"]*)"|([^\s"]*))\s*$/i;

function checkContentType(contentType: string): CallRequest | Problem {
  const [type = '', ...parameters] = contentType.split(';');
  if (!XML_TYPES.has(type.trim().toLowerCase())) return { name: 'contentType' };
  for (const parameter of parameters) {
    const [, quoted, plain] = CHARSET_PARAMETER.exec(parameter) ?? [];
    const charset = (quoted ?? plain)?.toLowerCase();
    if (charset !== undefined) return CHARSETS.has(charset) ? { page: 'call', charset } : { name: 'charset' };
  }
  return { page: 'call', charset: undefined };
}
