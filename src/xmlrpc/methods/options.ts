/** Options that several methods take, and how numbers stand in their help. */
import {
  DEFAULT_CLAIM_SECONDS,
  MAX_CLAIM_SECONDS,
  MAX_LIMIT,
  MAX_NOTE_CHARACTERS,
  MAX_REQUEST_BYTES,
  MAX_TTL_SECONDS,
  MIN_TTL_SECONDS,
} from '../../core/limits.js';
import { optional, required } from '../method.js';

/** A number as help texts have it: `10,000`. */
export const count = (value: number): string => value.toLocaleString('en');

/** What a client may ask for, with `lock` as with `enqueue`. */
export const ASKED = {
  ttl: optional(
    'seconds',
    `seconds of the lease, ${MIN_TTL_SECONDS} to ${count(MAX_TTL_SECONDS)}; 0 or absent: until it is unlocked, or the daemon’s default`,
  ),
  limit: optional('int', `how many may hold it at once, 1 to ${count(MAX_LIMIT)}; 1 when absent`),
  note: optional('string', `why, at most ${count(MAX_NOTE_CHARACTERS)} characters`),
  request: optional(
    'string',
    `retry key, at most ${MAX_REQUEST_BYTES} bytes: a repeat gets the same hold, or the same place in line`,
  ),
  claim: optional(
    'seconds',
    `seconds for which a place is kept while its client is away, up to ${count(MAX_CLAIM_SECONDS)}; ${DEFAULT_CLAIM_SECONDS} when absent`,
  ),
};

/** A token names one hold, a client's name any of its holds. */
export const TOKEN = optional('token', 'only that very hold');

/** Why an operator does what is done to somebody else's hold. */
export const REASON = required('string', `why, at most ${count(MAX_NOTE_CHARACTERS)} characters`);
