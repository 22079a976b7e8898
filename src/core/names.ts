/**
 * What may stand in a resource name, a client name, a note. Pure: each function answers the problem as a phrase
 * that completes "parameter 'x' ...", or undefined when there is none.
 */
import { MAX_CLIENT_BYTES, MAX_NOTE_CHARACTERS, MAX_REQUEST_BYTES, MAX_RESOURCE_BYTES } from './limits.js';

/** The client name that stands for a lock whose lock file cannot be read. No client may call itself that. */
export const UNREADABLE_CLIENT = '?';

/**
 * Control characters and line separators would break a log line; surrogates without a partner, U+FFFE and U+FFFF
 * cannot be written as UTF-8 or XML; bidi controls (Unicode UAX #9) make one name look like another.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffe\uffff]/u;

function printableProblem(text: string): string | undefined {
  const found = UNPRINTABLE.exec(text);
  if (!found) return undefined;
  const code = (found[0].codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  return `must be printable text, but has U+${code}`;
}

function sizedProblem(text: string, maxBytes: number): string | undefined {
  const bytes = Buffer.byteLength(text);
  if (bytes < 1 || bytes > maxBytes) {
    return `must have 1 to ${maxBytes} bytes of UTF-8, not ${bytes.toLocaleString('en')}`;
  }
  return printableProblem(text);
}

/** What is wrong with `text` as the name of a resource (1 to 512 bytes of printable UTF-8). */
export function resourceProblem(text: string): string | undefined {
  return sizedProblem(text, MAX_RESOURCE_BYTES);
}

/** What is wrong with `text` as the name of a client (1 to 256 bytes of printable UTF-8, not `?`). */
export function clientProblem(text: string): string | undefined {
  if (text === UNREADABLE_CLIENT) return "must not be '?', which stands for a holder that cannot be read";
  return sizedProblem(text, MAX_CLIENT_BYTES);
}

/** What is wrong with `text` as a note or a reason (at most 1,024 printable characters). */
export function noteProblem(text: string): string | undefined {
  // A code point takes at most two units, so that most texts need no counting.
  const characters = text.length <= MAX_NOTE_CHARACTERS ? text.length : [...text].length;
  if (characters > MAX_NOTE_CHARACTERS) {
    return `must have at most 1,024 characters, not ${characters.toLocaleString('en')}`;
  }
  return printableProblem(text);
}

/** What is wrong with `text` as a retry key (1 to 256 bytes of printable UTF-8). */
export function requestProblem(text: string): string | undefined {
  return sizedProblem(text, MAX_REQUEST_BYTES);
}
