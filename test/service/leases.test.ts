/** Leases, by clocks that are moved by hand: each promise about them, and each way in which time can go wrong. */
import { describe, expect, test } from 'vitest';
import type { Hold } from '../../src/core/answers.js';
import { begin, crash, FENCE_ALL, FULL, outcome, soFar, type TimedDaemon } from './fixture.js';
import { ManualClock, rounds } from './manual-clock.js';

const HOUR = 3_600_000;

function left({ lockd }: TimedDaemon, resource = 'r'): Promise<number | undefined> {
  return lockd.status(resource).then(({ holders }) => holders[0]?.left);
}

describe('a lease', () => {
  test('ends at the moment when it is due, and not a millisecond before', async () => {
    const { lockd, clock } = await begin();
    const { token } = await lockd.lock('r', 'A', { ttl: 30 });
    await clock.advance(29_999);
    expect(await lockd.check('r', token)).toBe(true);
    expect(await outcome(lockd.lock('r', 'B'))).toBe("1: Resource already locked by 'A'");
    await clock.advance(1);
    expect(await lockd.check('r', token)).toBe(false);
    expect(await lockd.status('r')).toMatchObject({ state: 'free' });
    expect(await lockd.stats()).toMatchObject({ held: 0, lost: 1 });
  });

  test('tells how long it runs, when it ends and how much is left', async () => {
    const { lockd, clock } = await begin();
    const hold = await lockd.lock('r', 'A', { ttl: 30 });
    expect(hold).toMatchObject({ ttl: 30, left: 30, expires: new Date(clock.now + 30_000) });
    await clock.advance(12_000);
    const [holder] = (await lockd.status('r')).holders;
    expect(holder).toMatchObject({ ttl: 30, left: 18, expires: new Date(clock.now + 18_000) });
  });

  test('is renewed for its ttl from then on', async () => {
    const { lockd, clock } = await begin();
    const { token } = await lockd.lock('r', 'A', { ttl: 30 });
    for (let round = 0; round < 10; round += 1) {
      await clock.advance(20_000);
      expect(await lockd.renew('r', 'A', { token })).toMatchObject({
        token,
        left: 30,
        renewed: new Date(clock.now),
      });
    }
    await clock.advance(29_999);
    expect(await lockd.check('r', token)).toBe(true);
    await clock.advance(1);
    expect(await lockd.check('r', token)).toBe(false);
  });

  test('is not shortened by a renewal, unless that gives a shorter ttl', async () => {
    const { lockd } = await begin();
    await lockd.lock('r', 'A', { ttl: 30 });
    expect(await lockd.extend('r', 'A', 60)).toMatchObject({ left: 90 });
    expect(await lockd.renew('r', 'A')).toMatchObject({ left: 90, ttl: 30 });
    expect(await lockd.renew('r', 'A', { ttl: 30 })).toMatchObject({ left: 90, ttl: 30 });
    expect(await lockd.renew('r', 'A', { ttl: 5 })).toMatchObject({ left: 5, ttl: 5 });
  });

  test('cannot be renewed where there is none, unless the renewal gives a ttl', async () => {
    const { lockd, clock } = await begin();
    const { token } = await lockd.lock('r', 'A');
    expect(await outcome(lockd.renew('r', 'A'))).toBe(
      "parameter 'ttl' is needed: the hold of 'A' on 'r' has no lease",
    );
    await clock.advance(100 * HOUR);
    expect(await lockd.renew('r', 'A', { ttl: 10 })).toMatchObject({ token, ttl: 10, left: 10 });
    await clock.advance(10_000);
    expect(await lockd.check('r', token)).toBe(false);
  });

  test('that is renewed in the very turn in which it would end goes on', async () => {
    const { lockd, clock } = await begin();
    const { token } = await lockd.lock('r', 'A', { ttl: 30 });
    await clock.advance(29_999);
    clock.freeze(1);
    clock.fireOverdue();
    const renewed = new Promise((resolve) => {
      setImmediate(() => resolve(outcome(lockd.renew('r', 'A', { token }))));
    });
    expect(await renewed).toMatchObject({ token, left: 30 });
    await clock.advance(29_999);
    expect(await lockd.check('r', token)).toBe(true);
    await clock.advance(1);
    expect(await lockd.check('r', token)).toBe(false);
  });

  test('that is lost is never revived: every later call is told, by its token and without', async () => {
    const { lockd, clock } = await begin();
    const { token } = await lockd.lock('r', 'A', { ttl: 30 });
    await clock.advance(30_000);
    const text = `8: 'A' lost 'r' (token ${token}) at 2026-11-21T08:15:30Z: lease ended. Stop work on it`;
    expect(await outcome(lockd.renew('r', 'A'))).toBe(text);
    expect(await outcome(lockd.renew('r', 'A', { token }))).toBe(text);
    expect(await outcome(lockd.renew('r', 'A', { ttl: 60 }))).toBe(text);
    expect(await outcome(lockd.extend('r', 'A', 60))).toBe(text);
    expect(await outcome(lockd.update('r', 'A', { note: 'mine' }))).toBe(text);
    expect(await outcome(lockd.unlock('r', 'A'))).toBe(text);
    const next = await lockd.lock('r', 'A', { ttl: 30 });
    expect(Number(next.token)).toBeGreaterThan(Number(token));
    expect(await outcome(lockd.renew('r', 'A', { token }))).toBe(text);
    expect(await lockd.check('r', token)).toBe(false);
  });

  test('starts when its grant is on disk, and the answer says how long that took', async () => {
    const daemon = await begin();
    const { lockd, clock, held } = daemon;
    held.hold();
    const lock = lockd.lock('r', 'A', { ttl: 30 });
    await held.held();
    await clock.advance(5_000);
    held.release();
    expect(await lock).toMatchObject({ left: 30, waited: 5, expires: new Date(clock.now + 30_000) });
    expect(await left(daemon)).toBe(30);
  });

  test('of whoever asks for none is the default of the daemon', async () => {
    const { lockd, clock } = await begin({ defaultTtl: 60, maxTtl: 100 });
    expect(await lockd.lock('a', 'A')).toMatchObject({ ttl: 60, left: 60 });
    expect(await lockd.lock('b', 'A', { ttl: 0, request: 'k' })).toMatchObject({ ttl: 60 });
    expect(await lockd.lock('b', 'A', { request: 'k' })).toMatchObject({ ttl: 60 });
    expect(await lockd.lock('c', 'A', { ttl: 100 })).toMatchObject({ ttl: 100 });
    await clock.advance(60_000);
    expect((await lockd.list()).map(({ resource }) => resource)).toEqual(['c']);
  });

  test('is never longer than the daemon allows', async () => {
    const { lockd } = await begin({ maxTtl: 100 });
    expect(await lockd.lock('a', 'A')).toMatchObject({ ttl: 100 });
    const text = "parameter 'ttl' must be 0.1 to 100 seconds, not 101";
    expect(await outcome(lockd.lock('b', 'A', { ttl: 101 }))).toBe(text);
    expect(await outcome(lockd.renew('a', 'A', { ttl: 101 }))).toBe(text);
    expect(await outcome(lockd.update('a', 'A', { ttl: 101 }))).toBe(text);
    expect(await outcome(lockd.extend('a', 'A', 1))).toBe(
      "parameter 'seconds' is 1, which would make 101 s of lease; at most 100 are allowed",
    );
    await lockd.renew('a', 'A', { ttl: 40 });
    expect(await lockd.extend('a', 'A', 60)).toMatchObject({ left: 100 });
  });

  test('500 and more that end at once all end, and nobody else', async () => {
    const { lockd, clock } = await begin();
    const many = Array.from({ length: 1_200 }, (_, index) => lockd.lock(`r${index}`, 'A', { ttl: 30 }));
    const other = await lockd.lock('other', 'A', { ttl: 31 });
    await Promise.all(many);
    await clock.advance(30_000);
    expect(await lockd.stats()).toMatchObject({ held: 1, lost: 1_200 });
    expect(await lockd.check('other', other.token)).toBe(true);
  });
});

describe('a restart', () => {
  test('gives every lease its ttl afresh', async () => {
    const first = await begin();
    const { token } = await first.lockd.lock('r', 'A', { ttl: 30 });
    await first.clock.advance(25_000);
    const second = await crash(first);
    expect(await left(second)).toBe(30);
    await second.clock.advance(29_999);
    expect(await second.lockd.check('r', token)).toBe(true);
    await second.clock.advance(1);
    expect(await second.lockd.check('r', token)).toBe(false);
  });

  test('gives back what a lease was extended by, once only', async () => {
    const first = await begin();
    await first.lockd.lock('r', 'A', { ttl: 30 });
    await first.lockd.extend('r', 'A', 100);
    await first.clock.advance(50_000);
    const second = await crash(first);
    expect(await left(second)).toBe(130);
    // From here on the extension is used up.
    await second.clock.advance(110_000);
    await second.lockd.renew('r', 'A');
    const third = await crash(second);
    expect(await left(third)).toBe(30);
  });

  test('keeps a new ttl, and forgets none that ended', async () => {
    const first = await begin();
    const kept = await first.lockd.lock('kept', 'A', { ttl: 30 });
    const lost = await first.lockd.lock('lost', 'A', { ttl: 10 });
    await first.lockd.renew('kept', 'A', { ttl: 50 });
    await first.clock.advance(10_000);
    const { lockd } = await crash(first);
    expect((await lockd.status('kept')).holders).toMatchObject([{ token: kept.token, ttl: 50, left: 50 }]);
    expect(await outcome(lockd.renew('lost', 'A'))).toMatch(
      new RegExp(`^8: 'A' lost 'lost' \\(token ${lost.token}\\)`),
    );
  });
});

const TTL = 3_000;

/** Ten clients with leases, each renewed at a third of it. */
async function tenClients(daemon: TimedDaemon) {
  const { lockd } = daemon;
  const names = Array.from({ length: 10 }, (_, index) => `client ${index}`);
  const holds = await Promise.all(names.map((name) => lockd.lock(`for ${name}`, name, { ttl: TTL / 1_000 })));
  const renew = () =>
    holds.map(({ resource, client, token }) => outcome(lockd.renew(resource, client, { token })));
  const expectAllHeld = async (answers: Promise<unknown>[]) => {
    for (const answer of await Promise.all(answers)) expect(answer).toMatchObject({ state: 'held' });
    for (const { resource, token } of holds) expect(await lockd.check(resource, token)).toBe(true);
  };
  return { holds, renew, expectAllHeld };
}

/** Without renewals every lease ends. */
async function expectAllEnd({ lockd, clock }: TimedDaemon, holds: readonly Hold[], within: number) {
  await clock.advance(within);
  for (const { resource, token } of holds) expect(await lockd.check(resource, token)).toBe(false);
}

describe('a lease that ends in a moment in which the daemon does not look', () => {
  test.each([0, 1, 2, 3])(
    'is kept by a renewal that waits in its socket and is read %i rounds after the timers',
    async (later) => {
      const { lockd, clock } = await begin();
      const { token } = await lockd.lock('r', 'A', { ttl: TTL / 1_000 });
      await clock.advance(TTL - 20);
      // So short that it lengthens no lease.
      clock.stall(40);
      await rounds(later);
      expect(await outcome(lockd.renew('r', 'A', { token }))).toMatchObject({ token });
    },
  );

  test('ends where no renewal waits', async () => {
    const { lockd, clock } = await begin();
    const { token } = await lockd.lock('r', 'A', { ttl: TTL / 1_000 });
    await clock.advance(TTL - 20);
    clock.stall(40);
    await rounds();
    expect(await outcome(lockd.renew('r', 'A', { token }))).toMatch(/^8: /);
  });
});

describe('a daemon that is stopped for three times a lease (SIGSTOP), with ten clients that renew', () => {
  test.each([
    [
      'its timers fire before it reads the sockets',
      async ({ clock }: TimedDaemon, renew: () => Promise<unknown>[]) => {
        clock.stall(3 * TTL);
        return renew();
      },
    ],
    [
      'it reads the sockets before its timers fire',
      async ({ clock }: TimedDaemon, renew: () => Promise<unknown>[]) => {
        clock.freeze(3 * TTL);
        const answers = renew();
        clock.fireOverdue();
        return answers;
      },
    ],
    [
      'the renewals come some rounds after the timers',
      async ({ clock }: TimedDaemon, renew: () => Promise<unknown>[]) => {
        clock.stall(3 * TTL);
        await rounds();
        await clock.advance(TTL / 3);
        return renew();
      },
    ],
  ])('loses no lease where %s, five times in a row', async (_, stop) => {
    const daemon = await begin();
    const { holds, renew, expectAllHeld } = await tenClients(daemon);
    for (let round = 0; round < 5; round += 1) {
      await daemon.clock.advance(TTL / 3);
      await expectAllHeld(renew());
      await expectAllHeld(await stop(daemon, renew));
    }
    await expectAllEnd(daemon, holds, TTL);
  });

  test('lengthens each lease by the time it was away', async () => {
    const daemon = await begin();
    const { lockd, clock } = daemon;
    const { token } = await lockd.lock('r', 'A', { ttl: 30 });
    await clock.advance(10_000);
    clock.stall(90_000);
    await rounds();
    const rest = (await left(daemon)) ?? 0;
    expect(rest).toBeGreaterThanOrEqual(20);
    expect(rest).toBeLessThan(21);
    await clock.advance(rest * 1_000 - 1);
    expect(await lockd.check('r', token)).toBe(true);
    await clock.advance(1);
    expect(await lockd.check('r', token)).toBe(false);
  });

  test('also for days, and without a wait being cut short', async () => {
    const { lockd, clock } = await begin();
    await lockd.lock('r', 'A', { ttl: 60 });
    const waiting = outcome(lockd.lock('r', 'B', { wait: 20 }));
    await clock.advance(1_000);
    clock.stall(72 * HOUR);
    await rounds();
    await clock.advance(18_000);
    expect(await soFar(waiting)).toBeUndefined();
    await clock.advance(2_000);
    expect(await waiting).toMatch(/^4: /);
  });
});

describe('a disk that hangs for three times a lease, with ten clients that renew', () => {
  test('keeps nobody from renewing, and no lease is lost; grants wait, and health says why', async () => {
    const daemon = await begin();
    const { lockd, clock, held } = daemon;
    const { holds, renew, expectAllHeld } = await tenClients(daemon);
    held.hold();
    const grant = outcome(lockd.lock('other', 'B', { ttl: 3 }));
    await held.held();
    const late = outcome(lockd.lock('late', 'B'));
    for (let passed = 0; passed < 9; passed += 1) {
      await clock.advance(1_000);
      await expectAllHeld(renew());
      expect(await lockd.status('for client 0')).toMatchObject({ state: 'held' });
      expect(await soFar(grant)).toBeUndefined();
    }
    expect(lockd.health()).toEqual({
      status: 'degraded',
      problems: ['The disk has not answered for 9 s; changes wait'],
    });
    held.release();
    expect(await grant).toMatchObject({ left: 3, waited: 9 });
    expect(await late).toMatchObject({ client: 'B' });
    expect(lockd.health()).toEqual({ status: 'ok', problems: [] });
    await clock.advance(2_999);
    await expectAllHeld(renew());
    expect((await lockd.stats()).lost).toBe(0);
    await expectAllEnd(daemon, holds, 20_000);
  });

  test('answers renewals that give the ttl once more, and those of leases that were extended', async () => {
    const { lockd, clock, held } = await begin();
    await lockd.lock('a', 'A', { ttl: 3 });
    await lockd.lock('b', 'B', { ttl: 3 });
    await lockd.extend('b', 'B', 2);
    await clock.advance(2_500);
    held.hold();
    const other = lockd.lock('other', 'C');
    await held.held();
    expect(await soFar(outcome(lockd.renew('a', 'A', { ttl: 3 })))).toMatchObject({ left: 3 });
    expect(await soFar(outcome(lockd.renew('b', 'B')))).toMatchObject({ left: 3 });
    held.release();
    await other;
    expect((await lockd.stats()).lost).toBe(0);
  });

  test('and a renewal that comes after its lease would have ended is in time', async () => {
    const { lockd, clock, held } = await begin();
    const { token } = await lockd.lock('r', 'A', { ttl: 3 });
    held.hold();
    const other = lockd.lock('other', 'B');
    await held.held();
    await clock.advance(5_000);
    const renewal = outcome(lockd.renew('r', 'A', { token }));
    expect(await soFar(renewal)).toMatchObject({ token });
    held.release();
    await other;
    await clock.advance(2_900);
    expect(await lockd.check('r', token)).toBe(true);
  });

  test('and the holder that never renews loses its lease in the end, later by the delay', async () => {
    const daemon = await begin();
    const { lockd, clock, held } = daemon;
    const { token } = await lockd.lock('r', 'A', { ttl: 3 });
    held.hold();
    const other = lockd.lock('other', 'B');
    await held.held();
    await clock.advance(9_000);
    held.release();
    await other;
    expect(await left(daemon)).toBe(3);
    await clock.advance(2_999);
    expect(await lockd.check('r', token)).toBe(true);
    await clock.advance(1);
    expect(await lockd.check('r', token)).toBe(false);
  });

  test('while the daemon is stopped too: lengthened by the delay once, not twice', async () => {
    const daemon = await begin();
    const { lockd, clock, held } = daemon;
    await lockd.lock('r', 'A', { ttl: 30 });
    held.hold();
    const other = lockd.lock('other', 'B');
    await held.held();
    clock.stall(90_000);
    held.release();
    await other;
    expect(await left(daemon)).toBe(30);
  });

  test('a usual flush is no delay', async () => {
    const daemon = await begin();
    const { lockd, clock, held } = daemon;
    await lockd.lock('r', 'A', { ttl: 30 });
    for (let round = 0; round < 10; round += 1) {
      held.hold();
      const other = lockd.lock(`other ${round}`, 'B');
      await held.held();
      await clock.advance(200);
      held.release();
      await other;
    }
    expect(await left(daemon)).toBe(28);
  });
});

describe('a wall clock that jumps', () => {
  test.each([
    ['an hour ahead', (now: number) => now + HOUR],
    ['an hour back', (now: number) => now - HOUR],
    ['to 1970', () => 1_000],
    ['to 2106', () => Date.UTC(2106, 1, 7, 6, 28, 15)],
  ])('%s ends no lease and lengthens none', async (_, to) => {
    const daemon = await begin();
    const { lockd, clock } = daemon;
    const { token } = await lockd.lock('r', 'A', { ttl: 30 });
    const { token: renewed } = await lockd.lock('renewed', 'A', { ttl: 30 });
    const waiting = outcome(lockd.lock('r', 'B', { wait: 60 }));
    await clock.advance(10_000);
    clock.jumpWall(to(clock.now) - clock.now);
    await rounds();
    expect(await left(daemon)).toBe(20);
    expect(await lockd.renew('renewed', 'A')).toMatchObject({
      left: 30,
      expires: new Date(clock.now + 30_000),
    });
    await clock.advance(19_999);
    expect(await lockd.check('r', token)).toBe(true);
    expect(await soFar(waiting)).toBeUndefined();
    await clock.advance(1);
    expect(await lockd.check('r', token)).toBe(false);
    expect(await waiting).toMatchObject({ client: 'B' });
    expect(await lockd.check('renewed', renewed)).toBe(true);
  });

  test.each([
    ['to 1970', 1_000],
    ['to 2106', Date.UTC(2106, 1, 7)],
  ])('%s while the daemon is not there: leases start afresh, tokens rise', async (_, time) => {
    const first = await begin();
    const { token } = await first.lockd.lock('r', 'A', { ttl: 30 });
    const { lockd, clock } = await crash(first, { clock: new ManualClock(time) });
    expect((await lockd.status('r')).holders).toMatchObject([{ token, left: 30 }]);
    const next = await lockd.lock('next', 'B');
    expect(Number(next.token)).toBeGreaterThan(Number(token));
    await clock.advance(30_000);
    expect(await lockd.check('r', token)).toBe(false);
  });
});

describe('on a full disk', () => {
  test('leases are renewed, also those that were extended', async () => {
    const { lockd, clock, disk } = await begin();
    await lockd.lock('a', 'A', { ttl: 3 });
    await lockd.lock('b', 'A', { ttl: 3 });
    await lockd.extend('b', 'A', 2);
    await clock.advance(2_500);
    disk.failNext('write', FULL);
    const [other, a, b] = await Promise.all([
      outcome(lockd.lock('other', 'B')),
      outcome(lockd.renew('a', 'A')),
      outcome(lockd.renew('b', 'A')),
    ]);
    expect(other).toMatch(/^15: /);
    expect(a).toMatchObject({ left: 3 });
    expect(b).toMatchObject({ left: 3 });
    disk.heal();
    await clock.advance(2_999);
    expect((await lockd.stats()).lost).toBe(0);
  });

  test('an extension that is refused leaves the lease as it was', async () => {
    const daemon = await begin();
    const { lockd, clock, disk } = daemon;
    const { token } = await lockd.lock('r', 'A', { ttl: 30 });
    disk.failNext('write', FULL);
    expect(await outcome(lockd.extend('r', 'A', 60))).toMatch(/^15: /);
    expect(await left(daemon)).toBe(30);
    disk.heal();
    await clock.advance(29_999);
    expect(await lockd.check('r', token)).toBe(true);
    await clock.advance(1);
    expect(await lockd.check('r', token)).toBe(false);
  });

  test('a lease that is over ends all the same, or is tried again every second until it can be saved', async () => {
    const { lockd, clock, disk } = await begin({ fence: FENCE_ALL });
    const { token } = await lockd.lock('r', 'A', { ttl: 30 });
    await clock.advance(29_000);
    disk.failNext('write', FULL);
    await clock.advance(5_000);
    expect(await lockd.check('r', token)).toBe(true);
    disk.heal();
    await clock.advance(1_000);
    expect(await lockd.check('r', token)).toBe(false);
    expect(await lockd.status('r')).toMatchObject({ state: 'fencing' });
  });

  test('who is refused again and again puts nothing off that is due', async () => {
    const { lockd, clock, disk } = await begin();
    await lockd.lock('r', 'A');
    const waiting = outcome(lockd.lock('r', 'B', { wait: 5 }));
    await rounds();
    disk.failNext('write', FULL);
    for (let half = 0; half < 13; half += 1) {
      expect(await outcome(lockd.lock('other', 'C'))).toMatch(/^15: /);
      await clock.advance(500);
    }
    expect(await soFar(waiting)).toMatch(/^4: Gave up after /);
  });
});
