/** How a client waits on its place in the line, and how it leaves: rules/line.ts. */
import { describe, expect, test } from 'vitest';
import {
  after,
  cancel,
  enqueue,
  force,
  type History,
  hangUp,
  lock,
  play,
  refused,
  restart,
  told,
  unlock,
  wait,
} from '../history.js';
import { World } from '../world.js';

const AWAY = (client: string, claim = 30) =>
  `6 '${client}' is not in the line for 'host' (never queued, or away for more than ${claim} s); call enqueue`;

/** A holds the host, B and C stand in line, both with a call open. */
const B_AND_C_WAIT: History = [
  [lock('host', 'A'), 'token 1'],
  [lock('host', 'B', { wait: 10 }), 'waits'],
  [lock('host', 'C', { wait: 100, request: 'c' }), 'waits'],
];

const HISTORIES: Record<string, History> = {
  'the second half of a two-phase lock': [
    [lock('host', 'A'), 'token 1'],
    [enqueue('host', 'B', { ttl: 20 }), 'queued 1'],
    [wait('host', 'B', 10), 'waits'],
    [unlock('host', 'A'), 'true'],
    [told('B'), 'token 2 for 20 s'],
    [wait('host', 'B'), 'token 2 for 20 s'],
  ],
  'waits again and again without losing the place': [
    [lock('host', 'A'), 'token 1'],
    [enqueue('host', 'B'), 'queued 1'],
    [enqueue('host', 'C'), 'queued 2'],
    [wait('host', 'B', 20), 'waits'],
    [after(20), 'later'],
    [told('B'), "4 Gave up after 20 s: 'host' is still locked by 'A'; 'B' was number 1 in the line"],
    [wait('host', 'C', 20), 'waits'],
    [after(20), 'later'],
    [told('C'), "4 Gave up after 40 s: 'host' is still locked by 'A'; 'C' was number 2 in the line"],
    [wait('host', 'B', 20), 'waits'],
    [unlock('host', 'A'), 'true'],
    [told('B'), 'token 2'],
  ],
  'whoever has no place cannot wait on it': [
    [wait('host', 'B'), AWAY('B')],
    [lock('host', 'A'), 'token 1'],
    [wait('host', 'B'), AWAY('B')],
    [cancel('host', 'B'), AWAY('B')],
    [cancel('host', 'A'), AWAY('A')],
  ],
  'a request names the place': [
    [lock('host', 'A', { request: 'a' }), 'token 1'],
    [enqueue('host', 'B', { request: 'b' }), 'queued 1'],
    [wait('host', 'B', 10, 'other'), AWAY('B')],
    [wait('host', 'B', 10, 'b'), 'waits'],
    [wait('host', 'A', 10, 'other'), AWAY('A')],
    [wait('host', 'A', 10, 'a'), 'token 1'],
    [unlock('host', 'A'), 'true'],
    [wait('host', 'A', 10, 'a'), "17 The hold of request 'a' ended at 2026-11-21T08:15:00Z: unlocked"],
    [wait('host', 'A', 10), AWAY('A')],
  ],
  'a lock that gives up leaves the line': [
    ...B_AND_C_WAIT,
    [after(9.999), 'later'],
    [told('B'), 'nothing'],
    [after(0.001), 'later'],
    [told('B'), "4 Gave up after 10 s: 'host' is still locked by 'A'; 'B' was number 1 in the line"],
    [unlock('host', 'A'), 'true'],
    [told('C'), 'token 2'],
  ],
  'a lock with a key that gives up leaves the line and no key': [
    ...B_AND_C_WAIT,
    [after(100), 'later'],
    [
      told('C'),
      '4 Gave up after 1:40 s'.replace('1:40', '100') +
        ": 'host' is still locked by 'A'; 'C' was number 1 in the line",
    ],
    [unlock('host', 'A'), 'true'],
    [lock('host', 'D'), 'token 2'],
    [lock('host', 'C', { wait: 100, request: 'c', note: 'another' }), 'waits'],
  ],
  'without a key the place goes with the connection': [
    ...B_AND_C_WAIT,
    [hangUp('host', 'B'), 'gone'],
    [wait('host', 'B'), AWAY('B')],
    [unlock('host', 'A'), 'true'],
    [told('C'), 'token 2'],
  ],
  'with a key the place stays for its claim time': [
    ...B_AND_C_WAIT,
    [hangUp('host', 'C'), 'gone'],
    [lock('host', 'D', { wait: 100 }), 'waits'],
    [unlock('host', 'A'), 'true'],
    [unlock('host', 'B'), 'true'],
    [told('D'), 'nothing'],
    [lock('host', 'E'), "1 Resource already locked by 'C'"],
    [after(29.999), 'later'],
    [told('D'), 'nothing'],
    [lock('host', 'C', { wait: 100, request: 'c' }), 'waits'],
    [told('C'), 'token 3'],
  ],
  'a turn that nobody takes within the claim time goes on to the next': [
    ...B_AND_C_WAIT,
    [hangUp('host', 'C'), 'gone'],
    [lock('host', 'D', { wait: 100 }), 'waits'],
    [unlock('host', 'A'), 'true'],
    [unlock('host', 'B'), 'true'],
    [after(30), 'later'],
    [told('D'), 'token 3'],
    [wait('host', 'C', 10, 'c'), AWAY('C')],
  ],
  'the claim time counts from when the client was last heard of': [
    [lock('host', 'A'), 'token 1'],
    [enqueue('host', 'B', { claim: 5 }), 'queued 1'],
    [after(4.999), 'later'],
    [wait('host', 'B', 3), 'waits'],
    [after(3), 'later'],
    [told('B'), "4 Gave up after 8 s: 'host' is still locked by 'A'; 'B' was number 1 in the line"],
    [after(4.999), 'later'],
    [cancel('host', 'B'), 'true'],
    [enqueue('host', 'B', { claim: 5 }), 'queued 1'],
    [after(5), 'later'],
    [cancel('host', 'B'), AWAY('B')],
  ],
  'a call that waits longer than its claim time is there all the while': [
    [lock('host', 'A'), 'token 1'],
    [enqueue('host', 'B', { claim: 1 }), 'queued 1'],
    [wait('host', 'B', 500), 'waits'],
    [after(400), 'later'],
    [unlock('host', 'A'), 'true'],
    [told('B'), 'token 2'],
  ],
  'cancel ends the waiting': [
    ...B_AND_C_WAIT,
    [cancel('host', 'B'), 'true'],
    [told('B'), AWAY('B')],
    [cancel('host', 'B'), AWAY('B')],
    [unlock('host', 'A'), 'true'],
    [told('C'), 'token 2'],
  ],
  'cancel of the first frees what was kept for it': [
    [lock('host', 'A'), 'token 1'],
    [enqueue('host', 'B'), 'queued 1'],
    [lock('host', 'C', { wait: 10 }), 'waits'],
    [unlock('host', 'A'), 'true'],
    [cancel('host', 'B'), 'true'],
    [told('C'), 'token 2'],
  ],
  'a second place of one client is refused': [
    ...B_AND_C_WAIT,
    [lock('host', 'C', { wait: 10 }), "18 'C' is already number 2 in the line for 'host'"],
    [lock('host', 'C'), "18 'C' is already number 2 in the line for 'host'"],
    [enqueue('host', 'C', { request: 'other' }), "18 'C' is already number 2 in the line for 'host'"],
  ],
  'positions are those of the moment': [
    ...B_AND_C_WAIT,
    [enqueue('host', 'D', { request: 'd' }), 'queued 3'],
    [cancel('host', 'B'), 'true'],
    [enqueue('host', 'D', { request: 'd' }), 'queued 2'],
    [unlock('host', 'A'), 'true'],
    [enqueue('host', 'D', { request: 'd' }), 'queued 1'],
  ],
  'kept places and their order outlive a restart, keyless ones do not': [
    ...B_AND_C_WAIT,
    [enqueue('host', 'D'), 'queued 3'],
    [restart, 'started'],
    [wait('host', 'B'), AWAY('B')],
    [wait('host', 'D', 50), 'waits'],
    [unlock('host', 'A'), 'true'],
    [told('D'), 'nothing'],
    [lock('host', 'C', { wait: 100, request: 'c' }), 'waits'],
    [told('C'), 'token 2'],
    [unlock('host', 'C'), 'true'],
    [told('D'), 'token 3'],
  ],
  'after a restart whoever does not come back within its claim time has no place': [
    ...B_AND_C_WAIT,
    [after(5), 'later'],
    [restart, 'started'],
    [after(29.999), 'later'],
    [lock('host', 'E', { wait: 5 }), 'waits'],
    [after(0.001), 'later'],
    [unlock('host', 'A'), 'true'],
    [told('E'), 'token 2'],
  ],
  'what gave up in a turn that was not saved still waits': [
    ...B_AND_C_WAIT,
    [refused(cancel('host', 'B'), unlock('host', 'A')), 'not saved'],
    [told('B'), 'nothing'],
    [told('C'), 'nothing'],
    [unlock('host', 'A'), 'true'],
    [told('B'), 'token 3'],
  ],
  'timed out behind somebody for whom it is kept': [
    [lock('host', 'A'), 'token 1'],
    [enqueue('host', 'B'), 'queued 1'],
    [unlock('host', 'A'), 'true'],
    [lock('host', 'C', { wait: 5 }), 'waits'],
    [after(5), 'later'],
    [told('C'), "4 Gave up after 5 s: 'host' is kept for 'B'; 'C' was number 2 in the line"],
  ],
  'timed out while it is being fenced': [
    [lock('host', 'A'), 'token 1'],
    [lock('host', 'C', { wait: 5 }), 'waits'],
    [force('host', 'A', { aftermath: 'fence' }), 'true'],
    [after(5), 'later'],
    [told('C'), "4 Gave up after 5 s: 'host' is still being fenced from 'A'; 'C' was number 1 in the line"],
  ],
  'timed out while it rests': [
    [lock('host', 'A'), 'token 1'],
    [lock('host', 'C', { wait: 5 }), 'waits'],
    [force('host', 'A', { aftermath: 'delay' }), 'true'],
    [after(5), 'later'],
    [told('C'), "4 Gave up after 5 s: 'host' still rests after 'A'; 'C' was number 1 in the line"],
  ],
  'timed out at a semaphore with a lost and a living holder': [
    [lock('db', 'A', { limit: 2 }), 'token 1'],
    [lock('db', 'B', { limit: 2 }), 'token 2'],
    [lock('db', 'C', { limit: 2, wait: 5 }), 'waits'],
    [force('db', 'A', { aftermath: 'fence' }), 'true'],
    [after(5), 'later'],
    [told('C'), "4 Gave up after 5 s: 'db' is still locked by 'B'; 'C' was number 1 in the line"],
  ],
};

describe('histories', () => {
  test.each(Object.entries(HISTORIES))('%s', (_, history) => play(new World(), history));
});

test('timed out before a lock file that cannot be read', () => {
  const world = new World();
  play(world, [
    [lock('host', 'A'), 'token 1'],
    [enqueue('host', 'B'), 'queued 1'],
    [unlock('host', 'A'), 'true'],
  ]);
  world.table.load({ kind: 'unreadable', resource: 'host', files: ['/locks/host.lock'] });
  play(world, [
    [wait('host', 'B', 5), 'waits'],
    [after(5), 'later'],
    [told('B'), "4 Gave up after 5 s: 'host' is still locked by '?'; 'B' was number 1 in the line"],
    [force('host'), 'true'],
    [wait('host', 'B', 5), 'waits'],
    [told('B'), 'token 2'],
  ]);
});

test('a wait that answers the hold restarts its lease, because its client counts from this attempt', () => {
  const world = new World();
  play(world, [
    [enqueue('host', 'A', { ttl: 10 }), 'granted token 1 for 10 s'],
    [after(6), 'later'],
    [{ kind: 'wait', resource: 'host', client: 'A', wait: 5, received: 6_000 }, 'token 1 for 10 s'],
    [after(9.999), 'later'],
    [unlock('host', 'A'), 'true'],
  ]);
});

test('a place that is another one by now is left alone', () => {
  const world = new World();
  play(world, [
    [lock('host', 'A'), 'token 1'],
    [enqueue('host', 'B'), 'queued 1'],
  ]);
  const old = world.table.place('host', 'B')?.sequence ?? 0;
  play(world, [
    [cancel('host', 'B'), 'true'],
    [lock('host', 'B', { wait: 10 }), 'waits'],
    [{ kind: 'giveUp', resource: 'host', client: 'B', sequence: old, comesBack: false }, 'true'],
    [{ kind: 'leave', resource: 'host', client: 'B', sequence: old }, 'true'],
    [{ kind: 'giveUp', resource: 'host', client: 'X', sequence: old, comesBack: false }, 'true'],
    [unlock('host', 'A'), 'true'],
    [told('B'), 'token 2'],
  ]);
});

test('nobody leaves before its claim time is over, however early that is asked for', () => {
  const world = new World();
  play(world, [
    [lock('host', 'A'), 'token 1'],
    [enqueue('host', 'B'), 'queued 1'],
    [after(29.999), 'later'],
  ]);
  const sequence = world.table.place('host', 'B')?.sequence ?? 0;
  world.do({ kind: 'leave', resource: 'host', client: 'B', sequence });
  expect(world.table.place('host', 'B')).toBeDefined();
});

test('what leaves says why, in the history', () => {
  const world = new World();
  play(world, [...B_AND_C_WAIT, [cancel('host', 'C'), 'true'], [hangUp('host', 'B'), 'gone']]);
  play(world, [
    [enqueue('host', 'D', { claim: 7 }), 'queued 1'],
    [after(7), 'later'],
  ]);
  const left = world.changes.filter(({ event }) => event === 'left');
  expect(left.map(({ client, reason }) => [client, reason])).toEqual([
    ['C', 'cancelled'],
    ['B', 'gave up'],
    ['D', 'away for more than 7 s'],
  ]);
});
