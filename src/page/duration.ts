/** Durations as people type them: `90`, `30s`, `5m`, `2h`, `1d`. Pure. */

const UNIT_SECONDS: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, min: 60, h: 3_600, d: 86_400 };

/** Seconds; undefined for what is no duration. */
export function readDuration(text: string): number | undefined {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?) ?(s|min|m|h|d|)$/.exec(text.trim()) ?? [];
  if (digits === undefined) return undefined;
  const seconds = Number(digits) * (UNIT_SECONDS[unit] ?? Number.NaN);
  return seconds > 0 ? seconds : undefined;
}
