/** The two lines that every refusal prints: its text, and below it who holds the resource and what to do. */
import { describe, expect, test } from 'vitest';
import { utcText } from '../../src/cli/moments.js';
import type { Hold } from '../../src/core/commands.js';
import { BadParameter, Refusal, type RefusalName, type Refused } from '../../src/core/refusals.js';
import type { FileStatus, LockService } from '../../src/service/api.js';
import { run, serviceBehindHttp } from './world.js';

const ACQUIRED = new Date(Date.now() - 725_000);
const SINCE = `${utcText(ACQUIRED)} (12 min ago)`;
const RESOURCE = 'db/x';

function hold(client: string, note?: string): Hold {
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
    ...(note === undefined ? {} : { note }),
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
    file: '/locks/db%2Fx.lock',
    ...more,
  };
}

interface Case {
  readonly words: readonly string[];
  readonly refused: Refused;
  readonly found?: FileStatus;
  readonly exit: number;
  /** URL stands for the daemon's. */
  readonly lines: readonly string[];
}

const LOCK = ['lock', RESOURCE, 'B'];
const UNLOCK = ['unlock', RESOURCE, 'B'];
const HELD: Refused = { refusal: 'held', details: { holders: ['A'] } };
const FORCE = 'lockd force-unlock db/x --url URL --reason WHY';

const CASES: Readonly<Record<RefusalName, readonly Case[]>> = {
  held: [
    {
      words: LOCK,
      refused: HELD,
      found: status([hold('A', 'release 4.2')]),
      exit: 1,
      lines: [
        "Resource already locked by 'A'",
        `Held by 'A' since ${SINCE}, note: release 4.2. Try again later. If its holder is gone for good: ${FORCE}`,
      ],
    },
    {
      words: LOCK,
      refused: { refusal: 'held', details: { holders: ['B'] } },
      found: status([hold('B')]),
      exit: 1,
      lines: [
        "Resource already locked by 'B'",
        `Held by 'B' since ${SINCE}. That is you; to give it back: lockd unlock db/x B --url URL --token 17`,
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
      lines: ["Resource already locked by 'A'", `Try again later. If its holder is gone for good: ${FORCE}`],
    },
    {
      words: LOCK,
      refused: HELD,
      found: status([hold('A'), hold('C'), hold('D'), hold('E')], { held: 1_200, limit: 1_200 }),
      exit: 1,
      lines: [
        "Resource already locked by 'A'",
        `Held by 'A' since ${SINCE}. Held by 'C' since ${SINCE}. Held by 'D' since ${SINCE}. And 1,197 more. ` +
          'Try again later. If its holder is gone for good: lockd force-unlock db/x HOLDER --url URL --reason WHY',
      ],
    },
    {
      words: [...LOCK, '--conflict-exit-code', '42'],
      refused: HELD,
      exit: 42,
      lines: ["Resource already locked by 'A'"],
    },
  ],
  notOwner: [
    {
      words: UNLOCK,
      refused: { refusal: 'notOwner', details: { holders: ['A'], client: 'B' } },
      found: status([hold('A')]),
      exit: 1,
      lines: [
        "Resource locked by 'A' cannot be unlocked by 'B'",
        `Held by 'A' since ${SINCE}. Only its holder can unlock it. If that one is gone for good: ${FORCE}`,
      ],
    },
  ],
  notLocked: [
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
        `Held by 'B' since ${SINCE}. Stop the work of that token. To look: lockd status db/x --url URL`,
      ],
    },
  ],
  lost: [
    {
      words: UNLOCK,
      refused: {
        refusal: 'lost',
        details: { resource: RESOURCE, client: 'B', token: 5, time: 0, by: 'ops', reason: 'gone' },
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
        `Held by 'A' since ${SINCE}. To share it: lockd lock db/x B --url URL --limit 3`,
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
      refused: { refusal: 'tooMany', details: {} },
      exit: 42,
      lines: [
        '1,000,000 locks are held, the most allowed; unlock some first',
        'To see what is held: lockd list --url URL',
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
  return { lock: refuse, unlock: refuse, forceUnlock: refuse, status: answer };
}

describe.each(Object.entries(CASES))('%s', (_, cases) => {
  test.each(cases)('$words $lines', async (one) => {
    const url = await serviceBehindHttp(refusing(one));
    const ran = await run([...one.words, '--url', url]);
    expect(ran.stderr.replaceAll(url, 'URL').split('\n').slice(0, one.lines.length)).toEqual(one.lines);
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
  const found = status([hold('A\u200b', 'zero\u200bwidth')]);
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
