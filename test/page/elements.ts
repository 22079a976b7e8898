/** Elements of an XML document without a browser: read by the daemon's own scanner. */
import type { XmlElement } from '../../src/page/decode-answer.js';
import { Cursor } from '../../src/xmlrpc/cursor.js';
import { RESPONSE_LIMITS } from '../../src/xmlrpc/limits.js';

class ReadElement implements XmlElement {
  readonly children: ReadElement[] = [];
  #text = '';

  constructor(readonly localName: string) {}

  get textContent(): string {
    return this.#text + this.children.map((child) => child.textContent).join('');
  }

  readTo(cursor: Cursor): this {
    for (let token = cursor.next(); token !== 'end'; token = cursor.next()) {
      if (token === 'text') this.#text += cursor.text;
      else this.children.push(new ReadElement(cursor.name).readTo(cursor));
    }
    return this;
  }
}

/** The root element of a document without an XML declaration. */
export function elementsOf(xml: string): XmlElement {
  const cursor = new Cursor(xml, RESPONSE_LIMITS);
  cursor.nextTag();
  return new ReadElement(cursor.name).readTo(cursor);
}
