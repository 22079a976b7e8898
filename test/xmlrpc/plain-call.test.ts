/** The short way of reading a call, beside the long one. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeDocument } from '../../src/xmlrpc/decode-document.js';
import { parseCall } from '../../src/xmlrpc/parse.js';
import { readPlainCall } from '../../src/xmlrpc/plain-call.js';
import { xmlText } from './arbitraries.js';
import { bytes, callOf, faultCode } from './documents.js';

const MAX_PARAMS = 1_024;
const plain = (xml: string) => readPlainCall(decodeDocument(bytes(xml), undefined), MAX_PARAMS);

/** The same call with a comment in it, which only the long way reads. */
const byTheLongWay = (xml: string) => parseCall(bytes(xml.replace('<methodCall>', '<methodCall><!---->')));

const escaped = (text: string) =>
  text.replace(/[&<\r]/g, (found) => `&#${found.charCodeAt(0)};`).replace(/]]>/g, ']]&gt;');

const document = fc
  .record({
    declaration: fc.constantFrom('', "<?xml version='1.0'?>\n", '<?xml version="1.0" encoding="utf-8"?>'),
    method: fc.constantFrom('lock', 'system.listMethods', 'x_1'),
    params: fc.array(fc.record({ text: xmlText, isTyped: fc.boolean() }), { maxLength: 4 }),
    space: fc.constantFrom('', '\n', ' \t\r\n  '),
  })
  .map(({ declaration, method, params, space: _ }) => {
    const values = params.map(({ text, isTyped }) =>
      isTyped ? `<string>${escaped(text)}</string>` : escaped(text),
    );
    const list = values.map((value) => `<param>${_}<value>${value}</value>${_}</param>${_}`).join('');
    return `${declaration}<methodCall>${_}<methodName>${method}</methodName>${_}<params>${_}${list}</params>${_}</methodCall>${_}`;
  });

test('both ways read the same', () => {
  fc.assert(
    fc.property(document, (xml) => {
      const read = byTheLongWay(xml);
      expect(parseCall(bytes(xml))).toEqual(read);
      const short = plain(xml);
      if (short) expect(short).toEqual(read);
    }),
    { numRuns: 1_000 },
  );
});

test.each([
  [
    'as Python writes it',
    "<?xml version='1.0'?>\n<methodCall>\n<methodName>lock</methodName>\n<params>\n<param>\n<value><string>a b</string></value>\n</param>\n</params>\n</methodCall>\n",
  ],
  [
    'without types',
    '<methodCall><methodName>lock</methodName><params><param><value>a b</value></param></params></methodCall>',
  ],
])('goes the short way: %s', (_name, xml) => {
  expect(plain(xml)).toEqual({ method: 'lock', params: ['a b'] });
});

test.each([
  ['a reference', callOf('m', '<string>a&amp;b</string>')],
  ['CDATA', callOf('m', '<string><![CDATA[a]]></string>')],
  ['a ]]>', callOf('m', '<string>]]></string>')],
  ['a struct', callOf('m', '<struct></struct>')],
  ['an int', callOf('m', '<int>1</int>')],
  ['something behind the root', `${callOf('m', '<string>a</string>')}<a/>`],
  ['an attribute', '<methodCall a="1"><methodName>a</methodName><params></params></methodCall>'],
  ['no params', '<methodCall><methodName>a</methodName></methodCall>'],
])('goes the long way: %s', (_name, xml) => {
  expect(plain(xml)).toBeUndefined();
});

test('more parameters than are read go the long way, to their fault', () => {
  const params = '<param><value>a</value></param>'.repeat(MAX_PARAMS + 1);
  const xml = `<methodCall><methodName>lock</methodName><params>${params}</params></methodCall>`;
  expect(plain(xml)).toBeUndefined();
  expect(faultCode(xml)).toBe(-32_600);
});
