/** The stream means the same however the network cuts it. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EventStreamParser } from '../../src/page/event-stream-parser.js';

const parsed = (...pieces: string[]) => {
  const parser = new EventStreamParser();
  return pieces.flatMap((piece) => parser.push(piece));
};

test.each([
  [
    'an event',
    'id: 7.0\nevent: granted\ndata: {"a":1}\n\n',
    [{ id: '7.0', event: 'granted', data: '{"a":1}' }],
  ],
  ['comments mean nothing', ': \n: still here\n\n', []],
  ['lines of data', 'data: a\ndata:\ndata: b\n\n', [{ id: '', event: 'message', data: 'a\n\nb' }]],
  [
    'one space is left out, and one only',
    'data:  a\n\ndata:b\n\n',
    [
      { id: '', event: 'message', data: ' a' },
      { id: '', event: 'message', data: 'b' },
    ],
  ],
  ['no data, no event', 'id: 1\nevent: x\n\n', []],
  [
    'an id stays until the next one',
    'id: 1\ndata: a\n\ndata: b\n\n',
    [
      { id: '1', event: 'message', data: 'a' },
      { id: '1', event: 'message', data: 'b' },
    ],
  ],
  [
    'a name of an event does not',
    'event: x\ndata: a\n\ndata: b\n\n',
    [
      { id: '', event: 'x', data: 'a' },
      { id: '', event: 'message', data: 'b' },
    ],
  ],
  ['an id with a NUL is none', 'id: 1\0\ndata: a\n\n', [{ id: '', event: 'message', data: 'a' }]],
  [
    'unknown fields are passed over',
    'retry: 10\nwhat\ndata: a\n\n',
    [{ id: '', event: 'message', data: 'a' }],
  ],
  ['a byte order mark', '\ufeffdata: a\n\n', [{ id: '', event: 'message', data: 'a' }]],
  ['what is not ended is not told', 'data: a\n', []],
])('%s', (_name, text, events) => {
  expect(parsed(text)).toEqual(events);
  expect(parsed(text.replaceAll('\n', '\r\n'))).toEqual(events);
});

test('an id may come alone', () => {
  const parser = new EventStreamParser();
  expect(parser.push(': \nid: 7.0\n')).toEqual([]);
  expect(parser.lastId).toBe('');
  expect(parser.push('\n')).toEqual([]);
  expect(parser.lastId).toBe('7.0');
});

const field = fc.oneof(
  fc
    .constantFrom('data', 'event', 'id', 'retry', '')
    .chain((name) => fc.string({ maxLength: 6 }).map((value) => `${name}: ${value.replace(/[\r\n]/g, '')}`)),
  fc.constant(''),
);

test('pieces do not matter, nor does which line ends', () => {
  const ends = fc.constantFrom('\n', '\r\n', '\r');
  const text = fc.array(fc.tuple(field, ends)).map((lines) => `${lines.flat().join('')}\n\n`);
  fc.assert(
    fc.property(text, fc.array(fc.nat(200)), (whole, cuts) => {
      const places = [0, ...cuts.map((cut) => cut % (whole.length + 1)), whole.length].sort((a, b) => a - b);
      const pieces = places.slice(1).map((end, index) => whole.slice(places[index], end));
      expect(pieces.join('')).toBe(whole);
      const expected = parsed(whole.replace(/\r\n?/g, '\n'));
      expect(parsed(...pieces)).toEqual(expected);
    }),
  );
});
