/**
 * Every bound on what is read from the wire, each next to its reason. What names and notes may hold is not decided
 * here but in the core.
 */

/** Bounds of one document. Whatever exceeds one is a fault before it costs anything. */
export interface DocumentLimits {
  /** Bytes of the whole body. */
  readonly bytes: number;
  /** Arrays and structs within each other. */
  readonly nesting: number;
  /** Parameters, array items and struct members, all in all. */
  readonly items: number;
}

/** A call: the longest names and notes fit several times, and so do 64 calls in one `system.multicall`. */
export const REQUEST_LIMITS: DocumentLimits = { bytes: 65_536, nesting: 16, items: 1_024 };

/** An answer, as a client reads it: a page of 10,000 resources is 12 MB of XML with one holder each. */
export const RESPONSE_LIMITS: DocumentLimits = { bytes: 64 * 1_024 * 1_024, nesting: 16, items: 4_000_000 };

/** Calls in one `system.multicall`: they are decided in one turn, and nobody else's call should have to wait longer. */
export const MAX_MULTICALL_CALLS = 64;

/** Characters of the request that a fault repeats: enough to recognize it, too few to fill a log. */
export const MAX_QUOTED_CHARACTERS = 64;
