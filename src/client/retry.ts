/** How often a call is tried, how long is waited between the tries, and for how long a cluster is given to find another leader. */

/** Seconds for which a call to a cluster is tried: another member has taken over within 10. */
const FAILOVER_SECONDS = 15;

/** Seconds between two tries during a failover, unless `delay` says more: whoever leads by then is to be found soon. */
const LONGEST_PAUSE_SECONDS = 1;

/** Seconds between two tries beyond `attempts`, at least. */
const LEAST_PAUSE_SECONDS = 0.2;

/** No timer is more exact. */
const LEAST_SECONDS = 0.001;

/** Every value has a default: 4 attempts, 0.5 s before the second, twice as long before each further one, ± 20 %. */
export interface RetryOptions {
  /** Tries in all, at least 1; each goes through all addresses of a cluster. */
  readonly attempts?: number;
  /** Seconds before the second try. */
  readonly delay?: number;
  /** Each further pause is so many times as long as the one before. */
  readonly factor?: number;
  /** How far a pause may be off, as a share of it: 0 to 1. So clients that failed together do not come back together. */
  readonly jitter?: number;
  /**
   * Seconds for which a call to a cluster goes on to be tried, beyond `attempts`: to several addresses, or to one that says
   * that it does not lead. 15 when absent, and 0 where `attempts` is given.
   */
  readonly failover?: number;
}

/** Seconds to wait after so many failed tries; undefined: no further one. */
export type Pauses = (tries: number) => number | undefined;

/** When a call is tried again. */
export interface Retries {
  readonly pause: Pauses;
  /** Seconds for which a call to a cluster is tried, at least. */
  readonly failoverSeconds: number;
  /** As `pause`, of a call to a cluster; `left`: seconds of its failover that are not over yet. */
  failoverPause(tries: number, left: number): number | undefined;
}

/** The retries of a policy. `random` is from 0 to below 1. Throws a RangeError that names the option which makes no sense. */
export function retriesOf(options: RetryOptions, random: () => number = Math.random): Retries {
  const { attempts = 4, delay = 0.5, factor = 2, jitter = 0.2 } = options;
  const { failover = options.attempts === undefined ? FAILOVER_SECONDS : 0 } = options;
  check('attempts', attempts, Number.isInteger(attempts) && attempts >= 1, 'a whole number from 1');
  check('delay', delay, delay >= 0 && Number.isFinite(delay), 'seconds from 0');
  check('factor', factor, factor >= 1 && Number.isFinite(factor), 'a number from 1');
  check('jitter', jitter, jitter >= 0 && jitter <= 1, 'from 0 to 1');
  check('failover', failover, failover >= 0 && failover <= 3_600, 'seconds from 0 to 3600');
  const varied = (seconds: number) => seconds * (1 + jitter * (2 * random() - 1));
  // However often: nothing times infinity is no number.
  const grown = (tries: number) => (delay === 0 ? 0 : delay * factor ** (tries - 1));
  const longest = Math.max(LONGEST_PAUSE_SECONDS, delay);
  return {
    pause: (tries) => (tries < attempts ? varied(grown(tries)) : undefined),
    failoverSeconds: failover,
    failoverPause: (tries, left) => {
      const planned = Math.min(grown(tries), longest);
      if (tries < attempts) return varied(planned);
      if (left <= 0) return undefined;
      // The last try is made when the time is over.
      return Math.max(LEAST_SECONDS, Math.min(varied(Math.max(planned, LEAST_PAUSE_SECONDS)), left));
    },
  };
}

/** Retries after exactly these pauses, in a cluster too. */
export function listedRetries(pausesSeconds: readonly number[]): Retries {
  const pause: Pauses = (tries) => pausesSeconds[tries - 1];
  return { pause, failoverSeconds: 0, failoverPause: pause };
}

function check(name: string, value: number, isValid: boolean, wanted: string): void {
  if (!isValid) throw new RangeError(`retry.${name} must be ${wanted}, not ${value}`);
}
