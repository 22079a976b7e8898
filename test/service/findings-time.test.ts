/** Histories about time that a reader found: leases that never ended, or ended sooner than was said, and what was forgotten. */
import { describe, expect, test } from 'vitest';
import type { Hold } from '../../src/core/answers.js';
import { LeaseClock } from '../../src/service/lease-clock.js';
import { begin, line, outcome, type TimedDaemon } from './fixture.js';
import { ManualClock, rounds } from './manual-clock.js';

const HOUR = 3_600_000;

/** How a call ended, and when: milliseconds since the clock began. */
function timed({ clock }: TimedDaemon, call: Promise<unknown>) {
  return outcome(call).then((ended) => ({ ended, at: clock.monotonic() }));
}

/** For so many milliseconds one flush comes after another, each as slow. */
async function flushes({ lockd, clock, held }: TimedDaemon, flush: number, milliseconds: number) {
  const end = clock.monotonic() + milliseconds;
  const load: Promise<unknown>[] = [];
  held.hold();
  while (clock.monotonic() < end) {
    load.push(lockd.lock(`load ${load.length}`, 'L'));
    await held.held();
    await clock.advance(flush);
    held.releaseOnce();
    await rounds();
  }
  held.release();
  await Promise.all(load);
}

/** For so many milliseconds the event loop is busy, each time for `busy` of them. */
async function busyLoop({ clock }: TimedDaemon, busy: number, milliseconds: number) {
  for (let passed = 0; passed < milliseconds; passed += busy) {
    clock.stall(busy);
    await rounds();
  }
}

/** A dead holder with a lease of 2 s, and who waits for it; a call that waits for 3 s, and a place that is kept for 4 s. */
async function deadHolder() {
  const daemon = await begin();
  const { lockd } = daemon;
  const { token } = await lockd.lock('r', 'A', { ttl: 2 });
  await lockd.lock('taken', 'H');
  await lockd.enqueue('taken', 'away', { claim: 4 });
  const granted = timed(daemon, lockd.lock('r', 'B', { wait: 60 }));
  const timedOut = timed(daemon, lockd.lock('taken', 'C', { wait: 3 }));
  await rounds();
  return { daemon, token, granted, timedOut };
}

describe('a disk whose flushes are slow, one after another', () => {
  test.each([60, 500, 1_999])('of %i ms each: leases, waits and claims end in time', async (flush) => {
    const { daemon, token, granted, timedOut } = await deadHolder();
    const slack = 3 * flush;
    await flushes(daemon, flush, 4_000 + slack);
    const grant = await granted;
    expect(grant.ended).toMatchObject({ client: 'B' });
    expect(grant.at).toBeGreaterThanOrEqual(2_000);
    expect(grant.at).toBeLessThanOrEqual(2_000 + slack);
    const refusal = await timedOut;
    expect(refusal.ended).toMatch(/^4: Gave up after /);
    expect(refusal.at).toBeGreaterThanOrEqual(3_000);
    expect(refusal.at).toBeLessThanOrEqual(3_000 + slack);
    expect(await line(daemon, 'taken')).toEqual([]);
    expect(await outcome(daemon.lockd.renew('r', 'A', { token }))).toMatch(/^8: /);
  });

  test.each([
    [1_999, 28.001],
    [2_000, 30],
    [5_000, 30],
  ])('one of %i ms leaves %d s of a lease of 30 s: only one that hangs counts', async (flush, left) => {
    const daemon = await begin();
    await daemon.lockd.lock('r', 'A', { ttl: 30 });
    await flushes(daemon, flush, flush);
    expect((await daemon.lockd.status('r')).holders).toMatchObject([{ left }]);
  });
});

describe('an event loop that is busy', () => {
  test('for 200 ms again and again: leases, waits and claims end within twice their time', async () => {
    const { daemon, granted, timedOut } = await deadHolder();
    await busyLoop(daemon, 200, 8_000);
    const grant = await granted;
    expect(grant.ended).toMatchObject({ client: 'B' });
    expect(grant.at).toBeGreaterThanOrEqual(2_000);
    expect(grant.at).toBeLessThanOrEqual(4_000);
    const refusal = await timedOut;
    expect(refusal.ended).toMatch(/^4: /);
    expect(refusal.at).toBeLessThanOrEqual(6_000);
    expect(await line(daemon, 'taken')).toEqual([]);
  });

  test.each([
    ['on time', 100, 0],
    ['hardly late', 150, 0],
    ['late', 151, 1],
    ['busy', 200, 50],
    ['busy for long', 999, 849],
    ['stopped', 1_000, 1_000],
    ['hanging', 5_000, 5_000],
  ])('%s: of %i ms, %i count as a stall', (_, away, counted) => {
    const clock = new ManualClock();
    const leaseClock = new LeaseClock(clock);
    leaseClock.start();
    clock.stall(away);
    expect(leaseClock.now()).toBe(away - counted);
    leaseClock.stop();
  });
});

describe('a renewal that shortens a lease', () => {
  const shorten = {
    renew: ({ lockd }: TimedDaemon) => lockd.renew('r', 'A', { ttl: 5 }),
    update: ({ lockd }: TimedDaemon) => lockd.update('r', 'A', { ttl: 5 }),
  };

  /** The lease lasts for what was told last, to the millisecond. */
  async function expectLeft({ lockd, clock }: TimedDaemon, { token, left = 0 }: Hold) {
    expect(left).toBeGreaterThanOrEqual(5);
    await clock.advance(left * 1_000 - 1);
    expect(await lockd.check('r', token)).toBe(true);
    await clock.advance(1);
    expect(await lockd.check('r', token)).toBe(false);
  }

  test.each(Object.entries(shorten))(
    'by %s, being saved while a plain one is answered: the lease lasts for what that one was told',
    async (_, shortening) => {
      const daemon = await begin();
      const { lockd, clock, held } = daemon;
      const { token } = await lockd.lock('r', 'A', { ttl: 30 });
      await clock.advance(10_000);
      held.hold();
      const first = shortening(daemon);
      await held.held();
      const second = lockd.renew('r', 'A', { token });
      await rounds();
      held.release();
      expect(await first).toMatchObject({ ttl: 5 });
      await expectLeft(daemon, await second);
    },
  );

  test.each(Object.entries(shorten))('by %s, in the turn of a plain one: the same', async (_, shortening) => {
    const daemon = await begin();
    const { lockd, clock } = daemon;
    await lockd.lock('r', 'A', { ttl: 30 });
    await clock.advance(10_000);
    const [, second] = await Promise.all([shortening(daemon), lockd.renew('r', 'A')]);
    await expectLeft(daemon, second);
  });

  test('alone does so, also after others', async () => {
    const daemon = await begin();
    const { lockd, clock } = daemon;
    await lockd.lock('r', 'A', { ttl: 30 });
    await lockd.renew('r', 'A');
    await clock.advance(10_000);
    await lockd.renew('r', 'A');
    const last = await lockd.renew('r', 'A', { ttl: 5 });
    expect(last).toMatchObject({ ttl: 5, left: 5 });
    await expectLeft(daemon, last);
  });
});

describe('a wall clock that jumps by 26 hours', () => {
  /** A lost `lost`, and unlocked `ended`, which it had with a key. */
  async function remembering() {
    const daemon = await begin();
    const { lockd, clock } = daemon;
    const { token } = await lockd.lock('lost', 'A', { ttl: 10 });
    await lockd.lock('ended', 'A', { request: 'k' });
    await lockd.unlock('ended', 'A');
    await clock.advance(10_000);
    const ask = async () => [
      await outcome(lockd.renew('lost', 'A', { token })),
      await outcome(lockd.unlock('lost', 'A')),
      await outcome(lockd.lock('ended', 'A', { request: 'k' })),
    ];
    return { daemon, ask };
  }

  const TOLD = [
    expect.stringMatching(/^8: 'A' lost 'lost' /),
    expect.stringMatching(/^8: 'A' lost 'lost' /),
    expect.stringMatching(/^17: The hold of request 'k' ended at /),
  ];

  test.each([
    ['ahead', 26 * HOUR],
    ['back', -26 * HOUR],
  ])(
    '%s makes nobody forget: a loss and an ended key are told, after the maintenance too',
    async (_, jump) => {
      const { daemon, ask } = await remembering();
      daemon.clock.jumpWall(jump);
      expect(await ask()).toEqual(TOLD);
      await daemon.lockd.maintain();
      expect(await ask()).toEqual(TOLD);
    },
  );

  test('ahead keeps nothing for ever: when a day has passed, both are forgotten', async () => {
    const { daemon, ask } = await remembering();
    daemon.clock.jumpWall(26 * HOUR);
    daemon.clock.freeze(24 * HOUR + 1);
    await daemon.lockd.maintain();
    expect(await ask()).toEqual([
      '3: Resource not locked',
      '3: Resource not locked',
      expect.objectContaining({ client: 'A' }),
    ]);
  });
});

test('an answer to a renewal says nothing of how long its hold had waited in the line', async () => {
  const { lockd, clock } = await begin();
  await lockd.lock('r', 'A', { ttl: 30 });
  const waiting = lockd.lock('r', 'B', { ttl: 30, wait: 60 });
  await clock.advance(5_000);
  await lockd.unlock('r', 'A');
  expect(await waiting).toMatchObject({ waited: 5 });
  // A client counts its lease from the sending of the attempt and `waited`: more would be a lease that it does not have.
  expect(await lockd.renew('r', 'B')).toMatchObject({ waited: 0 });
  expect(await lockd.extend('r', 'B', 5)).toMatchObject({ waited: 0 });
  expect(await lockd.update('r', 'B', { note: 'n' })).toMatchObject({ waited: 0 });
});

test('a shorter lease that is over while it is being saved begins when it is saved: who is told of it has it', async () => {
  const { lockd, clock, held } = await begin();
  const { token } = await lockd.lock('r', 'A', { ttl: 2 });
  await clock.advance(1_900);
  held.hold();
  const renewed = lockd.renew('r', 'A', { token, ttl: 1 });
  await held.held();
  // Less than a hang, so that nothing stands still for it: the expiry waits behind the flush.
  await clock.advance(1_500);
  held.release();
  expect(await renewed).toMatchObject({ token, left: 1 });
  await rounds();
  expect(await lockd.check('r', token)).toBe(true);
  await clock.advance(900);
  expect(await lockd.check('r', token)).toBe(true);
  await clock.advance(200);
  expect(await lockd.check('r', token)).toBe(false);
});
