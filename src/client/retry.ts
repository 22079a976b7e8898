/** How often a call is tried, and how long is waited between the tries. */

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
}

/** Seconds to wait after so many failed tries; undefined: no further one. */
export type Pauses = (tries: number) => number | undefined;

/** The pauses of a policy. `random` is from 0 to below 1. */
export function pausesOf(
  { attempts = 4, delay = 0.5, factor = 2, jitter = 0.2 }: RetryOptions,
  random: () => number = Math.random,
): Pauses {
  check('attempts', attempts, Number.isInteger(attempts) && attempts >= 1, 'a whole number from 1');
  check('delay', delay, delay >= 0 && Number.isFinite(delay), 'seconds from 0');
  check('factor', factor, factor >= 1 && Number.isFinite(factor), 'a number from 1');
  check('jitter', jitter, jitter >= 0 && jitter <= 1, 'from 0 to 1');
  return (tries) => {
    if (tries >= attempts) return undefined;
    return delay * factor ** (tries - 1) * (1 + jitter * (2 * random() - 1));
  };
}

function check(name: string, value: number, isValid: boolean, wanted: string): void {
  if (!isValid) throw new RangeError(`retry.${name} must be ${wanted}, not ${value}`);
}
