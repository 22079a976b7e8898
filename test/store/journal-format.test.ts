import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeLine, encodeLine, type Line } from '../../src/store/journal/format.js';
import { arbitraryTurn } from './arbitrary-turns.js';
import { hold, lost, put } from './fixture.js';

const LINES: Line[] = [
  {
    line: 'head',
    format: 1,
    directory: '6a0e7f9c-0000-4000-8000-000000000000',
    epoch: 3,
    segment: 2,
    time: 1_763_000_000_000,
    turn: 42,
    nextToken: 1_763_000_000_000_001,
    previous: { name: 'journal-0000000003-0000000001.jsonl', bytes: 67_108_864 },
  },
  { line: 'records', records: [hold(1, 'ä \u2028 "x"', 'c\\d', '\u0000\ud800'), lost(2)] },
  { line: 'end', records: 2 },
  { line: 'turn', turn: 42, nextToken: 7, changes: [put(hold(6))] },
];

function textOf(line: Line): string {
  return encodeLine(line).toString('utf8').slice(0, -1);
}

describe.each(LINES)('a $line line', (line) => {
  test('comes back as it was written', () => {
    expect(decodeLine(textOf(line))).toEqual(line);
  });

  test('is JSON on one line that anybody can read', () => {
    const bytes = encodeLine(line);
    expect(bytes.indexOf(0x0a)).toBe(bytes.length - 1);
    expect(JSON.parse(bytes.toString('utf8'))).toEqual({
      ...line,
      crc: expect.stringMatching(/^[0-9a-f]{8}$/),
    });
  });

  test('is not taken for good when any single bit is flipped', () => {
    const bytes = encodeLine(line).subarray(0, -1);
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      expect(decodeLine(flipped(bytes, bit).toString('utf8')), `bit ${bit}`).toBeUndefined();
    }
  });

  test('is not taken for good when it is cut anywhere', () => {
    const text = textOf(line);
    for (let end = 0; end < text.length; end += 1) expect(decodeLine(text.slice(0, end))).toBeUndefined();
  });

  test('is not taken for good with anything before or behind it', () => {
    const text = textOf(line);
    for (const other of [` ${text}`, `${text} `, `${text}\r`, `${text}${text}`, `\ufeff${text}`]) {
      expect(decodeLine(other)).toBeUndefined();
    }
  });
});

test.each([
  '',
  '{}',
  'null',
  '[]',
  '{"line":"turn"}',
  ',"crc":"00000000"}',
  'x,"crc":"00000000"}',
  '\0'.repeat(40),
])('what never was a line is none: %j', (text) => {
  expect(decodeLine(text)).toBeUndefined();
});

test('a checksum inside of a name does not count', () => {
  const line: Line = { line: 'turn', turn: 1, nextToken: 2, changes: [put(hold(1, 'x","crc":"00000000"}'))] };
  expect(decodeLine(textOf(line))).toEqual(line);
});

test('every turn comes back, and none with a flipped bit', () => {
  fc.assert(
    fc.property(arbitraryTurn, fc.nat(), (turn, position) => {
      const line: Line = { line: 'turn', turn: 1, ...turn };
      const bytes = encodeLine(line).subarray(0, -1);
      expect(decodeLine(bytes.toString('utf8'))).toEqual(line);
      expect(decodeLine(flipped(bytes, position % (bytes.length * 8)).toString('utf8'))).toBeUndefined();
    }),
    { numRuns: 500 },
  );
});

function flipped(bytes: Uint8Array, bit: number): Buffer {
  const copy = Buffer.from(bytes);
  const at = bit >> 3;
  copy[at] = (copy[at] ?? 0) ^ (1 << (bit & 7));
  return copy;
}
