import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseResponse } from '../../src/xmlrpc/parse.js';
import { writeFault, writeResponse } from '../../src/xmlrpc/write.js';
import { xmlText } from './arbitraries.js';
import { bytes } from './documents.js';

const valueXml = (value: unknown) => /<param><value>(.*)<\/value><\/param>/s.exec(writeResponse(value))?.[1];
const readBack = (value: unknown) => parseResponse(bytes(writeResponse(value)));

test('a whole answer', () => {
  expect(writeResponse(true)).toBe(
    '<?xml version="1.0" encoding="UTF-8"?>\n<methodResponse><params><param><value><boolean>1</boolean></value></param></params></methodResponse>\n',
  );
});

test('a fault', () => {
  const body = writeFault(1, "Resource already locked by 'A&B'");
  expect(parseResponse(bytes(body))).toEqual({
    fault: { code: 1, text: "Resource already locked by 'A&B'" },
  });
});

describe('what is written', () => {
  test.each<[unknown, string]>([
    ['', '<string></string>'],
    ['a<b>&"\'\n\t', '<string>a&lt;b&gt;&amp;"\'\n\t</string>'],
    ['\r]]>', '<string>&#13;]]&gt;</string>'],
    ['\x1b[2J\0\ud800\uffff🔒', '<string>\ufffd[2J\ufffd\ufffd\ufffd🔒</string>'],
    [0, '<int>0</int>'],
    [-0, '<int>0</int>'],
    [2_147_483_647, '<int>2147483647</int>'],
    [2_147_483_648, '<double>2147483648.0</double>'],
    [-2_147_483_648, '<int>-2147483648</int>'],
    [-2_147_483_649, '<double>-2147483649.0</double>'],
    [0.5, '<double>0.5</double>'],
    [1e-7, '<double>0.0000001</double>'],
    [-1.25e-9, '<double>-0.00000000125</double>'],
    [1.5e21, '<double>1500000000000000000000.0</double>'],
    [false, '<boolean>0</boolean>'],
    [new Date('2026-11-21T01:20:48.999Z'), '<dateTime.iso8601>20261121T01:20:48</dateTime.iso8601>'],
    [Buffer.from('hello'), '<base64>aGVsbG8=</base64>'],
    [[], '<array><data></data></array>'],
    [[1, 'a'], '<array><data><value><int>1</int></value><value><string>a</string></value></data></array>'],
    [{}, '<struct></struct>'],
    [
      { a: undefined, 'b<': 1 },
      '<struct><member><name>b&lt;</name><value><int>1</int></value></member></struct>',
    ],
    [
      { waited: 0, left: -0, ttl: 30 },
      '<struct><member><name>waited</name><value><double>0.0</double></value></member>' +
        '<member><name>left</name><value><double>0.0</double></value></member>' +
        '<member><name>ttl</name><value><double>30.0</double></value></member></struct>',
    ],
    [
      new Map([['ttl', 1]]),
      '<struct><member><name>ttl</name><value><double>1.0</double></value></member></struct>',
    ],
    [{ ttl: 'x' }, '<struct><member><name>ttl</name><value><string>x</string></value></member></struct>'],
    [new Map([['c', 1]]), '<struct><member><name>c</name><value><int>1</int></value></member></struct>'],
  ])('%j', (value, xml) => {
    expect(valueXml(value)).toBe(xml);
  });

  test.each<[string, unknown]>([
    ['null', null],
    ['undefined', undefined],
    ['undefined in an array', [undefined]],
    ['null in a struct', { a: null }],
    ['NaN', Number.NaN],
    ['infinity', -Infinity],
    ['NaN for seconds', { left: Number.NaN }],
    ['infinity for seconds', { ttl: Infinity }],
    ['a bigint', 1n],
    ['a function', () => 1],
    ['a symbol', Symbol('a')],
  ])('never %s', (_name, value) => {
    expect(() => writeResponse(value)).toThrow(TypeError);
  });
});

describe('what is written reads back as it was', () => {
  test('every string that XML can hold, carriage returns and ]]> too', () => {
    fc.assert(
      fc.property(xmlText, (text) => {
        expect(readBack(text)).toEqual({ value: text });
      }),
      { numRuns: 1_000 },
    );
  });

  test('every finite number, to the last digit', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.maxSafeInteger()),
        (number) => {
          const xml = valueXml(number);
          expect(xml).toMatch(/^<int>-?\d+<\/int>$|^<double>-?\d+\.\d+<\/double>$/);
          expect(readBack(number)).toEqual({ value: number + 0 });
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
