import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Now } from '../../src/core/commands.js';
import { Leases } from '../../src/core/leases.js';
import type { HoldRecord } from '../../src/core/records.js';
import { runs } from './runs.js';
import { START } from './world.js';

/** The lease clock at `seconds`; the others are elsewhere. */
function at(seconds: number): Now {
  return { time: START + seconds * 1_000, monotonic: seconds * 1_000 - 77, lease: seconds * 1_000 };
}

function hold(token: number, ttl?: number, more: Partial<HoldRecord> = {}): HoldRecord {
  const lease = ttl === undefined ? {} : { ttl };
  return {
    kind: 'hold',
    resource: 'host',
    client: `c${token}`,
    token,
    limit: 1,
    acquired: START,
    from: '',
    waited: 0,
    ...lease,
    ...more,
  };
}

function started(...holds: HoldRecord[]): Leases {
  const leases = new Leases();
  for (const one of holds) leases.start(one, at(0));
  return leases;
}

const key = { kind: 'hold', resource: 'host', client: 'c1' } as const;
const about = { time: START, resource: 'host', client: 'c1', token: 1 };

describe('a lease', () => {
  test.each([
    [0, 10, false],
    [9.999, 0.001, false],
    [10, 0, true],
    [11, 0, true],
  ])('of 10 s after %d s has %d s left', (seconds, left, isOver) => {
    const leases = started(hold(1, 10));
    expect([leases.left(1, at(seconds)), leases.isOver(1, at(seconds))]).toEqual([left, isOver]);
  });

  test('of a hold without ttl, of a lost one, of nobody: there is none', () => {
    const leases = started(hold(1), hold(2, 10, { lost: 'fencing' }));
    for (const token of [1, 2, 3]) {
      expect([leases.left(token, at(0)), leases.isOver(token, at(99)), leases.renewed(token)]).toEqual([
        undefined,
        false,
        undefined,
      ]);
      leases.renew(token, 5, at(0));
      leases.restart(token, 5, at(0));
      leases.add(token, 5);
      leases.watch(token);
    }
    expect(leases.next()).toBe(Number.POSITIVE_INFINITY);
  });

  test('starts with what it was extended by', () => {
    expect(started(hold(1, 10, { extended: 5 })).left(1, at(0))).toBe(15);
  });

  test('renewed runs for the greater of what is left and the seconds', () => {
    const leases = started(hold(1, 10));
    leases.renew(1, 3, at(4));
    expect(leases.left(1, at(4))).toBe(6);
    leases.renew(1, 7, at(4));
    expect(leases.left(1, at(4))).toBe(7);
    expect(leases.renewed(1)).toBe(START + 4_000);
  });

  test('restarted runs for exactly the seconds', () => {
    const leases = started(hold(1, 10));
    leases.restart(1, 2, at(4));
    expect([leases.left(1, at(4)), leases.renewed(1)]).toEqual([2, START + 4_000]);
  });

  test('added to and taken back is as before', () => {
    const leases = started(hold(1, 10));
    leases.add(1, 7);
    expect(leases.next()).toBe(17_000);
    leases.add(1, -7);
    expect([leases.left(1, at(0)), leases.next()]).toEqual([10, 10_000]);
  });

  test('that is due is told once, and again when it is watched', () => {
    const leases = started(hold(1, 10), hold(2, 20), hold(3, 10));
    expect(leases.takeDue(9_999, 10)).toEqual([]);
    expect(leases.takeDue(10_000, 1)).toHaveLength(1);
    expect(leases.takeDue(10_000, 10)).toHaveLength(1);
    expect(leases.takeDue(10_000, 10)).toEqual([]);
    expect(leases.next()).toBe(20_000);
    leases.watch(1);
    expect(leases.takeDue(10_000, 10)).toEqual([{ resource: 'host', client: 'c1', token: 1 }]);
    leases.renew(3, 10, at(11));
    expect(leases.next()).toBe(20_000);
    expect(leases.takeDue(21_000, 10).map(({ token }) => token)).toEqual([2, 3]);
  });

  test('begins with the saved grant, goes on with a saved change, ends with what is gone or lost', () => {
    const leases = new Leases();
    leases.follow({ ...about, put: [hold(1, 10)] }, at(0));
    leases.follow({ ...about, put: [hold(1, 99, { note: 'new' })] }, at(5));
    expect(leases.left(1, at(5))).toBe(5);
    leases.follow({ ...about, put: [hold(1, 10, { lost: 'delayed' })] }, at(5));
    expect([leases.left(1, at(5)), leases.next()]).toEqual([undefined, Number.POSITIVE_INFINITY]);
    leases.follow({ ...about, put: [hold(1, 10)] }, at(6));
    leases.follow({ ...about, remove: [{ ...key, kind: 'place', claim: 0 }] }, at(6));
    expect(leases.left(1, at(6))).toBe(10);
    leases.follow({ ...about, remove: [key] }, at(6));
    expect(leases.left(1, at(6))).toBeUndefined();
  });
});

test('no lease is due before its end, each is due at its end', () => {
  const token = fc.integer({ min: 1, max: 5 });
  const seconds = fc.integer({ min: 1, max: 40 });
  const step = fc.oneof(
    fc.record({ deed: fc.constantFrom('renew', 'restart', 'add', 'start', 'drop', 'wait'), token, seconds }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
      const leases = new Leases();
      const ends = new Map<number, number>();
      let now = 0;
      for (const { deed, token: which, seconds: some } of steps) {
        const end = ends.get(which);
        const change = { ...about, token: which };
        if (deed === 'start' && end === undefined) {
          leases.follow({ ...change, put: [hold(which, some)] }, at(now));
          ends.set(which, now + some);
        } else if (deed === 'drop') {
          leases.follow({ ...change, remove: [{ ...key, client: `c${which}` }] }, at(now));
          ends.delete(which);
        } else if (deed === 'wait') {
          now += some;
        } else if (deed === 'renew' || deed === 'restart') {
          leases[deed](which, some, at(now));
          const from = deed === 'renew' ? (end ?? 0) : 0;
          if (end !== undefined) ends.set(which, Math.max(from, now + some));
        } else if (deed === 'add') {
          leases.add(which, some);
          if (end !== undefined) ends.set(which, end + some);
        }
        const due = leases.takeDue(now * 1_000, Number.POSITIVE_INFINITY).map((one) => one.token);
        expect(due.sort()).toEqual([...ends.keys()].filter((one) => (ends.get(one) ?? 0) <= now).sort());
        for (const one of due) leases.watch(one);
        for (const [one, moment] of ends) expect(leases.left(one, at(now))).toBe(Math.max(0, moment - now));
      }
    }),
    runs(150),
  );
});
