import { expect, test } from 'vitest';
import { BAD_PARAMETERS, NOT_XML_RPC } from '../../src/xmlrpc/faults.js';
import { parseCall } from '../../src/xmlrpc/parse.js';
import { typeName, type XmlRpcValue } from '../../src/xmlrpc/values.js';
import { bytes, callOf, faultCode, faultOf, parsedValue } from './documents.js';

test.each<[string, XmlRpcValue]>([
  ['<int>0</int>', 0],
  ['<int>-0</int>', 0],
  ['<int>+7</int>', 7],
  ['<i4> -2147483648 </i4>', -2_147_483_648],
  ['<int>007</int>', 7],
  ['<int>2147483648</int>', 2_147_483_648],
  ['<int>1790000000000000</int>', 1_790_000_000_000_000],
  ['<i8>9007199254740991</i8>', Number.MAX_SAFE_INTEGER],
  ['<i8>9007199254740993</i8>', 9_007_199_254_740_993n],
  ['<ex:i8>-9223372036854775808</ex:i8>', -(2n ** 63n)],
  ['<i8>9223372036854775807</i8>', 2n ** 63n - 1n],
  ['<boolean>0</boolean>', false],
  ['<boolean> 1 </boolean>', true],
  ['<double>1</double>', 1],
  ['<double>-1.25</double>', -1.25],
  ['<double>.5</double>', 0.5],
  ['<double>5.</double>', 5],
  ['<double>1e-07</double>', 1e-7],
  ['<dateTime.iso8601>20261121T01:20:48</dateTime.iso8601>', new Date('2026-11-21T01:20:48Z')],
  ['<dateTime.iso8601>2026-11-21T01:20:48.5Z</dateTime.iso8601>', new Date('2026-11-21T01:20:48Z')],
  ['<base64>aGVs\n bG8=</base64>', Buffer.from('hello')],
  ['<base64/>', Buffer.from('')],
  ['<nil/>', null],
  ['<ex:nil></ex:nil>', null],
])('%s', (xml, value) => {
  expect(parsedValue(xml)).toEqual(value);
});

test.each([
  '<int/>',
  '<int>1.5</int>',
  '<int>1 2</int>',
  '<int>0x10</int>',
  '<int>1n</int>',
  '<i8>ten</i8>',
  '<boolean>true</boolean>',
  '<boolean/>',
  '<double>1,5</double>',
  '<double>.</double>',
  '<double>0x1p3</double>',
  '<dateTime.iso8601>20261321T01:20:48</dateTime.iso8601>',
  '<dateTime.iso8601>20260230T01:20:48</dateTime.iso8601>',
  '<dateTime.iso8601>20261121T25:20:48</dateTime.iso8601>',
  '<dateTime.iso8601>20261121</dateTime.iso8601>',
  '<dateTime.iso8601/>',
  '<base64>a</base64>',
  '<base64>a===</base64>',
  '<base64>ab!=</base64>',
  '<nil>null</nil>',
])('%s is no XML-RPC', (xml) => {
  expect(faultCode(callOf('m', xml))).toBe(NOT_XML_RPC);
});

test.each([
  '<double>nan</double>',
  '<double>-inf</double>',
  '<double>Infinity</double>',
  '<double>1e999</double>',
  '<int>9223372036854775808</int>',
  '<i8>-9223372036854775809</i8>',
  `<int>${'9'.repeat(60_000)}</int>`,
])('%.40s is a number that cannot be taken; the fault says where it stands', (xml) => {
  const fault = faultOf(() => parseCall(bytes(callOf('m', 'a', xml))));
  expect(fault.code).toBe(BAD_PARAMETERS);
  expect(fault.message).toMatch(/^parameter 2 has /);
});

test.each<[XmlRpcValue, string]>([
  ['', 'string'],
  [2 ** 31 - 1, 'int'],
  [2 ** 31, 'i8'],
  [1n, 'i8'],
  [0.5, 'double'],
  [false, 'boolean'],
  [new Date(), 'dateTime.iso8601'],
  [new Uint8Array(), 'base64'],
  [null, 'nil'],
  [[], 'array'],
  [new Map(), 'struct'],
])('%s is called %s', (value, name) => {
  expect(typeName(value)).toBe(name);
});
