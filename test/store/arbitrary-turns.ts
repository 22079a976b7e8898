/** Turns as fast-check makes them up, and names that a careless format would spoil. */
import fc from 'fast-check';
import type { Change, StoredRecord, Turn } from '../../src/core/records.js';
import { ended, hold, lost, put, remove, waiting } from './fixture.js';

export const NAMES = [
  'plain',
  'with space and "quotes" and \'single\' and \\backslash\\',
  'umlaut äöü, ß, €, 你好, 👩‍🚀, a\u0301',
  'line separator \u2028 and paragraph separator \u2029',
  'tag </script><![CDATA[ & &amp; %00 %2F ../..',
  '{"crc":"00000000"}',
  'null \u0000, escape \u001b, line feed \n, return \r, tab \t',
  'replacement \ufffd, byte order mark \ufeff',
  'constructor',
  '__proto__',
];

export const arbitraryName = fc.oneof(
  fc.constantFrom('a', 'b', 'c'),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 5 }),
);

const arbitraryRecord: fc.Arbitrary<StoredRecord> = fc
  .tuple(
    fc.constantFrom('hold', 'place', 'lost', 'ended'),
    fc.integer({ min: 1, max: 9 }),
    arbitraryName,
    fc.constantFrom('alice', 'bob'),
    arbitraryName,
  )
  .map(([kind, number, resource, client, text]) => {
    if (kind === 'hold') return hold(number, resource, client, text);
    if (kind === 'place') return waiting(number, resource, client, text);
    return kind === 'lost' ? lost(number, resource, client, text) : ended(text, resource, client);
  });

const arbitraryChange: fc.Arbitrary<Change> = fc
  .tuple(fc.boolean(), arbitraryRecord)
  .map(([isPut, record]) => (isPut ? put(record) : remove(record)));

/** Few names, so that turns meet each other's records. */
export const arbitraryTurn: fc.Arbitrary<Turn> = fc
  .tuple(fc.integer({ min: 1, max: 1_000 }), fc.array(arbitraryChange, { maxLength: 5 }))
  .map(([nextToken, changes]) => ({ nextToken, changes }));
