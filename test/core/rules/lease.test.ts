/** What a holder can do with its hold: rules/lease.ts. */
import { describe, expect, test } from 'vitest';
import {
  after,
  check,
  enqueue,
  expire,
  extend,
  fenceFailed,
  force,
  type History,
  lock,
  play,
  refused,
  renew,
  restart,
  together,
  unlock,
  update,
} from '../history.js';
import { World } from '../world.js';

const LEASED: History = [[lock('host', 'A', { ttl: 10 }), 'token 1 for 10 s']];
const EXPIRED_AT = (time: string) =>
  `8 'A' lost 'host' (token 1) at 2026-11-21T${time}Z: lease ended. Stop work on it`;

/** So many seconds pass, and what is due then cannot be saved. */
const lateEnd = (seconds: number) => (world: World) => {
  world.elapse(seconds);
  world.turn(world.dueCommands(), false);
  return 'not saved';
};

const HISTORIES: Record<string, History> = {
  'renew gives the ttl again': [
    ...LEASED,
    [after(9.999), 'later'],
    [renew('host', 'A'), 'token 1 for 10 s'],
    [renew('host', 'A', { token: '1' }), 'token 1 for 10 s'],
    [after(9.999), 'later'],
    [unlock('host', 'A'), 'true'],
  ],
  'a lease ends after its ttl, to the millisecond': [
    ...LEASED,
    [after(9.999), 'later'],
    [check('host', '1'), 'true'],
    [after(0.001), 'later'],
    [check('host', '1'), 'false'],
    [renew('host', 'A'), EXPIRED_AT('08:15:10')],
    [lock('host', 'B'), 'token 2'],
    [renew('host', 'A', { token: '1' }), EXPIRED_AT('08:15:10')],
  ],
  'renew never shortens: the greater of what is left and ttl': [
    ...LEASED,
    [extend('host', 'A', 20), 'token 1 for 30 s'],
    [after(5), 'later'],
    [renew('host', 'A'), 'token 1 for 25 s'],
    [after(20), 'later'],
    [renew('host', 'A'), 'token 1 for 10 s'],
  ],
  'a new ttl may be longer': [
    ...LEASED,
    [after(4), 'later'],
    [renew('host', 'A', { ttl: 60 }), 'token 1 for 60 s'],
    [after(59), 'later'],
    [renew('host', 'A'), 'token 1 for 60 s'],
  ],
  'a new ttl may shorten': [
    ...LEASED,
    [renew('host', 'A', { ttl: 2 }), 'token 1 for 2 s'],
    [after(1.999), 'later'],
    [renew('host', 'A', { ttl: 2 }), 'token 1 for 2 s'],
    [after(2), 'later'],
    [renew('host', 'A', { ttl: 2 }), EXPIRED_AT('08:15:04').replace('08:15:04', '08:15:03')],
  ],
  'a hold without lease takes none by itself, and one that is given': [
    [lock('host', 'A'), 'token 1'],
    [renew('host', 'A'), "-32602 parameter 'ttl' is needed: the hold of 'A' on 'host' has no lease"],
    [
      extend('host', 'A', 5),
      "-32602 parameter 'seconds' cannot be added: the hold of 'A' on 'host' has no lease",
    ],
    [after(1_000_000), 'later'],
    [renew('host', 'A', { ttl: 3 }), 'token 1 for 3 s'],
    [after(3), 'later'],
    [lock('host', 'B'), 'token 2'],
  ],
  'extend adds to what is left': [
    ...LEASED,
    [after(9), 'later'],
    [extend('host', 'A', 2), 'token 1 for 3 s'],
    [extend('host', 'A', 2), 'token 1 for 5 s'],
    [extend('host', 'A', 20), 'token 1 for 25 s'],
    [after(24.999), 'later'],
    [check('host', '1'), 'true'],
    [after(0.001), 'later'],
    [check('host', '1'), 'false'],
  ],
  'no extension beyond what is allowed': [
    ...LEASED,
    [extend('host', 'A', 20, { mostSeconds: 30 }), 'token 1 for 30 s'],
    [
      extend('host', 'A', 1, { mostSeconds: 30 }),
      "-32602 parameter 'seconds' is 1, which would make 31 s of lease; at most 30 are allowed",
    ],
    [after(1), 'later'],
    [extend('host', 'A', 1, { mostSeconds: 30 }), 'token 1 for 30 s'],
  ],
  'a restart gives the ttl afresh, and what it was extended by': [
    ...LEASED,
    [extend('host', 'A', 50), 'token 1 for 60 s'],
    [after(7), 'later'],
    [restart, 'started'],
    [renew('host', 'A'), 'token 1 for 60 s'],
    [after(50), 'later'],
    [renew('host', 'A'), 'token 1 for 10 s'],
    [restart, 'started'],
    [renew('host', 'A'), 'token 1 for 10 s'],
  ],
  'an extension within the ttl is no more than the ttl after a restart': [
    ...LEASED,
    [after(9), 'later'],
    [extend('host', 'A', 4), 'token 1 for 5 s'],
    [restart, 'started'],
    [renew('host', 'A'), 'token 1 for 10 s'],
  ],
  'a new ttl ends an extension, also after a restart': [
    ...LEASED,
    [extend('host', 'A', 50), 'token 1 for 60 s'],
    [renew('host', 'A', { ttl: 5 }), 'token 1 for 5 s'],
    [restart, 'started'],
    [renew('host', 'A'), 'token 1 for 5 s'],
  ],
  'an extension that was not saved is taken back, the lease never': [
    ...LEASED,
    [after(4), 'later'],
    [refused(extend('host', 'A', 100)), 'not saved'],
    [after(5.999), 'later'],
    [check('host', '1'), 'true'],
    [after(0.001), 'later'],
    [check('host', '1'), 'false'],
  ],
  'a shorter ttl that was not saved shortens nothing': [
    ...LEASED,
    [refused(renew('host', 'A', { ttl: 1 })), 'not saved'],
    [after(9.999), 'later'],
    [renew('host', 'A'), 'token 1 for 10 s'],
  ],
  'an end that was not saved is looked at again': [
    ...LEASED,
    [lateEnd(10), 'not saved'],
    [check('host', '1'), 'true'],
    [after(0), 'later'],
    [check('host', '1'), 'false'],
  ],
  'lengthened and shortened in one turn: what was answered last holds': [
    ...LEASED,
    [
      together(renew('host', 'A', { ttl: 2 }), extend('host', 'A', 100)),
      'token 1 for 110 s; token 1 for 110 s',
    ],
    [after(109.999), 'later'],
    [check('host', '1'), 'true'],
    [after(0.001), 'later'],
    [check('host', '1'), 'false'],
  ],
  'extended in the turn that grants it': [
    [together(lock('host', 'A', { ttl: 10 }), extend('host', 'A', 50)), 'token 1 for 60 s; token 1 for 60 s'],
    [after(59.999), 'later'],
    [check('host', '1'), 'true'],
    [after(0.001), 'later'],
    [check('host', '1'), 'false'],
  ],
  'a new ttl in the turn that grants it': [
    [
      together(lock('host', 'A', { ttl: 10 }), renew('host', 'A', { ttl: 50 })),
      'token 1 for 50 s; token 1 for 50 s',
    ],
    [after(49.999), 'later'],
    [check('host', '1'), 'true'],
  ],
  'renewed and over in one turn: the renewal counts': [
    ...LEASED,
    [together(renew('host', 'A', { ttl: 20 }), expire('host', 'A', 1)), 'token 1 for 20 s; true'],
    [check('host', '1'), 'true'],
  ],
  'with a token only that very hold': [
    ...LEASED,
    [renew('host', 'A', { token: '7' }), "10 Token 7 is not the hold of 'A' on 'host'"],
    [extend('host', 'A', 1, { token: '7' }), "10 Token 7 is not the hold of 'A' on 'host'"],
    [update('host', 'A', { token: '7', note: 'x' }), "10 Token 7 is not the hold of 'A' on 'host'"],
    [renew('host', 'A', { token: '01' }), 'token 1 for 10 s'],
  ],
  'only the holder': [
    ...LEASED,
    [renew('host', 'B'), "2 Resource locked by 'A' cannot be renewed by 'B'"],
    [extend('host', 'B', 1), "2 Resource locked by 'A' cannot be extended by 'B'"],
    [update('host', 'B', { note: 'x' }), "2 Resource locked by 'A' cannot be updated by 'B'"],
    [renew('free', 'A'), '3 Resource not locked'],
    [extend('free', 'A', 1), '3 Resource not locked'],
    [update('free', 'A', { note: 'x' }), '3 Resource not locked'],
  ],
  'whose hold is lost learns of it, whatever it calls': [
    ...LEASED,
    [force('host', 'A', { aftermath: 'fence' }), 'true'],
    ...[
      renew('host', 'A'),
      renew('host', 'A', { ttl: 9 }),
      extend('host', 'A', 1),
      update('host', 'A', {}),
      unlock('host', 'A'),
    ].map(
      (command) =>
        [
          command,
          "8 'A' lost 'host' (token 1) at 2026-11-21T08:15:00Z: forced by 'ops': host is down. Stop work on it",
        ] as const,
    ),
    [fenceFailed('host', 'A', 1), 'true'],
    [check('host', '1'), 'false'],
  ],
  'update changes the ttl as renew does': [
    ...LEASED,
    [after(5), 'later'],
    [update('host', 'A', { ttl: 10 }), 'token 1 for 5 s'],
    [update('host', 'A', { ttl: 3 }), 'token 1 for 3 s'],
    [update('host', 'A', { ttl: 30, note: 'longer' }), 'token 1 for 30 s'],
    [restart, 'started'],
    [renew('host', 'A'), 'token 1 for 30 s'],
  ],
  'a hand-over': [
    ...LEASED,
    [after(6), 'later'],
    [update('host', 'A', { newClient: 'B' }), 'token 2 for 10 s'],
    [check('host', '1'), 'false'],
    [check('host', '2'), 'true'],
    [
      renew('host', 'A'),
      "8 'A' lost 'host' (token 1) at 2026-11-21T08:15:06Z: handed over by 'ops': to 'B'. Stop work on it",
    ],
    [unlock('host', 'B', '2'), 'true'],
    [lock('host', 'A'), 'token 3'],
  ],
  'a hand-over of an extended hold with another ttl': [
    ...LEASED,
    [extend('host', 'A', 90), 'token 1 for 100 s'],
    [update('host', 'A', { newClient: 'B', ttl: 20 }), 'token 2 for 20 s'],
    [restart, 'started'],
    [renew('host', 'B'), 'token 2 for 20 s'],
  ],
  'a hand-over goes to nobody who holds or waits here': [
    [lock('db', 'A', { limit: 2 }), 'token 1'],
    [lock('db', 'B', { limit: 2 }), 'token 2'],
    [enqueue('db', 'C', { limit: 2 }), 'queued 1'],
    [update('db', 'A', { newClient: 'B' }), "1 Resource already locked by 'B'"],
    [update('db', 'A', { newClient: 'C' }), "18 'C' is already number 1 in the line for 'db'"],
    [update('db', 'A', { newClient: 'A' }), "-32602 parameter 'newClient' is 'A', who holds 'db' already"],
    [update('db', 'A', { newClient: 'D', token: '2' }), "10 Token 2 is not the hold of 'A' on 'db'"],
    [update('db', 'A', { newClient: 'D', token: '1' }), 'token 3'],
  ],
  'a hand-over that was not saved': [
    ...LEASED,
    [refused(update('host', 'A', { newClient: 'B' })), 'not saved'],
    [check('host', '1'), 'true'],
    [update('host', 'A', { newClient: 'B' }), 'token 3 for 10 s'],
  ],
  'check asks for a current hold': [
    [lock('db', 'A', { limit: 2 }), 'token 1'],
    [lock('db', 'B', { limit: 2 }), 'token 2'],
    [check('db', '1'), 'true'],
    [check('db', '0002'), 'true'],
    [check('db', '3'), 'false'],
    [check('db', '0'), 'false'],
    [check('other', '1'), 'false'],
    [force('db', 'A', { aftermath: 'fence' }), 'true'],
    [check('db', '1'), 'false'],
    [force('db', 'B', { aftermath: 'delay' }), 'true'],
    [check('db', '2'), 'false'],
  ],
};

describe('histories', () => {
  test.each(Object.entries(HISTORIES))('%s', (_, history) => play(new World(), history));
});

describe('what is written', () => {
  const saved = (...commands: Parameters<World['do']>[0][]) => {
    const world = new World();
    play(world, LEASED);
    const before = world.changes.length;
    for (const command of commands) world.do(command);
    return { world, changes: world.changes.slice(before) };
  };

  test('nothing by a renewal, with or without its unchanged ttl', () => {
    expect(saved(renew('host', 'A'), renew('host', 'A', { ttl: 10 })).changes).toEqual([]);
  });

  test('a new ttl, once', () => {
    const { changes } = saved(renew('host', 'A', { ttl: 20 }), renew('host', 'A', { ttl: 20 }));
    expect(changes).toMatchObject([{ event: 'updated', reason: 'ttl 20 s', put: [{ ttl: 20 }] }]);
  });

  test('an extension, and that it is used up', () => {
    const { world, changes } = saved(extend('host', 'A', 5), renew('host', 'A'));
    expect(changes).toMatchObject([{ event: 'updated', put: [{ ttl: 10, extended: 5 }] }]);
    world.pass(5);
    world.do(renew('host', 'A'));
    world.do(renew('host', 'A'));
    expect(world.changes).toHaveLength(3);
    expect(world.changes[2]?.event).toBeUndefined();
    expect(world.table.hold('host', 'A')).not.toHaveProperty('extended');
  });

  test('a note, a new one in its place, none where it is empty', () => {
    const { world, changes } = saved(update('host', 'A', { note: 'one' }));
    expect(changes).toMatchObject([{ event: 'updated', put: [{ note: 'one', ttl: 10 }] }]);
    world.do(update('host', 'A', { note: 'two', ttl: 3 }));
    expect(world.table.hold('host', 'A')).toMatchObject({ note: 'two', ttl: 3 });
    world.do(update('host', 'A', { ttl: 4 }));
    expect(world.table.hold('host', 'A')).toMatchObject({ note: 'two', ttl: 4 });
    world.do(update('host', 'A', { note: '' }));
    expect(world.table.hold('host', 'A')).not.toHaveProperty('note');
  });

  test('nothing by an update of nothing', () => {
    expect(saved(update('host', 'A', {}), update('host', 'A', { ttl: 10 })).changes).toEqual([]);
  });

  test('of a hand-over: the loss, the new hold with the limit and note of the old one', () => {
    const world = new World();
    world.do(lock('db', 'A', { limit: 3, note: 'move it', ttl: 7, request: 'k' }));
    world.do(update('db', 'A', { newClient: 'B' }));
    expect(world.changes.slice(1)).toMatchObject([
      { event: 'handedOver', client: 'A', token: 1, by: 'ops', reason: "to 'B'" },
      { event: 'granted', client: 'B', token: 2 },
    ]);
    const hold = world.table.hold('db', 'B');
    expect(hold).toMatchObject({ limit: 3, note: 'move it', ttl: 7 });
    expect(hold).not.toHaveProperty('request');
    world.do(update('db', 'B', { newClient: 'C', note: '' }));
    expect(world.table.hold('db', 'C')).not.toHaveProperty('note');
  });
});

test('the lease of a hand-over starts when it is saved', () => {
  const world = new World();
  play(world, LEASED);
  const draft = world.draft([update('host', 'A', { newClient: 'B' })]);
  world.pass(3);
  expect(world.settle(draft)[0]).toMatchObject({ answer: { token: '2', left: 10 } });
  world.pass(9.999);
  play(world, [[check('host', '2'), 'true']]);
});

test('an extension is answered as it is, whatever the next turn adds and takes back', () => {
  const world = new World();
  play(world, LEASED);
  const first = world.draft([extend('host', 'A', 10)]);
  const second = world.draft([extend('host', 'A', 100)]);
  expect(world.settle(first)[0]).toMatchObject({ answer: { left: 20 } });
  world.refuse(second);
  expect(world.leases.left(1, world.now)).toBe(20);
});

test('a shorter lease starts when it is saved, and an extension between keeps what it was answered', () => {
  const world = new World();
  play(world, LEASED);
  const shorter = world.draft([renew('host', 'A', { ttl: 2 })]);
  const longer = world.draft([extend('host', 'A', 100)]);
  expect(world.settle(shorter)[0]).toMatchObject({ answer: { ttl: 2 } });
  expect(world.settle(longer)[0]).toMatchObject({ answer: { left: 110 } });
  world.pass(109.999);
  play(world, [[check('host', '1'), 'true']]);
});
