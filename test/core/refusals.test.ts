import { describe, expect, test } from 'vitest';
import { REFUSALS, Refusal, type Refused } from '../../src/core/refusals.js';

const TIME = Date.UTC(2026, 10, 21, 8, 15, 30, 999);

/** One row per refusal: fault code, exit status, whether trying again can help, and the text. */
const ROWS: readonly (readonly [Refused, code: number, exit: number, retry: boolean, text: string])[] = [
  [
    {
      refusal: 'lost',
      details: { resource: 'R', client: 'A', token: 7, time: TIME, by: 'ops', reason: 'host is down' },
    },
    8,
    76,
    false,
    "'A' lost 'R' (token 7) at 2026-11-21T08:15:30Z: forced by 'ops': host is down. Stop work on it",
  ],
  [
    { refusal: 'staleToken', details: { resource: 'R', client: 'A', token: '007' } },
    10,
    76,
    false,
    "Token 007 is not the hold of 'A' on 'R'",
  ],
  [
    { refusal: 'unreadable', details: { resource: 'R', file: '/locks/R.lock' } },
    12,
    1,
    false,
    "'R' is locked by '?': its lock file /locks/R.lock cannot be read. Look at it, then forceUnlock",
  ],
  [
    { refusal: 'notOwner', details: { holders: ['A'], client: 'B' } },
    2,
    1,
    false,
    "Resource locked by 'A' cannot be unlocked by 'B'",
  ],
  [{ refusal: 'notLocked', details: {} }, 3, 1, false, 'Resource not locked'],
  [
    { refusal: 'limitMismatch', details: { resource: 'R', limit: 3, asked: 1 } },
    5,
    1,
    false,
    "'R' is in use with limit 3, not 1; use limit 3, or wait until nobody holds or waits",
  ],
  [{ refusal: 'held', details: { holders: ['A'] } }, 1, 1, true, "Resource already locked by 'A'"],
  [
    { refusal: 'tooMany', details: {} },
    14,
    75,
    true,
    '1,000,000 locks are held, the most allowed; unlock some first',
  ],
  [
    { refusal: 'storageFull', details: { directory: '/locks' } },
    15,
    75,
    true,
    'No space left in /locks; nothing was changed',
  ],
  [
    { refusal: 'unavailable', details: { problem: 'The daemon is stopping' } },
    16,
    69,
    true,
    'The daemon is stopping',
  ],
];

describe('the table of refusals', () => {
  test.each(ROWS)('$refusal', (refused, code, exit, retry, text) => {
    expect(REFUSALS[refused.refusal]).toMatchObject({ code, exit, retry });
    const error = new Refusal(refused);
    expect({ code: error.code, message: error.message, refusal: error.refusal, name: error.name }).toEqual({
      code,
      message: text,
      refusal: refused.refusal,
      name: 'Refusal',
    });
  });

  test('has these rows in this order of precedence, and no other', () => {
    expect(Object.keys(REFUSALS)).toEqual(ROWS.map(([refused]) => refused.refusal));
  });

  test('has each code once', () => {
    const codes = Object.values(REFUSALS).map((row) => row.code);
    expect(new Set(codes).size).toBe(codes.length);
  });

  test('says when each is answered', () => {
    for (const { when } of Object.values(REFUSALS)) expect(when).toMatch(/^\S.*[^.]$/);
  });

  test('tells another problem of the disk than a full one', () => {
    const refused = { refusal: 'storageFull', details: { directory: '/locks', problem: 'EROFS' } } as const;
    expect(new Refusal(refused).message).toBe('/locks cannot be written (EROFS); nothing was changed');
  });
});
