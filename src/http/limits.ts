/**
 * Every bound on what the HTTP side accepts or waits for, each next to its reason. How long a call may take is not
 * bounded here: once a request has arrived, its answer may come an hour later.
 */

/** Bytes of a body, unless asked otherwise: 64 of the longest calls in one, and too few to fill a memory. */
export const MAX_BODY_BYTES = 65_536;

/** Bounds of `--max-body`: a call with its longest texts fits, and a thousand bodies of the other fill no memory. */
export const LEAST_MAX_BODY_BYTES = 8_192;
export const MOST_MAX_BODY_BYTES = 16_777_216;

/**
 * Connections, unless asked otherwise or descriptors are fewer: a waiter in each place of the longest line (10,000), and half
 * as many that hold or look. Idle, one takes about 11 KB, with TLS about 43 KB (nearly all of it Node's and OpenSSL's buffers).
 */
export const MAX_CONNECTIONS = 16_000;

/** The most that may be asked for: what a process may have as descriptors on the usual systems. */
export const MOST_MAX_CONNECTIONS = 1_000_000;

/** Connections beyond the limit that are told so at the same time; of still more, each is closed without a word. */
export const MAX_TURNED_AWAY = 32;

/** The part of the limit of connections below which it must have fallen before reaching it is told again. */
export const FULL_NO_MORE = 0.9;

/** Headers of a request: clients send about ten, proxies add some. Left to itself, Node drops those above its own limit. */
export const MAX_HEADERS = 100;

/** Bytes of request line and headers together: a browser's cookies fit. */
export const MAX_HEADER_BYTES = 16_384;

/** Requests that one connection may send ahead of their answers: each is kept until those before it are answered. */
export const MAX_REQUESTS_IN_FLIGHT = 256;

/**
 * Milliseconds of silence after which TCP asks a peer whose call waits whether it is still there. Ten questions later, a
 * second apart as libuv has it, a peer that was switched off is known to be gone.
 */
export const KEEP_ALIVE_MS = 15_000;

/**
 * Bytes of events that a reader may leave waiting: hundreds of the longest. What is sent at once stands in memory once for all
 * who asked for the same, and 1,000 readers that take nothing cost 1 GiB at worst.
 */
export const MAX_UNREAD_BYTES = 1_048_576;

/** How long peers may take, in milliseconds. */
export interface Timeouts {
  /** From the start of a connection to the end of its TLS handshake. */
  readonly handshakeMs: number;
  /** From the first byte of a request to its last, and from the start of a connection (or its handshake's end) to its first request. */
  readonly requestMs: number;
  /** Between two looks at who has used up `requestMs`: so much later they are cut off at worst. */
  readonly checkIntervalMs: number;
  /** From an answer to the next request on the same connection. */
  readonly idleMs: number;
  /** For taking an answer that did not fit into the buffers of the kernel. */
  readonly answerMs: number;
  /** Between two signs of life of a stream of events: proxies cut what is silent for a minute. */
  readonly heartbeatMs: number;
  /** For which a refused peer that is still sending is listened to, so that it comes to read why. */
  readonly lingerMs: number;
  /** For what is in flight when the server is closed. */
  readonly closeMs: number;
}

/**
 * A peer that sends nothing, or too slowly, is gone after at most `handshakeMs + requestMs + checkIntervalMs + lingerMs`, 11 s:
 * with room to spare within the 12 s promised.
 */
export const TIMEOUTS: Timeouts = {
  /** Each costs a millisecond: after a restart, thousands of clients come back at once. */
  handshakeMs: 4_000,
  /** The longest request in 5 s is 13 kB/s: a bad modem. */
  requestMs: 5_000,
  checkIntervalMs: 1_000,
  /** A peer that was answered is no slow one. Proxies keep connections for 60 s: they, not we, should end them. */
  idleMs: 75_000,
  /** The longest answer, 5 MB, in 10 s is 4 Mbit/s; unread ones must not pile up. */
  answerMs: 10_000,
  heartbeatMs: 15_000,
  /** A round trip to anywhere. */
  lingerMs: 1_000,
  /** Who stops the daemon gives it 5 s, and a busy machine needs some of that to end fence commands and to get round. */
  closeMs: 3_000,
};
