import { describe, expect, test } from 'vitest';
import type { HoldRecord } from '../../src/core/records.js';
import {
  lockFileContent,
  MAX_CONTENT_BYTES,
  namedTokens,
  readContent,
} from '../../src/lock-files/content.js';
import { DIRECTORY_ID } from './place.js';

const LOCK = '\u{1f512}';
const ACQUIRED = Date.UTC(2026, 10, 21, 8, 15);

function hold(client: string, token: number, note?: string): HoldRecord {
  return {
    kind: 'hold',
    resource: 'deploy/prod',
    client,
    token,
    limit: 2,
    acquired: ACQUIRED,
    from: '192.0.2.7:40000',
    waited: 0,
    ...(note === undefined ? {} : { note }),
  };
}

function written(holds: readonly HoldRecord[], held = holds.length): Buffer {
  return lockFileContent(DIRECTORY_ID, 'deploy/prod', holds, held);
}

/** A good lock file with some members set otherwise. */
function changed(members: object): string {
  return JSON.stringify({ ...JSON.parse(written([hold('A', 5)]).toString()), ...members });
}

/** A good lock file whose only holder has some members set otherwise. */
function changedHolder(members: object): string {
  const [holder] = JSON.parse(written([hold('A', 5)]).toString()).holders;
  return changed({ holders: [{ ...holder, ...members }] });
}

const read = (text: string) => readContent(Buffer.from(text));

describe('a lock file', () => {
  test('is written for people', () => {
    expect(written([hold('A', 5), hold('B', 6, 'deploy 17')]).toString()).toBe(`{
  "lockd": 1,
  "directory": "${DIRECTORY_ID}",
  "resource": "deploy/prod",
  "limit": 2,
  "held": 2,
  "holders": [
    {
      "client": "A",
      "token": "5",
      "acquired": "2026-11-21T08:15:00.000Z",
      "from": "192.0.2.7:40000"
    },
    {
      "client": "B",
      "token": "6",
      "acquired": "2026-11-21T08:15:00.000Z",
      "from": "192.0.2.7:40000",
      "note": "deploy 17"
    }
  ]
}
`);
  });

  test('is read as it was written', () => {
    expect(readContent(written([hold('A', 5), hold(LOCK, 6, `${LOCK} "why"`)]))).toEqual({
      directory: DIRECTORY_ID,
      resource: 'deploy/prod',
      limit: 2,
      holders: [
        { client: 'A', token: 5 },
        { client: LOCK, token: 6, note: `${LOCK} "why"` },
      ],
    });
  });

  test('torn at any byte says nothing', () => {
    const whole = written([hold('A', 5), hold('B', 6, `deploy ${LOCK}`)]);
    for (let length = 0; length < whole.length - 1; length += 1) {
      expect(readContent(whole.subarray(0, length)), `${length} bytes`).toBeUndefined();
    }
    expect(readContent(whole.subarray(0, -1))).toBeDefined();
  });

  test('with any byte lost to zeros behind it says nothing', () => {
    const whole = written([hold('A', 5)]);
    for (let length = 0; length < whole.length; length += 1) {
      const torn = Buffer.alloc(whole.length);
      whole.copy(torn, 0, 0, length);
      expect(readContent(torn), `${length} bytes`).toBeUndefined();
    }
  });

  test('with the longest names of 100 holders is still read', () => {
    const client = (number: number) => `${String(number).padStart(4, '0')}${'"'.repeat(252)}`;
    const holds = Array.from({ length: 100 }, (_, number) => ({
      ...hold(client(number), 1_000_000_000_000_000 + number, LOCK.repeat(1_024)),
      limit: 100,
    }));
    const content = written(holds);
    expect(content.length).toBeLessThan(MAX_CONTENT_BYTES);
    expect(readContent(content)?.holders).toHaveLength(100);
  });
});

describe('plain text', () => {
  test.each([
    ['A', 'A'],
    ['A\n', 'A'],
    ['  ops@host:42 \r\n', 'ops@host:42'],
    ['\ufeffA\n', 'A'],
    ['Ada Lovelace', 'Ada Lovelace'],
    [LOCK, LOCK],
    ['"A"', '"A"'],
    ['[1]', '[1]'],
    ['a'.repeat(256), 'a'.repeat(256)],
  ])('%j names a client', (text, client) => {
    expect(read(text)).toEqual({ limit: 1, holders: [{ client }] });
  });

  test.each([
    ['nothing', ''],
    ['white space', ' \n\t '],
    ['two lines', 'A\nB'],
    ['a zero', 'A\0'],
    ['zeros', '\0\0\0\0'],
    ['a name that is too long', 'a'.repeat(257)],
    ['the name of nobody', '?'],
    ['a bidi control', 'a\u202eb'],
    ['the beginning of JSON', '{'],
    ['a client in braces', '{A}'],
  ])('%s names nobody', (_, text) => expect(read(text)).toBeUndefined());

  test.each([
    ['half a character', Buffer.from(LOCK).subarray(0, 3)],
    ['latin-1', Buffer.from('é', 'latin1')],
    ['a surrogate', Buffer.from([0xed, 0xa0, 0x80])],
    ['UTF-16', Buffer.from('A\n', 'utf16le')],
    ['random bytes', Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0x02, 0xff])],
  ])('%s names nobody', (_, bytes) => expect(readContent(bytes)).toBeUndefined());
});

describe('JSON that is no lock of a lockd', () => {
  test.each([
    ['another format', changed({ lockd: 2 })],
    ['no format', changed({ lockd: undefined })],
    ['no directory', changed({ directory: undefined })],
    ['a number for a directory', changed({ directory: 1 })],
    ['no resource', changed({ resource: undefined })],
    ['an empty resource', changed({ resource: '' })],
    ['a resource with a line feed', changed({ resource: 'a\nb' })],
    ['no limit', changed({ limit: undefined })],
    ['a limit of 0', changed({ limit: 0 })],
    ['a limit of 1.5', changed({ limit: 1.5 })],
    ['a limit of 1,001', changed({ limit: 1_001 })],
    ['a limit as text', changed({ limit: '1' })],
    ['no holders', changed({ holders: undefined })],
    ['an empty list of holders', changed({ holders: [], held: 0 })],
    ['an object of holders', changed({ holders: {} })],
    ['more holders than named', changed({ held: 2 })],
    ['fewer holders than named', changed({ held: 0 })],
    ['the number of holders missing', changed({ held: undefined })],
    ['a holder that is null', changed({ holders: [null] })],
    ['a holder that is text', changed({ holders: ['A'] })],
    ['a holder without a name', changedHolder({ client: undefined })],
    ['a holder with a number for a name', changedHolder({ client: 1 })],
    ['a holder with an impossible name', changedHolder({ client: '?' })],
    ['a holder without a token', changedHolder({ token: undefined })],
    ['a null token', changedHolder({ token: null })],
    ['an empty token', changedHolder({ token: '' })],
    ['a token in a list', changedHolder({ token: ['5'] })],
    ['true for a token', changedHolder({ token: true })],
    ['a negative token', changedHolder({ token: '-5' })],
    ['a broken token', changedHolder({ token: 5.5 })],
    ['a token in hexadecimal', changedHolder({ token: '0x10' })],
    ['a token with an exponent', changedHolder({ token: '1e3' })],
    ['a token with a blank', changedHolder({ token: ' 5' })],
    ['a token that leaves no room for the next', changedHolder({ token: '8000000000000001' })],
    ['a token that is not exact', changedHolder({ token: '9007199254740993' })],
    ['a token of 17 digits', changedHolder({ token: '00000000000000005' })],
    ['a number for a note', changedHolder({ note: 1 })],
    ['a note with a line feed', changedHolder({ note: 'a\nb' })],
    ['a note that is too long', changedHolder({ note: 'a'.repeat(1_025) })],
    ['text behind it', `${changed({})}x`],
  ])('%s', (_, text) => expect(read(text)).toBeUndefined());

  test('more holders than its limit allows', () => {
    const { holders } = JSON.parse(written([hold('A', 5), hold('B', 6)]).toString());
    expect(read(changed({ limit: 1, held: 2, holders }))).toBeUndefined();
    expect(read(changed({ limit: 2, held: 2, holders }))).toBeDefined();
  });

  test('the same client twice', () => {
    const { holders } = JSON.parse(written([hold('A', 5), hold('A', 6)]).toString());
    expect(read(changed({ held: 2, holders }))).toBeUndefined();
  });
});

describe('JSON on the edge', () => {
  test.each([
    ['the greatest token', changedHolder({ token: '8000000000000000' }), 8_000_000_000_000_000],
    ['token 0', changedHolder({ token: '0' }), 0],
    ['a token as a number', changedHolder({ token: 5 }), 5],
    ['leading zeros', changedHolder({ token: '0005' }), 5],
  ])('%s', (_, text, token) => {
    expect(read(text)?.holders).toEqual([{ client: 'A', token }]);
  });

  test.each([
    ['a limit of 1,000', changed({ limit: 1_000 })],
    ['a note of 1,024 characters', changedHolder({ note: LOCK.repeat(1_024) })],
    ['members that nobody knows', changed({ later: true })],
    ['white space around it', `\n ${changed({})} \n\n`],
    ['a byte order mark', `\ufeff${changed({})}`],
  ])('%s', (_, text) => expect(read(text)).toBeDefined());
});

describe('the tokens in a lock file', () => {
  const both = JSON.parse(written([hold('A', 7), hold('B', 6)]).toString());

  test.each([
    ['that can be taken over', JSON.stringify(both), [7, 6]],
    ['behind a byte order mark', `\ufeff${JSON.stringify(both)}`, [7, 6]],
    ['that lists some of its holders', JSON.stringify({ ...both, held: 150 }), [7, 6]],
    ['with more holders than it counts', JSON.stringify({ ...both, held: 1 }), [7, 6]],
    ['of another format', JSON.stringify({ ...both, lockd: 2 }), [7, 6]],
    ['with a holder without a name', changedHolder({ client: undefined }), [5]],
    [
      'with a holder whose token cannot be',
      changed({ holders: [{ token: '8000000000000001' }, { token: '1e3' }, {}, null, 'A', { token: '9' }] }),
      [9],
    ],
    ['without holders', changed({ holders: undefined }), []],
    ['that is torn', JSON.stringify(both).slice(0, -1), []],
    ['that is plain text', 'A', []],
    ['that is no object', 'null', []],
    ['that is empty', '', []],
  ])('%s', (_, text, tokens) => expect(namedTokens(Buffer.from(text))).toEqual(tokens));

  test('are read beside half a character in a name', () => {
    const bytes = Buffer.from(changedHolder({ client: 'é' }), 'latin1');
    expect(readContent(bytes)).toBeUndefined();
    expect(namedTokens(bytes)).toEqual([5]);
  });
});
