import { describe, expect, test } from 'vitest';
import type { Answers, Hold } from '../../src/core/commands.js';
import {
  adopt,
  after,
  DAY,
  force,
  type History,
  HOUR,
  list,
  lock,
  START,
  status,
  unlock,
  World,
} from './history.js';

const LOST =
  "8 'A' lost 'host' (token 1) at 2026-11-21T08:15:00Z: forced by 'ops': host is down. Stop work on it";

/** What stands before each row of a history about a host that A has lost. */
const A_LOST: History = [
  [lock('host', 'A'), 'token 1'],
  [force('host'), 'true'],
];

const UNREADABLE =
  "12 'host' is locked by '?': its lock file /locks/host.lock, /locks/host.resource.lock cannot be read. " +
  'Look at it, then forceUnlock';

const HISTORIES: Record<string, History> = {
  'the three texts of 2008': [
    [lock('host', 'A'), 'token 1'],
    [lock('host', 'B'), "1 Resource already locked by 'A'"],
    [unlock('host', 'B'), "2 Resource locked by 'A' cannot be unlocked by 'B'"],
    [unlock('host', 'A'), 'true'],
    [unlock('host', 'A'), '3 Resource not locked'],
  ],
  'a resource that nobody ever held': [[unlock('host', 'A'), '3 Resource not locked']],
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
    [lock('db', 'A', 2), 'token 1'],
    [lock('db', 'B', 2), 'token 2'],
    [lock('db', 'C', 2), "1 Resource already locked by 'A', 'B'"],
    [unlock('db', 'C'), "2 Resource locked by 'A', 'B' cannot be unlocked by 'C'"],
    [unlock('db', 'A'), 'true'],
    [lock('db', 'C', 2), 'token 3'],
    [lock('db', 'A', 2), "1 Resource already locked by 'B', 'C'"],
  ],
  'one client has one slot of a semaphore': [
    [lock('db', 'A', 3), 'token 1'],
    [lock('db', 'A', 3), "1 Resource already locked by 'A'"],
    [lock('db', 'A', 1), "1 Resource already locked by 'A'"],
  ],
  'the limit stands while anybody holds': [
    [lock('db', 'A', 3), 'token 1'],
    [
      lock('db', 'B', 1),
      "5 'db' is in use with limit 3, not 1; use limit 3, or wait until nobody holds or waits",
    ],
    [
      lock('db', 'B', 4),
      "5 'db' is in use with limit 3, not 4; use limit 3, or wait until nobody holds or waits",
    ],
    [lock('db', 'B', 3), 'token 2'],
    [unlock('db', 'A'), 'true'],
    [
      lock('db', 'A', 1),
      "5 'db' is in use with limit 3, not 1; use limit 3, or wait until nobody holds or waits",
    ],
    [unlock('db', 'B'), 'true'],
    [lock('db', 'A', 1), 'token 3'],
  ],
  'a full semaphore with another limit': [
    [lock('db', 'A'), 'token 1'],
    [
      lock('db', 'B', 2),
      "5 'db' is in use with limit 1, not 2; use limit 1, or wait until nobody holds or waits",
    ],
  ],
  'a token means that very hold': [
    [lock('host', 'A'), 'token 1'],
    [unlock('host', 'A', '2'), "10 Token 2 is not the hold of 'A' on 'host'"],
    [unlock('host', 'A', '0'), "10 Token 0 is not the hold of 'A' on 'host'"],
    [unlock('host', 'A', '1'), 'true'],
    [unlock('host', 'A', '1'), '3 Resource not locked'],
    [lock('host', 'A'), 'token 2'],
    [unlock('host', 'A', '1'), "10 Token 1 is not the hold of 'A' on 'host'"],
    [unlock('host', 'B', '2'), "2 Resource locked by 'A' cannot be unlocked by 'B'"],
  ],
  'leading zeros of a token do not count': [
    [lock('host', 'A'), 'token 1'],
    [unlock('host', 'A', '10'), "10 Token 10 is not the hold of 'A' on 'host'"],
    [unlock('host', 'A', '00'), "10 Token 00 is not the hold of 'A' on 'host'"],
    [unlock('host', 'A', '0001'), 'true'],
    [lock('host', 'A'), 'token 2'],
    [unlock('host', 'A', '2'), 'true'],
  ],
  'a token is compared whole, however long': [
    [lock('host', 'A'), 'token 1'],
    [
      unlock('host', 'A', '18446744073709551617'),
      "10 Token 18446744073709551617 is not the hold of 'A' on 'host'",
    ],
  ],
  'forced: the victim is told, nobody else': [
    ...A_LOST,
    [unlock('host', 'B'), '3 Resource not locked'],
    [unlock('host', 'A'), LOST],
    [unlock('host', 'A'), LOST],
    [unlock('host', 'A', '1'), LOST],
    [unlock('host', 'A', '01'), LOST],
    [unlock('host', 'A', '2'), '3 Resource not locked'],
    [unlock('other', 'A'), '3 Resource not locked'],
  ],
  'the victim is told, whoever holds it now': [
    ...A_LOST,
    [lock('host', 'B'), 'token 2'],
    [unlock('host', 'A'), LOST],
    [unlock('host', 'A', '2'), "2 Resource locked by 'B' cannot be unlocked by 'A'"],
    [lock('host', 'A'), "1 Resource already locked by 'B'"],
    [unlock('host', 'A'), LOST],
  ],
  'told for a day, to the millisecond': [
    ...A_LOST,
    [after(DAY), 'later'],
    [unlock('host', 'A'), LOST],
    [after(0.001), 'later'],
    [unlock('host', 'A'), '3 Resource not locked'],
    [unlock('host', 'A', '1'), '3 Resource not locked'],
  ],
  'a new grant supersedes what was lost, but not for its token': [
    ...A_LOST,
    [lock('host', 'A'), 'token 2'],
    [unlock('host', 'A', '1'), LOST],
    [unlock('host', 'A'), 'true'],
    [unlock('host', 'A'), '3 Resource not locked'],
    [unlock('host', 'A', '1'), LOST],
    [after(DAY + 1), 'later'],
    [unlock('host', 'A', '1'), '3 Resource not locked'],
  ],
  'an adoption supersedes like a grant': [
    ...A_LOST,
    [adopt('host', [{ client: 'A' }]), 'true'],
    [unlock('host', 'A', '1'), LOST],
    [unlock('host', 'A'), 'true'],
    [unlock('host', 'A'), '3 Resource not locked'],
  ],
  'lost twice: without a token the last, with one that one': [
    ...A_LOST,
    [after(HOUR), 'later'],
    [lock('host', 'A'), 'token 2'],
    [force('host'), 'true'],
    [
      unlock('host', 'A'),
      "8 'A' lost 'host' (token 2) at 2026-11-21T09:15:00Z: forced by 'ops': host is down. Stop work on it",
    ],
    [unlock('host', 'A', '1'), LOST],
    [after(DAY - HOUR + 1), 'later'],
    [unlock('host', 'A', '1'), '3 Resource not locked'],
    [
      unlock('host', 'A'),
      "8 'A' lost 'host' (token 2) at 2026-11-21T09:15:00Z: forced by 'ops': host is down. Stop work on it",
    ],
  ],
  'forget drops what is older than a day, and nothing else': [
    ...A_LOST,
    [after(HOUR), 'later'],
    [lock('host', 'B'), 'token 2'],
    [force('host'), 'true'],
    [{ kind: 'forget' }, '0'],
    [after(DAY - HOUR), 'later'],
    [{ kind: 'forget' }, '0'],
    [after(0.001), 'later'],
    [{ kind: 'forget' }, '1'],
    [{ kind: 'forget' }, '0'],
    [after(HOUR), 'later'],
    [{ kind: 'forget' }, '1'],
  ],
  'forcing needs a holder': [
    [force('host'), '3 Resource not locked'],
    [force('host', 'A'), '3 Resource not locked'],
    [lock('host', 'A'), 'token 1'],
    [force('host', 'B'), "-32602 parameter 'client' is 'B', who does not hold 'host'; 'A' does"],
    [force('host', 'A'), 'true'],
    [force('host', 'A'), '3 Resource not locked'],
  ],
  'forcing one of several needs a name': [
    [lock('db', 'A', 2), 'token 1'],
    [force('db'), 'true'],
    [lock('db', 'A', 2), 'token 2'],
    [lock('db', 'B', 2), 'token 3'],
    [force('db'), "-32602 parameter 'client' is needed, because 2 clients hold 'db'"],
    [force('db', 'B'), 'true'],
    [lock('db', 'C', 2), 'token 4'],
    [unlock('db', 'A'), 'true'],
  ],
  'tokens rise over forcing and unlocking': [
    [lock('a', 'A'), 'token 1'],
    [force('a'), 'true'],
    [lock('a', 'A'), 'token 2'],
    [unlock('a', 'A'), 'true'],
    [lock('b', 'A'), 'token 3'],
  ],
  'an adopted lock is a lock': [
    [adopt('host', [{ client: 'A', note: 'by hand' }]), 'true'],
    [lock('host', 'B'), "1 Resource already locked by 'A'"],
    [unlock('host', 'B'), "2 Resource locked by 'A' cannot be unlocked by 'B'"],
    [unlock('host', 'A', '1'), 'true'],
  ],
  'who holds it already stays': [
    [lock('host', 'A'), 'token 1'],
    [adopt('host', [{ client: 'B' }]), 'false'],
    [unlock('host', 'B'), "2 Resource locked by 'A' cannot be unlocked by 'B'"],
    [unlock('host', 'A', '1'), 'true'],
  ],
  'an adopted hold gets a token above its own': [
    [lock('a', 'A'), 'token 1'],
    [adopt('b', [{ client: 'B', token: 41 }]), 'true'],
    [unlock('b', 'B', '41'), "10 Token 41 is not the hold of 'B' on 'b'"],
    [unlock('b', 'B', '42'), 'true'],
    [adopt('c', [{ client: 'C', token: 7 }]), 'true'],
    [unlock('c', 'C', '43'), 'true'],
    [lock('a', 'B'), "1 Resource already locked by 'A'"],
    [lock('d', 'D'), 'token 44'],
  ],
  'every adopted holder gets a token above all of theirs': [
    [adopt('db', [{ client: 'A', token: 3 }, { client: 'B', token: 9 }, { client: 'C' }], 4), 'true'],
    [unlock('db', 'A', '10'), 'true'],
    [unlock('db', 'B', '11'), 'true'],
    [unlock('db', 'C', '12'), 'true'],
  ],
};

describe('histories', () => {
  test.each(Object.entries(HISTORIES))('%s', (_, history) => {
    new World().play(history);
  });
});

function withUnreadable(): World {
  const world = new World();
  const files = ['/locks/host.lock', '/locks/host.resource.lock'];
  world.table.load({ kind: 'unreadable', resource: 'host', files });
  return world;
}

describe('a lock file that cannot be read', () => {
  test('locks its resource until forceUnlock', () => {
    withUnreadable().play([
      [lock('host', 'A'), UNREADABLE],
      [lock('host', 'A', 2), UNREADABLE],
      [unlock('host', 'A'), UNREADABLE],
      [unlock('host', 'A', '1'), UNREADABLE],
      [adopt('host', [{ client: 'A' }]), 'false'],
      [lock('other', 'A'), 'token 1'],
      [force('host'), 'true'],
      [force('host'), '3 Resource not locked'],
      [unlock('host', 'A'), '3 Resource not locked'],
      [lock('host', 'A'), 'token 2'],
    ]);
  });

  test('does not hide from a victim that it lost the resource', () => {
    const world = new World();
    world.play(A_LOST);
    world.table.load({ kind: 'unreadable', resource: 'host', files: ['/locks/host.lock'] });
    world.play([[unlock('host', 'A'), LOST]]);
  });

  test('shows in status and list with its files', () => {
    expect(withUnreadable().do(status('host'))).toEqual({
      answer: {
        resource: 'host',
        state: 'unreadable',
        limit: 1,
        held: 0,
        holders: [],
        unreadableFiles: ['/locks/host.lock', '/locks/host.resource.lock'],
      },
      changes: [],
    });
  });
});

describe('the texts of many holders', () => {
  const world = new World();
  for (let number = 1; number <= 14; number += 1) world.do(lock('db', `c${number}`, 14));
  const ten = "'c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'c7', 'c8', 'c9', 'c10'";

  test('name ten and count the rest', () => {
    world.play([
      [lock('db', 'X', 14), `1 Resource already locked by ${ten} and 4 more`],
      [unlock('db', 'X'), `2 Resource locked by ${ten} and 4 more cannot be unlocked by 'X'`],
    ]);
  });

  test('count none where ten are all', () => {
    const small = new World();
    for (let number = 1; number <= 10; number += 1) small.do(lock('db', `c${number}`, 10));
    small.play([[lock('db', 'X', 10), `1 Resource already locked by ${ten}`]]);
  });

  test('separate the thousands', () => {
    const large = new World();
    for (let number = 1; number <= 1_010; number += 1) large.do(lock('db', `c${number}`, 1_010));
    large.play([[lock('db', 'X', 1_010), `1 Resource already locked by ${ten} and 1,000 more`]]);
  });
});

describe('answers', () => {
  test('a hold says everything about itself', () => {
    const world = new World();
    world.pass(2.5);
    const decision = world.do({
      kind: 'lock',
      resource: 'host',
      client: 'A',
      limit: 2,
      note: 'deploy 17',
      from: '192.0.2.7:40000',
      received: 1_000,
    });
    const at = new Date(START + 2_500);
    const hold: Hold = {
      resource: 'host',
      client: 'A',
      token: '1',
      limit: 2,
      state: 'held',
      acquired: at,
      renewed: at,
      from: '192.0.2.7:40000',
      waited: 1.5,
      note: 'deploy 17',
    };
    expect(decision).toMatchObject({ answer: hold });
    expect(Object.keys('answer' in decision ? decision.answer : {}).sort()).toEqual(Object.keys(hold).sort());
  });

  test('nobody waits a negative time', () => {
    const world = new World();
    const early = { kind: 'lock', resource: 'host', client: 'A', limit: 1, from: '', received: 1 } as const;
    expect(world.do(early)).toMatchObject({ answer: { waited: 0 } });
  });

  test('a free resource has a status', () => {
    const free = { resource: 'host', state: 'free', limit: 1, held: 0, holders: [] };
    expect(new World().do(status('host'))).toEqual({ answer: free, changes: [] });
  });

  test('a status names the first 100 holders in the order of their grants, and counts all', () => {
    const world = new World();
    for (let number = 1; number <= 101; number += 1) world.do(lock('db', `c${number}`, 200));
    world.do(unlock('db', 'c1'));
    world.do(lock('db', 'c1', 200));
    const { held, holders, limit } = statusOf(world, 'db');
    expect({ held, limit, named: holders.length }).toEqual({ held: 101, limit: 200, named: 100 });
    expect(holders.map((hold) => Number(hold.token))).toEqual(Array.from({ length: 100 }, (_, i) => i + 2));
  });

  test('what was forced says by whom and why', () => {
    const world = new World();
    world.play(A_LOST);
    expect(world.changes.at(-1)).toMatchObject({
      event: 'forced',
      client: 'A',
      token: 1,
      by: 'ops',
      reason: 'host is down',
    });
  });

  test('an adopted hold names its file', () => {
    const world = new World();
    world.do(adopt('host', [{ client: 'A', note: 'by hand' }], 1));
    expect(statusOf(world, 'host').holders).toMatchObject([
      { client: 'A', from: '/locks/host.lock', note: 'by hand', waited: 0 },
    ]);
    expect(world.changes).toMatchObject([{ event: 'adopted', reason: '/locks/host.lock' }]);
  });

  test('a question changes nothing', () => {
    const world = new World();
    world.do(lock('host', 'A'));
    const before = world.changes.length;
    for (const command of [status('host'), list(), lock('host', 'B'), unlock('host', 'B')]) world.do(command);
    world.do({ kind: 'count' });
    expect(world.changes.length).toBe(before);
    expect(world.do({ kind: 'count' })).toEqual({ answer: { held: 1 }, changes: [] });
  });
});

describe('list', () => {
  const world = new World();
  for (const [resource, client] of [
    ['b/2', 'A'],
    ['a/1', 'A'],
    ['b/1', 'B'],
    ['B', 'A'],
    ['é', 'A'],
    ['\u{1f512}', 'B'],
    ['\uffee', 'A'],
  ] as const) {
    world.do(lock(resource, client));
  }
  world.table.load({ kind: 'unreadable', resource: 'b/0', files: ['/locks/b%2F0.lock'] });
  world.do(lock('free', 'A'));
  world.do(unlock('free', 'A'));

  const all = ['B', 'a/1', 'b/0', 'b/1', 'b/2', 'é', '\u{1f512}', '\uffee'];
  test.each([
    ['everything that is not free, in code-unit order', {}, all],
    ['a prefix', { prefix: 'b/' }, ['b/0', 'b/1', 'b/2']],
    ['an empty prefix', { prefix: '' }, all],
    ['a client', { client: 'B' }, ['b/1', '\u{1f512}']],
    ['held ones', { state: 'held' }, all.filter((name) => name !== 'b/0')],
    ['unreadable ones', { state: 'unreadable' }, ['b/0']],
    ['free ones: nobody knows their names', { state: 'free' }, []],
    ['all of it together', { prefix: 'b/', client: 'A', state: 'held', after: 'b/1' }, ['b/2']],
    ['behind a name', { after: 'b/0' }, all.slice(3)],
    ['behind a name that is not there', { after: 'b/00' }, all.slice(3)],
    ['behind the last', { after: '\uffee' }, []],
    ['as many as asked for', { count: 2 }, all.slice(0, 2)],
    ['as many of the matching ones', { count: 2, client: 'A' }, ['B', 'a/1']],
    ['exactly as many as there are', { count: 8 }, all],
  ] as const)('%s', (_, options, names) => {
    const decision = world.do(list(options));
    const found = 'answer' in decision ? (decision.answer as Answers['list']) : [];
    expect(found.map((one) => one.resource)).toEqual(names);
  });
});

describe('limits', () => {
  test('no more than a million locks', () => {
    const world = new World();
    // Counting is all that the rule does: the table is told that it is nearly full.
    Object.defineProperty(world.table, 'held', { value: 999_999, writable: true });
    world.play([[lock('last', 'A'), 'token 1']]);
    Object.defineProperty(world.table, 'held', { value: 1_000_000 });
    world.play([
      [lock('more', 'A'), '14 1,000,000 locks are held, the most allowed; unlock some first'],
      [lock('last', 'B'), "1 Resource already locked by 'A'"],
      [unlock('last', 'A'), 'true'],
    ]);
  });

  test('forgets at most a thousand at once', () => {
    const world = new World();
    for (let number = 0; number < 1_001; number += 1) {
      world.do(lock(`r${number}`, 'A'));
      world.do(force(`r${number}`));
    }
    world.pass(DAY + 1);
    world.play([
      [{ kind: 'forget' }, '1000'],
      [{ kind: 'forget' }, '1'],
      [{ kind: 'forget' }, '0'],
    ]);
  });
});

function statusOf(world: World, resource: string): Answers['status'] {
  const decision = world.do(status(resource));
  if (!('answer' in decision)) throw new Error('status is never refused');
  return decision.answer as Answers['status'];
}
