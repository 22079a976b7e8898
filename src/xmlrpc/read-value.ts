/**
 * Reads one value, however deep, with a stack of its own: arrays and structs within each other cost a slot of an array,
 * never a call within a call.
 */
import type { Cursor } from './cursor.js';
import { quoted } from './faults.js';
import { ownText, scalarReader } from './scalars.js';
import { isBlank } from './scanner.js';
import type { XmlRpcStruct, XmlRpcValue } from './values.js';

/** An array or struct that is not yet closed. */
interface Container {
  readonly value: XmlRpcValue;
  /** Reads up to the next value, and over its `<value>`; false when there is none and the container is closed. */
  advance(cursor: Cursor): boolean;
  /** Takes in a value whose `</value>` has been read. */
  add(value: XmlRpcValue, cursor: Cursor): void;
}

class OpenArray implements Container {
  readonly value: XmlRpcValue[] = [];

  constructor(cursor: Cursor) {
    cursor.expectStart('data');
  }

  advance(cursor: Cursor): boolean {
    if (cursor.nextTag() === 'start') {
      cursor.expectName('value');
      cursor.countItem();
      return true;
    }
    cursor.expectEnd(); // </array> behind </data>
    return false;
  }

  add(value: XmlRpcValue): void {
    this.value.push(value);
  }
}

class OpenStruct implements Container {
  readonly value: XmlRpcStruct = new Map();
  #name = '';

  advance(cursor: Cursor): boolean {
    if (cursor.nextTag() === 'end') return false;
    cursor.expectName('member');
    cursor.countItem();
    cursor.expectStart('name');
    this.#name = ownText(cursor.content());
    if (this.value.has(this.#name)) cursor.notXmlRpc(`has a struct with two members ${quoted(this.#name)}`);
    cursor.expectStart('value');
    return true;
  }

  add(value: XmlRpcValue, cursor: Cursor): void {
    this.value.set(this.#name, value);
    cursor.expectEnd(); // </member>
  }
}

/**
 * Reads a value from behind its `<value>` to behind its `</value>`.
 *
 * @throws Fault -32700, -32600, or -32602 for a number that is not finite or does not fit 64 bits.
 */
export function readValue(cursor: Cursor): XmlRpcValue {
  const outer: Container[] = [];
  for (;;) {
    const read = readScalarOrOpen(cursor);
    let container = outer.at(-1);
    if (isContainer(read)) {
      if (outer.length === cursor.limits.nesting) {
        cursor.notXmlRpc(`has more than ${cursor.limits.nesting} arrays and structs within each other`);
      }
      outer.push(read);
      container = read;
    } else {
      if (!container) return read;
      container.add(read, cursor);
    }
    while (!container.advance(cursor)) {
      cursor.expectEnd(); // </value>
      const { value } = container;
      outer.pop();
      container = outer.at(-1);
      if (!container) return value;
      container.add(value, cursor);
    }
  }
}

function isContainer(read: XmlRpcValue | Container): read is Container {
  return read instanceof OpenArray || read instanceof OpenStruct;
}

/** Behind `<value>`: a scalar with its `</value>`, or the array or struct that begins. */
function readScalarOrOpen(cursor: Cursor): XmlRpcValue | Container {
  let text = '';
  let token = cursor.next();
  for (; token === 'text'; token = cursor.next()) text += cursor.text;
  if (token === 'end') return ownText(text); // Without a type it is a string.
  if (!isBlank(text)) cursor.notXmlRpc(`has the text ${quoted(text)} beside a type`);
  if (cursor.name === 'array') return new OpenArray(cursor);
  if (cursor.name === 'struct') return new OpenStruct();
  const read = scalarReader(cursor.name);
  if (!read) return cursor.notXmlRpc(`has a value of the unknown type ${quoted(cursor.name)}`);
  const value = read(cursor.content(), cursor);
  cursor.expectEnd(); // </value>
  return value;
}
