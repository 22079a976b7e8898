import { describe, expect, test } from 'vitest';
import { clientProblem, noteProblem, resourceProblem } from '../../src/core/names.js';

const LOCK = '\u{1f512}';

describe('resources', () => {
  test.each([
    ['one byte', 'a'],
    ['512 bytes', 'a'.repeat(512)],
    ['512 bytes of umlauts', 'ä'.repeat(256)],
    ['512 bytes of astral characters', LOCK.repeat(128)],
    ['what leads out of a directory', '../../etc/passwd'],
    ['a dot', '.'],
    ['two dots', '..'],
    ['blanks', ' a b '],
    ['a question mark', '?'],
    ['a combining accent', 'e\u0301'],
    ['the replacement character', '\ufffd'],
    ['a joiner', '\u200d'],
  ])('%s', (_, name) => expect(resourceProblem(name)).toBeUndefined());

  test.each([
    ['', 'must have 1 to 512 bytes of UTF-8, not 0'],
    ['a'.repeat(513), 'must have 1 to 512 bytes of UTF-8, not 513'],
    [`${'ä'.repeat(256)}a`, 'must have 1 to 512 bytes of UTF-8, not 513'],
    [`${LOCK.repeat(128)}a`, 'must have 1 to 512 bytes of UTF-8, not 513'],
    ['a'.repeat(5_000), 'must have 1 to 512 bytes of UTF-8, not 5,000'],
    ['a\0b', 'must be printable text, but has U+0000'],
    ['a\nb', 'must be printable text, but has U+000A'],
    ['a\tb', 'must be printable text, but has U+0009'],
    ['\u001b[2J', 'must be printable text, but has U+001B'],
    ['\u007f', 'must be printable text, but has U+007F'],
    ['\u0085', 'must be printable text, but has U+0085'],
    ['a\u2028b', 'must be printable text, but has U+2028'],
    ['a\u2029b', 'must be printable text, but has U+2029'],
    ['\ud83d', 'must be printable text, but has U+D83D'],
    ['\udd12', 'must be printable text, but has U+DD12'],
    ['\udd12\ud83d', 'must be printable text, but has U+DD12'],
    ['a\u202eb', 'must be printable text, but has U+202E'],
    ['\u202a', 'must be printable text, but has U+202A'],
    ['\u2066', 'must be printable text, but has U+2066'],
    ['\u2069', 'must be printable text, but has U+2069'],
    ['\u200e', 'must be printable text, but has U+200E'],
    ['\u200f', 'must be printable text, but has U+200F'],
    ['\u061c', 'must be printable text, but has U+061C'],
    ['\ufffe', 'must be printable text, but has U+FFFE'],
    ['\uffff', 'must be printable text, but has U+FFFF'],
  ])('%j %s', (name, problem) => expect(resourceProblem(name)).toBe(problem));
});

describe('clients', () => {
  test.each([
    ['one byte', 'a'],
    ['256 bytes', 'a'.repeat(256)],
    ['256 bytes of astral characters', LOCK.repeat(64)],
    ['more than one question mark', '??'],
    ['mark-up', '<script>'],
    ['a quote', "it's"],
  ])('%s', (_, name) => expect(clientProblem(name)).toBeUndefined());

  test.each([
    ['', 'must have 1 to 256 bytes of UTF-8, not 0'],
    ['a'.repeat(257), 'must have 1 to 256 bytes of UTF-8, not 257'],
    [`${LOCK.repeat(64)}a`, 'must have 1 to 256 bytes of UTF-8, not 257'],
    ['?', "must not be '?', which stands for a holder that cannot be read"],
    ['a\nb', 'must be printable text, but has U+000A'],
    ['\u001b[2J', 'must be printable text, but has U+001B'],
  ])('%j %s', (name, problem) => expect(clientProblem(name)).toBe(problem));
});

describe('notes and reasons', () => {
  test.each([
    ['nothing', ''],
    ['1,024 characters', 'a'.repeat(1_024)],
    ['1,024 astral characters, which are 2,048 units', LOCK.repeat(1_024)],
    ['half of them astral', `${LOCK}a`.repeat(512)],
  ])('%s', (_, note) => expect(noteProblem(note)).toBeUndefined());

  test.each([
    ['a'.repeat(1_025), 'must have at most 1,024 characters, not 1,025'],
    [LOCK.repeat(1_025), 'must have at most 1,024 characters, not 1,025'],
    [`${LOCK.repeat(1_024)}a`, 'must have at most 1,024 characters, not 1,025'],
    ['two\nlines', 'must be printable text, but has U+000A'],
    ['\ud83d', 'must be printable text, but has U+D83D'],
  ])('%# %s', (note, problem) => expect(noteProblem(note)).toBe(problem));
});
