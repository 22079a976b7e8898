/**
 * Every bound on what lockd accepts, each next to its reason. Tests stand on both sides of each.
 */

/** Bytes of UTF-8 in a resource name: a path or URL fits; longer ones are data, not names. */
export const MAX_RESOURCE_BYTES = 512;

/** Bytes of UTF-8 in a client name: `user@host:job` with room; it stands in every lock file and every refusal. */
export const MAX_CLIENT_BYTES = 256;

/** Characters (code points) in a note or reason: a sentence or a link, shown on one line. */
export const MAX_NOTE_CHARACTERS = 1_024;

/** Holders of one resource at once: above this it is a rate, not a lock. */
export const MAX_LIMIT = 1_000;

/**
 * What one daemon takes before it refuses; its operator may choose other numbers. Whoever is there already when a limit is
 * lowered stays.
 */
export interface Limits {
  /** Places in the line of one resource. */
  readonly waiters: number;
  /** Places of one client in all lines. */
  readonly waitersPerClient: number;
  /** Held locks, lost ones that still take their slot included. */
  readonly locks: number;
}

/**
 * Unless chosen otherwise. Whoever stands behind 10,000 others does not wait, but hopes. A client that gets out of hand
 * leaves room for the others. A million locks are about 1 GiB of memory, and a snapshot that is still written within
 * seconds.
 */
export const DEFAULT_LIMITS: Limits = { waiters: 10_000, waitersPerClient: 1_000, locks: 1_000_000 };

/**
 * The most that may be chosen: a position is found by walking along the line, 1 ms for 100,000 places; a client may stand
 * in as many lines as there are locks to wait for; and one map of the journal, which has at most 16.7 million entries,
 * holds all records.
 */
export const GREATEST_LIMITS: Limits = { waiters: 100_000, waitersPerClient: 1_000_000, locks: 10_000_000 };

/**
 * Records that one command alone puts and removes at most, apart from the holders of an adopted lock file: what is to be
 * dropped beside it goes in several. Grants to those who wait are no part of it.
 */
export const MAX_RECORDS_OF_COMMAND = 62;

/** Records that one grant puts and removes at most: the hold, the place that it was, and what the client lost there before. */
export const MAX_RECORDS_OF_GRANT = 3;

/** Holders that an answer or a lock file names one by one; `held` is the whole number. */
export const MAX_LISTED_HOLDERS = 100;

/** Resources in one answer of `list`, unless asked otherwise, and at most: 10,000 are about 5 MB of XML. */
export const DEFAULT_LIST_COUNT = 1_000;
export const MAX_LIST_COUNT = 10_000;

/**
 * The greatest token of a foreign lock file that is believed: the clock's microseconds reach it in 2223, and there are
 * 10^15 grants from here to 2^53, where whole numbers stop being exact and tokens would no longer rise.
 */
export const MAX_ADOPTED_TOKEN = 8_000_000_000_000_000;

/** Seconds for which the end of a lost hold is remembered: a victim that sleeps over night still learns of it. */
export const LOST_KEPT_SECONDS = 86_400;

/** Lost holds that are remembered at most; beyond, the oldest goes: 100,000 are about 100 MB. */
export const MAX_LOST_KEPT = 100_000;

/** Digits of a token that a caller may give: more than any token has, and few enough for the text of a refusal. */
export const MAX_TOKEN_DIGITS = 64;

/** Seconds of a lease: shorter ones a busy network would lose, longer ones are no leases. */
export const MIN_TTL_SECONDS = 0.1;
export const MAX_TTL_SECONDS = 31 * 86_400;

/** Seconds that one call may wait in the line, and for which a place may be kept while its client is away. */
export const MAX_WAIT_SECONDS = 3_600;
export const MAX_CLAIM_SECONDS = 3_600;

/** Seconds for which a place is kept while its client is away, unless it asked otherwise: a daemon's restart fits. */
export const DEFAULT_CLAIM_SECONDS = 30;

/** Places in the line that an answer names one by one; `waiting` is the whole number. */
export const MAX_LISTED_PLACES = 100;

/** Bytes of UTF-8 in a retry key: a UUID with room. */
export const MAX_REQUEST_BYTES = 256;

/** Seconds for which the retry key of an unlocked hold is remembered: longer than any client repeats a call. */
export const ENDED_KEPT_SECONDS = 60;

/** Such keys at most; beyond, the oldest goes: 100,000 are about 50 MB. */
export const MAX_ENDED_KEYS = 100_000;

/** Events in one answer of `history`, unless asked otherwise, and at most. */
export const DEFAULT_HISTORY_COUNT = 100;
export const MAX_HISTORY_COUNT = 1_000;
