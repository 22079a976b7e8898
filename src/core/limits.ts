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

/** Held locks in one daemon: about 1 GiB of memory, and a snapshot that is still written within seconds. */
export const MAX_HELD_LOCKS = 1_000_000;

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

/** Digits of a token that a caller may give: more than any token has, and few enough for the text of a refusal. */
export const MAX_TOKEN_DIGITS = 64;
