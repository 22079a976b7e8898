/** Texts as names, notes and contents may hold them, rich in what careless code takes for something else. */
import { oneOf, type Random } from '../random.js';

const PIECES: readonly string[] = [
  ...[
    'a',
    'b',
    'deploy',
    'prod/db',
    'käthe@host:17',
    '🔒',
    'e\u0301',
    '你好',
    '\u00ad',
    '\ufeff',
    '\ufffd',
    '\u2028',
  ],
  ...[
    ' ',
    '  ',
    '\t',
    '\n',
    '"',
    "'",
    '\\',
    '/',
    '..',
    '.',
    '%',
    '%2F',
    '%00',
    '~',
    '?',
    '*',
    '{',
    '}',
    '[',
    ':',
  ],
  ...['<', '>', '&', '&amp;', ']]>', '<!--', '-->', '<![CDATA[', '</value>', '<?', '?>', '&#13;'],
  ...[
    '0',
    '-1',
    '1e999',
    '9007199254740993',
    'NaN',
    'null',
    'true',
    '__proto__',
    'constructor',
    '.lock',
    '.resource',
  ],
];

const MOST_PIECES = 5;

export function text(random: Random): string {
  return Array.from({ length: random(MOST_PIECES) }, () => oneOf(random, PIECES)).join('');
}

/** One that may be the name of a resource or a client. */
export function name(random: Random): string {
  return oneOf(random, [
    'a',
    'b',
    'deploy/prod',
    'käthe@host:17',
    'x y',
    '.hidden',
    'r.resource',
    'a%2Fb',
    '🔒',
    '~',
  ]);
}
