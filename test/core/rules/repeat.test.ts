/** Retry keys: rules/repeat.ts. */
import { describe, expect, test } from 'vitest';
import { MAX_ENDED_KEYS } from '../../../src/core/limits.js';
import {
  type Asked,
  after,
  DAY,
  enqueue,
  extend,
  force,
  type History,
  hangUp,
  lock,
  play,
  refused,
  restart,
  told,
  unlock,
  update,
  wait,
  withdraw,
} from '../history.js';
import { World } from '../world.js';

const ASK = { request: 'k', ttl: 10, limit: 2, note: 'why', claim: 60 } as const;
const without = (...names: string[]) =>
  Object.fromEntries(Object.entries(ASK).filter(([name]) => !names.includes(name)));
const reused = (...names: string[]) =>
  `11 Request 'k' came before with other parameters (${names.join(', ')}); use a new one`;
const ENDED = "17 The hold of request 'k' ended at 2026-11-21T08:15:00Z: unlocked";

/** How a repeat differs, and which parameters its refusal names. */
const DIFFERENT: readonly {
  readonly options: Asked;
  readonly names: readonly string[];
}[] = [
  { options: { ...ASK, ttl: 11, askedTtl: 11 }, names: ['ttl'] },
  { options: without('ttl', 'askedTtl'), names: ['ttl'] },
  { options: { ...ASK, limit: 3 }, names: ['limit'] },
  { options: without('limit'), names: ['limit'] },
  { options: { ...ASK, note: 'because' }, names: ['note'] },
  { options: without('note'), names: ['note'] },
  { options: { ...ASK, claim: 61 }, names: ['claim'] },
  { options: without('claim'), names: ['claim'] },
  { options: { request: 'k' }, names: ['ttl', 'limit', 'note', 'claim'] },
];

const HISTORIES: Record<string, History> = {
  'the same hold again, whatever it would wait': [
    [lock('host', 'A', ASK), 'token 1 for 10 s'],
    [lock('host', 'A', ASK), 'token 1 for 10 s'],
    [lock('host', 'A', { ...ASK, wait: 50 }), 'token 1 for 10 s'],
    [enqueue('host', 'A', ASK), 'granted token 1 for 10 s'],
  ],
  'its lease restarts': [
    [lock('host', 'A', ASK), 'token 1 for 10 s'],
    [after(9.999), 'later'],
    [lock('host', 'A', ASK), 'token 1 for 10 s'],
    [after(9.999), 'later'],
    [unlock('host', 'A'), 'true'],
  ],
  'its lease restarts as by renew: what is left beyond stays': [
    [lock('host', 'A', ASK), 'token 1 for 10 s'],
    [extend('host', 'A', 20), 'token 1 for 30 s'],
    [lock('host', 'A', ASK), 'token 1 for 30 s'],
  ],
  'a key is one of a client and a resource': [
    [lock('host', 'A', { request: 'k' }), 'token 1'],
    [lock('host', 'B', { request: 'k' }), "1 Resource already locked by 'A'"],
    [lock('other', 'A', { request: 'k' }), 'token 2'],
    [lock('other', 'B', { request: 'k' }), "1 Resource already locked by 'A'"],
    [lock('host', 'A', { request: 'l' }), "1 Resource already locked by 'A'"],
    [lock('host', 'A'), "1 Resource already locked by 'A'"],
  ],
  'what is absent is the same as its default': [
    [lock('host', 'A', { request: 'k' }), 'token 1'],
    [lock('host', 'A', { request: 'k', limit: 1, claim: 30 }), 'token 1'],
    [lock('host', 'A', { request: 'k', limit: 1, claim: 31 }), reused('claim')],
  ],
  'compared is the ttl that was asked for, not what the daemon made of it': [
    [lock('host', 'A', { request: 'k', ttl: 30, askedTtl: 0 }), 'token 1 for 30 s'],
    [lock('host', 'A', { request: 'k', ttl: 60, askedTtl: 0 }), 'token 1 for 30 s'],
    [lock('host', 'A', { request: 'k', ttl: 30, askedTtl: 30 }), reused('ttl')],
  ],
  'compared is what was asked, not what became of it': [
    [lock('host', 'A', ASK), 'token 1 for 10 s'],
    [update('host', 'A', { ttl: 99, note: 'new' }), 'token 1 for 99 s'],
    [lock('host', 'A', ASK), 'token 1 for 99 s'],
  ],
  'the same place again; the older call is told': [
    [lock('host', 'A'), 'token 1'],
    [lock('host', 'B', { request: 'k', wait: 50 }), 'waits'],
    [lock('host', 'C', { wait: 50 }), 'waits'],
    [after(40), 'later'],
    [lock('host', 'B', { request: 'k', wait: 50 }), 'waits'],
    [told('B'), "19 Another call with request 'k' took over the waiting"],
    [after(10), 'later'],
    [told('C'), "4 Gave up after 50 s: 'host' is still locked by 'A'; 'C' was number 2 in the line"],
    [unlock('host', 'A'), 'true'],
    [told('B'), 'token 2'],
  ],
  'wait takes the waiting over, without a key too': [
    [lock('host', 'A'), 'token 1'],
    [enqueue('host', 'B'), 'queued 1'],
    [wait('host', 'B'), 'waits'],
    [wait('host', 'B'), 'waits'],
    [told('B'), '19 Another call took over the waiting'],
  ],
  'enqueue again leaves the call that waits alone, and is heard of': [
    [lock('host', 'A'), 'token 1'],
    [enqueue('host', 'B', { request: 'k' }), 'queued 1'],
    [wait('host', 'B', 100), 'waits'],
    [enqueue('host', 'B', { request: 'k' }), 'queued 1'],
    [told('B'), 'nothing'],
    [hangUp('host', 'B'), 'gone'],
    [after(29), 'later'],
    [enqueue('host', 'B', { request: 'k' }), 'queued 1'],
    [after(29), 'later'],
    [enqueue('host', 'B', { request: 'k' }), 'queued 1'],
    [unlock('host', 'A'), 'true'],
    [after(29), 'later'],
    [lock('host', 'B', { request: 'k', wait: 0 }), 'waits'],
    [told('B'), 'token 2'],
  ],
  'after an unlock the key answers ended, never a hold': [
    [lock('host', 'A', ASK), 'token 1 for 10 s'],
    [unlock('host', 'A'), 'true'],
    [lock('host', 'A', ASK), ENDED],
    [enqueue('host', 'A', ASK), ENDED],
    [lock('host', 'A', { ...ASK, request: 'l' }), 'token 2 for 10 s'],
    [lock('host', 'A', ASK), ENDED],
  ],
  'the key of an unlocked hold is kept for 60 s': [
    [lock('host', 'A', { request: 'k' }), 'token 1'],
    [unlock('host', 'A'), 'true'],
    [after(60), 'later'],
    [{ kind: 'forget' }, '0'],
    [lock('host', 'A', { request: 'k' }), ENDED],
    [after(0.001), 'later'],
    [{ kind: 'forget' }, '1'],
    [lock('host', 'A', { request: 'k' }), 'token 2'],
  ],
  'the key of a lost hold is kept for a day': [
    [lock('host', 'A', { request: 'k' }), 'token 1'],
    [force('host', 'A'), 'true'],
    [lock('host', 'A'), 'token 2'],
    [unlock('host', 'A'), 'true'],
    [after(DAY), 'later'],
    [{ kind: 'forget' }, '0'],
    [
      lock('host', 'A', { request: 'k' }),
      "17 The hold of request 'k' ended at 2026-11-21T08:15:00Z: forced by 'ops': host is down",
    ],
    [after(0.001), 'later'],
    [{ kind: 'forget' }, '1'],
    [lock('host', 'A', { request: 'k' }), 'token 3'],
  ],
  'the key of a hold whose lease was over': [
    [lock('host', 'A', { request: 'k', ttl: 1 }), 'token 1 for 1 s'],
    [after(1), 'later'],
    [
      lock('host', 'A', { request: 'k', ttl: 1 }),
      "17 The hold of request 'k' ended at 2026-11-21T08:15:01Z: lease ended",
    ],
  ],
  'the key of a hold that is being fenced': [
    [lock('host', 'A', { request: 'k' }), 'token 1'],
    [force('host', 'A', { aftermath: 'fence' }), 'true'],
    [
      lock('host', 'A', { request: 'k', wait: 5 }),
      "17 The hold of request 'k' ended at 2026-11-21T08:15:00Z: forced by 'ops': host is down",
    ],
    [lock('host', 'A', { request: 'k', limit: 4 }), reused('limit')],
  ],
  'the key of a hold that was handed over': [
    [lock('host', 'A', { request: 'k' }), 'token 1'],
    [update('host', 'A', { newClient: 'B' }), 'token 2'],
    [
      lock('host', 'A', { request: 'k' }),
      "17 The hold of request 'k' ended at 2026-11-21T08:15:00Z: handed over by 'ops': to 'B'",
    ],
    [lock('host', 'B', { request: 'k' }), "1 Resource already locked by 'B'"],
  ],
  'holds, places and ended keys outlive a restart': [
    [lock('a', 'A', { request: 'k' }), 'token 1'],
    [lock('b', 'A', { request: 'k' }), 'token 2'],
    [lock('c', 'B'), 'token 3'],
    [lock('c', 'A', { request: 'k', wait: 9 }), 'waits'],
    [unlock('b', 'A'), 'true'],
    [restart, 'started'],
    [lock('a', 'A', { request: 'k' }), 'token 1'],
    [lock('b', 'A', { request: 'k' }), ENDED],
    [lock('c', 'A', { request: 'k', wait: 9 }), 'waits'],
    [unlock('c', 'B'), 'true'],
    [told('A'), 'token 4'],
  ],
  'a refused request leaves no key': [
    [lock('host', 'A'), 'token 1'],
    [lock('host', 'B', { request: 'k' }), "1 Resource already locked by 'A'"],
    [unlock('host', 'A'), 'true'],
    [lock('host', 'B', { request: 'k', ttl: 7 }), 'token 2 for 7 s'],
  ],
  'a request that could not be saved leaves no key': [
    [refused(lock('host', 'B', { request: 'k' }), unlock('host', 'B')), 'not saved'],
    [refused(lock('host', 'B', { request: 'k' })), 'not saved'],
    [lock('host', 'B', { request: 'k', ttl: 7 }), 'token 3 for 7 s'],
    [refused(unlock('host', 'B')), 'not saved'],
    [lock('host', 'B', { request: 'k', ttl: 7 }), 'token 3 for 7 s'],
  ],
  'a grant that was withdrawn leaves no key, or its place': [
    [lock('host', 'A', { request: 'k' }), 'token 1'],
    [withdraw('host', 'A', 1, 0), 'true'],
    [lock('host', 'A', { request: 'k' }), 'token 2'],
    [withdraw('host', 'A', 2, 30), 'true'],
    [lock('host', 'B'), "1 Resource already locked by 'A'"],
    [lock('host', 'A', { request: 'k', wait: 1 }), 'waits'],
    [told('A'), 'token 3'],
  ],
};

describe('histories', () => {
  test.each(Object.entries(HISTORIES))('%s', (_, history) => play(new World(), history));
});

describe('a repeat that asks for something else is refused and told what', () => {
  test.each(DIFFERENT)('$options', ({ options, names }) => {
    play(new World(), [
      [lock('host', 'A', ASK), 'token 1 for 10 s'],
      [lock('host', 'A', options), reused(...names)],
      [lock('host', 'B', { limit: 2 }), 'token 2'],
      [lock('host', 'C', { ...ASK, wait: 9 }), 'waits'],
      [lock('host', 'C', options), reused(...names)],
      [enqueue('host', 'C', options), reused(...names)],
      [lock('host', 'A', ASK), 'token 1 for 10 s'],
    ]);
  });
});

describe('keys of unlocked holds', () => {
  /** The table says that it has so many; the rule looks at nothing else. */
  function nearlyFull(count: number): World {
    const world = new World();
    for (let number = 0; number < 300; number += 1) {
      world.do(lock('busy', 'A', { request: `k${number}` }));
      world.do(unlock('busy', 'A'));
      world.do(lock(`r${number}`, 'B', { request: 'k' }));
      world.do(unlock(`r${number}`, 'B'));
    }
    Object.defineProperty(world.table, 'endedCount', { value: count });
    return world;
  }
  const firstOf = (world: World) =>
    [...world.table.allEnded()].map((one) => `${one.resource} ${one.request}`);

  test('one fewer than the most allowed are all kept', () => {
    const world = nearlyFull(MAX_ENDED_KEYS - 1);
    play(world, [
      [lock('host', 'A', { request: 'k' }), 'token 601'],
      [unlock('host', 'A'), 'true'],
    ]);
    expect(firstOf(world)).toHaveLength(601);
  });

  test('at the most allowed the oldest go, and nobody knows them any more', () => {
    const world = nearlyFull(MAX_ENDED_KEYS);
    play(world, [
      [lock('host', 'A', { request: 'k' }), 'token 601'],
      [unlock('host', 'A'), 'true'],
      [lock('busy', 'A', { request: 'k29' }), 'token 602'],
      [lock('busy', 'B', { request: 'k' }), "1 Resource already locked by 'A'"],
    ]);
    expect(firstOf(world).slice(0, 2)).toEqual(['busy k30', 'r30 k']);
    expect(firstOf(world)).toHaveLength(541);
  });

  test('a hold without a key leaves none', () => {
    const world = nearlyFull(MAX_ENDED_KEYS);
    play(world, [
      [lock('host', 'A'), 'token 601'],
      [unlock('host', 'A'), 'true'],
    ]);
    expect(firstOf(world)).toHaveLength(600);
  });
});
