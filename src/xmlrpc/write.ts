/**
 * Writes answers, in the types that every client was seen to read: string, int of 32 bits, double, boolean,
 * dateTime.iso8601, base64, array, struct. Never nil, never i8, never an exponent. It reads nothing and checks nothing
 * of the rules; a value without a type here is a defect of the caller.
 */
import { isInt } from './values.js';

const HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<methodResponse>';

/**
 * Members whose numbers are always doubles, so that a client never meets an int one time and a double the next under the
 * same name: seconds, and counts that can outgrow 32 bits.
 */
const DOUBLES: ReadonlySet<unknown> = new Set([
  ...['ttl', 'left', 'waited', 'lockDelay'],
  ...['grants', 'refusals', 'lost', 'journalBytes'],
]);

/**
 * The body of an answer.
 *
 * @param value plain objects and arrays, or Maps; members that are undefined are left out. Whole numbers beyond 32 bits
 * become doubles, and so do all in the members of `DOUBLES`; Dates become their UTC digits.
 * @throws TypeError for what XML-RPC has no type for: null, NaN, a bigint, a function.
 */
export function writeResponse(value: unknown): string {
  return `${HEAD}<params><param>${valueXml(value)}</param></params></methodResponse>\n`;
}

/** The body of a fault. `code` is a 32-bit number. */
export function writeFault(code: number, text: string): string {
  return `${HEAD}<fault>${valueXml({ faultCode: code, faultString: text })}</fault></methodResponse>\n`;
}

function valueXml(value: unknown): string {
  return `<value>${typedXml(value)}</value>`;
}

function typedXml(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return `<string>${escapeText(value)}</string>`;
    case 'number':
      return numberXml(value);
    case 'boolean':
      return `<boolean>${value ? 1 : 0}</boolean>`;
    case 'object':
      return objectXml(value);
    default:
      throw new TypeError(`XML-RPC has no type for ${typeof value}`);
  }
}

type Members = Readonly<Record<string, unknown>>;

function objectXml(value: object | null): string {
  if (value === null) throw new TypeError('XML-RPC has no null');
  if (Array.isArray(value)) return `<array><data>${value.map(valueXml).join('')}</data></array>`;
  if (value instanceof Date) return `<dateTime.iso8601>${dateDigits(value)}</dateTime.iso8601>`;
  if (value instanceof Uint8Array) return `<base64>${Buffer.from(value).toString('base64')}</base64>`;
  let members = '';
  if (value instanceof Map) {
    for (const [name, member] of value) members += memberXml(String(name), member);
  } else {
    // Not Object.entries, which makes an array for each member.
    for (const name of Object.keys(value)) members += memberXml(name, (value as Members)[name]);
  }
  return `<struct>${members}</struct>`;
}

function memberXml(name: string, member: unknown): string {
  if (member === undefined) return '';
  const xml = typeof member === 'number' && DOUBLES.has(name) ? doubleXml(member) : typedXml(member);
  return `<member><name>${escapeText(name)}</name><value>${xml}</value></member>`;
}

function numberXml(value: number): string {
  return isInt(value) ? `<int>${value}</int>` : doubleXml(value);
}

function doubleXml(value: number): string {
  if (!Number.isFinite(value)) throw new TypeError(`XML-RPC has no ${value}`);
  return `<double>${decimal(value)}</double>`;
}

/** What `decimal` would leave as it is: nearly all numbers that are not whole. */
const PLAIN_DECIMAL = /^-?[0-9]+\.[0-9]+$/;

/** The shortest digits that mean this very number, with a point and without an exponent: `0.0000001`, `1e21` in full. */
function decimal(value: number): string {
  const text = String(value);
  if (PLAIN_DECIMAL.test(text)) return text;
  const [mantissa = '', exponent] = text.split('e');
  const sign = mantissa.startsWith('-') ? '-' : '';
  const [whole = '', fraction = ''] = mantissa.slice(sign.length).split('.');
  if (exponent === undefined) return `${sign}${whole}.${fraction || '0'}`;
  const digits = whole + fraction;
  const point = whole.length + Number(exponent);
  return point > 0 ? `${sign}${digits.padEnd(point, '0')}.0` : `${sign}0.${'0'.repeat(-point)}${digits}`;
}

/** The second that was written last, and its digits: most dates of one moment are the same. */
let lastSecond = Number.NaN;
let lastDigits = '';

/** `20261121T01:20:48`, UTC. */
function dateDigits(date: Date): string {
  const second = Math.floor(date.getTime() / 1_000);
  if (second !== lastSecond) {
    const iso = date.toISOString();
    lastDigits = iso.slice(0, 4) + iso.slice(5, 7) + iso.slice(8, 19);
    lastSecond = second;
  }
  return lastDigits;
}

/** What cannot stand for itself: markup, the carriage return (a parser would make it a line feed), what XML has not. */
const PLAIN = /^[\t\n -%'-;=?-~]*$/;
const SPECIAL = /[&<>]|[^\t\n -\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;
const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#13;' };
const REPLACEMENT_CHARACTER = '\ufffd';

/** Characters that no XML document can hold become U+FFFD; no name or note has any. */
function escapeText(text: string): string {
  // Most texts are plain ASCII, which is quicker to see.
  if (PLAIN.test(text) || !SPECIAL.test(text)) return text;
  return text.replace(new RegExp(SPECIAL, 'gu'), (found) => ESCAPES[found] ?? REPLACEMENT_CHARACTER);
}
