/** Who gets the lock: rules/lock.ts. */
import { describe, expect, test } from 'vitest';
import { decide } from '../../../src/core/decide.js';
import { enqueue, force, type History, lock, outcomeText, play, status, told, unlock } from '../history.js';
import { START, World } from '../world.js';

const TWO = { limit: 2 } as const;
const WAITS = { wait: 60 } as const;

const HISTORIES: Record<string, History> = {
  'the three texts of 2008': [
    [lock('host', 'A'), 'token 1'],
    [lock('host', 'B'), "1 Resource already locked by 'A'"],
    [unlock('host', 'B'), "2 Resource locked by 'A' cannot be unlocked by 'B'"],
    [unlock('host', 'A'), 'true'],
    [unlock('host', 'A'), '3 Resource not locked'],
  ],
  'who holds it is refused like everybody else': [
    [lock('host', 'A'), 'token 1'],
    [lock('host', 'A'), "1 Resource already locked by 'A'"],
    [unlock('host', 'A'), 'true'],
    [lock('host', 'A'), 'token 2'],
  ],
  'resources are independent, tokens are not': [
    [lock('a', 'A'), 'token 1'],
    [lock('b', 'A'), 'token 2'],
    [unlock('a', 'A'), 'true'],
    [lock('a', 'B'), 'token 3'],
    [unlock('b', 'B'), "2 Resource locked by 'A' cannot be unlocked by 'B'"],
  ],
  'a name is not a part of another': [
    [lock('a', 'b/c'), 'token 1'],
    [lock('a/b', 'c'), 'token 2'],
    [unlock('a', 'c'), "2 Resource locked by 'b/c' cannot be unlocked by 'c'"],
  ],
  'a semaphore lets as many in as its limit': [
    [lock('db', 'A', { limit: 2 }), 'token 1'],
    [lock('db', 'B', { limit: 2 }), 'token 2'],
    [lock('db', 'C', { limit: 2 }), "1 Resource already locked by 'A', 'B'"],
    [unlock('db', 'C'), "2 Resource locked by 'A', 'B' cannot be unlocked by 'C'"],
    [unlock('db', 'A'), 'true'],
    [lock('db', 'C', { limit: 2 }), 'token 3'],
    [lock('db', 'A', { limit: 2 }), "1 Resource already locked by 'B', 'C'"],
  ],
  'one client has one slot of a semaphore': [
    [lock('db', 'A', { limit: 3 }), 'token 1'],
    [lock('db', 'A', { limit: 3 }), "1 Resource already locked by 'A'"],
    [lock('db', 'A', { limit: 1 }), "1 Resource already locked by 'A'"],
  ],
  'the limit stands while anybody holds': [
    [lock('db', 'A', { limit: 3 }), 'token 1'],
    [
      lock('db', 'B', { limit: 1 }),
      "5 'db' is in use with limit 3, not 1; use limit 3, or wait until nobody holds or waits",
    ],
    [
      lock('db', 'B', { limit: 4 }),
      "5 'db' is in use with limit 3, not 4; use limit 3, or wait until nobody holds or waits",
    ],
    [lock('db', 'B', { limit: 3 }), 'token 2'],
    [unlock('db', 'A'), 'true'],
    [
      lock('db', 'A', { limit: 1 }),
      "5 'db' is in use with limit 3, not 1; use limit 3, or wait until nobody holds or waits",
    ],
    [unlock('db', 'B'), 'true'],
    [lock('db', 'A', { limit: 1 }), 'token 3'],
  ],
  'a full semaphore with another limit': [
    [lock('db', 'A'), 'token 1'],
    [
      lock('db', 'B', { limit: 2 }),
      "5 'db' is in use with limit 1, not 2; use limit 1, or wait until nobody holds or waits",
    ],
  ],
  'who holds it is refused at once, whatever it would wait': [
    [lock('host', 'A'), 'token 1'],
    [lock('host', 'A', WAITS), "1 Resource already locked by 'A'"],
    [enqueue('host', 'A'), "1 Resource already locked by 'A'"],
    [lock('host', 'A', { ...WAITS, limit: 5 }), "1 Resource already locked by 'A'"],
  ],
  'the limit stands while anybody waits, too': [
    [lock('db', 'A', TWO), 'token 1'],
    [lock('db', 'B', TWO), 'token 2'],
    [enqueue('db', 'C', TWO), 'queued 1'],
    [unlock('db', 'A'), 'true'],
    [unlock('db', 'B'), 'true'],
    [
      lock('db', 'D'),
      "5 'db' is in use with limit 2, not 1; use limit 2, or wait until nobody holds or waits",
    ],
    [
      enqueue('db', 'D', { limit: 3 }),
      "5 'db' is in use with limit 2, not 3; use limit 2, or wait until nobody holds or waits",
    ],
    // One slot is kept for C, and two are free.
    [lock('db', 'D', TWO), 'token 3'],
    [lock('db', 'E', TWO), "1 Resource already locked by 'D', 'C'"],
  ],
  'what is free goes to whoever asks, unless it is kept for somebody': [
    [lock('host', 'A'), 'token 1'],
    [enqueue('host', 'B'), 'queued 1'],
    [unlock('host', 'A'), 'true'],
    [lock('host', 'C'), "1 Resource already locked by 'B'"],
    [lock('host', 'C', WAITS), 'waits'],
    [lock('host', 'B'), "18 'B' is already number 1 in the line for 'host'"],
  ],
  'enqueue is granted at once where it can be': [
    [enqueue('host', 'A', { ttl: 30 }), 'granted token 1 for 30 s'],
    [enqueue('host', 'B'), 'queued 1'],
    [enqueue('host', 'C'), 'queued 2'],
  ],
  'whoever waits is granted what comes free, in the same turn': [
    [lock('host', 'A'), 'token 1'],
    [lock('host', 'B', { ...WAITS, ttl: 5 }), 'waits'],
    [lock('host', 'C', WAITS), 'waits'],
    [told('B'), 'nothing'],
    [unlock('host', 'A'), 'true'],
    [told('B'), 'token 2 for 5 s'],
    [force('host', 'B'), 'true'],
    [told('C'), 'token 3'],
    [told('B'), 'nothing'],
  ],
  'several slots that come free go to as many': [
    [lock('db', 'A', TWO), 'token 1'],
    [lock('db', 'B', TWO), 'token 2'],
    [lock('db', 'C', { ...TWO, ...WAITS }), 'waits'],
    [lock('db', 'D', { ...TWO, ...WAITS }), 'waits'],
    [lock('db', 'E', { ...TWO, ...WAITS }), 'waits'],
    [unlock('db', 'B'), 'true'],
    [unlock('db', 'A'), 'true'],
    [told('C'), 'token 3'],
    [told('D'), 'token 4'],
    [told('E'), 'nothing'],
  ],
};

describe('histories', () => {
  test.each(Object.entries(HISTORIES))('%s', (_, history) => play(new World(), history));
});

describe('the texts of many holders', () => {
  const many = (count: number) => {
    const world = new World();
    for (let number = 1; number <= count; number += 1) world.do(lock('db', `c${number}`, { limit: count }));
    return world;
  };
  const ten = "'c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'c7', 'c8', 'c9', 'c10'";

  test('name ten and count the rest', () => {
    play(many(14), [
      [lock('db', 'X', { limit: 14 }), `1 Resource already locked by ${ten} and 4 more`],
      [unlock('db', 'X'), `2 Resource locked by ${ten} and 4 more cannot be unlocked by 'X'`],
    ]);
  });

  test('count none where ten are all', () => {
    play(many(10), [[lock('db', 'X', { limit: 10 }), `1 Resource already locked by ${ten}`]]);
  });

  test('separate the thousands', () => {
    const text = `1 Resource already locked by ${ten} and 1,000 more`;
    play(many(1_010), [[lock('db', 'X', { limit: 1_010 }), text]]);
  });
});

describe('the answer', () => {
  test('says everything about the hold', () => {
    const world = new World();
    world.pass(2.5);
    const asked = lock('host', 'A', { limit: 2, note: 'deploy 17', received: 1_000, ttl: 30 });
    const at = new Date(START + 2_500);
    expect(world.do(asked)).toEqual({
      answer: {
        resource: 'host',
        client: 'A',
        token: '1',
        limit: 2,
        state: 'held',
        acquired: at,
        renewed: at,
        from: '192.0.2.7:40000',
        waited: 1.5,
        ttl: 30,
        left: 30,
        expires: new Date(START + 32_500),
        note: 'deploy 17',
      },
    });
  });

  test('has no members for what there is not', () => {
    const world = new World();
    const outcome = world.do(lock('host', 'A'));
    const { answer } = outcome as { answer: object };
    for (const absent of ['ttl', 'left', 'expires', 'note']) expect(answer).not.toHaveProperty(absent);
  });

  test('counts the waiting to the start of the lease, which is the end of the commit', () => {
    const world = new World();
    const draft = world.draft([lock('host', 'A', { ttl: 30 })]);
    world.pass(4);
    const [outcome] = world.settle(draft);
    expect(outcome).toMatchObject({
      answer: {
        waited: 4,
        left: 30,
        acquired: new Date(START),
        renewed: new Date(START + 4_000),
        expires: new Date(START + 34_000),
      },
    });
  });

  test('of a call that waited counts from the reading of that call', () => {
    const world = new World();
    world.do(lock('host', 'A'));
    world.do(enqueue('host', 'B', { ttl: 30 }));
    world.pass(10);
    world.do({ kind: 'wait', resource: 'host', client: 'B', wait: 60, received: 10_000 });
    world.pass(5);
    world.do(unlock('host', 'A'));
    expect(world.told).toMatchObject([{ client: 'B', outcome: { answer: { waited: 5, left: 30 } } }]);
  });

  test('never tells a negative time', () => {
    expect(new World().do(lock('host', 'A', { received: 1 }))).toMatchObject({ answer: { waited: 0 } });
  });

  test('carries what a place was asked for into the hold', () => {
    const world = new World();
    world.do(lock('host', 'A'));
    world.do(lock('host', 'B', { ...WAITS, ttl: 9, note: 'release', request: 'k', from: '198.51.100.1:1' }));
    world.do(unlock('host', 'A'));
    expect(world.table.hold('host', 'B')).toMatchObject({
      ttl: 9,
      note: 'release',
      from: '198.51.100.1:1',
      request: { key: 'k', ttl: 9, note: 'release' },
    });
  });
});

describe('at most', () => {
  test('a million locks', () => {
    const world = new World();
    // Counting is all that the rule does: the table is told that it is nearly full.
    Object.defineProperty(world.table, 'held', { value: 999_999, writable: true });
    play(world, [[lock('last', 'A'), 'token 1']]);
    Object.defineProperty(world.table, 'held', { value: 1_000_000 });
    play(world, [
      [lock('more', 'A'), '14 1,000,000 locks are held, the most allowed (--max-locks); unlock some first'],
      [unlock('last', 'A'), 'true'],
    ]);
  });

  test('10,000 places in the line of one resource', () => {
    const world = new World();
    world.do(lock('host', 'A'));
    for (let number = 1; number <= 9_999; number += 1) world.do(enqueue('host', `c${number}`));
    play(world, [
      [enqueue('host', 'last'), 'queued 10000'],
      [enqueue('host', 'more'), "7 The line for 'host' is full (10,000), the most allowed (--max-waiters)"],
      [
        lock('host', 'more', WAITS),
        "7 The line for 'host' is full (10,000), the most allowed (--max-waiters)",
      ],
      [lock('host', 'more'), "1 Resource already locked by 'A'"],
    ]);
  });

  test('1,000 places of one client', () => {
    const world = new World();
    for (let number = 1; number <= 1_001; number += 1) world.do(lock(`r${number}`, 'A'));
    for (let number = 1; number <= 999; number += 1) world.do(enqueue(`r${number}`, 'B'));
    const tooMany = "14 'B' has 1,000 places in lines, the most allowed (--max-waiters-per-client)";
    play(world, [
      [enqueue('r1000', 'B'), 'queued 1'],
      [enqueue('r1001', 'B'), tooMany],
      [lock('r1001', 'B', WAITS), tooMany],
      [enqueue('r1001', 'C'), 'queued 1'],
      [unlock('r1', 'A'), 'true'],
      [lock('r1', 'B', { request: 'other' }), "18 'B' is already number 1 in the line for 'r1'"],
      [{ kind: 'cancel', resource: 'r1', client: 'B' }, 'true'],
      [enqueue('r1001', 'B'), 'queued 2'],
    ]);
  });
});

describe('limits that an operator chose', () => {
  const LIMITS = { waiters: 2, waitersPerClient: 2, locks: 2 };

  test('are refused with the number in force, and what is within them is not', () => {
    const world = new World();
    world.limits = LIMITS;
    play(world, [
      [lock('r1', 'A'), 'token 1'],
      [enqueue('r1', 'B'), 'queued 1'],
      [enqueue('r1', 'C'), 'queued 2'],
      [enqueue('r1', 'D'), "7 The line for 'r1' is full (2), the most allowed (--max-waiters)"],
      [lock('r2', 'A'), 'token 2'],
      [lock('r3', 'A'), '14 2 locks are held, the most allowed (--max-locks); unlock some first'],
      [unlock('r2', 'A'), 'true'],
      [lock('r3', 'A'), 'token 3'],
    ]);
    world.limits = { ...LIMITS, locks: 9 };
    play(world, [
      [enqueue('r3', 'B'), 'queued 1'],
      [lock('r4', 'A'), 'token 4'],
      [enqueue('r4', 'B'), "14 'B' has 2 places in lines, the most allowed (--max-waiters-per-client)"],
    ]);
  });

  test('whatever is over a lowered one stays, in its order', () => {
    const world = new World();
    for (const resource of ['r1', 'r2', 'r3']) world.do(lock(resource, 'A'));
    for (const client of ['B', 'C', 'D']) world.do(lock('r1', client, WAITS));
    world.limits = { waiters: 1, waitersPerClient: 1, locks: 1 };
    play(world, [
      [lock('r4', 'A'), '14 1 lock is held, the most allowed (--max-locks); unlock some first'],
      [unlock('r1', 'A'), 'true'],
    ]);
    expect([...world.table.line('r1')].map(({ client }) => client)).toEqual(['B', 'C', 'D']);
    world.do(unlock('r2', 'A'));
    world.do(unlock('r3', 'A'));
    world.do({ kind: 'advance', resource: 'r1' });
    expect(world.table.holds('r1')).toMatchObject([{ client: 'B' }]);
  });

  test('a line that cannot move on says so, and one that has nobody to grant to does not', () => {
    const world = new World();
    world.do(lock('r1', 'A'));
    world.do(lock('r2', 'A'));
    world.do(lock('r1', 'B', WAITS));
    world.limits = { ...LIMITS, locks: 1 };
    const advance = (resource: string) => decide(world.state, { kind: 'advance', resource }, world.now);
    expect(advance('r1')).not.toHaveProperty('isHeldBack');
    world.do(unlock('r1', 'A'));
    expect(advance('r1')).toMatchObject({ isHeldBack: true, changes: [] });
    expect(advance('r2')).not.toHaveProperty('isHeldBack');
  });
});

test('a hand-over looks at no more of a long line than there are slots', () => {
  const world = new World();
  world.do(lock('host', 'A'));
  for (let number = 1; number <= 5_000; number += 1) world.do(enqueue('host', `c${number}`));
  const looked: string[] = [];
  const { has } = world.calls;
  world.calls.has = (place) => {
    looked.push(place.client);
    return has.call(world.calls, place);
  };
  world.do(unlock('host', 'A'));
  expect(looked).toEqual(['c1']);
  expect(outcomeText(world.do(status('host')))).toContain('"waiting":5000');
});

test('a hand-over grants no more than it is told to, and says whether there is more', () => {
  const world = new World();
  for (const client of ['A', 'B', 'C']) world.do(lock('r', client, { limit: 3 }));
  for (const client of ['D', 'E']) world.do(lock('r', client, { ...WAITS, limit: 3 }));
  for (const { client } of world.table.holds('r'))
    world.table.apply({
      time: 0,
      resource: 'r',
      client,
      token: 0,
      remove: [{ kind: 'hold', resource: 'r', client }],
    });
  const advance = (atMost: number) => {
    const decision = decide(world.state, { kind: 'advance', resource: 'r', atMost }, world.now);
    return 'grants' in decision
      ? [decision.grants?.map(({ place }) => place.client), decision.isCut]
      : decision;
  };
  expect(advance(0)).toEqual([[], true]);
  expect(advance(1)).toEqual([['D'], true]);
  expect(advance(2)).toEqual([['D', 'E'], undefined]);
  expect(advance(3)).toEqual([['D', 'E'], undefined]);
});
