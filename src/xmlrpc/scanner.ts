/**
 * Cuts a document into start tags, end tags and text, and sees to it that it is well-formed: every tag closed in
 * order, one root, sound references, comments, CDATA sections, processing instructions and attributes. It knows nothing
 * of XML-RPC, calls itself nowhere, and looks at each character a bounded number of times. A DOCTYPE is refused, so that
 * there are no entities. Section numbers are those of XML 1.0, fifth edition.
 */
import { Fault, NOT_WELL_FORMED, quoted } from './faults.js';
import { resolveReferences } from './references.js';

export type Token = 'start' | 'end' | 'text' | 'end of document';

const SLASH = 0x2f;
const BANG = 0x21;
const QUESTION = 0x3f;
const GREATER = 0x3e;
const EQUALS = 0x3d;
const SPACE = 0x20;

/** NameStartChar and Name, productions 4 to 5. */
const NAME_START =
  ':A-Z_a-z\\u{c0}-\\u{d6}\\u{d8}-\\u{f6}\\u{f8}-\\u{2ff}\\u{370}-\\u{37d}\\u{37f}-\\u{1fff}\\u{200c}-\\u{200d}' +
  '\\u{2070}-\\u{218f}\\u{2c00}-\\u{2fef}\\u{3001}-\\u{d7ff}\\u{f900}-\\u{fdcf}\\u{fdf0}-\\u{fffd}\\u{10000}-\\u{effff}';
const NAME = new RegExp(
  `[${NAME_START}][${NAME_START}.0-9\\u{b7}\\u{300}-\\u{36f}\\u{203f}-\\u{2040}-]*`,
  'uy',
);

/** White space, production 3, from the first character to the last. */
const BLANK = /^[ \t\r\n]*$/;

/** Whether a text is nothing but white space, as XML means it. */
export function isBlank(text: string): boolean {
  return BLANK.test(text);
}

/** A document, token by token. Every method throws Fault -32700 where it is not well-formed. */
export class Scanner {
  /** The name of the tag last read. */
  name = '';
  /** The text last read, references resolved. An element's text may come in several pieces. */
  text = '';
  readonly #xml: string;
  readonly #plainNames: ReadonlySet<string>;
  readonly #open: string[] = [];
  #at = 0;
  #rootSeen = false;
  #isEmptyElement = false;

  /**
   * @param xml the document behind its XML declaration.
   * @param plainNames names of elements that are mostly written without attributes: their tags are read faster.
   */
  constructor(xml: string, plainNames: ReadonlySet<string>) {
    this.#xml = xml;
    this.#plainNames = plainNames;
  }

  /** Reads on to the next tag or piece of text. An empty element gives a start and an end. */
  next(): Token {
    if (this.#isEmptyElement) {
      this.#isEmptyElement = false;
      return this.#close();
    }
    for (;;) {
      const tag = this.#xml.indexOf('<', this.#at);
      if (tag === this.#at) {
        const token = this.#readMarkup();
        if (token !== undefined) return token;
        continue;
      }
      const end = tag < 0 ? this.#xml.length : tag;
      if (end === this.#at) return this.#endOfDocument();
      if (this.#readText(end)) return 'text';
    }
  }

  /** Reads the rest, only to see whether it is well-formed. */
  readToEnd(): void {
    while (this.next() !== 'end of document');
  }

  /** Reads what begins with `<`. Comments and processing instructions are no token. */
  #readMarkup(): Token | undefined {
    switch (this.#xml.charCodeAt(this.#at + 1)) {
      case SLASH:
        return this.#readEndTag();
      case BANG:
        return this.#readDeclaration();
      case QUESTION:
        return this.#skipInstruction();
      default:
        return this.#readStartTag();
    }
  }

  /** Whether what stands up to `end` is an element's text; outside of the root only white space may stand (2.1). */
  #readText(end: number): boolean {
    const text = this.#xml.slice(this.#at, end);
    const isInside = this.#open.length > 0;
    if (!isInside && !isBlank(text)) refuse('text outside the root element');
    if (text.includes(']]>')) refuse('a ]]> outside CDATA'); // 2.4
    this.text = text.includes('&') ? resolveReferences(text, refuse) : text;
    this.#at = end;
    return isInside;
  }

  #readStartTag(): Token {
    const end = this.#xml.indexOf('>', this.#at);
    const name = this.#xml.slice(this.#at + 1, end);
    if (end >= 0 && this.#plainNames.has(name)) {
      this.#at = end + 1;
      this.name = name;
    } else {
      this.#at += 1;
      this.name = this.#readName();
      this.#readAttributes();
      this.#isEmptyElement = this.#xml.charCodeAt(this.#at) === SLASH;
      if (this.#isEmptyElement) this.#at += 1;
      this.#readCharacter(GREATER);
    }
    if (this.#rootSeen && this.#open.length === 0) refuse('a second root element');
    this.#rootSeen = true;
    this.#open.push(this.name);
    return 'start';
  }

  /** The attributes (3.1). XML-RPC has none, so that they are only checked. */
  #readAttributes(): void {
    const seen = new Set<string>();
    while (this.#skipSpace() && /[^/>]/.test(this.#xml.charAt(this.#at))) {
      const name = this.#readName();
      if (seen.has(name)) refuse(`the attribute ${quoted(name)} twice`);
      seen.add(name);
      this.#skipSpace();
      this.#readCharacter(EQUALS);
      this.#skipSpace();
      this.#skipAttributeValue();
    }
  }

  #skipAttributeValue(): void {
    const quote = this.#xml.charAt(this.#at);
    if (quote !== '"' && quote !== "'") refuse('an attribute without quotes');
    const end = this.#xml.indexOf(quote, this.#at + 1);
    if (end < 0) refuse('an attribute without its end');
    const value = this.#xml.slice(this.#at + 1, end);
    if (value.includes('<')) refuse('a < in an attribute');
    resolveReferences(value, refuse);
    this.#at = end + 1;
  }

  #readEndTag(): Token {
    const name = this.#open.at(-1);
    if (name === undefined) return refuse('an end tag outside the root element');
    if (!this.#xml.startsWith(name, this.#at + 2)) return refuse(`no end tag of ${quoted(name)}`);
    this.#at += 2 + name.length;
    if (this.#xml.charCodeAt(this.#at) !== GREATER) this.#skipSpace();
    this.#readCharacter(GREATER);
    return this.#close();
  }

  #close(): Token {
    this.name = this.#open.pop() ?? '';
    return 'end';
  }

  /** `<!`: a comment (2.5), a CDATA section (2.7), or a DOCTYPE. */
  #readDeclaration(): Token | undefined {
    if (this.#xml.startsWith('<!--', this.#at)) {
      const end = this.#find('--', this.#at + 4, 'a comment');
      this.#at = end + 2;
      this.#readCharacter(GREATER);
      return undefined;
    }
    if (this.#xml.startsWith('<![CDATA[', this.#at) && this.#open.length > 0) {
      const start = this.#at + '<![CDATA['.length;
      const end = this.#find(']]>', start, 'a CDATA section');
      this.text = this.#xml.slice(start, end);
      this.#at = end + 3;
      return 'text';
    }
    return refuse('a <! that begins neither comment nor CDATA; a DOCTYPE is not read');
  }

  /** A processing instruction (2.6); an XML declaration is none, and stands nowhere but at the start. */
  #skipInstruction(): undefined {
    this.#at += 2;
    const target = this.#readName();
    if (target.toLowerCase() === 'xml') refuse('an XML declaration that is not at the start');
    const end = this.#find('?>', this.#at, 'a processing instruction');
    if (end > this.#at && !this.#skipSpace()) refuse('no space behind the target of an instruction');
    this.#at = end + 2;
  }

  #endOfDocument(): Token {
    const open = this.#open.at(-1);
    if (open !== undefined) refuse(`no end tag of ${quoted(open)}`);
    if (!this.#rootSeen) refuse('no root element');
    return 'end of document';
  }

  #readName(): string {
    NAME.lastIndex = this.#at;
    const name = NAME.exec(this.#xml)?.[0];
    if (name === undefined) return refuse('no name where one must stand');
    this.#at += name.length;
    return name;
  }

  #readCharacter(code: number): void {
    if (this.#xml.charCodeAt(this.#at) !== code)
      refuse(`no ${String.fromCharCode(code)} where one must stand`);
    this.#at += 1;
  }

  /** Skips white space, and tells whether there was any. */
  #skipSpace(): boolean {
    const start = this.#at;
    while (this.#xml.charCodeAt(this.#at) <= SPACE) this.#at += 1; // Other characters up to here were refused before.
    return this.#at > start;
  }

  #find(text: string, from: number, what: string): number {
    const found = this.#xml.indexOf(text, from);
    return found < 0 ? refuse(`${what} without its end`) : found;
  }
}

function refuse(problem: string): never {
  throw new Fault(NOT_WELL_FORMED, `The body is not well-formed XML: ${problem}`);
}
