/** From the elements of an XML-RPC answer to its value, or its fault. Pure: what parses the XML is the browser. */
import { UnexpectedAnswer } from '../client/members.js';
import type { XmlRpcStruct, XmlRpcValue } from '../xmlrpc/values.js';

/** As much of a DOM element as is needed here. */
export interface XmlElement {
  readonly localName: string;
  readonly children: ArrayLike<XmlElement>;
  readonly textContent: string | null;
}

/** What the daemon answered. */
export type Answer =
  | { readonly value: XmlRpcValue }
  | { readonly fault: { readonly code: number; readonly text: string } };

/** Reads `methodResponse`. Throws `UnexpectedAnswer`. */
export function decodeAnswer(root: XmlElement): Answer {
  if (root.localName !== 'methodResponse') throw new UnexpectedAnswer('is no XML-RPC');
  const inner = onlyChild(root);
  if (inner.localName === 'fault') return { fault: faultIn(decodeValue(onlyChild(inner))) };
  return { value: decodeValue(onlyChild(onlyChild(inner))) };
}

/** The fault that a struct is; throws `UnexpectedAnswer` where it is none. */
export function faultIn(value: XmlRpcValue): { readonly code: number; readonly text: string } {
  const code = value instanceof Map ? value.get('faultCode') : undefined;
  const text = value instanceof Map ? value.get('faultString') : undefined;
  if (typeof code === 'number' && typeof text === 'string') return { code, text };
  throw new UnexpectedAnswer('has a fault without faultCode and faultString');
}

function decodeValue(value: XmlElement): XmlRpcValue {
  if (value.localName !== 'value') throw new UnexpectedAnswer(`has <${value.localName}> for <value>`);
  const [typed] = Array.from(value.children);
  if (!typed) return value.textContent ?? '';
  const text = typed.textContent ?? '';
  switch (typed.localName) {
    case 'string':
      return text;
    case 'int':
    case 'i4':
    case 'double':
      return numberIn(text);
    case 'boolean':
      return text.trim() === '1';
    case 'dateTime.iso8601':
      return dateIn(text);
    case 'array':
      return Array.from(onlyChild(typed).children, decodeValue);
    case 'struct':
      return structIn(typed);
    default:
      throw new UnexpectedAnswer(`has a value of the type ${typed.localName}`);
  }
}

function structIn(struct: XmlElement): XmlRpcStruct {
  return new Map(
    Array.from(struct.children, (member) => {
      const [name, value] = Array.from(member.children);
      if (!name || !value) throw new UnexpectedAnswer('has a member without name or value');
      return [name.textContent ?? '', decodeValue(value)];
    }),
  );
}

function numberIn(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new UnexpectedAnswer('has a number that is none');
  return value;
}

const DATE = /^(\d{4})(\d\d)(\d\d)T(\d\d):(\d\d):(\d\d)$/;

/** The digits are UTC. */
function dateIn(text: string): Date {
  const date = new Date(text.trim().replace(DATE, '$1-$2-$3T$4:$5:$6Z'));
  if (Number.isNaN(date.getTime())) throw new UnexpectedAnswer('has a date that is none');
  return date;
}

function onlyChild({ children, localName }: XmlElement): XmlElement {
  const [child] = Array.from(children);
  if (!child || children.length !== 1) {
    throw new UnexpectedAnswer(`has ${children.length} elements in <${localName}>, not 1`);
  }
  return child;
}
