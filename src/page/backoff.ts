/** How long to wait before the stream is opened again. Pure. */

const FIRST_MS = 500;
const LAST_MS = 15_000;

/**
 * Milliseconds before the next try: doubled with each one that failed, up to 15 s, and spread by a fifth, so that many
 * pages do not come back at the same moment.
 *
 * @param failures tries that failed, 1 or more.
 * @param random from 0 to 1.
 */
export function retryMs(failures: number, random: number): number {
  const base = Math.min(LAST_MS, FIRST_MS * 2 ** Math.min(failures - 1, 10));
  return base * (0.8 + 0.4 * random);
}
