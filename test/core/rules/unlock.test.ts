/** How a hold ends: rules/unlock.ts. */
import { describe, expect, test } from 'vitest';
import {
  adopt,
  after,
  check,
  confirmFenced,
  DAY,
  enqueue,
  expire,
  fenced,
  force,
  type History,
  HOUR,
  lock,
  play,
  refused,
  renew,
  restart,
  told,
  unlock,
  wait,
  withdraw,
} from '../history.js';
import { START, World } from '../world.js';

const LOST =
  "8 'A' lost 'host' (token 1) at 2026-11-21T08:15:00Z: forced by 'ops': host is down. Stop work on it";

const inLine = (resource: string) => (world: World) =>
  [...world.table.line(resource)].map(({ client }) => client).join(', ');

/** What stands before each row of a history about a host that A has lost. */
const A_LOST: History = [
  [lock('host', 'A'), 'token 1'],
  [force('host'), 'true'],
];

const FENCING =
  "9 'host' is being fenced: 'A' (token 1) was lost 0 s ago; the fence command has not succeeded yet; " +
  'it waits for success or confirmFenced';
const RESTING =
  "9 'host' rests: 'A' (token 1) was lost 0 s ago; it is free again when the lock-delay is over";

const HISTORIES: Record<string, History> = {
  'a resource that nobody ever held': [[unlock('host', 'A'), '3 Resource not locked']],
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
  'forcing needs a holder': [
    [force('host'), '3 Resource not locked'],
    [force('host', 'A'), '3 Resource not locked'],
    [lock('host', 'A'), 'token 1'],
    [force('host', 'B'), "-32602 parameter 'client' is 'B', who does not hold 'host'; 'A' does"],
    [force('host', 'A'), 'true'],
    [force('host', 'A'), '3 Resource not locked'],
  ],
  'forcing one of several needs a name': [
    [lock('db', 'A', { limit: 2 }), 'token 1'],
    [force('db'), 'true'],
    [lock('db', 'A', { limit: 2 }), 'token 2'],
    [lock('db', 'B', { limit: 2 }), 'token 3'],
    [force('db'), "-32602 parameter 'client' is needed, because 2 clients hold 'db'"],
    [force('db', 'B'), 'true'],
    [lock('db', 'C', { limit: 2 }), 'token 4'],
    [unlock('db', 'A'), 'true'],
  ],
  'with a token, only that very hold is forced': [
    [lock('host', 'A'), 'token 1'],
    [unlock('host', 'A'), 'true'],
    [force('host', 'A', { token: '1' }), '3 Resource not locked'],
    [lock('host', 'A'), 'token 2'],
    [force('host', 'A', { token: '1' }), "10 Token 1 is not the hold of 'A' on 'host'"],
    [force('host', undefined, { token: '1', fenced: true }), "10 Token 1 is not the hold of 'A' on 'host'"],
    [check('host', '2'), 'true'],
    [force('host', 'A', { token: '0002', aftermath: 'fence' }), 'true'],
    [force('host', 'A', { token: '1', fenced: true }), "10 Token 1 is not the hold of 'A' on 'host'"],
    [force('host', 'A', { token: '2', fenced: true }), 'true'],
    [force('host', 'A', { token: '2' }), '3 Resource not locked'],
  ],
  'tokens rise over forcing and unlocking': [
    [lock('a', 'A'), 'token 1'],
    [force('a'), 'true'],
    [lock('a', 'A'), 'token 2'],
    [unlock('a', 'A'), 'true'],
    [lock('b', 'A'), 'token 3'],
  ],
  'forced, with a fence command': [
    [lock('host', 'A'), 'token 1'],
    [force('host', 'A', { aftermath: 'fence' }), 'true'],
    [lock('host', 'B'), FENCING],
    [unlock('host', 'A'), LOST],
    [force('host', 'A', { aftermath: 'fence' }), FENCING],
    [force('host', 'A', { fenced: true }), 'true'],
    [lock('host', 'B'), 'token 2'],
  ],
  'forced, with a lock-delay': [
    [lock('host', 'A'), 'token 1'],
    [force('host', 'A', { aftermath: 'delay' }), 'true'],
    [lock('host', 'B'), RESTING],
    [unlock('host', 'A'), LOST],
    [force('host'), RESTING],
    [fenced('host', 'A', 1), 'true'],
    [lock('host', 'B'), 'token 2'],
  ],
  'a delay ends at an operator’s word, too': [
    [lock('host', 'A'), 'token 1'],
    [force('host', 'A', { aftermath: 'delay' }), 'true'],
    [force('host', 'A', { fenced: true }), 'true'],
    [lock('host', 'B'), 'token 2'],
  ],
  'a lease that is over, with a fence command': [
    [lock('host', 'A', { ttl: 5 }), 'token 1 for 5 s'],
    [
      (world) => {
        world.aftermath = 'fence';
        world.pass(5);
        return 'later';
      },
      'later',
    ],
    [lock('host', 'B'), FENCING],
    [renew('host', 'A'), LOST.replace("00Z: forced by 'ops': host is down", '05Z: lease ended')],
    [restart, 'started'],
    [lock('host', 'B'), FENCING],
    [after(100_000), 'later'],
    [fenced('host', 'A', 1), 'true'],
    [lock('host', 'B'), 'token 2'],
  ],
  'a lease that is not over does not end': [
    [lock('host', 'A', { ttl: 5 }), 'token 1 for 5 s'],
    [expire('host', 'A', 1), 'true'],
    [check('host', '1'), 'true'],
    [after(5), 'later'],
    [check('host', '1'), 'false'],
    [lock('host', 'A', { ttl: 5 }), 'token 2 for 5 s'],
    [expire('host', 'A', 1), 'true'],
    [expire('host', 'B', 2), 'true'],
    [check('host', '2'), 'true'],
  ],
  'a hold without lease never ends by itself': [
    [lock('host', 'A'), 'token 1'],
    [after(365 * DAY), 'later'],
    [expire('host', 'A', 1), 'true'],
    [check('host', '1'), 'true'],
  ],
  'withdrawn to the head of the line': [
    [lock('host', 'X'), 'token 1'],
    [lock('host', 'A', { wait: 50, request: 'a' }), 'waits'],
    [lock('host', 'B', { wait: 50 }), 'waits'],
    [unlock('host', 'X'), 'true'],
    [told('A'), 'token 2'],
    [withdraw('host', 'A', 2, 30), 'true'],
    [check('host', '2'), 'false'],
    [told('B'), 'nothing'],
    [inLine('host'), 'A, B'],
    [after(20), 'later'],
    [lock('host', 'A', { wait: 50, request: 'a' }), 'waits'],
    [told('A'), 'token 3'],
  ],
  'withdrawn, and nobody comes back for it': [
    [lock('host', 'X'), 'token 1'],
    [lock('host', 'A', { wait: 500, request: 'a', claim: 7 }), 'waits'],
    [lock('host', 'B', { wait: 500 }), 'waits'],
    [unlock('host', 'X'), 'true'],
    [withdraw('host', 'A', 2, 7), 'true'],
    [after(6.999), 'later'],
    [told('B'), 'nothing'],
    [after(0.001), 'later'],
    [told('B'), 'token 3'],
  ],
  'withdrawn where nobody can come back': [
    [lock('host', 'A'), 'token 1'],
    [lock('host', 'B', { wait: 50 }), 'waits'],
    [withdraw('host', 'A', 1, 0), 'true'],
    [told('B'), 'token 2'],
    [unlock('host', 'A'), "2 Resource locked by 'B' cannot be unlocked by 'A'"],
  ],
  'several are withdrawn, the last grant first: the order of the line stays': [
    [lock('db', 'X', { limit: 2 }), 'token 1'],
    [lock('db', 'Y', { limit: 2 }), 'token 2'],
    [enqueue('db', 'A', { limit: 2, request: 'a' }), 'queued 1'],
    [enqueue('db', 'B', { limit: 2, request: 'b' }), 'queued 2'],
    [enqueue('db', 'C', { limit: 2, request: 'c' }), 'queued 3'],
    [wait('db', 'A'), 'waits'],
    [wait('db', 'B'), 'waits'],
    [unlock('db', 'X'), 'true'],
    [unlock('db', 'Y'), 'true'],
    [withdraw('db', 'B', 4, 30), 'true'],
    [withdraw('db', 'A', 3, 30), 'true'],
    [inLine('db'), 'A, B, C'],
  ],
  'what is withdrawn is that very grant': [
    [lock('host', 'A'), 'token 1'],
    [unlock('host', 'A'), 'true'],
    [lock('host', 'A'), 'token 2'],
    [withdraw('host', 'A', 1, 30), 'true'],
    [check('host', '2'), 'true'],
    [force('host', 'A', { aftermath: 'fence' }), 'true'],
    [withdraw('host', 'A', 2, 30), 'true'],
    [force('host', 'A', { fenced: true }), 'true'],
  ],
  'a withdrawn place outlives a restart': [
    [lock('host', 'A', { wait: 1, request: 'a' }), 'token 1'],
    [withdraw('host', 'A', 1, 30), 'true'],
    [restart, 'started'],
    [lock('host', 'B'), "1 Resource already locked by 'A'"],
    [lock('host', 'A', { wait: 1, request: 'a' }), 'waits'],
    [told('A'), 'token 2'],
  ],
  'nothing of a turn that was not saved has happened': [
    [lock('host', 'A', { ttl: 5 }), 'token 1 for 5 s'],
    [refused(unlock('host', 'A'), lock('host', 'B'), force('host'), lock('host', 'C')), 'not saved'],
    [check('host', '1'), 'true'],
    [lock('host', 'B'), "1 Resource already locked by 'A'"],
    [unlock('host', 'B'), "2 Resource locked by 'A' cannot be unlocked by 'B'"],
    [unlock('host', 'A'), 'true'],
    [lock('host', 'B'), 'token 4'],
  ],
};

describe('histories', () => {
  test.each(Object.entries(HISTORIES))('%s', (_, history) => play(new World(), history));
});

const UNREADABLE =
  "12 'host' is locked by '?': its lock file /locks/host.lock, /locks/host.resource.lock cannot be read. " +
  'Look at it, then forceUnlock';

describe('a lock file that cannot be read', () => {
  function withUnreadable(): World {
    const world = new World();
    const files = ['/locks/host.lock', '/locks/host.resource.lock'];
    world.table.load({ kind: 'unreadable', resource: 'host', files });
    return world;
  }

  test('locks its resource until forceUnlock', () => {
    play(withUnreadable(), [
      [lock('host', 'A'), UNREADABLE],
      [lock('host', 'A', { limit: 2, wait: 9 }), UNREADABLE],
      [enqueue('host', 'A'), UNREADABLE],
      [unlock('host', 'A'), UNREADABLE],
      [renew('host', 'A', { token: '1' }), UNREADABLE],
      [adopt('host', [{ client: 'A' }]), 'false'],
      [lock('other', 'A'), 'token 1'],
      [refused(force('host')), 'not saved'],
      [force('host', 'A', { token: '1' }), UNREADABLE],
      [lock('host', 'A'), UNREADABLE],
      [force('host'), 'true'],
      [force('host'), '3 Resource not locked'],
      [unlock('host', 'A'), '3 Resource not locked'],
      [lock('host', 'A'), 'token 2'],
    ]);
  });

  test('does not hide from a victim that it lost the resource', () => {
    const world = new World();
    play(world, A_LOST);
    world.table.load({ kind: 'unreadable', resource: 'host', files: ['/locks/host.lock'] });
    play(world, [[unlock('host', 'A'), LOST]]);
  });

  test('grants nothing to who asks again for its place', () => {
    const world = new World();
    play(world, [
      [lock('host', 'A'), 'token 1'],
      [enqueue('host', 'B', { request: 'k' }), 'queued 1'],
      [unlock('host', 'A'), 'true'],
    ]);
    world.table.load({ kind: 'unreadable', resource: 'host', files: ['/locks/host.lock'] });
    play(world, [
      [enqueue('host', 'B', { request: 'k' }), 'queued 1'],
      [force('host'), 'true'],
      [enqueue('host', 'B', { request: 'k' }), 'granted token 2'],
    ]);
  });

  test('grants nothing to who waits, until forceUnlock', () => {
    const world = new World();
    play(world, [
      [lock('host', 'A'), 'token 1'],
      [enqueue('host', 'B'), 'queued 1'],
      [unlock('host', 'A'), 'true'],
    ]);
    world.table.load({ kind: 'unreadable', resource: 'host', files: ['/locks/host.lock'] });
    play(world, [
      [wait('host', 'B'), 'waits'],
      [told('B'), 'nothing'],
      [force('host'), 'true'],
      [told('B'), 'token 2'],
    ]);
  });
});

describe('the history', () => {
  const eventsOf = (...commands: Parameters<World['do']>[0][]) => {
    const world = new World();
    world.do(lock('host', 'A', { ttl: 5 }));
    for (const command of commands) world.do(command);
    return world.changes.slice(1);
  };
  const what = { time: START, resource: 'host', client: 'A', token: 1 };

  test('tells by whom and why something was forced', () => {
    expect(eventsOf(force('host'))).toMatchObject([
      { event: 'forced', ...what, by: 'ops', reason: 'host is down' },
    ]);
  });

  test('tells that fencing began, in a change of its own', () => {
    const events = eventsOf(force('host', 'A', { aftermath: 'fence' }), force('host', 'A', { fenced: true }));
    expect(events).toMatchObject([
      { event: 'forced', ...what },
      { event: 'fencing', ...what, put: [{ lost: 'fencing', fence: { tries: 0 } }] },
      { event: 'fenced', ...what, by: 'ops', reason: 'host is down' },
    ]);
  });

  test('has no event for the end of a lock-delay', () => {
    const events = eventsOf(force('host', 'A', { aftermath: 'delay' }), fenced('host', 'A', 1));
    expect(events.map(({ event }) => event)).toEqual(['forced', undefined]);
  });

  test('tells a confirmed fencing by whom', () => {
    const events = eventsOf(force('host', 'A', { aftermath: 'fence' }), confirmFenced('host'));
    expect(events.at(-1)).toMatchObject({ event: 'fenced', by: 'ops', reason: 'plug pulled' });
  });

  test('tells a withdrawn grant as unlocked, with the reason', () => {
    expect(eventsOf(withdraw('host', 'A', 1, 0))).toMatchObject([
      { event: 'unlocked', ...what, reason: 'nobody was there to receive it' },
    ]);
  });

  test('tells an expiry by its moment', () => {
    const world = new World();
    world.do(lock('host', 'A', { ttl: 5 }));
    world.pass(HOUR);
    expect(world.changes.at(-1)).toMatchObject({ event: 'expired', ...what, time: START + HOUR * 1_000 });
  });
});
