/**
 * From the bytes of a body to the text of an XML document. What the bytes mean may be said three times: by a byte order
 * mark, by the charset of the HTTP header, by the XML declaration. Where two of them disagree and it matters, the body
 * is refused: a guess would store names that nobody wrote. (XML 1.0, 4.3.3 and appendix F; RFC 7303, section 3.)
 */
import { isAscii, isUtf8 } from 'node:buffer';
import { Fault, NOT_WELL_FORMED, quoted } from './faults.js';

type Encoding = 'utf-8' | 'us-ascii' | 'iso-8859-1';

/** The names under which clients were seen to declare the three encodings. */
const ENCODINGS: ReadonlyMap<string, Encoding> = new Map([
  ['utf-8', 'utf-8'],
  ['utf8', 'utf-8'],
  ['us-ascii', 'us-ascii'],
  ['ascii', 'us-ascii'],
  ['iso-8859-1', 'iso-8859-1'],
  ['iso_8859-1', 'iso-8859-1'],
  ['iso8859-1', 'iso-8859-1'],
  ['latin1', 'iso-8859-1'],
]);

const UTF_8_MARK_BYTES = 3;

/** A declaration has three short attributes; a longer one is looked at no further. */
const MAX_DECLARATION_BYTES = 256;

const DECLARATION_START = /^<\?xml[ \t\r\n]/;

/** XMLDecl, XML 1.0, productions 23 to 26, 32, 80 and 81; the second group is the encoding's name. */
const DECLARATION =
  /^<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*(?:'1\.[0-9]+'|"1\.[0-9]+")(?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*(['"])([A-Za-z][\w.-]*)\1)?(?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*(?:'(?:yes|no)'|"(?:yes|no)"))?[ \t\r\n]*\?>/;

/** What is no Char (XML 1.0, production 2), in ASCII and beyond it. */
const NO_ASCII_XML_CHARACTER = /[^\t\n\r -\x7f]/;
const NO_XML_CHARACTER = /[^\t\n\r -\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;

/**
 * The text of a document behind byte order mark and XML declaration; every line ends with `\n` (XML 1.0, 2.11).
 *
 * @param charset of the Content-Type, without quotes; undefined where there is none.
 * @throws Fault -32700 for an encoding that is not read here, bytes that do not fit it, characters that XML does not
 * have, or a torn declaration.
 */
export function decodeDocument(body: Uint8Array, charset: string | undefined): string {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  // ASCII is the same in all three encodings, which is most calls and the fastest way.
  const ascii = isAscii(bytes) ? bytes.toString('latin1') : undefined;
  const mark = byteOrderMark(bytes);
  const start = mark === undefined ? 0 : UTF_8_MARK_BYTES;
  const declaration = declarationIn(ascii ?? bytes.toString('latin1', start, start + MAX_DECLARATION_BYTES));
  const declared = declaration?.[2];
  const named = [mark, charset, declared].filter((name) => name !== undefined).map(encodingNamed);
  const textStart = start + (declaration?.[0].length ?? 0);
  const text = ascii?.slice(textStart) ?? decode(bytes, textStart, named);
  const found = (ascii === undefined ? NO_XML_CHARACTER : NO_ASCII_XML_CHARACTER).exec(text);
  if (found) throw unreadable(`has the character ${quoted(found[0])}, which XML does not have`);
  return text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text;
}

function decode(bytes: Buffer, start: number, named: readonly Encoding[]): string {
  const [encoding = 'utf-8', ...others] = named;
  const other = others.find((name) => name !== encoding);
  if (other) throw unreadable(`is said to be ${encoding} and ${other}`);
  if (encoding === 'iso-8859-1') return bytes.toString('latin1', start);
  if (encoding === 'us-ascii' || !isUtf8(bytes)) throw unreadable(`has bytes that are not ${encoding}`);
  return bytes.toString('utf8', start);
}

/** The mark of UTF-8. That of UTF-16 is a fault: the body would not be read as XML anyway, and this says why. */
function byteOrderMark(bytes: Buffer): Encoding | undefined {
  const first = bytes[0];
  const second = bytes[1];
  if (first === 0xef && second === 0xbb && bytes[2] === 0xbf) return 'utf-8';
  if ((first === 0xfe && second === 0xff) || (first === 0xff && second === 0xfe)) throw unsupported('utf-16');
  return undefined;
}

/** The XML declaration at the start of a document; of `text` no more is looked at than a declaration may have. */
function declarationIn(text: string): RegExpExecArray | undefined {
  if (!DECLARATION_START.test(text)) return undefined;
  const declaration = DECLARATION.exec(text.slice(0, MAX_DECLARATION_BYTES));
  if (!declaration) throw unreadable('has an XML declaration that is not well-formed');
  return declaration;
}

function encodingNamed(name: string): Encoding {
  const encoding = ENCODINGS.get(name.toLowerCase());
  if (!encoding) throw unsupported(name);
  return encoding;
}

function unsupported(name: string): Fault {
  return unreadable(`is ${quoted(name)}, which is not read here; send utf-8, us-ascii or iso-8859-1`);
}

function unreadable(problem: string): Fault {
  return new Fault(NOT_WELL_FORMED, `The body ${problem}`);
}
