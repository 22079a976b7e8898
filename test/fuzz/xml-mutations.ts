/** Changes to a document that know what a tag is. */
import { oneOf, type Random } from '../random.js';

/** What has a meaning in XML or in XML-RPC, and where careless code stumbles. */
export const XML_PIECES: readonly string[] = [
  ...[
    '<',
    '>',
    '/>',
    '</',
    '&',
    ';',
    '&amp;',
    '&#0;',
    '&#x110000;',
    '&#xD800;',
    '&#13;',
    '&lol;',
    ']]>',
    '\0',
    '\r',
  ],
  ...[
    '<![CDATA[',
    ']]',
    '<!--',
    '-->',
    '--',
    '<?',
    '?>',
    '<?xml version="1.0" encoding="iso-8859-1"?>',
    '\ufeff',
  ],
  ...[
    '<!DOCTYPE a [<!ENTITY b "c">]>',
    ' xmlns="x"',
    ' a="1" a="2"',
    '<value>',
    '</value>',
    '<value/>',
    '<nil/>',
  ],
  ...[
    '<string>',
    '</string>',
    '<int>',
    '<i8>9223372036854775808</i8>',
    '<double>1e999</double>',
    '<double>nan</double>',
  ],
  ...[
    '<array><data>',
    '</data></array>',
    '<struct>',
    '<member><name>a</name>',
    '</member>',
    '<params/>',
    '<fault>',
  ],
  ...[
    '<dateTime.iso8601>20260230T00:00:00</dateTime.iso8601>',
    '<base64>=</base64>',
    '<boolean>2</boolean>',
    '\ud800',
  ],
];

const NAMES = [
  'value',
  'string',
  'int',
  'array',
  'data',
  'struct',
  'member',
  'name',
  'param',
  'params',
  'nil',
  'x',
  '',
];

/** As many levels as no document has, and a few as some have. */
const DEPTHS = [2, 15, 16, 17, 500];

/** Moves, doubles, drops, renames or nests tags and texts. */
export function mutateMarkup(bytes: Buffer, random: Random): Buffer {
  const pieces = bytes.toString('utf8').match(/<[^>]*>?|[^<]+/g) ?? [];
  if (pieces.length === 0) return bytes;
  const at = random(pieces.length);
  const other = random(pieces.length);
  const [start, end] = [Math.min(at, other), Math.max(at, other)];
  return Buffer.from(oneOf(random, MARKUP_MUTATIONS)(pieces, start, end, random).join(''));
}

type MarkupMutation = (pieces: string[], start: number, end: number, random: Random) => string[];

const MARKUP_MUTATIONS: readonly MarkupMutation[] = [
  (pieces, start) => pieces.toSpliced(start, 1),
  (pieces, start, end) => pieces.toSpliced(start, end - start),
  (pieces, start, end) => pieces.toSpliced(end, 0, ...pieces.slice(start, end)),
  (pieces, start, end) => pieces.with(start, pieces[end] ?? '').with(end, pieces[start] ?? ''),
  (pieces, start, _, random) =>
    pieces.with(
      start,
      (pieces[start] ?? '').replace(/[\w.]+/, () => oneOf(random, NAMES)),
    ),
  (pieces, start, _, random) => pieces.toSpliced(start, 0, oneOf(random, XML_PIECES)),
  (pieces, start, end, random) => {
    const depth = oneOf(random, DEPTHS);
    const [open, close] = ['<array><data><value>'.repeat(depth), '</value></data></array>'.repeat(depth)];
    return pieces.toSpliced(end, 0, close).toSpliced(start, 0, open);
  },
  (pieces, start, _, random) => pieces.toSpliced(start, 0, (pieces[start] ?? '').repeat(random(1_500))),
];
