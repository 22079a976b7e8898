/** The npm package `xmlrpc` as a second opinion: what it writes we read, and what we write it reads, to the same values. */
import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import Deserializer from 'xmlrpc/lib/deserializer.js';
import { serializeFault, serializeMethodCall, serializeMethodResponse } from 'xmlrpc/lib/serializer.js';
import { parseCall, parseResponse } from '../../src/xmlrpc/parse.js';
import type { XmlRpcValue } from '../../src/xmlrpc/values.js';
import { writeFault, writeResponse } from '../../src/xmlrpc/write.js';
import { xmlText } from './arbitraries.js';
import { bytes } from './documents.js';

// The package writes and reads dates in local time.
beforeAll(() => {
  process.env.TZ = 'UTC';
});

/**
 * What the package writes within CDATA is not well-formed when it has two `]]>`, and loses its carriage returns.
 */
const text = xmlText.map((any) => any.replaceAll('\r', ' ').replace(/]]>(?=.*]]>)/gs, ']]'));

const memberName = text.filter((name) => name !== '__proto__'); // The package would set the prototype.

const scalar = fc.oneof(
  text,
  fc.maxSafeInteger(),
  fc.integer(),
  // Beyond the safe integers the package writes an <int> with an exponent.
  fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e15, max: 1e15 }).map((number) => number + 0),
  fc.boolean(),
  fc.date({ min: new Date('1000-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }).map((date) => {
    date.setUTCMilliseconds(0);
    return date;
  }),
  fc.uint8Array({ maxLength: 100 }).map((octets) => Buffer.from(octets)),
);

const { value: anyValue } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    scalar,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(memberName, tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
}));

/** Our values as the package has them: structs as objects. */
function plain(value: XmlRpcValue): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map)
    return Object.fromEntries([...value].map(([name, member]) => [name, plain(member)]));
  return value;
}

function readByPackage(body: string): Promise<unknown> {
  const stream = new PassThrough();
  stream.end(body);
  return new Promise((resolve, reject) => {
    new Deserializer().deserializeMethodResponse(stream, (error, value) =>
      error ? reject(error) : resolve(value),
    );
  });
}

test('a call that the package wrote', () => {
  fc.assert(
    fc.property(fc.array(anyValue, { maxLength: 4 }), (params) => {
      const call = parseCall(bytes(serializeMethodCall('a.method', params)));
      expect(call.method).toBe('a.method');
      expect(call.params.map(plain)).toEqual(params);
    }),
    { numRuns: 500 },
  );
});

test('an answer that the package wrote', () => {
  fc.assert(
    fc.property(anyValue, (value) => {
      const response = parseResponse(bytes(serializeMethodResponse(value)));
      expect('value' in response && plain(response.value)).toEqual(value);
    }),
    { numRuns: 500 },
  );
});

test('an answer that we wrote', async () => {
  await fc.assert(
    fc.asyncProperty(anyValue, async (value) => {
      expect(await readByPackage(writeResponse(value))).toEqual(value);
    }),
    { numRuns: 500 },
  );
});

test('faults, both ways', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), text, async (code, message) => {
      const fault = { faultCode: code, faultString: message };
      expect(parseResponse(bytes(serializeFault(fault)))).toEqual({ fault: { code, text: message } });
      await expect(readByPackage(writeFault(code, message))).rejects.toMatchObject(fault);
    }),
  );
});
