/**
 * Documents of XML-RPC as a grammar makes them: every value in every spelling that is allowed, with white space, comments,
 * attributes and CDATA wherever they mean nothing. What they say is known, so that a parser can be held to it.
 */
import type { XmlRpcValue } from '../../src/xmlrpc/values.js';
import { oneOf, type Random } from '../random.js';
import { text } from './texts.js';

/** What XML cannot hold. */
const NO_XML_CHARACTER = /[^\t\n\r -\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

const MOST_DEPTH = 4;
const MOST_MEMBERS = 4;

/** Any value that XML-RPC can say. */
export function arbitraryValue(random: Random, depth = 0): XmlRpcValue {
  switch (random(depth < MOST_DEPTH ? 10 : 8)) {
    case 0:
      return random(2) === 0;
    case 1:
      return random(1 << 30) - random(1 << 30);
    case 2:
      return oneOf<XmlRpcValue>(random, [
        2 ** 31,
        -(2 ** 53) + 1,
        2n ** 63n - 1n,
        -(2n ** 63n),
        2n ** 60n + 1n,
      ]);
    case 3:
      return (random(2_000_000) - 1_000_000) / 1_024 + 1 / 4_096;
    case 4:
      return new Date(
        Date.UTC(1970 + random(200), random(12), 1 + random(28), random(24), random(60), random(60)),
      );
    case 5:
      return Buffer.from(Array.from({ length: random(20) }, () => random(256)));
    case 6:
      return random(4) === 0 ? null : xmlText(random);
    case 7:
      return xmlText(random);
    case 8:
      return Array.from({ length: random(MOST_MEMBERS) }, () => arbitraryValue(random, depth + 1));
    default:
      return new Map(
        Array.from({ length: random(MOST_MEMBERS) }, () => [
          xmlText(random),
          arbitraryValue(random, depth + 1),
        ]),
      );
  }
}

export function xmlText(random: Random): string {
  return text(random).replace(NO_XML_CHARACTER, '?');
}

/** Writes documents; without chance it writes them as plainly as can be. */
export class DocumentWriter {
  constructor(private readonly random?: Random) {}

  call(method: string, params: readonly XmlRpcValue[]): string {
    const written = params.map((param) =>
      this.#element('param', this.#space() + this.#value(param) + this.#space()),
    );
    const parts = [this.#element('methodName', method), this.#element('params', written.join(this.#space()))];
    return this.#root(this.#element('methodCall', this.#space() + parts.join(this.#space()) + this.#space()));
  }

  #root(element: string): string {
    const declaration = this.#one(['', '<?xml version="1.0"?>', "<?xml version='1.0' standalone='yes' ?>\n"]);
    return declaration + this.#space() + element + this.#space();
  }

  #value(value: XmlRpcValue): string {
    const space = () => this.#one(['', '', ' ', '\n']);
    if (typeof value === 'string' && this.#chance(2)) return this.#element('value', this.#text(value));
    return this.#element('value', space() + this.#typed(value) + space());
  }

  #typed(value: XmlRpcValue): string {
    if (typeof value === 'string') return this.#element('string', this.#text(value));
    if (typeof value === 'boolean') return this.#element('boolean', this.#padded(value ? '1' : '0'));
    if (typeof value === 'number' && !Number.isInteger(value)) {
      return this.#element('double', this.#padded(this.#one([String(value), value.toExponential()])));
    }
    if (typeof value === 'number' || typeof value === 'bigint') {
      return this.#element(this.#one(['int', 'i4', 'i8', 'ex:i8']), this.#padded(this.#digits(value)));
    }
    if (value === null) return this.#one(['<nil/>', '<nil></nil>', '<ex:nil />']);
    if (value instanceof Date) return this.#element('dateTime.iso8601', this.#padded(this.#date(value)));
    if (value instanceof Uint8Array) return this.#element('base64', this.#base64(value));
    if (Array.isArray(value)) {
      const items = value.map((item) => this.#value(item)).join(this.#space());
      return this.#element(
        'array',
        this.#space() + this.#element('data', this.#space() + items) + this.#space(),
      );
    }
    const members = [...value].map(([name, member]) =>
      this.#element('member', this.#element('name', this.#text(name)) + this.#space() + this.#value(member)),
    );
    return this.#element('struct', this.#space() + members.join(this.#space()));
  }

  #element(name: string, content: string): string {
    const attributes = this.#one(['', '', '', '', ' ', ' a="1"', " b = '&lt;>' c=''"]);
    if (content === '' && this.#chance(3)) return `<${name}${attributes}/>`;
    return `<${name}${attributes}>${content}</${name}${this.#one(['', '', ' '])}>`;
  }

  #text(value: string): string {
    const pieces = value.match(/[\s\S]{1,3}/gu) ?? [];
    return pieces.map((piece) => this.#piece(piece)).join('');
  }

  #piece(piece: string): string {
    const comment = this.#one(['', '', '', '', '<!-- & < -->', '<?skip me?>']);
    const isCdata = this.#chance(6) && !/[\r\]>]/.test(piece);
    return (
      comment + (isCdata ? `<![CDATA[${piece}]]>` : piece.replace(/[&<>\r]/g, (one) => this.#reference(one)))
    );
  }

  #reference(character: string): string {
    const code = character.codePointAt(0) ?? 0;
    const named = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }[character];
    return this.#one([
      named ?? `&#${code};`,
      `&#${code};`,
      `&#x${code.toString(16)};`,
      `&#x0${code.toString(16)};`,
    ]);
  }

  #digits(value: number | bigint): string {
    const [sign, digits] = value < 0 ? ['-', String(value).slice(1)] : [this.#one(['', '+']), String(value)];
    return sign + this.#one(['', '', '0', '000']) + digits;
  }

  #date(value: Date): string {
    const iso = value.toISOString();
    return this.#one([iso.slice(0, 19).replace(/-/g, ''), iso.slice(0, 19), iso]);
  }

  #base64(value: Uint8Array): string {
    const digits = Buffer.from(value).toString('base64');
    return this.#one([digits, digits.replace(/(.{4})/g, '$1\n'), ` ${digits}\t`]);
  }

  #padded(content: string): string {
    return this.#one(['', '', '', ' ', '\n\t']) + content + this.#one(['', '', '', ' ']);
  }

  /** What means nothing between two tags. */
  #space(): string {
    return this.#one(['', '', '', ' ', '\n  ', '\t', '<!-- - -->', '<?php echo ?>', '\r\n']);
  }

  #one(choices: readonly string[]): string {
    return (this.random ? oneOf(this.random, choices) : choices[0]) ?? '';
  }

  #chance(oneIn: number): boolean {
    return this.random !== undefined && this.random(oneIn) === 0;
  }
}

/** Everything that a value says, as text: two values that say the same have the same one. */
export function meaning(value: XmlRpcValue): string {
  if (value === null) return 'nil';
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number') return `number ${Object.is(value, -0) ? 0 : value}`;
  if (typeof value === 'bigint') return `number ${value}`;
  if (typeof value === 'boolean') return String(value);
  if (value instanceof Date) return `date ${value.getTime()}`;
  if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString('hex')}`;
  if (Array.isArray(value)) return `[${value.map(meaning).join()}]`;
  return `{${[...value].map(([name, member]) => `${JSON.stringify(name)}:${meaning(member)}`).join()}}`;
}
