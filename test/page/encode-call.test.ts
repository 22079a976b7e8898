/** Calls that the page writes are those that the daemon reads. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeCall, NotXml, type Parameter } from '../../src/page/encode-call.js';
import { parseCall } from '../../src/xmlrpc/parse.js';
import { xmlText } from '../xmlrpc/arbitraries.js';
import { bytes } from '../xmlrpc/documents.js';

const { parameter } = fc.letrec<{ parameter: Parameter }>((tie) => ({
  parameter: fc.oneof(
    { maxDepth: 3 },
    xmlText,
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
    fc.boolean(),
    fc.array(tie('parameter'), { maxLength: 3 }),
    fc.dictionary(xmlText, tie('parameter'), { maxKeys: 3 }),
  ),
}));

/** As the daemon has it: structs are Maps. */
function asRead(value: Parameter): unknown {
  if (Array.isArray(value)) return value.map(asRead);
  if (typeof value !== 'object') return value;
  return new Map(Object.entries(value).map(([name, member]) => [name, asRead(member as Parameter)]));
}

test('the daemon reads what the page wrote', () => {
  fc.assert(
    fc.property(fc.array(parameter, { maxLength: 4 }), (parameters) => {
      const read = parseCall(bytes(encodeCall('lock', parameters)), 'utf-8');
      expect(read).toEqual({ method: 'lock', params: parameters.map(asRead) });
    }),
  );
});

test('members without a value are left out', () => {
  const { params } = parseCall(bytes(encodeCall('lock', [{ note: undefined, ttl: 30 }])), 'utf-8');
  expect(params).toEqual([new Map([['ttl', 30]])]);
});

describe('what XML cannot carry is told, and never sent', () => {
  test.each([
    ['\0', 'U+0000'],
    ['\x1b[2J', 'U+001B'],
    ['a\ud800', 'U+D800'],
    ['\ufffe', 'U+FFFE'],
  ])('%j', (text, code) => {
    expect(() => encodeCall('lock', [text])).toThrow(NotXml);
    expect(() => encodeCall('lock', [{ note: text }])).toThrow(code);
  });
});
