/** `lockd serve`: the daemon, from its start to its end. */
import { addressText, isLoopback, type ListenAddress, parseListenAddress } from '../http/addresses.js';
import { defineCommand } from './command.js';
import { duration, durationText } from './duration.js';
import { fenceCommand, fenceRule, fenceRules } from './fence-rules.js';
import { ttl } from './hold-settings.js';
import { LOG_LEVELS } from './log-level.js';
import { anyNumberOf, optional, repeated, toggle, withDefault } from './setting.js';
import { UsageError } from './usage-error.js';
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
    listen: repeated('HOST:PORT', 'where to listen; port 0 takes any', listenAddress, '127.0.0.1:7420'),
    trustedNetwork: toggle('allow addresses beyond this machine: every caller may do everything'),
    allowNetworkFs: toggle('allow a directory on a network file system'),
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
    historySize: optional('BYTES', 'size of history, like 512M (default: 1G)', byteSize),
    logLevel: withDefault('LEVEL', LOG_LEVELS.join(', '), oneOf(...LOG_LEVELS), 'info'),
  },
  run: async ({ settings, terminal }) => {
    const { directory, listen, trustedNetwork, allowNetworkFs, historyDays, historySize, logLevel } =
      settings;
    const { defaultTtl, maxTtl, fenceTimeout, lockDelay } = settings;
    checkAddresses(listen, trustedNetwork);
    checkTtls(defaultTtl, maxTtl);
    // Loaded only here: every other command starts faster without it.
    const { runDaemon } = await import('./run-daemon.js');
    const options = {
      directory,
      addresses: listen,
      allowNetworkFs,
      fence: fenceRules(settings.fence, settings.fenceCommand),
      fenceTimeout,
      lockDelay,
      ...(defaultTtl === undefined ? {} : { defaultTtl }),
      ...(maxTtl === undefined ? {} : { maxTtl }),
      ...(historyDays === undefined ? {} : { historyDays }),
      ...(historySize === undefined ? {} : { historySizeBytes: historySize }),
    };
    return runDaemon(options, logLevel, terminal);
  },
});

/** Throws `UsageError` where the daemon would refuse its own default. */
function checkTtls(defaultTtl: number | undefined, maxTtl: number | undefined): void {
  if (defaultTtl === undefined || maxTtl === undefined || defaultTtl <= maxTtl) return;
  throw new UsageError(
    `--default-ttl ${durationText(defaultTtl)} is longer than --max-ttl ${durationText(maxTtl)}: ` +
      'give a shorter default, or allow longer leases',
  );
}

function listenAddress(given: string): ListenAddress {
  try {
    return parseListenAddress(given);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** Throws `UsageError` for what is reachable from elsewhere without having been meant, and for what is named twice. */
function checkAddresses(addresses: readonly ListenAddress[], trustedNetwork: boolean): void {
  const seen = new Set<string>();
  for (const address of addresses) {
    const name = addressText(address);
    if (address.port !== 0 && seen.has(name)) throw new UsageError(`--listen names ${name} twice`);
    seen.add(name);
    if (trustedNetwork || isLoopback(address)) continue;
    throw new UsageError(
      `--listen ${name} can be reached from other machines, and whoever reaches it may take and force every lock. ` +
        'If everybody there is trusted, add --trusted-network; else listen on 127.0.0.1',
    );
  }
}
