/** How a lock file that is not lockd's own becomes a lock: rules/adopt.ts. */
import { describe, expect, test } from 'vitest';
import {
  adopt,
  enqueue,
  force,
  type History,
  lock,
  play,
  refused,
  restart,
  told,
  unlock,
  wait,
} from '../history.js';
import { World } from '../world.js';

const HISTORIES: Record<string, History> = {
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
  'an adoption that was not saved adopts nothing': [
    [refused(adopt('host', [{ client: 'A', token: 7 }])), 'not saved'],
    [lock('host', 'B'), 'token 9'],
  ],
  'an adopted lock outlives a restart': [
    [adopt('host', [{ client: 'A', token: 7 }]), 'true'],
    [restart, 'started'],
    [lock('host', 'B'), "1 Resource already locked by 'A'"],
    [lock('other', 'B'), 'token 9'],
  ],
  'an adopted lock can be forced': [
    [adopt('host', [{ client: 'A' }]), 'true'],
    [force('host', 'A', { aftermath: 'delay' }), 'true'],
    [adopt('host', [{ client: 'A' }]), 'false'],
  ],
  'adopted where others wait: their limit stands': [
    [lock('host', 'X'), 'token 1'],
    [enqueue('host', 'B'), 'queued 1'],
    [enqueue('host', 'C'), 'queued 2'],
    [unlock('host', 'X'), 'true'],
    [adopt('host', [{ client: 'A' }], 3), 'true'],
    [wait('host', 'B'), 'waits'],
    [wait('host', 'C'), 'waits'],
    [told('B'), 'nothing'],
    [unlock('host', 'A'), 'true'],
    [told('B'), 'token 3'],
    [told('C'), 'nothing'],
  ],
  'adopted for a client that waits: its place is for afterwards': [
    [lock('host', 'X'), 'token 1'],
    [enqueue('host', 'A'), 'queued 1'],
    [unlock('host', 'X'), 'true'],
    [adopt('host', [{ client: 'A' }]), 'true'],
    [wait('host', 'A'), 'waits'],
    [lock('host', 'A'), "1 Resource already locked by 'A'"],
    [unlock('host', 'A'), 'true'],
    [told('A'), 'token 3'],
  ],
};

describe('histories', () => {
  test.each(Object.entries(HISTORIES))('%s', (_, history) => play(new World(), history));
});

test('an adopted hold names its file', () => {
  const world = new World();
  world.do(adopt('host', [{ client: 'A', note: 'by hand' }]));
  expect(world.table.hold('host', 'A')).toMatchObject({
    client: 'A',
    from: '/locks/host.lock',
    note: 'by hand',
    waited: 0,
  });
  expect(world.changes).toMatchObject([{ event: 'adopted', reason: '/locks/host.lock' }]);
});
