/** A call as XML-RPC. Pure. */
import { isInt } from '../xmlrpc/values.js';

/** What a call may carry; members of a struct without a value are left out. */
export type Parameter =
  | string
  | number
  | boolean
  | readonly Parameter[]
  | { readonly [member: string]: Parameter | undefined };

/** The text has a character that no XML can carry, such as a control character; `message` says which. */
export class NotXml extends Error {
  override readonly name = 'NotXml';
}

/** The body of a call. Throws `NotXml`. */
export function encodeCall(method: string, parameters: readonly Parameter[]): string {
  const params = parameters.map((parameter) => `<param>${valueXml(parameter)}</param>`).join('');
  return `<?xml version="1.0" encoding="UTF-8"?><methodCall><methodName>${textXml(method)}</methodName><params>${params}</params></methodCall>`;
}

function valueXml(value: Parameter): string {
  return `<value>${typedXml(value)}</value>`;
}

function typedXml(value: Parameter): string {
  if (typeof value === 'string') return `<string>${textXml(value)}</string>`;
  if (typeof value === 'boolean') return `<boolean>${value ? 1 : 0}</boolean>`;
  if (typeof value === 'number') return isInt(value) ? `<int>${value}</int>` : `<double>${value}</double>`;
  if (isList(value)) return `<array><data>${value.map(valueXml).join('')}</data></array>`;
  return `<struct>${Object.entries(value).map(memberXml).join('')}</struct>`;
}

function isList(value: object): value is readonly Parameter[] {
  return Array.isArray(value);
}

function memberXml([name, value]: readonly [string, Parameter | undefined]): string {
  return value === undefined ? '' : `<member><name>${textXml(name)}</name>${valueXml(value)}</member>`;
}

const NO_XML_CHARACTER = /[^\t\n\r -\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;
const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#13;' };

function textXml(text: string): string {
  const found = NO_XML_CHARACTER.exec(text)?.[0];
  if (found !== undefined) {
    const code = (found.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    throw new NotXml(`The text has a character that cannot be sent: U+${code}. Take it out`);
  }
  return text.replace(/[&<>\r]/g, (special) => ESCAPES[special] ?? special);
}
