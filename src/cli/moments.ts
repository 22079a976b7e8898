/** Moments and spans of time in words. */

/** `2026-11-21 08:15:00 UTC`, whole seconds. */
export function utcText(date: Date): string {
  return `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

const UNITS: readonly (readonly [name: string, seconds: number])[] = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
];

/** `12 min`, in the largest unit that is full; `0 s` for spans that the clocks of two hosts make negative. */
export function spanText(seconds: number): string {
  for (const [name, length] of UNITS) {
    if (seconds >= length) return `${Math.floor(seconds / length)} ${name}`;
  }
  return `${Math.max(0, Math.floor(seconds))} s`;
}

/** `2026-11-21 08:15:00 UTC (12 min ago)`. */
export function sinceText(date: Date, now = Date.now()): string {
  return `${utcText(date)} (${spanText((now - date.getTime()) / 1_000)} ago)`;
}
