/** How much a daemon takes, as its options say. */
import { DEFAULT_LIMITS, GREATEST_LIMITS, type Limits } from '../core/limits.js';
import type { LockdOptions } from './options.js';

/**
 * The limits in force.
 *
 * @throws RangeError for one that cannot be kept.
 */
export function limitsOf({ maxWaiters, maxWaitersPerClient, maxLocks }: LockdOptions): Limits {
  return {
    waiters: chosen('maxWaiters', maxWaiters, 'waiters'),
    waitersPerClient: chosen('maxWaitersPerClient', maxWaitersPerClient, 'waitersPerClient'),
    locks: chosen('maxLocks', maxLocks, 'locks'),
  };
}

function chosen(option: string, value: number | undefined, limit: keyof Limits): number {
  if (value === undefined) return DEFAULT_LIMITS[limit];
  const most = GREATEST_LIMITS[limit];
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new RangeError(
    `${option} must be a whole number from 1 to ${most.toLocaleString('en')}, not ${value}`,
  );
}
