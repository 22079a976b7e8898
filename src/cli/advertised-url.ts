/** Where the members of a cluster say that each of them is called. */
import { isIP } from 'node:net';
import { addressText, isLoopback, isSocketAddress, type ListenAddress } from '../http/addresses.js';
import { UsageError } from './usage-error.js';

/** What the daemon was told of where it is. */
export interface Whereabouts {
  readonly advertiseUrl: string | undefined;
  readonly listen: readonly ListenAddress[];
  /** Whether it speaks TLS. */
  readonly encrypts: boolean;
}

/** What else a parser of URLs takes: tabs, a backslash for a slash, a user, a query. */
const FORM = /^https?:\/\/[^\s\\@?#]+$/i;

/** As the listening ones are written, and as URLs have them. */
const EVERYWHERE: ReadonlySet<string> = new Set(['0.0.0.0', '::', '[::]']);

/**
 * The URL under which clients reach the daemon, without a slash at its end: as it was given, or else the only address it
 * listens at for other machines. Throws `UsageError` where neither says it.
 */
export function advertisedUrl({ advertiseUrl, listen, encrypts }: Whereabouts): string {
  if (advertiseUrl !== undefined) return readUrl(advertiseUrl);
  const reachable = listen.filter((address) => !isLoopback(address));
  const [only] = reachable;
  const doubt = doubtOf(reachable);
  if (only && doubt === undefined) return `${encrypts ? 'https' : 'http'}://${addressText(only)}`;
  throw new UsageError(
    `--store takes --advertise-url URL, where clients reach this daemon, as in http://lock-a.example.org:7420: ${doubt}`,
  );
}

/** Why it is not plain how the daemon is called. */
function doubtOf(reachable: readonly ListenAddress[]): string | undefined {
  const [only, ...others] = reachable;
  if (!only || isSocketAddress(only)) return 'by --listen no other machine can reach it';
  if (others.length > 0) return `--listen names several addresses (${reachable.map(addressText).join(', ')})`;
  if (EVERYWHERE.has(only.host))
    return `--listen ${addressText(only)} stands for every address of this machine`;
  if (only.port === 0) return `--listen ${addressText(only)} takes any port`;
  return undefined;
}

/** The host of the URL, as a Host header names it: without brackets. */
export function hostOf(url: string): string {
  return new URL(url).hostname.replace(/^\[|\]$/g, '');
}

function readUrl(given: string): string {
  const url = FORM.test(given) && URL.canParse(given) ? new URL(given) : undefined;
  if (!url || url.port === '0') {
    // What stands before an @ may be a secret.
    const quoted = given.includes('@') ? '' : `; it is '${given}'`;
    throw new UsageError(
      `--advertise-url must be like http://lock-a.example.org:7420: http or https, a host, no user, no query${quoted}`,
    );
  }
  const host = hostOf(url.href);
  if (isIP(host) !== 0 && EVERYWHERE.has(host)) {
    throw new UsageError(`--advertise-url ${given} names no machine: give a name or an address of this one`);
  }
  return url.href.replace(/\/+$/, '');
}
