/** The two lines that every refusal prints: its text, and below it who holds the resource, who waits, and what to do. */
import { describe, expect, test } from 'vitest';
import { utcText } from '../../src/cli/moments.js';
import type { Hold } from '../../src/core/answers.js';
import type { LostRecord } from '../../src/core/records.js';
import { BadParameter, Refusal, type RefusalName, type Refused } from '../../src/core/refusals.js';
import type { FileStatus, LockService } from '../../src/service/api.js';
import { run, serviceBehindHttp } from './world.js';

const ACQUIRED = new Date(Date.now() - 725_000);
const SINCE = `${utcText(ACQUIRED)} (12 min ago)`;
const RESOURCE = 'db/x';

function hold(client: string, more: Partial<Hold> = {}): Hold {
  return {
    resource: RESOURCE,
    client,
    token: '17',
    limit: 1,
    state: 'held',
    acquired: ACQUIRED,
    renewed: ACQUIRED,
    from: '127.0.0.1:1',
    waited: 0,
    ...more,
  };
}

function status(holders: readonly Hold[], more: Partial<FileStatus> = {}): FileStatus {
  const state = holders.length > 0 ? 'held' : 'free';
  return {
    resource: RESOURCE,
    state,
    limit: 1,
    held: holders.length,
    holders,
    waiting: 0,
    queue: [],
    file: '/locks/db%2Fx.lock',
    ...more,
  };
}

/** A refusal, and what a command line prints of it. */
interface Case {
  readonly words: readonly string[];
  readonly refused: Refused;
  readonly found?: FileStatus;
  readonly exit: number;
  /** URL stands for the daemon's. */
  readonly lines: readonly string[];
}

/** Who waits, in this order. */
function line(...clients: readonly string[]): Pick<FileStatus, 'waiting' | 'queue'> {
  const queue = clients.map((client, index) => ({ client, position: index + 1, since: ACQUIRED }));
  return { waiting: clients.length, queue };
}

const FENCING = status([hold('A', { state: 'fencing' })], {
  state: 'fencing',
  // Half a minute more than is told: on the wire it is rounded to whole seconds, and time goes by.
  fence: [
    { client: 'A', token: '17', tries: 2, lastError: 'exit 1', nextTry: new Date(Date.now() + 3_630_000) },
  ],
});

const LOCK = ['lock', RESOURCE, 'B'];
const UNLOCK = ['unlock', RESOURCE, 'B'];
const HELD: Refused = { refusal: 'held', details: { holders: ['A'] } };
const FORCE = 'lockd force-unlock db/x --url URL --reason WHY';
const WAIT = 'To wait for it: lockd lock db/x B --url URL --wait 1m';
const CONFIRM =
  "If 'A' can do no more harm for certain: lockd confirm-fenced db/x --url URL --reason WHY --token 17";

const LOST: LostRecord = {
  ...{ kind: 'lost', resource: RESOURCE, client: 'B', token: 5, time: 0 },
  ...{ cause: 'forced', by: 'ops', reason: 'gone' },
};

const FENCING_DETAILS = {
  ...{ resource: RESOURCE, client: 'A', token: 17, since: 12 },
  ...{ tries: 2, lastError: 'exit 1' },
};

const CASES: Readonly<Record<RefusalName, readonly Case[]>> = {
  denied: [
    {
      words: LOCK,
      refused: {
        refusal: 'denied',
        details: { user: 'ci', role: 'client', method: 'lock', resource: RESOURCE, may: ['deploy/*'] },
      },
      // Which would answer who holds it: not to whoever may not even lock it.
      found: status([hold('A')]),
      exit: 77,
      lines: [
        "User 'ci' (client) may not lock 'db/x'; it may: deploy/*",
        'Call as a user who may (LOCKD_USER and LOCKD_SECRET_FILE), or ask whoever runs the daemon: its users file says who may what',
      ],
    },
  ],
  held: [
    {
      words: LOCK,
      refused: HELD,
      found: status([hold('A', { note: 'release 4.2', ttl: 30, left: 25.5, expires: ACQUIRED })]),
      exit: 1,
      lines: [
        "Resource already locked by 'A'",
        `Held by 'A' since ${SINCE}, lease left 25 s, note: release 4.2. ${WAIT}. If its holder is gone for good: ${FORCE}`,
      ],
    },
    {
      words: LOCK,
      refused: { refusal: 'held', details: { holders: ['B'] } },
      found: status([hold('B')]),
      exit: 1,
      lines: [
        "Resource already locked by 'B'",
        `Held by 'B' since ${SINCE}, no lease. That is you; to give it back: lockd unlock db/x B --url URL --token 17`,
      ],
    },
    {
      words: LOCK,
      refused: HELD,
      found: status([]),
      exit: 1,
      lines: ["Resource already locked by 'A'", 'It is free now: try again'],
    },
    {
      words: LOCK,
      refused: HELD,
      exit: 1,
      lines: ["Resource already locked by 'A'", `${WAIT}. If its holder is gone for good: ${FORCE}`],
    },
    {
      words: LOCK,
      refused: HELD,
      found: status([hold('A'), hold('C'), hold('D'), hold('E')], { held: 1_200, limit: 1_200 }),
      exit: 1,
      lines: [
        "Resource already locked by 'A'",
        `Held by 'A' since ${SINCE}, no lease. Held by 'C' since ${SINCE}, no lease. Held by 'D' since ${SINCE}, no lease. And 1,197 more. ` +
          `${WAIT}. If its holder is gone for good: lockd force-unlock db/x HOLDER --url URL --reason WHY`,
      ],
    },
    {
      words: [...LOCK, '--conflict-exit-code', '42'],
      refused: HELD,
      exit: 42,
      lines: ["Resource already locked by 'A'"],
    },
    {
      words: LOCK,
      refused: HELD,
      found: status([hold('A')], line('C', 'D')),
      exit: 1,
      lines: [
        "Resource already locked by 'A'",
        `Held by 'A' since ${SINCE}, no lease. 2 wait in the line. ${WAIT}. If its holder is gone for good: ${FORCE}`,
      ],
    },
    {
      words: LOCK,
      refused: { refusal: 'held', details: { holders: ['C'] } },
      found: status([], { state: 'reserved', ...line('C') }),
      exit: 1,
      lines: [
        "Resource already locked by 'C'",
        `1 waits in the line. It is kept for the first in the line. ${WAIT}`,
      ],
    },
  ],
  requestReused: [
    {
      words: [...LOCK, '--request', 'K', '--ttl', '5s'],
      refused: { refusal: 'requestReused', details: { request: 'K', parameters: ['ttl'] } },
      found: status([hold('B')]),
      exit: 2,
      lines: [
        "Request 'K' came before with other parameters (ttl); use a new one",
        `Held by 'B' since ${SINCE}, no lease. Give another --request, or the options that came with it before`,
      ],
    },
  ],
  ended: [
    {
      words: [...LOCK, '--request', 'K'],
      refused: { refusal: 'ended', details: { request: 'K', time: 0 } },
      found: status([]),
      exit: 1,
      lines: [
        "The hold of request 'K' ended at 1970-01-01T00:00:00Z: unlocked",
        'To go on, lock it anew with another --request: lockd lock db/x B --url URL',
      ],
    },
  ],
  notQueued: [
    {
      words: [...LOCK, '--wait', '1s'],
      refused: { refusal: 'notQueued', details: { resource: RESOURCE, client: 'B', claim: 30 } },
      exit: 1,
      lines: [
        "'B' is not in the line for 'db/x' (never queued, or away for more than 30 s); call enqueue",
        WAIT,
      ],
    },
  ],
  alreadyInLine: [
    {
      words: [...LOCK, '--wait', '1s'],
      refused: { refusal: 'alreadyInLine', details: { resource: RESOURCE, client: 'B', position: 2 } },
      found: status([hold('A')], line('C', 'B', 'D')),
      exit: 1,
      lines: [
        "'B' is already number 2 in the line for 'db/x'",
        `Held by 'A' since ${SINCE}, no lease. 'B' is number 2 of 3 in the line. ` +
          'Another call of that client waits there: end that one, repeat it with its --request, or wait with another --client',
      ],
    },
  ],
  fencing: [
    {
      words: LOCK,
      refused: { refusal: 'fencing', details: { ...FENCING_DETAILS, state: 'fencing' } },
      found: FENCING,
      exit: 75,
      lines: [
        "'db/x' is being fenced: 'A' (token 17) was lost 12 s ago; the fence command failed 2 times, last with exit 1; it waits for success or confirmFenced",
        `Lost by 'A' (token 17), who is being fenced. The fence command for 'A' is run again at WHEN (in 1 h). ${WAIT}. ${CONFIRM}`,
      ],
    },
    {
      words: [...LOCK, '--conflict-exit-code', '42'],
      refused: { refusal: 'fencing', details: { ...FENCING_DETAILS, state: 'fencing', tries: 0 } },
      found: { ...FENCING, fence: [{ client: 'A', token: '17', tries: 0 }] },
      exit: 42,
      lines: [
        "'db/x' is being fenced: 'A' (token 17) was lost 12 s ago; the fence command has not succeeded yet; it waits for success or confirmFenced",
        `Lost by 'A' (token 17), who is being fenced. The fence command for 'A' runs now. ${WAIT}. ${CONFIRM}`,
      ],
    },
    {
      words: LOCK,
      refused: { refusal: 'fencing', details: { ...FENCING_DETAILS, state: 'delayed', tries: 0 } },
      found: status([hold('A', { state: 'delayed' })], { state: 'delayed' }),
      exit: 75,
      lines: [
        "'db/x' rests: 'A' (token 17) was lost 12 s ago; it is free again when the lock-delay is over",
        `Lost by 'A' (token 17), whose lock-delay runs. ${WAIT}`,
      ],
    },
    {
      words: LOCK,
      refused: { refusal: 'fencing', details: { ...FENCING_DETAILS, state: 'fencing' } },
      found: status([]),
      exit: 75,
      lines: [expect.stringContaining("'db/x' is being fenced: "), 'It is free now: try again'],
    },
  ],
  lineFull: [
    {
      words: [...LOCK, '--wait', '1s'],
      refused: { refusal: 'lineFull', details: { resource: RESOURCE, most: 10_000 } },
      found: status([hold('A')], { waiting: 10_000, queue: line('C').queue }),
      exit: 75,
      lines: [
        "The line for 'db/x' is full (10,000), the most allowed (--max-waiters)",
        `Held by 'A' since ${SINCE}, no lease. 10,000 wait in the line. Try again later. To look: lockd status db/x --url URL`,
      ],
    },
  ],
  timedOut: [
    {
      words: [...LOCK, '--wait', '10s'],
      refused: {
        refusal: 'timedOut',
        details: { resource: RESOURCE, client: 'B', seconds: 10, holders: ['A'], state: 'held', position: 2 },
      },
      found: status([hold('A', { ttl: 60, left: 59 })], line('C')),
      exit: 75,
      lines: [
        "Gave up after 10 s: 'db/x' is still locked by 'A'; 'B' was number 2 in the line",
        `Held by 'A' since ${SINCE}, lease left 59 s. 1 waits in the line. ${WAIT}. If its holder is gone for good: ${FORCE}`,
      ],
    },
    {
      words: [...LOCK, '--wait', '10s', '--conflict-exit-code', '42'],
      refused: {
        refusal: 'timedOut',
        details: {
          resource: RESOURCE,
          client: 'B',
          seconds: 10,
          holders: ['A'],
          state: 'fencing',
          position: 1,
        },
      },
      found: FENCING,
      exit: 42,
      lines: [
        "Gave up after 10 s: 'db/x' is still being fenced from 'A'; 'B' was number 1 in the line",
        `Lost by 'A' (token 17), who is being fenced. The fence command for 'A' is run again at WHEN (in 1 h). ${WAIT}. ${CONFIRM}`,
      ],
    },
    {
      words: [...LOCK, '--wait', '10s'],
      refused: {
        refusal: 'timedOut',
        details: {
          resource: RESOURCE,
          client: 'B',
          seconds: 10,
          holders: ['C'],
          state: 'reserved',
          position: 2,
        },
      },
      found: status([], { state: 'reserved', ...line('C') }),
      exit: 75,
      lines: [
        "Gave up after 10 s: 'db/x' is kept for 'C'; 'B' was number 2 in the line",
        `1 waits in the line. ${WAIT}`,
      ],
    },
  ],
  takenOver: [
    {
      words: [...LOCK, '--wait', '10s', '--request', 'K'],
      refused: { refusal: 'takenOver', details: { request: 'K' } },
      found: status([hold('A')], line('B')),
      exit: 75,
      lines: [
        "Another call with request 'K' took over the waiting",
        `Held by 'A' since ${SINCE}, no lease. 'B' is number 1 of 1 in the line. ` +
          'The other call goes on and gets the lock. Two processes that both shall wait need a --request and a --client each',
      ],
    },
  ],
  notOwner: [
    {
      words: UNLOCK,
      refused: { refusal: 'notOwner', details: { holders: ['A'], client: 'B', deed: 'unlocked' } },
      found: status([hold('A')]),
      exit: 1,
      lines: [
        "Resource locked by 'A' cannot be unlocked by 'B'",
        `Held by 'A' since ${SINCE}, no lease. Only its holder can do that. If that one is gone for good: ${FORCE}`,
      ],
    },
  ],
  notLocked: [
    ...[
      ['renew', RESOURCE, 'B'],
      ['extend', RESOURCE, '5m', 'B'],
      ['update', RESOURCE, 'B', '--note', 'n'],
    ].map(
      (words): Case => ({
        words,
        refused: { refusal: 'notLocked', details: {} },
        exit: 1,
        lines: ['Resource not locked', 'Is the name right? To see what is held: lockd list --url URL'],
      }),
    ),
    {
      words: ['confirm-fenced', RESOURCE, '--reason', 'off'],
      refused: { refusal: 'notLocked', details: {} },
      exit: 1,
      lines: ['Resource not locked'],
    },
    {
      words: UNLOCK,
      refused: { refusal: 'notLocked', details: {} },
      found: status([]),
      exit: 1,
      lines: ['Resource not locked', 'Is the name right? To see what is held: lockd list --url URL'],
    },
  ],
  unreadable: [
    {
      words: LOCK,
      refused: { refusal: 'unreadable', details: { resource: RESOURCE, file: 'db%2Fx.lock' } },
      found: status([], { state: 'unreadable' }),
      exit: 1,
      lines: [
        "'db/x' is locked by '?': its lock file db%2Fx.lock cannot be read. Look at it, then forceUnlock",
        `Look at /locks/db%2Fx.lock. If nobody needs it: ${FORCE}`,
      ],
    },
  ],
  staleToken: [
    {
      words: [...UNLOCK, '--token', '5'],
      refused: { refusal: 'staleToken', details: { resource: RESOURCE, client: 'B', token: '5' } },
      found: status([hold('B')]),
      exit: 76,
      lines: [
        "Token 5 is not the hold of 'B' on 'db/x'",
        `Held by 'B' since ${SINCE}, no lease. Stop the work of that token. To look: lockd status db/x --url URL`,
      ],
    },
  ],
  lost: [
    {
      words: UNLOCK,
      refused: {
        refusal: 'lost',
        details: LOST,
      },
      found: status([]),
      exit: 76,
      lines: [
        "'B' lost 'db/x' (token 5) at 1970-01-01T00:00:00Z: forced by 'ops': gone. Stop work on it",
        'To go on, lock it anew: lockd lock db/x B --url URL',
      ],
    },
  ],
  limitMismatch: [
    {
      words: LOCK,
      refused: { refusal: 'limitMismatch', details: { resource: RESOURCE, limit: 3, asked: 1 } },
      found: status([hold('A')], { limit: 3 }),
      exit: 1,
      lines: [
        "'db/x' is in use with limit 3, not 1; use limit 3, or wait until nobody holds or waits",
        `Held by 'A' since ${SINCE}, no lease. To share it: lockd lock db/x B --url URL --limit 3`,
      ],
    },
    {
      words: ['lock', RESOURCE, 'two words'],
      refused: { refusal: 'limitMismatch', details: { resource: RESOURCE, limit: 3, asked: 1 } },
      exit: 1,
      lines: [
        "'db/x' is in use with limit 3, not 1; use limit 3, or wait until nobody holds or waits",
        "To share it: lockd lock db/x 'two words' --url URL --limit N",
      ],
    },
  ],
  tooMany: [
    {
      words: [...LOCK, '--conflict-exit-code', '42'],
      refused: { refusal: 'tooMany', details: { most: 1_000_000 } },
      exit: 42,
      lines: [
        '1,000,000 locks are held, the most allowed (--max-locks); unlock some first',
        'To see what is held, and who waits: lockd list --url URL',
      ],
    },
  ],
  storageFull: [
    {
      words: LOCK,
      refused: { refusal: 'storageFull', details: { directory: '/locks' } },
      exit: 75,
      lines: [
        'No space left in /locks; nothing was changed',
        'Make room there, or mend the disk; then try again. To look: lockd status --url URL',
      ],
    },
  ],
  unavailable: [
    {
      words: UNLOCK,
      refused: { refusal: 'unavailable', details: { problem: 'The daemon is stopping' } },
      exit: 69,
      lines: ['The daemon is stopping', 'Try again in some seconds. To look: lockd ping --url URL'],
    },
  ],
};

/** A service that refuses, and knows a status or none. */
function refusing({ refused, found }: Case): Partial<LockService> {
  const refuse = async () => {
    throw new Refusal(refused);
  };
  const answer = async () => {
    if (!found) throw new Refusal({ refusal: 'unavailable', details: { problem: 'no status' } });
    return found;
  };
  return {
    ...{ lock: refuse, unlock: refuse, renew: refuse, extend: refuse, update: refuse },
    ...{ forceUnlock: refuse, confirmFenced: refuse, status: answer },
  };
}

describe.each(Object.entries(CASES))('%s', (_, cases) => {
  test.each(cases)('$words $lines', async (one) => {
    const url = await serviceBehindHttp(refusing(one));
    const ran = await run([...one.words, '--url', url]);
    const shown = ran.stderr.replaceAll(url, 'URL').replace(/(run again at) [-\d]+ [:\d]+ UTC/, '$1 WHEN');
    expect(shown.split('\n').slice(0, one.lines.length)).toEqual(one.lines);
    expect(ran.stdout).toBe('');
    expect(ran.status).toBe(one.exit);
  });
});

test('with --json the refusal is one document on standard output, and standard error is silent', async () => {
  const found = status([hold('A')]);
  const url = await serviceBehindHttp(refusing({ words: [], refused: HELD, found, exit: 1, lines: [] }));
  const ran = await run([...LOCK, '--json', '--url', url]);
  expect(ran.stderr).toBe('');
  expect(JSON.parse(ran.stdout)).toEqual({
    error: {
      code: 1,
      name: 'held',
      message: "Resource already locked by 'A'",
      advice: expect.stringContaining("Held by 'A' since "),
      status: { ...found, holders: [expect.objectContaining({ client: 'A' })] },
      exitStatus: 1,
    },
  });
  expect(ran.stdout).toMatch(/^[^\n]+\n$/);
});

test('odd characters in notes and names are shown escaped', async () => {
  const found = status([hold('A\u200b', { note: 'zero\u200bwidth' })]);
  const url = await serviceBehindHttp(refusing({ words: [], refused: HELD, found, exit: 1, lines: [] }));
  const ran = await run([...LOCK, '--url', url]);
  expect(ran.stderr).toContain("Held by 'A\\u{200b}' since ");
  expect(ran.stderr).toContain('note: zero\\u{200b}width.');
});

test('a parameter that no daemon accepts is a matter of usage', async () => {
  const lock = async () => {
    throw new BadParameter('resource', 'must have 1 to 512 bytes of UTF-8, not 0');
  };
  const url = await serviceBehindHttp({ lock });
  const ran = await run([...LOCK, '--url', url]);
  expect(ran).toMatchObject({
    status: 2,
    stderr: "lock: parameter 'resource' must have 1 to 512 bytes of UTF-8, not 0\n",
  });
});
