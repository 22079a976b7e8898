/**
 * The lexical forms of the XML-RPC types: what may stand between `<int>` and `</int>`, and which value it is. Spellings
 * are those of the specification (xmlrpc.com/spec), with what clients were seen to write besides: exponents, a date
 * with hyphens, white space around a value.
 */
import type { Cursor } from './cursor.js';
import { quoted } from './faults.js';
import { isBlank } from './scanner.js';
import type { XmlRpcValue } from './values.js';

type Reader = (text: string, cursor: Cursor) => XmlRpcValue;

const WHOLE = /^[+-]?[0-9]+$/;
const DECIMAL = /^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;
const NOT_FINITE = /^[+-]?(?:nan|inf|infinity)$/i;
const DATE = /^(\d{4})-?(\d\d)-?(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d+)?Z?$/;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
const I8_MAX = 2n ** 63n - 1n;

/**
 * V8 keeps the whole body alive for the sake of one slice of it that has 13 characters or more, and a lock may be held
 * for months. Hence the copy.
 */
const MIN_SLICE_LENGTH = 13;

/** The text as a string of its own, not a part of the body. */
export function ownText(text: string): string {
  return text.length < MIN_SLICE_LENGTH ? text : Buffer.from(text).toString();
}

/** How each element's text is read. */
const READERS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['string', ownText],
  ['int', readInt],
  ['i4', readInt],
  ['i8', readInt],
  ['ex:i8', readInt],
  ['boolean', readBoolean],
  ['double', readDouble],
  ['dateTime.iso8601', readDate],
  ['base64', readBase64],
  ['nil', readNil],
  ['ex:nil', readNil],
]);

/** How the text of a `<name>` element is read; undefined where that is no scalar type. `ex:` is how Apache writes it. */
export function scalarReader(name: string): Reader | undefined {
  return READERS.get(name);
}

/** Longer than 32 bits are taken under every name, because tokens are, and clients write what they have. */
function readInt(text: string, cursor: Cursor): number | bigint {
  const digits = text.trim();
  if (!WHOLE.test(digits)) return cursor.notXmlRpc(`has the int ${quoted(text)}`);
  const value = Number(digits);
  if (Number.isSafeInteger(value)) return value + 0; // Adding 0 makes -0 an ordinary 0.
  // Checked before BigInt, which takes long for very many digits.
  const exact = Math.abs(value) > 2 ** 63 ? undefined : BigInt(digits);
  if (exact === undefined || exact > I8_MAX || exact < -I8_MAX - 1n) {
    return cursor.badValue(`has an int that does not fit 64 bits: ${quoted(text)}`);
  }
  return exact;
}

function readBoolean(text: string, cursor: Cursor): boolean {
  const digit = text.trim();
  if (digit !== '0' && digit !== '1') return cursor.notXmlRpc(`has the boolean ${quoted(text)}`);
  return digit === '1';
}

function readDouble(text: string, cursor: Cursor): number {
  const decimal = text.trim();
  const isDecimal = DECIMAL.test(decimal);
  if (!isDecimal && !NOT_FINITE.test(decimal)) return cursor.notXmlRpc(`has the double ${quoted(text)}`);
  const value = isDecimal ? Number(decimal) : Number.NaN;
  return Number.isFinite(value) ? value : cursor.badValue(`has a double that is not finite: ${quoted(text)}`);
}

/** XML-RPC knows no time zones; like the answers, the digits are taken as UTC. */
function readDate(text: string, cursor: Cursor): Date {
  const [, year, month, day, hour, minute, second] = DATE.exec(text.trim()) ?? [];
  const date = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  // A date that is none is not equal to any day; a 30 February would become 2 March.
  return date.getUTCDate() === Number(day) ? date : cursor.notXmlRpc(`has the date ${quoted(text)}`);
}

function readBase64(text: string, cursor: Cursor): Uint8Array {
  const digits = text.replace(/[ \t\r\n]+/g, '');
  if (digits.length % 4 !== 0 || !BASE64.test(digits)) return cursor.notXmlRpc('has base64 that is none');
  return Buffer.from(digits, 'base64');
}

function readNil(text: string, cursor: Cursor): null {
  return isBlank(text) ? null : cursor.notXmlRpc(`has the nil ${quoted(text)}`);
}
