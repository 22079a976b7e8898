import { describe, expect, test } from 'vitest';
import { REFUSALS, Refusal, type Refused } from '../../src/core/refusals.js';

const TIME = Date.UTC(2026, 10, 21, 8, 15, 30, 999);

const LOSS = { kind: 'lost', resource: 'R', client: 'A', token: 7, time: TIME } as const;
const FORCED = { ...LOSS, cause: 'forced', by: 'ops', reason: 'host is down' } as const;
const fencing = { resource: 'R', client: 'A', token: 7, since: 12, state: 'fencing', tries: 0 } as const;
const timedOut = {
  resource: 'R',
  client: 'B',
  seconds: 10,
  holders: ['A'],
  state: 'held',
  position: 2,
} as const;

/** One row per refusal: fault code, exit status, whether trying again can help, and the text. */
const ROWS: readonly (readonly [Refused, code: number, exit: number, retry: boolean, text: string])[] = [
  [
    {
      refusal: 'denied',
      details: { user: 'ci', role: 'client', method: 'lock', resource: 'db/x', may: ['deploy/*', 'ci/*'] },
    },
    13,
    77,
    false,
    "User 'ci' (client) may not lock 'db/x'; it may: deploy/*, ci/*",
  ],
  [
    { refusal: 'requestReused', details: { request: 'K', parameters: ['ttl', 'note'] } },
    11,
    2,
    false,
    "Request 'K' came before with other parameters (ttl, note); use a new one",
  ],
  [
    { refusal: 'ended', details: { request: 'K', time: TIME } },
    17,
    1,
    false,
    "The hold of request 'K' ended at 2026-11-21T08:15:30Z: unlocked",
  ],
  [
    { refusal: 'lost', details: FORCED },
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
    { refusal: 'notOwner', details: { holders: ['A'], client: 'B', deed: 'unlocked' } },
    2,
    1,
    false,
    "Resource locked by 'A' cannot be unlocked by 'B'",
  ],
  [{ refusal: 'notLocked', details: {} }, 3, 1, false, 'Resource not locked'],
  [
    { refusal: 'notQueued', details: { resource: 'R', client: 'B', claim: 30 } },
    6,
    1,
    false,
    "'B' is not in the line for 'R' (never queued, or away for more than 30 s); call enqueue",
  ],
  [
    { refusal: 'alreadyInLine', details: { resource: 'R', client: 'B', position: 1_002 } },
    18,
    1,
    false,
    "'B' is already number 1,002 in the line for 'R'",
  ],
  [
    { refusal: 'limitMismatch', details: { resource: 'R', limit: 3, asked: 1 } },
    5,
    1,
    false,
    "'R' is in use with limit 3, not 1; use limit 3, or wait until nobody holds or waits",
  ],
  [{ refusal: 'held', details: { holders: ['A'] } }, 1, 1, true, "Resource already locked by 'A'"],
  [
    { refusal: 'fencing', details: { ...fencing, tries: 2, lastError: 'exit 1' } },
    9,
    75,
    true,
    "'R' is being fenced: 'A' (token 7) was lost 12 s ago; the fence command failed 2 times, last with exit 1; " +
      'it waits for success or confirmFenced',
  ],
  [
    { refusal: 'lineFull', details: { resource: 'R', most: 10_000 } },
    7,
    75,
    true,
    "The line for 'R' is full (10,000), the most allowed (--max-waiters)",
  ],
  [
    { refusal: 'tooMany', details: { most: 1_000_000 } },
    14,
    75,
    true,
    '1,000,000 locks are held, the most allowed (--max-locks); unlock some first',
  ],
  [
    { refusal: 'timedOut', details: timedOut },
    4,
    75,
    true,
    "Gave up after 10 s: 'R' is still locked by 'A'; 'B' was number 2 in the line",
  ],
  [
    { refusal: 'takenOver', details: { request: 'K' } },
    19,
    75,
    false,
    "Another call with request 'K' took over the waiting",
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
  ...(
    [
      ['http://a:1', 'http://b:1 is not the leader, ask http://a:1'],
      [undefined, 'http://b:1 is not the leader, and there is none at present; try again in a few seconds'],
      [
        'http://b:1',
        'http://b:1 is not the leader, and there is none at present; try again in a few seconds',
      ],
    ] as const
  ).map(
    ([leader, text]) =>
      [{ refusal: 'unavailable', details: { member: 'http://b:1', leader } }, 16, 69, true, text] as const,
  ),
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
    expect(Object.keys(REFUSALS)).toEqual([...new Set(ROWS.map(([refused]) => refused.refusal))]);
  });

  test('has each code once', () => {
    const codes = Object.values(REFUSALS).map((row) => row.code);
    expect(new Set(codes).size).toBe(codes.length);
  });

  test('says when each is answered', () => {
    for (const { when } of Object.values(REFUSALS)) expect(when).toMatch(/^\S.*[^.]$/);
  });

  const TEXTS: readonly (readonly [Refused, text: string])[] = [
    [
      { refusal: 'tooMany', details: { client: 'A', most: 1_000 } },
      "'A' has 1,000 places in lines, the most allowed (--max-waiters-per-client)",
    ],
    [{ refusal: 'takenOver', details: {} }, 'Another call took over the waiting'],
    [
      { refusal: 'ended', details: { request: 'K', time: TIME, lost: FORCED } },
      "The hold of request 'K' ended at 2026-11-21T08:15:30Z: forced by 'ops': host is down",
    ],
    [
      { refusal: 'lost', details: { ...LOSS, cause: 'expired' } },
      "'A' lost 'R' (token 7) at 2026-11-21T08:15:30Z: lease ended. Stop work on it",
    ],
    [
      { refusal: 'lost', details: { ...LOSS, cause: 'handedOver', by: 'ops', reason: "to 'B'" } },
      "'A' lost 'R' (token 7) at 2026-11-21T08:15:30Z: handed over by 'ops': to 'B'. Stop work on it",
    ],
    [
      { refusal: 'notOwner', details: { holders: ['A'], client: 'B', deed: 'extended' } },
      "Resource locked by 'A' cannot be extended by 'B'",
    ],
    [
      { refusal: 'fencing', details: fencing },
      "'R' is being fenced: 'A' (token 7) was lost 12 s ago; the fence command has not succeeded yet; " +
        'it waits for success or confirmFenced',
    ],
    [
      { refusal: 'fencing', details: { ...fencing, tries: 1, lastError: 'exit 1' } },
      "'R' is being fenced: 'A' (token 7) was lost 12 s ago; the fence command failed once, with exit 1; " +
        'it waits for success or confirmFenced',
    ],
    [
      { refusal: 'fencing', details: { ...fencing, state: 'delayed' } },
      "'R' rests: 'A' (token 7) was lost 12 s ago; it is free again when the lock-delay is over",
    ],
    [
      { refusal: 'timedOut', details: { ...timedOut, seconds: 0.25, state: 'fencing' } },
      "Gave up after 0.3 s: 'R' is still being fenced from 'A'; 'B' was number 2 in the line",
    ],
    [
      { refusal: 'timedOut', details: { ...timedOut, seconds: 3_600, state: 'delayed' } },
      "Gave up after 3,600 s: 'R' still rests after 'A'; 'B' was number 2 in the line",
    ],
    [
      { refusal: 'timedOut', details: { ...timedOut, state: 'reserved' } },
      "Gave up after 10 s: 'R' is kept for 'A'; 'B' was number 2 in the line",
    ],
  ];
  test.each(TEXTS)('has other texts for other details: %j', (refused, text) => {
    expect(new Refusal(refused).message).toBe(text);
  });

  test('tells another problem of the disk than a full one', () => {
    const refused = { refusal: 'storageFull', details: { directory: '/locks', problem: 'EROFS' } } as const;
    expect(new Refusal(refused).message).toBe('/locks cannot be written (EROFS); nothing was changed');
  });
});
