/** Which token is the higher one, and what the content of a FILE says. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareTokens, normalized, readTokens } from '../../src/gate/tokens.js';

describe('compareTokens', () => {
  test.each([
    ['1', '1', 0],
    ['1', '2', -1],
    ['2', '1', 1],
    ['9', '10', -1],
    ['007', '7', 0],
    ['000', '0', 0],
    ['0', '00001', -1],
    ['9007199254740992', '9007199254740993', -1],
    ['18446744073709551616', '18446744073709551615', 1],
    [`1${'0'.repeat(100)}`, '9'.repeat(100), 1],
  ])('%s and %s: %i', (a, b, expected) => {
    expect(Math.sign(compareTokens(a, b))).toBe(expected);
  });

  const digits = fc.stringMatching(/^\d{1,60}$/);

  test('is the order of whole numbers', () => {
    fc.assert(
      fc.property(digits, digits, (a, b) => {
        const [one, other] = [BigInt(a), BigInt(b)];
        expect(Math.sign(compareTokens(a, b))).toBe(one < other ? -1 : Number(one > other));
        expect(normalized(a)).toBe(String(one));
      }),
    );
  });
});

describe('readTokens', () => {
  const read = (text: string) => readTokens(Buffer.from(text, 'latin1'));

  test.each([
    ['', undefined, 0],
    ['1', undefined, 0],
    ['\0\0', undefined, 0],
    ['\n\n', undefined, 2],
    ['0\n', '0', 2],
    ['12\n', '12', 3],
    ['12\n13', '12', 3],
    ['12\n1\0\0', '12', 3],
    ['12\n13\n', '13', 6],
    ['13\n12\n', '13', 6],
    ['0013\n\n12\n', '13', 9],
    ['9\n10\n', '10', 5],
  ])('%j', (text, highest, completeBytes) => {
    expect(read(text)).toEqual({ highest, completeBytes });
  });

  test.each([
    'x',
    'x\n',
    '12\nx',
    '12\n-1\n',
    '1 2\n',
    '12\r\n',
    '1\0\n',
    '\0\n',
    '1.5\n',
    '\xb2\n',
    '{"token":12}',
  ])('%j has more in it than tokens', (text) => {
    expect(read(text)).toBeUndefined();
  });

  test('the highest of the complete lines counts, wherever it stands and whatever is cut off', () => {
    const lines = fc.array(fc.bigInt({ min: 0n, max: 10n ** 30n }), { minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(lines, fc.stringMatching(/^\d{0,20}$/), (tokens, torn) => {
        const complete = tokens.map((token) => `${token}\n`).join('');
        const highest = tokens.reduce((a, b) => (a > b ? a : b));
        expect(read(complete + torn)).toEqual({ highest: String(highest), completeBytes: complete.length });
      }),
    );
  });

  test('whatever the bytes, it answers', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const recorded = readTokens(bytes);
        if (recorded?.highest !== undefined) expect(recorded.highest).toMatch(/^\d+$/);
      }),
    );
  });
});
