/** The small makers of text. */
import { describe, expect, test } from 'vitest';
import { defectText } from '../../src/cli/defect.js';
import { duration, durationSeconds, durationText } from '../../src/cli/duration.js';
import { sinceText, spanText } from '../../src/cli/moments.js';
import { nearest } from '../../src/cli/nearest.js';
import { displayWidth, printable } from '../../src/cli/printable.js';
import { lockdCommand, shellWord } from '../../src/cli/shell.js';
import { tableLines } from '../../src/cli/table.js';
import { byteSize, token, wholeNumber } from '../../src/cli/values.js';

describe('printable', () => {
  test.each([
    ['deploy/prod 名前 é', 'deploy/prod 名前 é'],
    ['a\nb\tc', 'a\\u{a}b\\u{9}c'],
    ['\u001b[2J', '\\u{1b}[2J'],
    ['a\u202eb', 'a\\u{202e}b'],
    ['zero\u200bwidth', 'zero\\u{200b}width'],
    ['no\u00a0break', 'no\\u{a0}break'],
    ['\ud800', '\\u{d800}'],
    ['\u{e0041}', '\\u{e0041}'],
  ])('%j', (text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  test('wide and combining characters', () => {
    expect(displayWidth('名前')).toBe(4);
    expect(displayWidth('e\u0301')).toBe(1);
  });
});

describe('shell words', () => {
  test.each([
    ['deploy/prod', 'deploy/prod'],
    ['two words', "'two words'"],
    ["it's", "'it'\\''s'"],
    ['$(rm)', "'$(rm)'"],
    ['', "''"],
    ['~', "'~'"],
  ])('%s', (word, quoted) => {
    expect(shellWord(word)).toBe(quoted);
  });

  test('words that look like options stand behind --', () => {
    expect(lockdCommand('unlock', ['r', 'me'], ['--token', '5'])).toBe('lockd unlock r me --token 5');
    expect(lockdCommand('unlock', ['-r', 'me'], ['--token', '5'])).toBe('lockd unlock --token 5 -- -r me');
  });
});

test('spans in the largest full unit', () => {
  expect([0, 59.9, 60, 3_599, 3_600, 86_399, 86_400, -5].map(spanText)).toEqual([
    ...['0 s', '59 s', '1 min', '59 min', '1 h', '23 h', '1 d', '0 s'],
  ]);
  const date = new Date('2026-11-21T08:15:00.999Z');
  expect(sinceText(date, date.getTime() + 720_000)).toBe('2026-11-21 08:15:00 UTC (12 min ago)');
});

test('nearest word', () => {
  const known = ['listen', 'log-level', 'url'];
  expect(nearest('lissten', known)).toBe('listen');
  expect(nearest('logLevel', known)).toBe('log-level');
  expect(nearest('ur', known)).toBe('url');
  expect(nearest('something', known)).toBeUndefined();
});

test('columns as wide as their widest cell, decorated after measuring', () => {
  const rows = [
    ['NAME', 'X', 'NOTE'],
    ['名前', 'long', ''],
  ];
  expect(tableLines(rows, (cell, column) => (column === 0 ? `<${cell}>` : cell))).toEqual([
    '<NAME>  X     NOTE',
    '<名前>  long',
  ]);
});

test('byte sizes', () => {
  expect(['1', '512K', '64M', '2G'].map(byteSize)).toEqual([1, 524_288, 67_108_864, 2_147_483_648]);
  for (const wrong of ['0', '1.5G', '-1', '1T', 'K', '', '99999999999G'])
    expect(() => byteSize(wrong)).toThrow();
});

describe('durations', () => {
  test.each([
    ['30', 30],
    ['0', 0],
    ['1500ms', 1.5],
    ['7ms', 0.007],
    ['30s', 30],
    ['0.5s', 0.5],
    ['5m', 300],
    ['1.5h', 5_400],
    ['2h', 7_200],
    ['7d', 604_800],
  ])('%s are %d seconds', (given, seconds) => {
    expect(durationSeconds(given)).toBe(seconds);
  });

  test.each(['', 's', '-1', '1w', '5 m', '1e3', 'Infinity', '.5', '1m30s', '٣', '9'.repeat(400)])(
    '%s is none',
    (given) => {
      expect(() => durationSeconds(given)).toThrow(
        `must be seconds, or like 1500ms, 30s, 5m, 2h or 7d, not '${given}'`,
      );
    },
  );

  test('within bounds, which are named in the largest unit', () => {
    const parse = duration(0.1, 31 * 86_400);
    expect(['0.1', '100ms', '31d'].map(parse)).toEqual([0.1, 0.1, 2_678_400]);
    for (const wrong of ['0', '99ms', '32d']) {
      expect(() => parse(wrong)).toThrow(`must be from 0.1s to 31d, not '${wrong}'`);
    }
    expect([0, 0.1, 59, 60, 90, 3_600, 86_400].map(durationText)).toEqual([
      ...['0s', '0.1s', '59s', '1m', '90s', '1h', '1d'],
    ]);
  });
});

test('whole numbers', () => {
  expect(() => wholeNumber(1, 9)('10')).toThrow("must be a whole number from 1 to 9, not '10'");
  expect(() => wholeNumber(1)('x')).toThrow("must be a whole number of at least 1, not 'x'");
  expect(wholeNumber(1)('9'.repeat(400))).toBe(Number.MAX_SAFE_INTEGER);
});

test('tokens are digits of any length', () => {
  expect(token('123456789012345678901234567890')).toBe('123456789012345678901234567890');
  for (const wrong of ['', '-1', '1e3', '0x1']) expect(() => token(wrong)).toThrow('must be decimal digits');
});

test('a defect is one line', () => {
  const text = defectText(new Error('boom'));
  expect(text).toMatch(/^A defect of lockd, please report it: boom \(at .*texts\.test\.ts:\d+:\d+\)?\)$/);
  expect(defectText('x')).toBe('A defect of lockd, please report it: x');
});
