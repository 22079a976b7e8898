import { expect, test } from 'vitest';
import { NOT_XML_RPC } from '../../src/xmlrpc/faults.js';
import { REQUEST_LIMITS } from '../../src/xmlrpc/limits.js';
import { parseCall, parseResponse } from '../../src/xmlrpc/parse.js';
import { bytes, callOf, faultCode } from './documents.js';

const sized = (length: number) => `${callOf('m')}${' '.repeat(length - callOf('m').length)}`;
const arrays = (depth: number) =>
  callOf('m', '<array><data><value>'.repeat(depth) + '</value></data></array>'.repeat(depth));
const structs = (depth: number) =>
  callOf(
    'm',
    '<struct><member><name>a</name><value>'.repeat(depth) + '</value></member></struct>'.repeat(depth),
  );
const items = (count: number) => callOf('m', `<array><data>${'<value/>'.repeat(count - 1)}</data></array>`);
const members = (count: number) => {
  const each = Array.from(
    { length: count - 1 },
    (_, index) => `<member><name>${index}</name><value/></member>`,
  );
  return callOf('m', `<struct>${each.join('')}</struct>`);
};
const params = (count: number) => callOf('m', ...Array.from({ length: count }, () => ''));

test.each([
  ['bytes', sized, REQUEST_LIMITS.bytes],
  ['arrays within each other', arrays, REQUEST_LIMITS.nesting],
  ['structs within each other', structs, REQUEST_LIMITS.nesting],
  ['array items, with the parameter that they stand in', items, REQUEST_LIMITS.items],
  ['struct members, with the parameter that they stand in', members, REQUEST_LIMITS.items],
  ['parameters', params, REQUEST_LIMITS.items],
])('%s: as many as allowed, and one more', (_name, body, limit) => {
  expect(parseCall(bytes(body(limit))).method).toBe('m');
  expect(faultCode(body(limit + 1))).toBe(NOT_XML_RPC);
});

test('an answer may be as large as ten thousand resources are', () => {
  const hold = '<value><struct><member><name>client</name><value>a</value></member></struct></value>';
  const answer = `<methodResponse><params><param><value><array><data>${hold.repeat(10_000)}</data></array></value></param></params></methodResponse>`;
  expect(parseResponse(bytes(answer))).toMatchObject({ value: { length: 10_000 } });
});

test('the limits of an answer can be set', () => {
  const answer = bytes('<methodResponse><params><param><value/></param></params></methodResponse>');
  expect(parseResponse(answer, undefined, { ...REQUEST_LIMITS, bytes: answer.length })).toEqual({
    value: '',
  });
  expect(() => parseResponse(answer, undefined, { ...REQUEST_LIMITS, bytes: answer.length - 1 })).toThrow(
    /bytes/,
  );
});
