/** What of a hold stays the same while its lease runs down and is renewed. Pure. */
import type { Hold } from '../core/answers.js';

/** Where two answers differ in nothing of this, only the lease need be shown anew. */
export function lastingFacts({ left, expires, renewed, ...lasting }: Hold): object {
  return { ...lasting, hasLease: left !== undefined };
}
