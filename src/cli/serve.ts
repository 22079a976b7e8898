/** `lockd serve`: the daemon, from its start to its end. */
import { DEFAULT_LIMITS, GREATEST_LIMITS, type Limits } from '../core/limits.js';
import {
  addressText,
  isLoopback,
  isSocketAddress,
  type ListenAddress,
  parseListenAddress,
} from '../http/addresses.js';
import { readAllowedHost } from '../http/hosts.js';
import { LEAST_MAX_BODY_BYTES, MOST_MAX_BODY_BYTES, MOST_MAX_CONNECTIONS } from '../http/limits.js';
import type { TlsFiles } from '../http/tls.js';
import { hostOf } from './advertised-url.js';
import { CLUSTER, type ClusterGiven } from './cluster-flags.js';
import type { ClusterSettings } from './cluster-settings.js';
import { defineCommand } from './command.js';
import { duration, durationText } from './duration.js';
import { fenceCommand, fenceRule, fenceRules } from './fence-rules.js';
import { ttl } from './hold-settings.js';
import { LOG_LEVELS } from './log-level.js';
import type { Problems } from './problems.js';
import { flagName } from './resolve.js';
import { anyNumberOf, optional, repeated, toggle, withDefault } from './setting.js';
import { asUsage, UsageError } from './usage-error.js';
import { byteSize, oneOf, text, wholeNumber } from './values.js';

/** Seconds: a fence command that needs longer does not switch off, but wait. */
const MAX_FENCE_SECONDS = 3_600;

/** Seconds: who needs longer needs a fence command. */
const MAX_DELAY_SECONDS = 86_400;

export const serve = defineCommand({
  name: 'serve',
  summary: 'run the daemon in the foreground',
  settings: {
    directory: withDefault('DIR', 'where the locks are kept', text, './locks'),
    listen: repeated(
      'HOST:PORT',
      'where to listen, or unix:PATH; port 0 takes any',
      listenAddress,
      '127.0.0.1:7420',
    ),
    tlsCert: optional(
      'FILE',
      'speak TLS with this certificate (PEM, with those between it and its CA)',
      text,
    ),
    tlsKey: optional('FILE', 'its private key (PEM)', text),
    tlsClientCa: optional('FILE', 'clients must show a certificate signed by this CA (PEM)', text),
    allowHost: anyNumberOf('NAME', 'a name by which the daemon is called, or * for any', allowedHost),
    maxBody: optional('BYTES', 'size of a request (default: 64K)', bodySize),
    maxConnections: optional(
      'N',
      'connections at once (default: 16000, or what open files allow)',
      wholeNumber(1, MOST_MAX_CONNECTIONS),
    ),
    users: optional('FILE', 'who may call, and what each may do: see lockd user', text),
    trustedNetwork: toggle('allow addresses beyond this machine: every caller may do everything'),
    allowNetworkFs: toggle('allow a directory on a network file system'),
    ...CLUSTER,
    defaultTtl: optional(
      'DURATION',
      'lease of who asks for none (default: --max-ttl if given, else until unlocked)',
      ttl,
    ),
    maxTtl: optional('DURATION', 'longest lease that is granted (default: 31d)', ttl),
    fence: anyNumberOf(
      'PATTERN=COMMAND',
      'run to fence who lost such a resource; the first match counts',
      fenceRule,
    ),
    fenceCommand: optional('PATH', "short for --fence '*=PATH', after the others", fenceCommand),
    fenceTimeout: withDefault(
      'DURATION',
      'for one run of a fence command',
      duration(1, MAX_FENCE_SECONDS),
      '60s',
    ),
    lockDelay: withDefault(
      'DURATION',
      'rest of a resource after a loss, where no fence command applies',
      duration(0, MAX_DELAY_SECONDS),
      '0s',
    ),
    historyDays: optional('N', 'days for which history is kept (default: 30)', wholeNumber(1, 36_500)),
    historySize: optional('BYTES', 'size of history, like 512M (default: 1G; with --store 64M)', byteSize),
    maxWaiters: limit('places in the line of one resource', 'waiters'),
    maxWaitersPerClient: limit('places of one client in all lines', 'waitersPerClient'),
    maxLocks: limit('locks that are held at once', 'locks'),
    logLevel: withDefault('LEVEL', LOG_LEVELS.join(', '), oneOf(...LOG_LEVELS), 'info'),
    checkConfig: toggle('say what is in force and what is wrong with it; changes nothing, starts nothing'),
  },
  tellsProblems: ({ checkConfig }) => checkConfig,
  run: async ({ settings, terminal, problems, inForce, slips }) => {
    const warnings = [...slips, ...plainSecrets(settings)];
    const { directory, listen, users, allowNetworkFs, historyDays, historySize, logLevel } = settings;
    const { defaultTtl, maxTtl, fenceTimeout, lockDelay } = settings;
    const { maxWaiters, maxWaitersPerClient, maxLocks } = settings;
    problems.try(() => checkAddresses(listen, settings));
    problems.try(() => checkTtls(defaultTtl, maxTtl));
    const fence = problems.try(() => fenceRules(settings.fence, settings.fenceCommand)) ?? [];
    const tls = problems.try(() => tlsFiles(settings));
    const cluster = await clusterOf(settings, problems);
    if (settings.checkConfig) {
      const { checkConfig } = await import('./check-config.js');
      return checkConfig(
        { directory, allowNetworkFs, tls: tls?.tls, users, cluster, inForce, warnings },
        problems,
        terminal,
      );
    }
    problems.throwAny();
    const http = {
      allowedHosts: [...settings.allowHost, ...(cluster ? [hostOf(cluster.url)] : [])],
      ...tls,
      ...(settings.maxBody === undefined ? {} : { maxBodyBytes: settings.maxBody }),
      ...(settings.maxConnections === undefined ? {} : { maxConnections: settings.maxConnections }),
    };
    // Loaded only here: every other command starts faster without it.
    const { runDaemon } = await import('./run-daemon.js');
    const options = {
      directory,
      addresses: listen,
      http,
      ...(users === undefined ? {} : { users }),
      ...(cluster ? { cluster } : {}),
      allowNetworkFs,
      fence,
      maxWaiters,
      maxWaitersPerClient,
      maxLocks,
      fenceTimeout,
      lockDelay,
      ...(defaultTtl === undefined ? {} : { defaultTtl }),
      ...(maxTtl === undefined ? {} : { maxTtl }),
      ...(historyDays === undefined ? {} : { historyDays }),
      ...(historySize === undefined ? {} : { historySizeBytes: historySize }),
    };
    return runDaemon(options, logLevel, terminal, warnings);
  },
});

/** Undefined where the daemon is to be alone, and where something is wrong, which is noted. */
async function clusterOf(
  given: ClusterGiven & Pick<PlainSecrets, 'listen' | 'tlsCert'>,
  problems: Problems,
): Promise<ClusterSettings | undefined> {
  const { store, listen, tlsCert } = given;
  // Loaded only here: a daemon that is alone runs no line of it.
  if (store !== undefined) {
    const { readCluster } = await import('./cluster-settings.js');
    return readCluster({ ...given, store, listen, encrypts: tlsCert !== undefined }, problems);
  }
  const names = Object.keys(CLUSTER) as (keyof ClusterGiven)[];
  const flags = names.filter((name) => given[name] !== undefined).map((name) => `--${flagName(name)}`);
  if (flags.length > 0) {
    const take = flags.length === 1 ? 'takes' : 'take';
    problems.add(`${flags.join(' and ')} ${take} --store: without it the daemon is alone`);
  }
  return undefined;
}

/** A setting for one of the limits. */
function limit(help: string, name: keyof Limits) {
  return withDefault('N', help, wholeNumber(1, GREATEST_LIMITS[name]), String(DEFAULT_LIMITS[name]));
}

/** What an operator should know who lets users in from elsewhere without TLS. */
function plainSecrets({ users, tlsCert, listen }: PlainSecrets): readonly string[] {
  if (users === undefined || tlsCert !== undefined || listen.every(isLoopback)) return [];
  return [
    'Users send their secrets over the network without TLS: whoever listens in there can call as they. ' +
      'Give --tls-cert and --tls-key, or listen on 127.0.0.1',
  ];
}

interface PlainSecrets {
  readonly users: string | undefined;
  readonly tlsCert: string | undefined;
  readonly listen: readonly ListenAddress[];
}

/** Throws `UsageError` where the daemon would refuse its own default. */
function checkTtls(defaultTtl: number | undefined, maxTtl: number | undefined): void {
  if (defaultTtl === undefined || maxTtl === undefined || defaultTtl <= maxTtl) return;
  throw new UsageError(
    `--default-ttl ${durationText(defaultTtl)} is longer than --max-ttl ${durationText(maxTtl)}: ` +
      'give a shorter default, or allow longer leases',
  );
}

/** What `--listen` takes, or a `UsageError`. */
function listenAddress(given: string): ListenAddress {
  return asUsage(() => parseListenAddress(given));
}

function allowedHost(given: string): string {
  return asUsage(() => readAllowedHost(given));
}

function bodySize(given: string): number {
  const bytes = byteSize(given);
  if (bytes >= LEAST_MAX_BODY_BYTES && bytes <= MOST_MAX_BODY_BYTES) return bytes;
  throw new UsageError(
    `must be from ${LEAST_MAX_BODY_BYTES / 1_024}K to ${MOST_MAX_BODY_BYTES / 1_048_576}M, not '${given}'`,
  );
}

interface TlsGiven {
  readonly tlsCert: string | undefined;
  readonly tlsKey: string | undefined;
  readonly tlsClientCa: string | undefined;
}

/** Throws `UsageError` where only some of the files are named that belong together. */
function tlsFiles({ tlsCert: cert, tlsKey: key, tlsClientCa: clientCa }: TlsGiven): { tls?: TlsFiles } {
  if (cert !== undefined && key !== undefined) return { tls: { cert, key, clientCa } };
  const [given] = Object.entries({ cert, key, 'client-ca': clientCa }).filter(
    ([, file]) => file !== undefined,
  );
  if (!given) return {};
  throw new UsageError(`--tls-${given[0]} is given alone: TLS takes both --tls-cert and --tls-key`);
}

/** Throws `UsageError` for what is reachable from elsewhere without having been meant, and for what is named twice. */
function checkAddresses(
  addresses: readonly ListenAddress[],
  { users, trustedNetwork }: { readonly users: string | undefined; readonly trustedNetwork: boolean },
): void {
  if (users !== undefined && trustedNetwork) {
    throw new UsageError(
      '--trusted-network lets every caller do everything, and --users each what its role allows: give one of them',
    );
  }
  const seen = new Set<string>();
  for (const address of addresses) {
    const name = addressText(address);
    const isAnyPort = !isSocketAddress(address) && address.port === 0;
    if (!isAnyPort && seen.has(name)) throw new UsageError(`--listen names ${name} twice`);
    seen.add(name);
    if (users !== undefined || trustedNetwork || isLoopback(address)) continue;
    throw new UsageError(
      `--listen ${name} can be reached from other machines, and whoever reaches it may take and force every lock. ` +
        'Give --users FILE (lockd user add makes one); or, if everybody there is trusted, --trusted-network; or listen on 127.0.0.1',
    );
  }
}
