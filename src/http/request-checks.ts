/**
 * What a request must be before its body is read: a path that there is, a method that it takes, then the headers of an
 * XML-RPC call. It looks at the head of the request only, and answers nothing itself.
 */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { isOfAnotherSite } from './browsers.js';
import type { Transport } from './connections.js';
import { type AcceptedHosts, readHost } from './hosts.js';
import { MAX_HEADERS } from './limits.js';
import type { Problem } from './problems.js';
import type { Page, Pages } from './visit.js';

/** A call whose body may be read. */
export interface CallRequest {
  readonly kind: 'call';
  /** Of the Content-Type, in lower case. */
  readonly charset: string | undefined;
}

/** Somebody reads a page. */
export interface PageRequest {
  readonly kind: 'page';
  readonly page: Page;
}

const CALL_METHODS = ['POST'];
const PAGE_METHODS = ['GET', 'HEAD'];

/** Where calls are taken; a page may have the same path. */
const CALL_PATHS: ReadonlySet<string> = new Set(['/', '/RPC2']);

/** What the checks go by. */
export interface RequestRules {
  readonly maxBodyBytes: number;
  readonly hosts: AcceptedHosts;
  readonly pages: Pages;
}

/** What the request asks for, or why it is refused. `transport`: on what it came. */
export function checkRequest(
  request: IncomingMessage,
  { maxBodyBytes, hosts, pages }: RequestRules,
  transport: Transport,
): CallRequest | PageRequest | Problem {
  const problem = checkMessage(request) ?? checkSender(request, hosts, transport);
  if (problem) return problem;
  const method = request.method ?? '';
  const path = pathOf(request.url ?? '');
  const takesCalls = CALL_PATHS.has(path);
  if (takesCalls && CALL_METHODS.includes(method)) return checkCall(request.headers, maxBodyBytes);
  const page = pages.get(path);
  if (page && PAGE_METHODS.includes(method)) return { kind: 'page', page };
  const allowed = [...(page ? PAGE_METHODS : []), ...(takesCalls ? CALL_METHODS : [])];
  if (allowed.length === 0) return { name: 'unknownPath' };
  return { name: 'wrongMethod', detail: allowed.join(', ') };
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

/** Without the query, which is no part of XML-RPC; whole URLs are as good as paths (RFC 9112, 3.2.2). */
export function pathOf(target: string): string {
  if (CALL_PATHS.has(target)) return target;
  const path = target.replace(ORIGIN_OF_ABSOLUTE_URL, '').replace(/\?.*$/, '');
  return path === '' ? '/' : path;
}

/** What stands behind the path, with its question mark; empty where there is nothing. */
export function queryOf(target: string): string {
  const start = target.indexOf('?');
  return start < 0 ? '' : target.slice(start);
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
    if (charset !== undefined) return CHARSETS.has(charset) ? { kind: 'call', charset } : { name: 'charset' };
  }
  return { kind: 'call', charset: undefined };
}
