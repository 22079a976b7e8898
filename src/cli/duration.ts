/** Durations on the command line: seconds, or a number with its unit. */
import { UsageError } from './usage-error.js';

const UNIT_SECONDS = new Map([
  ['', 1],
  ['ms', 0.001],
  ['s', 1],
  ['m', 60],
  ['h', 3_600],
  ['d', 86_400],
]);

/** Seconds of `30`, `1500ms`, `30s`, `1.5m`, `2h` or `7d`. Throws `UsageError` with a phrase: `must be ...`. */
export function durationSeconds(given: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|[smhd]?)$/.exec(given);
  const seconds = Number(match?.[1]) * (UNIT_SECONDS.get(match?.[2] ?? '') ?? Number.NaN);
  if (!Number.isFinite(seconds)) {
    throw new UsageError(`must be seconds, or like 1500ms, 30s, 5m, 2h or 7d, not '${given}'`);
  }
  // A product with 0.001 is not always the nearest number to the decimal that was meant.
  return Math.round(seconds * 1_000) / 1_000;
}

/** A duration from `least` to `most` seconds. */
export function duration(least: number, most: number): (given: string) => number {
  return (given) => {
    const seconds = durationSeconds(given);
    if (seconds >= least && seconds <= most) return seconds;
    throw new UsageError(`must be from ${durationText(least)} to ${durationText(most)}, not '${given}'`);
  };
}

/** `2h`, `90s`, `0.1s`: the largest unit of which it is a whole number, as `durationSeconds` reads it. */
export function durationText(seconds: number): string {
  for (const [unit, length] of [...UNIT_SECONDS].reverse()) {
    if (length >= 1 && unit !== '' && seconds >= length && seconds % length === 0)
      return `${seconds / length}${unit}`;
  }
  return `${seconds}s`;
}
