/**
 * What stands in a gate's FILE, and which token is the higher one. Pure: no file is touched here.
 *
 * FILE has one token per line, decimal digits and a line feed, and the highest complete line counts. A last line without
 * its line feed was cut off by a crash and did not pass: digits, or the zero bytes that some file systems leave there.
 */

/** Bytes beyond which FILE is begun anew when the next token is recorded. */
export const RENEWED_BYTES = 4_096;

/** Bytes beyond which a file is no gate's FILE, and is not read. */
export const MAX_BYTES = 1_024 * 1_024;

/** The token of `open://`, which everybody has; also what is recorded where nothing is. */
export const NO_TOKEN = '0';

const LINE_FEED = 0x0a;

/** Digits without the zeros that stand before the number. */
export function normalized(digits: string): string {
  return digits.replace(/^0+(?=\d)/, '');
}

/** Below, at or above 0 as `a` is less than, equal to or greater than `b`: whole numbers of any length. */
export function compareTokens(a: string, b: string): number {
  const [one, other] = [normalized(a), normalized(b)];
  if (one.length !== other.length) return one.length - other.length;
  return one < other ? -1 : Number(one > other);
}

export interface Recorded {
  /** The highest token; undefined without a complete line. */
  readonly highest: string | undefined;
  /** Bytes up to the end of the last complete line. */
  readonly completeBytes: number;
}

/** What the content of a FILE says; undefined where it has more in it than tokens. */
export function readTokens(content: Uint8Array): Recorded | undefined {
  const completeBytes = content.lastIndexOf(LINE_FEED) + 1;
  const text = Buffer.from(content).toString('latin1');
  const isReadable =
    /^[0-9\n]*$/.test(text.slice(0, completeBytes)) && /^[0-9\0]*$/.test(text.slice(completeBytes));
  if (!isReadable) return undefined;
  let highest: string | undefined;
  for (const line of text.slice(0, completeBytes).split('\n')) {
    if (line !== '' && (highest === undefined || compareTokens(line, highest) > 0))
      highest = normalized(line);
  }
  return { highest, completeBytes };
}
