/** Tokens that no earlier daemon can have granted, also where what it remembered is lost. */
import { MAX_ADOPTED_TOKEN } from '../core/limits.js';

/**
 * The Unix time in microseconds; nothing where the clock says a time so late that tokens would not be exact.
 *
 * @param time milliseconds since 1970, UTC
 */
export function tokenByClock(time: number): number {
  const token = Math.floor(time * 1_000);
  return token <= MAX_ADOPTED_TOKEN ? token : 0;
}
