/** The options of a client: their defaults, and what is wrong with them. */
import type { Agent } from 'node:http';
import { Caller } from './caller.js';
import type { Calls } from './calls.js';
import { Credentials } from './credentials.js';
import { type Addresses, isOpen, readDaemonUrls } from './daemon-url.js';
import { fromEnvironment } from './environment.js';
import { OpenCalls } from './open-calls.js';
import type { ClientPorts } from './ports.js';
import { listedRetries, type RetryOptions, retriesOf } from './retry.js';
import { crc32Shard, type ShardOf, Shards } from './shards.js';
import { connectionOptions, type TlsOptions } from './tls-options.js';

/**
 * An address, `http://HOST:PORT`, `https://HOST:PORT`, `unix:PATH` or `open://`; a text may name several of one cluster,
 * separated by commas. `USER:SECRET@` before the host says who calls, with `%XX` for what is special in a URL.
 */
export type Address = string | URL;

export interface LockdClientOptions {
  /**
   * Where the daemon is. When nothing names one, the environment says it all: LOCKD_URL, or else `http://127.0.0.1:7420`,
   * LOCKD_USER with LOCKD_SECRET_FILE, and LOCKD_CA, LOCKD_CERT and LOCKD_KEY (names of files).
   */
  readonly url?: Address;
  /** Addresses of one cluster, tried in turn. */
  readonly urls?: readonly Address[];
  /** Independent daemons, each with its own part of the resources; several addresses of one are an array, or a list. */
  readonly shards?: readonly (Address | readonly Address[])[];
  /** Which shard has a resource; CRC-32 of its name modulo their number when absent. */
  readonly shardOf?: ShardOf;
  /** As which user of the daemon to call, where no address says it; with `secret`. */
  readonly user?: string;
  /** The user's. It is shown nowhere. */
  readonly secret?: string;
  /** For addresses of `https:`. */
  readonly tls?: TlsOptions;
  /** Who locks; `user@host:pid-random` when absent, with the user of the daemon and a slash before it. */
  readonly client?: string;
  /** Stands before the name of every resource that a method is given. Answers name resources with it. */
  readonly prefix?: string;
  /** Seconds for an answer once the connection stands, beyond what the call waits in the line; 10 when absent. */
  readonly timeout?: number;
  /** Seconds to connect; 10 when absent. */
  readonly connectTimeout?: number;
  readonly retry?: RetryOptions;
  /** At which share of its ttl a held lock is renewed, above 0 and at most 0.8; 1/3 when absent. */
  readonly renewRatio?: number;
  /** Sent with every request. What signs in there is not known here: name the client too. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Makes the connections, instead of one that keeps them open; with its own `tls`. `close` does not close it. */
  readonly agent?: Agent;
  /** Ends calls and waits, which then reject with its reason. Held locks go on, so that they can be given back. */
  readonly signal?: AbortSignal;
  /** The same as `timeout`. */
  readonly timeoutSeconds?: number;
  /** Seconds before each further try, instead of `retry`. */
  readonly retryPausesSeconds?: readonly number[];
}

/** The options as the client uses them. */
export interface Settings {
  readonly shards: Shards;
  /** As which user it calls the first daemon. */
  readonly user: string | undefined;
  readonly prefix: string;
  readonly timeoutSeconds: number;
  readonly renewRatio: number;
  /** Seconds between two tries to come back to a place in the line. */
  readonly returnSeconds: number;
  readonly signal: AbortSignal | undefined;
}

const DEFAULT_URL = 'http://127.0.0.1:7420';

/** Throws an Error that names the option which makes no sense. */
export function settingsOf(given: LockdClientOptions, ports: ClientPorts): Settings {
  const options = withEnvironment(given);
  const { timeout = options.timeoutSeconds ?? 10, connectTimeout = 10, renewRatio = 1 / 3 } = options;
  checkNumber('timeout', timeout, 0, 3_600);
  checkNumber('connectTimeout', connectTimeout, 0, 3_600);
  checkNumber('renewRatio', renewRatio, 0, 0.8);
  const { retry = {}, retryPausesSeconds, shardOf = crc32Shard, headers, agent } = options;
  const retries = retryPausesSeconds
    ? listedRetries(retryPausesSeconds)
    : retriesOf(retry, () => ports.random());
  const tls = connectionOptionsOf(options);
  const callsOf = ({ urls, credentials }: Addresses): Calls =>
    urls.some(isOpen)
      ? new OpenCalls(urls[0])
      : new Caller({
          urls,
          credentials,
          tls,
          connectSeconds: connectTimeout,
          timeoutSeconds: timeout,
          retries,
          ports,
          ...(headers ? { headers } : {}),
          ...(agent ? { agent } : {}),
        });
  const [first, ...others] = clustersOf(options);
  return {
    user: first.credentials?.user,
    shards: new Shards([callsOf(first), ...others.map(callsOf)], shardOf),
    prefix: options.prefix ?? '',
    timeoutSeconds: timeout,
    renewRatio,
    returnSeconds: Math.min(1, retries.pause(1) ?? 1),
    signal: options.signal,
  };
}

/** The options, with what the environment says where they name no daemon. */
function withEnvironment(options: LockdClientOptions): LockdClientOptions {
  if (options.url ?? options.urls ?? options.shards) return options;
  const { user, secret, tls, ...rest } = fromEnvironment(process.env);
  // A name and a secret from two places would not go together.
  const isNamed = options.user !== undefined || options.secret !== undefined;
  const signIn = isNamed || user === undefined || secret === undefined ? {} : { user, secret };
  return { ...rest, ...signIn, ...(tls && !options.agent ? { tls } : {}), ...options };
}

/** The addresses of each cluster, and who calls there. */
function clustersOf(options: LockdClientOptions): [Addresses, ...Addresses[]] {
  const { url, urls, shards } = options;
  const given = [url, urls, shards].filter((option) => option !== undefined);
  if (given.length > 1)
    throw new Error('url, urls and shards exclude each other: name the daemons by one of them');
  const read = (option: string, addresses: Address | readonly Address[]) =>
    withCredentials(option, readAddresses(option, addresses), options);
  if (shards) {
    const [first, ...others] = shards;
    if (first === undefined) throw new Error('shards must name at least one daemon');
    return [read('shards', first), ...others.map((one) => read('shards', one))];
  }
  return [urls ? read('urls', urls) : read('url', url ?? DEFAULT_URL)];
}

function readAddresses(option: string, addresses: Address | readonly Address[]): Addresses {
  return named(option, () =>
    readDaemonUrls(Array.isArray(addresses) ? addresses.join(',') : String(addresses)),
  );
}

function withCredentials(
  option: string,
  addresses: Addresses,
  { user, secret }: LockdClientOptions,
): Addresses {
  if (user === undefined && secret === undefined) return addresses;
  if (addresses.credentials)
    throw new Error(`${option} must name no user and secret besides those of user and secret`);
  if (user === undefined || secret === undefined)
    throw new Error('user and secret belong together: give both, or none');
  return { ...addresses, credentials: named('user', () => new Credentials(user, secret)) };
}

function connectionOptionsOf({ tls, agent }: LockdClientOptions) {
  if (tls && agent) throw new Error('tls and agent exclude each other: give the agent what is in tls');
  try {
    return connectionOptions(tls ?? {});
  } catch (error) {
    throw new Error(`tls.${(error as Error).message}`);
  }
}

/** What `read` answers; where it throws a phrase, an Error with the name of the option before it. */
function named<T>(option: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new Error(`${option} ${error instanceof Error ? error.message : String(error)}`);
  }
}

function checkNumber(option: string, value: number, above: number, atMost: number): void {
  if (value > above && value <= atMost) return;
  throw new RangeError(`${option} must be above ${above} and at most ${atMost}, not ${value}`);
}
