/** What is counted: each thing once, when it is saved, and nothing that was undone. */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Meters } from '../../src/service/meters.js';
import type { Histogram } from '../../src/service/meters-histogram.js';
import { begin, FENCE_ALL, FULL, outcome } from './fixture.js';
import { FakePeer, over } from './peer.js';

/** How many values, and their sum in milliseconds or as it is. */
function of(histogram: Histogram): { count: number; sum: number } {
  return { count: histogram.cumulative().at(-1) ?? 0, sum: Math.round(histogram.sum * 1_000) / 1_000 };
}

/** The counters that are not 0, by name. */
function risen(counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}

function totals({ grants, unlocks, adoptions, lost }: Meters) {
  return { grants, unlocks, adoptions, lost: risen(lost) };
}

describe('grants and their ends', () => {
  test('a new daemon has counted nothing', async () => {
    const { lockd } = await begin();
    expect(totals(lockd.meters)).toEqual({ grants: 0, unlocks: 0, adoptions: 0, lost: {} });
    expect(risen(lockd.meters.refusals)).toEqual({});
    for (const histogram of [lockd.meters.waitSeconds, lockd.meters.holdSeconds, lockd.meters.flushSeconds]) {
      expect(of(histogram)).toEqual({ count: 0, sum: 0 });
    }
    expect(lockd.gauges()).toEqual({
      held: 0,
      waiting: 0,
      fencing: 0,
      journalBytes: (await lockd.stats()).journalBytes,
      eventStreams: 0,
    });
  });

  test('locked, unlocked: one of each, and how long it was held', async () => {
    const { lockd, clock } = await begin();
    await lockd.lock('r', 'A');
    expect(lockd.gauges()).toMatchObject({ held: 1, waiting: 0, fencing: 0 });
    await clock.advance(90_000);
    await lockd.unlock('r', 'A');
    expect(totals(lockd.meters)).toEqual({ grants: 1, unlocks: 1, adoptions: 0, lost: {} });
    expect(of(lockd.meters.waitSeconds)).toEqual({ count: 1, sum: 0 });
    expect(of(lockd.meters.holdSeconds)).toEqual({ count: 1, sum: 90 });
    expect(lockd.gauges().held).toBe(0);
  });

  test('who waits in line waits until the grant', async () => {
    const { lockd, clock } = await begin();
    await lockd.lock('r', 'A');
    const next = lockd.lock('r', 'B', { wait: 60 });
    await clock.advance(20_000);
    expect(lockd.gauges()).toMatchObject({ held: 1, waiting: 1 });
    await lockd.unlock('r', 'A');
    await next;
    expect(of(lockd.meters.waitSeconds)).toEqual({ count: 2, sum: 20 });
  });

  test('a slow flush is a part of the wait, and seen by itself', async () => {
    const { lockd, clock, held } = await begin();
    held.hold();
    const lock = lockd.lock('r', 'A');
    await held.held();
    clock.freeze(1_500);
    expect(of(lockd.meters.waitSeconds).count).toBe(0);
    held.release();
    await lock;
    expect(of(lockd.meters.waitSeconds)).toEqual({ count: 1, sum: 1.5 });
    expect(of(lockd.meters.flushSeconds)).toEqual({ count: 1, sum: 1.5 });
  });

  test('a wall clock that jumps makes no negative times, and no wrong waits', async () => {
    const { lockd, clock, held } = await begin();
    held.hold();
    const lock = lockd.lock('r', 'A');
    await held.held();
    clock.jumpWall(86_400_000);
    held.release();
    await lock;
    expect(of(lockd.meters.waitSeconds)).toEqual({ count: 1, sum: 0 });
    clock.jumpWall(-2 * 86_400_000);
    await lockd.unlock('r', 'A');
    expect(of(lockd.meters.holdSeconds)).toEqual({ count: 1, sum: 0 });
  });

  test('what ended before a restart is not counted again, and what is held goes on', async () => {
    const daemon = await begin();
    await daemon.lockd.lock('r', 'A');
    await daemon.clock.advance(10_000);
    await daemon.lockd.close();
    const { lockd, clock } = await begin({ directory: daemon.directory, clock: daemon.clock });
    expect(lockd.meters.grants).toBe(0);
    expect(lockd.gauges().held).toBe(1);
    await clock.advance(10_000);
    await lockd.unlock('r', 'A');
    expect(of(lockd.meters.holdSeconds)).toEqual({ count: 1, sum: 20 });
  });

  test('each loss by its reason', async () => {
    const { lockd, clock } = await begin();
    await lockd.lock('expires', 'A', { ttl: 10 });
    await lockd.lock('forced', 'A');
    await lockd.lock('handed', 'A');
    await clock.advance(10_000);
    await lockd.forceUnlock('forced', { reason: 'x' });
    await lockd.update('handed', 'A', { newClient: 'B' });
    expect(totals(lockd.meters)).toEqual({
      grants: 4,
      unlocks: 0,
      adoptions: 0,
      lost: { expired: 1, forced: 1, handedOver: 1 },
    });
    expect(of(lockd.meters.holdSeconds)).toEqual({ count: 3, sum: 30 });
  });

  test('a lock file of somebody else that becomes a lock, and one that cannot be read', async () => {
    const { lockd, directory } = await begin();
    fs.writeFileSync(join(directory, 'theirs.lock'), 'somebody');
    fs.writeFileSync(join(directory, 'unreadable.lock'), '');
    await lockd.maintain();
    expect(totals(lockd.meters)).toMatchObject({ adoptions: 1, grants: 0 });
    await lockd.forceUnlock('unreadable', { reason: 'x' });
    expect(totals(lockd.meters).lost).toEqual({ forced: 1 });
    expect(of(lockd.meters.holdSeconds).count).toBe(0);
  });

  test('stats tells the same', async () => {
    const { lockd } = await begin();
    await lockd.lock('r', 'A');
    await outcome(lockd.lock('r', 'B'));
    await outcome(lockd.unlock('x', 'B'));
    await lockd.forceUnlock('r', { reason: 'x' });
    expect(await lockd.stats()).toMatchObject({ grants: 1, refusals: 2, lost: 1 });
  });
});

describe('refusals', () => {
  test('each under its name', async () => {
    const { lockd, clock } = await begin();
    await lockd.lock('r', 'A', { ttl: 5 });
    await outcome(lockd.lock('r', 'B'));
    await outcome(lockd.lock('r', 'C'));
    await outcome(lockd.unlock('r', 'B'));
    await outcome(lockd.unlock('free', 'B'));
    const waits = outcome(lockd.lock('r', 'B', { wait: 1 }));
    await clock.advance(1_000);
    await waits;
    await clock.advance(5_000);
    await outcome(lockd.renew('r', 'A'));
    expect(risen(lockd.meters.refusals)).toEqual({
      held: 2,
      notOwner: 1,
      notLocked: 1,
      timedOut: 1,
      lost: 1,
    });
  });

  test('a bad parameter is no refusal', async () => {
    const { lockd } = await begin();
    await outcome(lockd.lock('r', 'A', { ttl: -1 }));
    expect(risen(lockd.meters.refusals)).toEqual({});
  });

  test('a change that cannot be saved is refused, and nothing of it is counted', async () => {
    const { lockd, disk } = await begin();
    disk.failNext('write', FULL);
    expect(await outcome(lockd.lock('r', 'A'))).toMatch(/^15: /);
    expect(totals(lockd.meters)).toMatchObject({ grants: 0 });
    expect(of(lockd.meters.waitSeconds).count).toBe(0);
    expect(of(lockd.meters.flushSeconds).count).toBe(0);
    expect(risen(lockd.meters.refusals)).toEqual({ storageFull: 1 });
    expect(lockd.gauges().held).toBe(0);
  });

  test('a grant that nobody received was one all the same, and was given back', async () => {
    const { lockd } = await begin();
    const peer = new FakePeer();
    const lock = outcome(lockd.lock('r', 'A', {}, over(peer)));
    peer.leave();
    await lock;
    await lockd.status('r');
    expect(totals(lockd.meters)).toMatchObject({ grants: 1, unlocks: 1, lost: {} });
    expect(lockd.gauges().held).toBe(0);
  });
});

describe('fence commands', () => {
  async function fencing() {
    const daemon = await begin({ fence: FENCE_ALL });
    const { token } = await daemon.lockd.lock('r', 'A', { ttl: 10 });
    await daemon.clock.advance(10_000);
    expect(daemon.lockd.gauges()).toMatchObject({ held: 1, fencing: 1 });
    return { ...daemon, token };
  }

  function runs({ fenceSeconds }: Meters) {
    const { succeeded, failed, calledOff } = fenceSeconds;
    return { succeeded: of(succeeded), failed: of(failed), calledOff: of(calledOff) };
  }

  const NONE = { count: 0, sum: 0 };

  test('one that fails, then one that succeeds, each with its time', async () => {
    const { lockd, clock, runner, token } = await fencing();
    await clock.advance(3_000);
    runner.fail(token);
    await clock.advance(1_000);
    await clock.advance(2_000);
    runner.succeed(token);
    await clock.advance(0);
    expect(runs(lockd.meters)).toEqual({
      succeeded: { count: 1, sum: 2 },
      failed: { count: 1, sum: 3 },
      calledOff: NONE,
    });
    expect(lockd.gauges()).toMatchObject({ held: 0, fencing: 0 });
    // The hold ended when it was lost.
    expect(of(lockd.meters.holdSeconds)).toEqual({ count: 1, sum: 10 });
    expect(totals(lockd.meters)).toEqual({ grants: 1, unlocks: 0, adoptions: 0, lost: { expired: 1 } });
  });

  test('one that is called off because an operator vouches', async () => {
    const { lockd, clock } = await fencing();
    await clock.advance(4_000);
    await lockd.confirmFenced('r', { reason: 'x' });
    expect(runs(lockd.meters)).toEqual({ succeeded: NONE, failed: NONE, calledOff: { count: 1, sum: 4 } });
  });

  test('one that the stop of the daemon ends', async () => {
    const { lockd } = await fencing();
    await lockd.close();
    expect(runs(lockd.meters)).toEqual({ succeeded: NONE, failed: NONE, calledOff: { count: 1, sum: 0 } });
  });
});

describe('turns', () => {
  test('commands and changes of each', async () => {
    const { lockd } = await begin();
    await Promise.all(['a', 'b', 'c'].map((name) => lockd.lock(name, 'A')));
    expect(of(lockd.meters.turnCommands)).toEqual({ count: 1, sum: 3 });
    expect(of(lockd.meters.turnChanges)).toEqual({ count: 1, sum: 3 });
    expect(of(lockd.meters.flushSeconds).count).toBe(1);
    // Four commands of which two change something; a look is a command too.
    await Promise.all([
      lockd.unlock('a', 'A'),
      lockd.lock('d', 'A'),
      lockd.status('b'),
      outcome(lockd.lock('b', 'B')),
    ]);
    expect(of(lockd.meters.turnCommands)).toEqual({ count: 2, sum: 7 });
    expect(of(lockd.meters.turnChanges)).toEqual({ count: 2, sum: 5 });
  });

  test('one that changes nothing is not flushed', async () => {
    const { lockd } = await begin();
    await lockd.status('a');
    expect(of(lockd.meters.turnCommands)).toEqual({ count: 1, sum: 1 });
    expect(of(lockd.meters.turnChanges)).toEqual({ count: 1, sum: 0 });
    expect(of(lockd.meters.flushSeconds).count).toBe(0);
  });
});

test("the minute's maintenance that fails", async () => {
  const { lockd, disk, directory } = await begin();
  fs.writeFileSync(join(directory, 'theirs.lock'), 'somebody');
  disk.failNext('write', FULL);
  await lockd.maintain();
  expect(lockd.meters.maintenanceFailures).toBe(1);
  expect(totals(lockd.meters).adoptions).toBe(0);
  disk.heal();
  await lockd.maintain();
  expect(lockd.meters.maintenanceFailures).toBe(1);
  expect(totals(lockd.meters).adoptions).toBe(1);
});
