/**
 * What goes wrong before the rules are asked: faults of the protocol, with the codes of the "Specification for Fault
 * Code Interoperability" (xmlrpc-epi, version 20010516). What the rules refuse has its own codes, in the core.
 */
import { MAX_QUOTED_CHARACTERS } from './limits.js';

/** The body is not well-formed XML, or is not text in an encoding that is read here. */
export const NOT_WELL_FORMED = -32_700;
/** The body is well-formed XML, but no XML-RPC, or more of it than is read. */
export const NOT_XML_RPC = -32_600;
export const NO_SUCH_METHOD = -32_601;
export const BAD_PARAMETERS = -32_602;
/** A defect of the daemon; its text shows nothing of the insides. */
export const INTERNAL_ERROR = -32_603;

/** A fault of the protocol: `code` is one of the codes above, `message` the text for the caller. */
export class Fault extends Error {
  override readonly name = 'Fault';
  constructor(
    readonly code: number,
    text: string,
  ) {
    super(text);
  }
}

/** Control, format and private characters, lone surrogates, line and paragraph separators. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

function escaped(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

/** Text of the request as a fault may repeat it: in quotes, printable, short. */
export function quoted(text: string): string {
  const short = text.length > MAX_QUOTED_CHARACTERS ? `${text.slice(0, MAX_QUOTED_CHARACTERS)}…` : text;
  return `'${short.replace(UNPRINTABLE, escaped)}'`;
}
