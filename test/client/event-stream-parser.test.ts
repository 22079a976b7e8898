import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EventStreamParser } from '../../src/client/event-stream-parser.js';

function parse(text: string, cuts: readonly number[] = []) {
  const parser = new EventStreamParser();
  const events = [];
  let start = 0;
  for (const cut of [...cuts, text.length].sort((a, b) => a - b)) {
    events.push(...parser.push(text.slice(start, cut)));
    start = Math.max(start, cut);
  }
  return { events, lastId: parser.lastId };
}

test.each<[string, object[], string]>([
  ['event: a\ndata: 1\n\n', [{ id: '', event: 'a', data: '1' }], ''],
  ['id: 7\ndata:1\n\n', [{ id: '7', event: 'message', data: '1' }], '7'],
  ['data: 1\ndata: 2\n\n', [{ id: '', event: 'message', data: '1\n2' }], ''],
  ['data:  1\r\n\r\n', [{ id: '', event: 'message', data: ' 1' }], ''],
  ['data: 1\r\r', [], ''],
  ['data: 1\r\rdata', [{ id: '', event: 'message', data: '1' }], ''],
  [': comment\n\n', [], ''],
  ['id: 7\n\n', [], '7'],
  ['id: 7\ndata: 1', [], ''],
  ['id: 7\n\ndata: 1\n\n', [{ id: '7', event: 'message', data: '1' }], '7'],
  ['id: 7\0\ndata: 1\n\n', [{ id: '', event: 'message', data: '1' }], ''],
  ['event: a\n\ndata: 1\n\n', [{ id: '', event: 'message', data: '1' }], ''],
  ['\ufeffdata: 1\n\n', [{ id: '', event: 'message', data: '1' }], ''],
  ['retry: 7\nwhat: ever\nnothing\ndata: 1\n\n', [{ id: '', event: 'message', data: '1' }], ''],
  ['data\n\n', [{ id: '', event: 'message', data: '' }], ''],
])('%j', (text, events, lastId) => {
  expect(parse(text)).toEqual({ events, lastId });
});

test('wherever it is cut into pieces, the same comes of it', () => {
  const text =
    ': \n\nid: 1.0\r\nevent: a\r\ndata: {"x":"\u{1f512}"}\r\n\r\nid: 2.0\n\ndata: 1\rdata: 2\n\nid: 3';
  fc.assert(
    fc.property(fc.array(fc.nat({ max: text.length }), { maxLength: 12 }), (cuts) => {
      expect(parse(text, cuts)).toEqual(parse(text));
    }),
  );
});

test.each([
  ['a line', 'x'.repeat(65_536)],
  ['the lines of an event', 'data: y\ndata:\n'.repeat(5_000)],
])('that %s never ends is noticed before it fills the memory', (_what, piece) => {
  const parser = new EventStreamParser();
  const push = () => {
    for (let pieces = 0; pieces < 200; pieces += 1) expect(parser.push(piece)).toEqual([]);
  };
  expect(push).toThrow('has an event of more than 1048576 characters');
});

test('of events that end there may be any number', () => {
  const parser = new EventStreamParser();
  const piece = `data: ${'x'.repeat(65_536)}\n\n`;
  for (let pieces = 0; pieces < 50; pieces += 1) expect(parser.push(piece)).toHaveLength(1);
});
