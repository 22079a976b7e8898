/** Protocol buffers on the wire: what is written is read again, and what is no message is refused. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BadAnswer } from '../../src/etcd/messages.js';
import { ProtobufWriter, protobufFields } from '../../src/etcd/protobuf.js';

const field = fc.integer({ min: 1, max: 300 });
const part = fc.oneof(
  fc.record({ field, number: fc.maxSafeNat() }),
  fc.record({ field, number: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }) }),
  fc.record({ field, text: fc.string({ unit: 'grapheme', maxLength: 200 }) }),
);
type Part = { readonly field: number; readonly number?: number | bigint; readonly text?: string };

function write(writer: ProtobufWriter, parts: readonly Part[]): void {
  for (const one of parts.toReversed()) {
    if (one.text !== undefined) writer.text(one.field, one.text);
    else writer.number(one.field, one.number ?? 0);
  }
}

/** Without the length in front. */
function messageOf(parts: readonly Part[]): Buffer {
  const writer = new ProtobufWriter();
  write(writer, parts);
  return Buffer.from(writer.framed()).subarray(5);
}

function read(message: Buffer): Part[] {
  return [...protobufFields(message)].map(({ field: name, number, bytes }) =>
    bytes ? { field: name, text: bytes.toString('utf8') } : { field: name, number: BigInt(number ?? 0) },
  );
}

const asRead = (parts: readonly Part[]): Part[] =>
  parts.map((one) => (one.text === undefined ? { ...one, number: BigInt(one.number ?? 0) } : one));

test('what is written is read again, however long it is, inside of others too', () => {
  fc.assert(
    fc.property(fc.array(part, { maxLength: 400 }), fc.array(part, { maxLength: 20 }), (inside, outside) => {
      const writer = new ProtobufWriter();
      write(writer, outside);
      writer.message(7, () => write(writer, inside));
      const message = Buffer.from(writer.framed());
      expect(message.readUInt32BE(1)).toBe(message.length - 5);
      const [first, ...rest] = [...protobufFields(message.subarray(5))];
      expect(first?.field).toBe(7);
      expect(read(first?.bytes ?? Buffer.alloc(0))).toEqual(asRead(inside));
      expect(rest).toHaveLength(outside.length);
    }),
  );
});

test('a text that is longer than there is room for', () => {
  const text = 'ä'.repeat(1 << 20);
  expect(
    read(
      messageOf([
        { field: 1, text },
        { field: 2, number: 5 },
      ]),
    ),
  ).toEqual([
    { field: 1, text },
    { field: 2, number: 5n },
  ]);
});

test.each<[number | bigint, number | bigint]>([
  [0, 0],
  [127, 127],
  [128, 128],
  [2 ** 31, 2 ** 31],
  [2 ** 49 - 1, 2 ** 49 - 1],
  [Number.MAX_SAFE_INTEGER, BigInt(Number.MAX_SAFE_INTEGER)],
  [(1n << 64n) - 1n, (1n << 64n) - 1n],
])('%s is exact', (written, expected) => {
  const [only] = [...protobufFields(messageOf([{ field: 1, number: written }]))];
  expect(only?.number).toBe(expected);
});

test('whatever is cut off or no message at all is refused, or read up to there', () => {
  const refuses = (bytes: Buffer) => {
    try {
      read(bytes);
    } catch (error) {
      if (!(error instanceof BadAnswer)) throw error;
    }
  };
  fc.assert(
    fc.property(fc.array(part, { maxLength: 5 }), fc.nat(), (parts, by) => {
      const message = messageOf(parts);
      refuses(message.subarray(0, by % (message.length + 1)));
    }),
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => refuses(Buffer.from(bytes))));
});

test.each([
  ['a length beyond the end', [0x0a, 5, 1, 2]],
  ['a number without an end', [0x08, 0xff]],
  ['a number of eleven bytes', [0x08, ...new Array(10).fill(0xff), 1]],
  ['a kind of field that etcd has none of', [0x0d, 1, 2, 3, 4]],
  ['a length that is greater than any number that is exact', [0x0a, ...new Array(9).fill(0xff), 1]],
])('%s is refused', (_, bytes) => {
  expect(() => read(Buffer.from(bytes))).toThrow(BadAnswer);
});
