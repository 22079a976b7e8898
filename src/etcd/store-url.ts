/** The address of a prefix in etcd, as `--store` has it. */

/** Where what is locked is kept. */
export interface StoreUrl {
  /** As people write it: `etcd://a:2379,b:2379/lockd`. There is no secret in it. */
  readonly text: string;
  /** Without a path: `http://a:2379/`. At least one. */
  readonly endpoints: readonly URL[];
  /** What all keys begin with: `/lockd`, without a slash at its end. */
  readonly prefix: string;
  /** Who we are at etcd, where that asks. */
  readonly user?: string;
  /** Whether connections are encrypted: `etcds://`. */
  readonly encrypts: boolean;
}

const FORM = /^(etcds?):\/\/(?:([^@/\s]*)@)?([^@/\s]+)(\/.*)$/;

/** A name, an IPv4 address, or an IPv6 address in brackets; with or without a port. */
const ENDPOINT = /^(?:[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i;

/** Where etcd listens for clients unless told otherwise. */
const DEFAULT_PORT = '2379';

/** What stands in keys as it is, so that a prefix is read and typed as it is written. */
const PREFIX = /^(?:\/[\w.~-]+)+$/;

/** It stands in each of the 128 keys of a transaction, which has its limits. */
const MAX_PREFIX_LENGTH = 200;

/** Keys of other prefixes must not be among ours, which are dropped by ranges. */
const OUR_RANGES = /\/(?:record|history)(?:\/|$)/;

/** Reads `etcd://[USER@]HOST[:PORT][,HOST[:PORT]...]/PREFIX`. Throws an Error that says what is wrong, and names no secret. */
export function readStoreUrl(text: string): StoreUrl {
  const [, scheme, user, hosts = '', path = ''] = FORM.exec(text) ?? [];
  // A slash in a password would end the host: whatever stands before an @ is quoted nowhere.
  if (user?.includes(':') || path.includes('@')) {
    throw wrong('a password has no place in it, where others can read it; give it with --store-secret-file');
  }
  if (scheme === undefined) throw wrong(text.includes('@') ? 'it is something else' : `it is '${text}'`);
  const encrypts = scheme === 'etcds';
  const endpoints = hosts.split(',').map((host) => endpointOf(host, encrypts));
  const seen = endpoints.find((one, index) => endpoints.findIndex(({ href }) => href === one.href) < index);
  if (seen) throw wrong(`it names ${seen.host} twice`);
  const prefix = checkPrefix(path.replace(/\/$/, ''));
  const named = user === undefined ? {} : { user: readUser(user) };
  return {
    text: `${scheme}://${endpoints.map(({ host }) => host).join(',')}${prefix}`,
    endpoints,
    prefix,
    encrypts,
    ...named,
  };
}

function endpointOf(host: string, encrypts: boolean): URL {
  const port = /:\d+$/.test(host) ? '' : `:${DEFAULT_PORT}`;
  const url = `${encrypts ? 'https' : 'http'}://${host}${port}`;
  if (!ENDPOINT.test(host) || !URL.canParse(url) || new URL(url).port === '0') {
    throw wrong(`'${host}' is no HOST or HOST:PORT`);
  }
  return new URL(url);
}

function checkPrefix(prefix: string): string {
  if (!PREFIX.test(prefix)) {
    throw wrong(
      `its PREFIX is '${prefix}', and takes letters, digits and . _ ~ - between slashes, as in /lockd`,
    );
  }
  if (prefix.length > MAX_PREFIX_LENGTH) {
    throw wrong(`its PREFIX has ${prefix.length} characters, and takes ${MAX_PREFIX_LENGTH}`);
  }
  if (OUR_RANGES.test(prefix)) {
    throw wrong("no part of its PREFIX may be 'record' or 'history', where a lockd keeps what is its own");
  }
  return prefix;
}

function readUser(user: string): string {
  try {
    const name = decodeURIComponent(user);
    if (name !== '') return name;
  } catch {
    // Said below.
  }
  throw wrong('its USER cannot be read; what is special in a URL is written as %XX');
}

function wrong(problem: string): Error {
  return new Error(`--store must be like etcd://etcd-1:2379,etcd-2:2379/lockd: ${problem}`);
}
