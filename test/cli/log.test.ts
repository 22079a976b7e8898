/** The log: one record, one line, whatever is in it. */
import { expect, test } from 'vitest';
import { createLog, readableLine } from '../../src/cli/log.js';

function logged(level: 'info' | 'warn', write: (log: ReturnType<typeof createLog>) => void): string[] {
  const lines: string[] = [];
  write(createLog(level, { write: (line) => void lines.push(line) }));
  return lines;
}

test('JSON with the time in UTC and the level by name', () => {
  const [line = ''] = logged('info', (log) => log('warn', 'odd\nthing', { from: '\u001b[2J' }));
  expect(line).toMatch(/^[^\n]*\n$/);
  expect(JSON.parse(line)).toMatchObject({ level: 'warn', msg: 'odd\nthing', from: '\u001b[2J' });
  expect(JSON.parse(line).time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

test('what is below the level is not written', () => {
  expect(logged('warn', (log) => log('info', 'quiet'))).toEqual([]);
});

test('for people: aligned, without process and host, odd characters escaped', () => {
  const [line = ''] = logged('info', (log) =>
    log('info', 'odd\nthing', { from: '\u001b[2J\u202e', count: 3 }),
  );
  expect(readableLine(line)).toMatch(
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ info {2}odd\\u\{a\}thing {2}from="\\u001b\[2J\\u\{202e\}" {2}count=3$/,
  );
});
