import { expect, test } from 'vitest';
import { NOT_WELL_FORMED } from '../../src/xmlrpc/faults.js';
import { parseCall } from '../../src/xmlrpc/parse.js';
import { faultCode } from './documents.js';

/** A call with one string in it, in the declared encoding. */
function body(
  declaration: string,
  encoding: 'utf8' | 'latin1' | 'utf16le',
  text = 'Käthe',
  mark = '',
): Buffer {
  return Buffer.from(
    `${mark}${declaration}<methodCall><methodName>m</methodName><params><param><value>${text}</value></param></params></methodCall>`,
    encoding,
  );
}
const declared = (encoding: string) => `<?xml version='1.0' encoding="${encoding}" standalone='no' ?>`;
const MARK = '\ufeff';

test.each<[string, Buffer, string | undefined]>([
  ['UTF-8 by default', body('', 'utf8'), undefined],
  ['UTF-8 by declaration', body(declared('utf-8'), 'utf8'), undefined],
  ['UTF-8 by charset', body('', 'utf8'), 'UTF-8'],
  ['UTF-8 by mark', body('', 'utf8', undefined, MARK), undefined],
  ['UTF-8 by all three', body(declared('UTF-8'), 'utf8', undefined, MARK), 'utf8'],
  ['ISO 8859-1 by declaration', body(declared('ISO-8859-1'), 'latin1'), undefined],
  ['ISO 8859-1 by charset', body('', 'latin1'), 'iso-8859-1'],
  ['ISO 8859-1 by both', body(declared('latin1'), 'latin1'), 'ISO_8859-1'],
  ['ASCII with a reference', body(declared('us-ascii'), 'utf8', 'K&#228;the'), undefined],
  ['ASCII that contradicts itself', body(declared('iso-8859-1'), 'utf8', 'K&#xe4;the'), 'utf-8'],
  ['no encoding in the declaration', body('<?xml version="1.0"?>', 'utf8'), undefined],
])('%s', (_name, bytes, charset) => {
  expect(parseCall(bytes, charset).params).toEqual(['Käthe']);
});

test('characters outside the basic plane', () => {
  expect(parseCall(body('', 'utf8', '🔒\u{10ffff}')).params).toEqual(['🔒\u{10ffff}']);
});

test('ISO 8859-1 is not Windows-1252', () => {
  expect(parseCall(body('', 'latin1', '\u0080'), 'iso-8859-1').params).toEqual(['\u0080']);
});

test('bytes that are a part of a larger buffer', () => {
  const part = Buffer.concat([Buffer.from('é<a>'), body('', 'utf8'), Buffer.from('é')]).subarray(5, -2);
  expect(parseCall(part).params).toEqual(['Käthe']);
});

test.each<[string, Buffer, string | undefined]>([
  ['ISO 8859-1 read as UTF-8', body('', 'latin1'), undefined],
  ['UTF-8 read as ASCII', body(declared('us-ascii'), 'utf8'), undefined],
  ['mark and declaration disagree', body(declared('iso-8859-1'), 'utf8', undefined, MARK), undefined],
  ['mark and charset disagree', body('', 'utf8', undefined, MARK), 'iso-8859-1'],
  ['charset and declaration disagree', body(declared('utf-8'), 'utf8'), 'iso-8859-1'],
  ['UTF-16 with a mark', body('', 'utf16le', undefined, MARK), undefined],
  ['UTF-16 with a mark, the other way round', body('', 'utf16le', undefined, MARK).swap16(), undefined],
  ['UTF-16 by charset', body('', 'utf16le'), 'utf-16'],
  ['UTF-16 that nobody announced', body('', 'utf16le'), undefined],
  ['UTF-16 that is none', body(declared('utf-16'), 'utf8'), undefined],
  ['another encoding', body(declared('windows-1252'), 'utf8', 'ASCII'), undefined],
  ['another charset', body('', 'utf8', 'ASCII'), 'utf-7'],
  [
    'an overlong form',
    Buffer.concat([Buffer.from('<a>'), Buffer.from([0xc0, 0xbc]), Buffer.from('</a>')]),
    undefined,
  ],
  [
    'a surrogate in UTF-8',
    Buffer.concat([Buffer.from('<a>'), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from('</a>')]),
    undefined,
  ],
  ['a torn character', body('', 'utf8', '🔒').subarray(0, 57), undefined],
  ['a declaration that never ends', Buffer.from(`<?xml version="1.0"${' '.repeat(60_000)}`), undefined],
])('refused: %s', (_name, bytes, charset) => {
  expect(faultCode(bytes, charset)).toBe(NOT_WELL_FORMED);
});
