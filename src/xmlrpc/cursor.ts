/**
 * A document as XML-RPC reads it: tags that must be there, white space between them that means nothing, text of an
 * element as one string. A document that is no XML-RPC is read to its end first, because one that is not even
 * well-formed has another fault code.
 */
import { BAD_PARAMETERS, Fault, NOT_XML_RPC, quoted } from './faults.js';
import type { DocumentLimits } from './limits.js';
import { isBlank, Scanner, type Token } from './scanner.js';

/** The tags of most documents. */
const PLAIN_NAMES: ReadonlySet<string> = new Set(
  (
    'methodCall methodName methodResponse params param fault value string int i4 i8 double boolean base64 ' +
    'dateTime.iso8601 nil array data struct member name'
  ).split(' '),
);

/** A place in a document. Every method throws Fault -32600, or -32700 where the document is not well-formed. */
export class Cursor {
  /** How a fault calls what is being read: `parameter 2`. */
  place = 'the answer';
  readonly limits: DocumentLimits;
  readonly #scanner: Scanner;
  #items = 0;

  /** @param xml as `decodeDocument` answers it. */
  constructor(xml: string, limits: DocumentLimits) {
    this.limits = limits;
    this.#scanner = new Scanner(xml, PLAIN_NAMES);
  }

  /** The name of the tag last read. */
  get name(): string {
    return this.#scanner.name;
  }

  /** The piece of text last read. */
  get text(): string {
    return this.#scanner.text;
  }

  /** Reads a tag or a piece of text. */
  next(): Token {
    return this.#scanner.next();
  }

  /** Reads a tag, over white space. */
  nextTag(): Token {
    let token = this.#scanner.next();
    while (token === 'text') {
      if (!isBlank(this.#scanner.text))
        this.notXmlRpc(`has the text ${quoted(this.#scanner.text)} between tags`);
      token = this.#scanner.next();
    }
    return token;
  }

  /** Reads the start tag `name`. */
  expectStart(name: string): void {
    if (this.nextTag() !== 'start') this.notXmlRpc(`has no <${name}> where one must stand`);
    this.expectName(name);
  }

  /** Sees to it that the start tag last read is `name`. */
  expectName(name: string): void {
    if (this.name !== name) this.notXmlRpc(`has the element ${quoted(this.name)} where <${name}> must stand`);
  }

  /** Reads the end tag of the innermost open element. Which one that is, the scanner has checked. */
  expectEnd(): void {
    if (this.nextTag() !== 'end') this.notXmlRpc(`has an element ${quoted(this.name)} too many`);
  }

  /** Reads all text up to the end tag of an element that holds nothing but text, and the end tag. */
  content(): string {
    let content = '';
    for (;;) {
      const token = this.#scanner.next();
      if (token === 'end') return content;
      if (token !== 'text') this.notXmlRpc(`has the element ${quoted(this.name)} where only text may stand`);
      content += this.#scanner.text;
    }
  }

  /** Counts a parameter, an array item or a struct member. */
  countItem(): void {
    this.#items += 1;
    if (this.#items > this.limits.items) {
      this.notXmlRpc(`has more than ${this.limits.items} parameters, items and members`);
    }
  }

  /** @throws Fault -32600, if the rest of the document is well-formed. */
  notXmlRpc(problem: string): never {
    this.#scanner.readToEnd();
    throw new Fault(NOT_XML_RPC, `The body is no XML-RPC: it ${problem}`);
  }

  /** @throws Fault -32602 for a value that XML-RPC can write but no program here can take. */
  badValue(problem: string): never {
    this.#scanner.readToEnd();
    throw new Fault(BAD_PARAMETERS, `${this.place} ${problem}`);
  }
}
