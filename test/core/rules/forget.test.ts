/** What is kept no longer: rules/forget.ts. */
import { describe, expect, test } from 'vitest';
import { MAX_LOST_KEPT } from '../../../src/core/limits.js';
import { decideForget } from '../../../src/core/rules/forget.js';
import {
  after,
  DAY,
  fenced,
  force,
  type History,
  HOUR,
  lock,
  outcomeText,
  play,
  unlock,
} from '../history.js';
import { START, World } from '../world.js';

const LOST =
  "8 'A' lost 'host' (token 1) at 2026-11-21T08:15:00Z: forced by 'ops': host is down. Stop work on it";

/** What stands before each row of a history about a host that A has lost. */
const A_LOST: History = [
  [lock('host', 'A'), 'token 1'],
  [force('host'), 'true'],
];

const HISTORIES: Record<string, History> = {
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
  'a loss is kept for as long as its hold is being fenced': [
    [lock('host', 'A'), 'token 1'],
    [force('host', 'A', { aftermath: 'fence' }), 'true'],
    [after(10 * DAY), 'later'],
    [{ kind: 'forget' }, '0'],
    [unlock('host', 'A'), LOST],
    [fenced('host', 'A', 1), 'true'],
    [unlock('host', 'A'), '3 Resource not locked'],
    [{ kind: 'forget' }, '1'],
  ],
  'a loss that nobody dropped yet is not told any more': [
    ...A_LOST,
    [after(DAY), 'later'],
    [unlock('host', 'A'), LOST],
    [after(1), 'later'],
    [unlock('host', 'A'), '3 Resource not locked'],
  ],
};

describe('histories', () => {
  test.each(Object.entries(HISTORIES))('%s', (_, history) => play(new World(), history));
});

test('at most 900 of both kinds at once', () => {
  const world = new World();
  for (let number = 0; number < 1_000; number += 1) {
    world.do(lock(`r${number}`, 'A', { request: 'k' }));
    world.do(number < 500 ? force(`r${number}`) : unlock(`r${number}`, 'A'));
  }
  world.pass(DAY + 1);
  play(world, [
    [{ kind: 'forget' }, '900'],
    [{ kind: 'forget' }, '100'],
    [{ kind: 'forget' }, '0'],
  ]);
  expect([world.table.lostCount, world.table.endedCount, world.records.size]).toEqual([0, 0, 0]);
});

describe('where more losses are remembered than there may be', () => {
  /** A world that remembers so many losses, the oldest first: that of token 1. */
  function remembering(count: number): World {
    const world = new World();
    for (let token = 1; token <= count; token += 1) {
      const loss = { client: 'A', token, time: START + token, cause: 'expired' } as const;
      world.table.load({ kind: 'lost', resource: `r${token}`, ...loss });
    }
    return world;
  }

  function tokens({ table }: World): number[] {
    return [...table.allLost()].map(({ token }) => token);
  }

  test('the oldest go, and no more than there are too many', () => {
    const world = remembering(MAX_LOST_KEPT + 3);
    world.elapse(HOUR);
    play(world, [
      [{ kind: 'forget' }, '3'],
      [{ kind: 'forget' }, '0'],
      [unlock('r3', 'A'), '3 Resource not locked'],
    ]);
    expect(world.table.lostCount).toBe(MAX_LOST_KEPT);
    expect(tokens(world).slice(0, 2)).toEqual([4, 5]);
    expect(outcomeText(world.do(unlock('r4', 'A')))).toMatch(/^8 'A' lost 'r4' \(token 4\)/);
  });

  test('as many as there may be all stay', () => {
    const world = remembering(MAX_LOST_KEPT);
    play(world, [[{ kind: 'forget' }, '0']]);
  });

  test('thousands go, at most 900 at once', () => {
    const world = remembering(MAX_LOST_KEPT + 1_000);
    play(world, [
      [{ kind: 'forget' }, '900'],
      [{ kind: 'forget' }, '100'],
      [{ kind: 'forget' }, '0'],
    ]);
    expect(tokens(world)[0]).toBe(1_001);
  });

  test('never one whose hold is still being fenced', () => {
    const world = remembering(MAX_LOST_KEPT + 3);
    const hold = { client: 'A', limit: 1, acquired: START, from: '192.0.2.7:40000', waited: 0 } as const;
    const fence = { tries: 1 };
    world.table.load({ kind: 'hold', resource: 'r2', token: 2, lost: 'fencing', fence, ...hold });
    while (outcomeText(world.do({ kind: 'forget' })) !== '0');
    expect(tokens(world).slice(0, 2)).toEqual([2, 4]);
    // Fenced, it is as old as the others that went.
    world.do(fenced('r2', 'A', 2));
    while (outcomeText(world.do({ kind: 'forget' })) !== '0');
    expect(world.table.lostCount).toBe(MAX_LOST_KEPT);
    expect(tokens(world)[0]).toBe(4);
  });
});

test('a clock that jumps ahead drops nothing: what counts is the time that has passed', () => {
  const world = new World();
  play(world, [...A_LOST, [lock('r', 'A', { request: 'k' }), 'token 2'], [unlock('r', 'A'), 'true']]);
  const at = (steady: number) => ({ ...world.now, time: world.now.time + 26 * HOUR * 1_000, steady });
  expect(decideForget(world.state, { kind: 'forget' }, at(START + 60_000)).changes).toEqual([]);
  expect(decideForget(world.state, { kind: 'forget' }, at(START + 60_001)).changes).toHaveLength(1);
  expect(decideForget(world.state, { kind: 'forget' }, at(START + DAY * 1_000 + 1)).changes).toHaveLength(2);
});

test('no more than asked for is dropped at once', () => {
  const world = new World();
  play(world, [...A_LOST, [lock('r', 'A', { request: 'k' }), 'token 2'], [unlock('r', 'A'), 'true']]);
  const late = { ...world.now, time: START + 2 * DAY * 1_000 };
  for (const [atMost, dropped] of [
    [0, 0],
    [1, 1],
    [2, 2],
    [3, 2],
  ] as const)
    expect(decideForget(world.state, { kind: 'forget', atMost }, late).changes).toHaveLength(dropped);
});
