/** The addresses of daemons, and who calls there where an address says it. */
import { Credentials } from './credentials.js';

/** Addresses of one cluster. */
export interface Addresses {
  /** Without the credentials that stood in them. */
  readonly urls: readonly [URL, ...URL[]];
  readonly credentials?: Credentials;
}

/** As it is written: a parser of URLs also takes other forms, drops tabs, and takes a backslash for a slash. */
const FORM = /^(?:https?:\/\/(?!:?@)[^\s\\]+|unix:[^?#]+|open:\/\/)$/;

/** As the address of a socket has no host, and the daemon wants to be called by one. */
const SOCKET_HOST = 'localhost';

/**
 * Reads the addresses of one cluster, separated by commas: `http://HOST:PORT` or `https://HOST:PORT`, with or without a
 * path, and with `USER:SECRET@` before the host at all of them or at none; `unix:PATH`; or `open://` alone. What is special
 * in a URL stands as `%XX`. Throws an Error with a phrase that names no secret: `must ...`.
 */
export function readDaemonUrls(text: string): Addresses {
  // A comma may be one in a secret that was not written as %2C: then no part of it is shown.
  const quoted = mayHaveCredentials(text) ? hidden : shown;
  const [first = '', ...others] = text.split(',').map((part) => part.trim());
  const read: [Address, ...Address[]] = [
    readDaemonUrl(first, quoted),
    ...others.map((other) => readDaemonUrl(other, quoted)),
  ];
  if (read.length > 1 && read.some(({ url }) => isOpen(url)))
    throw new Error('must not name open:// beside other addresses');
  const [{ credentials }, ...more] = read;
  if (!more.every((one) => isSame(one.credentials, credentials)))
    throw new Error('must name the same user and secret with every address of a cluster, or with none');
  const urls: [URL, ...URL[]] = [read[0].url, ...more.map(({ url }) => url)];
  return { urls, ...(credentials ? { credentials } : {}) };
}

/** Whether there may be a user or a secret in these addresses, which need not be any. */
export function mayHaveCredentials(text: string): boolean {
  return text.includes('@');
}

/** The addresses without users and secrets; undefined where they cannot be read and may have some. */
export function withoutCredentials(text: string): string | undefined {
  if (!mayHaveCredentials(text)) return text;
  try {
    return readDaemonUrls(text).urls.map(urlText).join(',');
  } catch {
    return undefined;
  }
}

/** Whether this is `open://`, and no daemon. */
export function isOpen(url: URL): boolean {
  return url.href === 'open://';
}

/** The path of the Unix socket that this is; undefined for other addresses. */
export function socketPath(url: URL): string | undefined {
  return url.protocol === 'unix:' ? decoded(url.pathname) : undefined;
}

/** The address of a page of the daemon, of `/` itself when it is empty; for a socket as if it were a host. */
export function pageUrl(url: URL, page: string): URL {
  return new URL(page, url.protocol === 'unix:' ? `http://${SOCKET_HOST}/` : url);
}

/** The address as people write it: without the slash at its end. */
export function urlText(url: URL): string {
  return isOpen(url) ? url.href : url.href.replace(/\/$/, '');
}

interface Address {
  readonly url: URL;
  readonly credentials?: Credentials;
}

/** Says in an error what was given instead. */
type Quoted = (text: string) => string;

function readDaemonUrl(text: string, quoted: Quoted): Address {
  const isFormed = FORM.test(text.replace(/^https?:/i, (scheme) => scheme.toLowerCase()));
  const url = isFormed && URL.canParse(text) ? new URL(text) : undefined;
  if (url && isOpen(url)) return { url };
  if (!url || !isDaemon(url)) throw new Error(`must be like http://127.0.0.1:7420${quoted(text)}`);
  const { search, hash } = url;
  if (search !== '' || hash !== '') throw new Error(`must end with its path${quoted(`${search}${hash}`)}`);
  const [user, secret] = [decoded(url.username), decoded(url.password)];
  url.username = '';
  url.password = '';
  return user === '' && secret === '' ? { url } : { url, credentials: new Credentials(user, secret) };
}

function isDaemon({ protocol, hostname, pathname }: URL): boolean {
  if (protocol === 'unix:') return hostname === '' && pathname !== '' && !pathname.startsWith('//');
  return (protocol === 'http:' || protocol === 'https:') && hostname !== '';
}

function shown(text: string): string {
  return `, not '${text}'`;
}

function hidden(): string {
  return ', or http://USER:SECRET@HOST:PORT, with %XX for whatever is special in the secret';
}

function isSame(one: Credentials | undefined, other: Credentials | undefined): boolean {
  return one === undefined || other === undefined ? one === other : one.equals(other);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
