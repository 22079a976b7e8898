/**
 * Keeps the pages of other sites from calling the daemon through the browser of somebody who can reach it. Programs send none
 * of these headers, and browsers let no page change them. Nothing here ever allows a page to read more than it may anyway.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Host } from './hosts.js';

/** Whether a page of another site made a browser send this. `encrypted`: it came by TLS. */
export function isOfAnotherSite(
  method: string | undefined,
  headers: IncomingHttpHeaders,
  host: Host | undefined,
  encrypted: boolean,
): boolean {
  const { origin } = headers;
  if (origin !== undefined && !isOriginOf(origin, host, encrypted)) return true;
  const site = headers['sec-fetch-site'];
  if (site === undefined || site === 'same-origin' || site === 'none') return false;
  // A link from elsewhere may lead here; it only shows a page to who follows it.
  return method === 'POST' || headers['sec-fetch-mode'] !== 'navigate';
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };

/** Behind a proxy that speaks TLS for us, a page of `https:` sends what arrives here without it. */
function isOriginOf(origin: string, host: Host | undefined, encrypted: boolean): boolean {
  if (!host || !URL.canParse(origin)) return false;
  const { protocol, hostname, port } = new URL(origin);
  const defaultPort = DEFAULT_PORTS[protocol];
  if (defaultPort === undefined || (encrypted && protocol !== 'https:')) return false;
  const name = hostname.replace(/^\[|\]$/g, '');
  return name === host.name && Number(port || defaultPort) === (host.port ?? defaultPort);
}
