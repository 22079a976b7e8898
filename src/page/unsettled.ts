/** Which statuses change by themselves, as time goes by, without an event that tells so. Pure. */
import type { FileStatus } from '../service/api.js';
import { leaseAt } from './lease.js';

/**
 * Whether a status is to be read again soon: a rest after a loss or a claim that runs out, a lease that seems over.
 *
 * @param received when it came, and `now`: milliseconds of one monotonic clock.
 */
export function isUnsettled({ state, holders }: FileStatus, received: number, now: number): boolean {
  if (state === 'delayed' || state === 'reserved') return true;
  return holders.some(({ ttl, left }) => {
    return ttl !== undefined && left !== undefined && leaseAt({ ttl, left, received }, now).level === 'due';
  });
}
