/**
 * From the bytes of a body to a call, or to an answer: the envelopes of XML-RPC (xmlrpc.com/spec). Nothing is trusted on
 * either side; a body over a limit, or one that is no XML-RPC, is a fault and nothing else.
 */
import { Cursor } from './cursor.js';
import { decodeDocument } from './decode-document.js';
import { Fault, NOT_XML_RPC } from './faults.js';
import { type DocumentLimits, REQUEST_LIMITS, RESPONSE_LIMITS } from './limits.js';
import { readPlainCall } from './plain-call.js';
import { readValue } from './read-value.js';
import type { XmlRpcValue } from './values.js';

/** A method call as it was sent; nothing in it is checked against any method. */
export interface ParsedCall {
  readonly method: string;
  readonly params: XmlRpcValue[];
}

/** What a server answered. */
export type ParsedResponse =
  | { readonly value: XmlRpcValue }
  | { readonly fault: { readonly code: number; readonly text: string } };

/**
 * Reads a `methodCall`. Attributes and white space between elements mean nothing.
 *
 * @param charset of the Content-Type, without quotes.
 * @throws Fault -32700 not well-formed; -32600 no XML-RPC, or over a limit; -32602 a number that cannot be taken.
 */
export function parseCall(
  body: Uint8Array,
  charset?: string,
  limits: DocumentLimits = REQUEST_LIMITS,
): ParsedCall {
  const xml = documentText(body, charset, limits);
  return readPlainCall(xml, limits.items) ?? readCall(new Cursor(xml, limits));
}

function readCall(cursor: Cursor): ParsedCall {
  cursor.expectStart('methodCall');
  cursor.expectStart('methodName');
  const method = cursor.content().trim();
  const params: XmlRpcValue[] = [];
  if (cursor.nextTag() === 'start') {
    cursor.expectName('params');
    while (cursor.nextTag() === 'start') {
      cursor.expectName('param');
      cursor.countItem();
      cursor.place = `parameter ${params.length + 1}`;
      params.push(readWrapped(cursor));
    }
    cursor.expectEnd(); // </methodCall>
  }
  cursor.nextTag(); // Comments behind the root, and then the end.
  return { method, params };
}

/**
 * Reads a `methodResponse`: one value, or a fault.
 *
 * @param charset of the Content-Type, without quotes.
 * @throws Fault as `parseCall` does.
 */
export function parseResponse(
  body: Uint8Array,
  charset?: string,
  limits: DocumentLimits = RESPONSE_LIMITS,
): ParsedResponse {
  const cursor = new Cursor(documentText(body, charset, limits), limits);
  cursor.expectStart('methodResponse');
  if (cursor.nextTag() !== 'start') cursor.notXmlRpc('has an empty methodResponse');
  const isFault = cursor.name === 'fault';
  if (!isFault) {
    cursor.expectName('params');
    cursor.expectStart('param');
  }
  const value = readWrapped(cursor);
  if (!isFault) cursor.expectEnd(); // </params>
  cursor.expectEnd(); // </methodResponse>
  cursor.nextTag();
  return isFault ? { fault: faultIn(value, cursor) } : { value };
}

/** The text of a document that is not over the limit. */
function documentText(body: Uint8Array, charset: string | undefined, limits: DocumentLimits): string {
  if (body.length > limits.bytes) {
    throw new Fault(NOT_XML_RPC, `The body has ${body.length} bytes, more than ${limits.bytes}`);
  }
  return decodeDocument(body, charset);
}

/** Reads `<value>…</value>` and the end tag of the element around it. */
function readWrapped(cursor: Cursor): XmlRpcValue {
  cursor.expectStart('value');
  const value = readValue(cursor);
  cursor.expectEnd();
  return value;
}

function faultIn(value: XmlRpcValue, cursor: Cursor): { code: number; text: string } {
  const code = value instanceof Map ? value.get('faultCode') : undefined;
  const text = value instanceof Map ? value.get('faultString') : undefined;
  if (typeof code !== 'number' || typeof text !== 'string') {
    return cursor.notXmlRpc('has a fault without faultCode and faultString');
  }
  return { code, text };
}
