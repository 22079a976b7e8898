/** The options of a client: their defaults, and what is wrong with them. */
import type { Agent } from 'node:http';
import { Caller, type Calls } from './caller.js';
import { isOpen, readDaemonUrls } from './daemon-url.js';
import { OpenCalls } from './open-calls.js';
import { pausesOf, type RetryOptions } from './retry.js';
import { crc32Shard, type ShardOf, Shards } from './shards.js';

/** An address, `http://HOST:PORT` or `open://`; a text may name several of one cluster, separated by commas. */
export type Address = string | URL;

export interface LockdClientOptions {
  /** Where the daemon is; the variable LOCKD_URL, or else `http://127.0.0.1:7420`, when nothing names one. */
  readonly url?: Address;
  /** Addresses of one cluster, tried in turn. */
  readonly urls?: readonly Address[];
  /** Independent daemons, each with its own part of the resources; several addresses of one are an array, or a list. */
  readonly shards?: readonly (Address | readonly Address[])[];
  /** Which shard has a resource; CRC-32 of its name modulo their number when absent. */
  readonly shardOf?: ShardOf;
  /** Who locks; `user@host:pid-random` when absent. */
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
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Makes the connections, instead of one that keeps them open. `close` does not close it. */
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
  readonly prefix: string;
  readonly timeoutSeconds: number;
  readonly renewRatio: number;
  /** Seconds between two tries to come back to a place in the line. */
  readonly returnSeconds: number;
  readonly signal: AbortSignal | undefined;
}

const DEFAULT_URL = 'http://127.0.0.1:7420';

/** Throws an Error that names the option which makes no sense. */
export function settingsOf(options: LockdClientOptions): Settings {
  const { timeout = options.timeoutSeconds ?? 10, connectTimeout = 10, renewRatio = 1 / 3 } = options;
  checkNumber('timeout', timeout, 0, 3_600);
  checkNumber('connectTimeout', connectTimeout, 0, 3_600);
  checkNumber('renewRatio', renewRatio, 0, 0.8);
  const { retry = {}, retryPausesSeconds, shardOf = crc32Shard, headers, agent } = options;
  const pauses = retryPausesSeconds ? (tries: number) => retryPausesSeconds[tries - 1] : pausesOf(retry);
  const callsOf = (urls: readonly [URL, ...URL[]]): Calls =>
    urls.some(isOpen)
      ? new OpenCalls(urls[0])
      : new Caller({
          urls,
          connectSeconds: connectTimeout,
          timeoutSeconds: timeout,
          pauses,
          ...(headers ? { headers } : {}),
          ...(agent ? { agent } : {}),
        });
  const [first, ...others] = clustersOf(options);
  return {
    shards: new Shards([callsOf(first), ...others.map(callsOf)], shardOf),
    prefix: options.prefix ?? '',
    timeoutSeconds: timeout,
    renewRatio,
    returnSeconds: Math.min(1, pauses(1) ?? 1),
    signal: options.signal,
  };
}

type Urls = readonly [URL, ...URL[]];

/** The addresses of each cluster. */
function clustersOf({ url, urls, shards }: LockdClientOptions): [Urls, ...Urls[]] {
  const given = [url, urls, shards].filter((option) => option !== undefined);
  if (given.length > 1)
    throw new Error('url, urls and shards exclude each other: name the daemons by one of them');
  if (shards) {
    const [first, ...others] = shards;
    if (first === undefined) throw new Error('shards must name at least one daemon');
    return [readAddresses('shards', first), ...others.map((one) => readAddresses('shards', one))];
  }
  if (urls) return [readAddresses('urls', urls)];
  return [readAddresses('url', url ?? (process.env.LOCKD_URL || DEFAULT_URL))];
}

function readAddresses(option: string, addresses: Address | readonly Address[]): Urls {
  try {
    return readDaemonUrls(
      typeof addresses === 'string' || addresses instanceof URL ? String(addresses) : addresses.join(','),
    );
  } catch (error) {
    throw new Error(`${option} ${error instanceof Error ? error.message : String(error)}`);
  }
}

function checkNumber(option: string, value: number, above: number, atMost: number): void {
  if (value > above && value <= atMost) return;
  throw new RangeError(`${option} must be above ${above} and at most ${atMost}, not ${value}`);
}
