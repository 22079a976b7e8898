/**
 * Character references: the five named ones and the numeric ones. There are no others without a DOCTYPE, and a DOCTYPE
 * is refused, so that nothing here can grow: the text gets shorter. (XML 1.0, 4.1 and 4.6.)
 */
import { quoted } from './faults.js';

const NAMED: ReadonlyMap<string, string> = new Map([
  ['lt', '<'],
  ['gt', '>'],
  ['amp', '&'],
  ['apos', "'"],
  ['quot', '"'],
]);

/** Char, XML 1.0, production 2. */
function isXmlCharacter(code: number): boolean {
  if (code < 0x20) return code === 0x9 || code === 0xa || code === 0xd;
  return code <= 0xd7ff || (code >= 0xe000 && code <= 0xfffd) || (code >= 0x10000 && code <= 0x10ffff);
}

function referenced(name: string): string | undefined {
  const named = NAMED.get(name);
  if (named !== undefined) return named;
  const digits = /^#(?:x([0-9a-fA-F]+)|([0-9]+))$/.exec(name);
  if (!digits) return undefined;
  const code = digits[1] === undefined ? Number(digits[2]) : Number.parseInt(digits[1], 16);
  return isXmlCharacter(code) ? String.fromCodePoint(code) : undefined;
}

/**
 * The text with every reference replaced by its character.
 *
 * @param refuse throws the fault; it gets a phrase that says what is wrong.
 */
export function resolveReferences(text: string, refuse: (problem: string) => never): string {
  let resolved = '';
  let from = 0;
  for (let at = text.indexOf('&'); at >= 0; at = text.indexOf('&', from)) {
    const end = text.indexOf(';', at);
    if (end < 0) return refuse('an & that begins no reference');
    const name = text.slice(at + 1, end);
    const character = referenced(name);
    if (character === undefined) return refuse(`the reference ${quoted(name)} to no character`);
    resolved += text.slice(from, at) + character;
    from = end + 1;
  }
  return from === 0 ? text : resolved + text.slice(from);
}
