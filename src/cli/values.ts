/** How texts from the command line become values. Each function throws `UsageError` with a phrase: `must be ...`. */
import { UsageError } from './usage-error.js';

/** Any text but an empty one. */
export function text(given: string): string {
  if (given === '') throw new UsageError('must not be empty');
  return given;
}

/** One of the named choices. */
export function oneOf<Choice extends string>(...choices: readonly Choice[]): (given: string) => Choice {
  return (given) => {
    const found = choices.find((choice) => choice === given);
    if (found === undefined) throw new UsageError(`must be ${choices.join(', ')}; it is '${given}'`);
    return found;
  };
}

/** A whole number from `least` to `most`; without `most`, any larger one counts as the largest that is exact. */
export function wholeNumber(least: number, most = Number.POSITIVE_INFINITY): (given: string) => number {
  return (given) => {
    const number = /^\d+$/.test(given) ? Number(given) : Number.NaN;
    if (!(number >= least && number <= most)) {
      const range = Number.isFinite(most) ? `from ${least} to ${most}` : `of at least ${least}`;
      throw new UsageError(`must be a whole number ${range}, not '${given}'`);
    }
    return Math.min(number, Number.MAX_SAFE_INTEGER);
  };
}

/** A fencing token: decimal digits, of any length. */
export function token(given: string): string {
  if (!/^\d+$/.test(given))
    throw new UsageError(`must be decimal digits, as lockd lock prints them, not '${given}'`);
  return given;
}

const UNIT_BYTES = new Map([
  ['', 1],
  ['K', 1024],
  ['M', 1024 ** 2],
  ['G', 1024 ** 3],
]);

/** Bytes, also as `512K`, `64M`, `2G` (units of 1,024). */
export function byteSize(given: string): number {
  const match = /^(\d+)([KMG]?)$/.exec(given);
  const bytes = Number(match?.[1]) * (UNIT_BYTES.get(match?.[2] ?? '') ?? Number.NaN);
  if (!Number.isSafeInteger(bytes) || bytes < 1) {
    throw new UsageError(`must be bytes like 1048576, 512K, 64M or 2G, not '${given}'`);
  }
  return bytes;
}
