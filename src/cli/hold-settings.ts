/** The settings by which commands say which hold they mean, and how long it shall last. */
import { MAX_TTL_SECONDS, MIN_TTL_SECONDS } from '../core/limits.js';
import { duration } from './duration.js';
import { optional } from './setting.js';
import { token as tokenDigits } from './values.js';

/** Which hold. */
export const TOKEN = {
  token: optional('TOKEN', 'only that very hold, as lockd lock printed it', tokenDigits),
};

/** A duration that can be that of a lease. Throws `UsageError` with a phrase: `must be ...`. */
export const ttl = duration(MIN_TTL_SECONDS, MAX_TTL_SECONDS);
