import { expect, test } from 'vitest';
import type { Hold } from '../../src/core/answers.js';
import { MAX_LOST_KEPT } from '../../src/core/limits.js';
import { World } from '../core/world.js';
import { begin, FULL, outcome, type TimedDaemon } from './fixture.js';
import { rounds } from './manual-clock.js';
import { FakePeer, over } from './peer.js';

test('a withdrawal that is tried later leaves alone who was told its hold meanwhile', async () => {
  const { lockd, held, disk, clock } = await begin();
  const peer = new FakePeer();
  held.hold();
  const call = outcome(lockd.lock('r', 'A', { request: 'k', ttl: 30 }, over(peer)));
  await held.held();
  peer.leave();
  disk.failNext('write', FULL);
  held.release();
  expect(await call).toBe('16: The caller is gone');
  await rounds();
  const { token } = await lockd.lock('r', 'A', { request: 'k', ttl: 30 });
  disk.heal();
  await clock.advance(1_500);
  expect(await lockd.check('r', token)).toBe(true);
});

test('the newest loss outlives older ones of others', () => {
  const world = new World();
  const put = (resource: string, token: number) =>
    world.table.load({
      kind: 'lost',
      resource,
      client: 'A',
      token,
      time: world.now.time + token,
      cause: 'expired',
    });
  put('r', 1);
  for (let t = 2; t <= MAX_LOST_KEPT + 1; t += 1) put(`r${t}`, t);
  put('r', MAX_LOST_KEPT + 2);
  world.do({ kind: 'forget' });
  const left = [...world.table.allLost()].map(({ token }) => token);
  expect(left).toContain(MAX_LOST_KEPT + 2);
});

test('a forget that could not be saved leaves the order', () => {
  const world = new World();
  for (let t = 1; t <= MAX_LOST_KEPT + 2; t += 1)
    world.table.load({
      kind: 'lost',
      resource: `r${t}`,
      client: 'A',
      token: t,
      time: world.now.time + t,
      cause: 'expired',
    });
  world.turn([{ kind: 'forget' }], false);
  world.do({ kind: 'forget' });
  const left = [...world.table.allLost()].map(({ token }) => token);
  expect(left).not.toContain(1);
  expect(left).toContain(3);
});

/** The lease lasts for what was told last, to the millisecond. */
async function expectLeft({ lockd, clock }: TimedDaemon, { token, left = 0 }: Hold) {
  expect(left).toBeGreaterThanOrEqual(5);
  await clock.advance(left * 1_000 - 1);
  expect(await lockd.check('r', token)).toBe(true);
  await clock.advance(1);
  expect(await lockd.check('r', token)).toBe(false);
}

test('a repeat of the request, told while a shorter ttl is being saved: the lease lasts for what it was told', async () => {
  const daemon = await begin();
  const { lockd, clock, held } = daemon;
  const { token } = await lockd.lock('r', 'A', { ttl: 30, request: 'k' });
  await clock.advance(10_000);
  held.hold();
  const first = lockd.renew('r', 'A', { ttl: 5 });
  await held.held();
  const repeat = lockd.lock('r', 'A', { ttl: 30, request: 'k' });
  await rounds();
  held.release();
  await first;
  expect(await repeat).toMatchObject({ token });
  await expectLeft(daemon, await repeat);
});

test('a `wait` on the hold, told while a shorter ttl is being saved: the lease lasts for what it was told', async () => {
  const daemon = await begin();
  const { lockd, clock, held } = daemon;
  await lockd.lock('r', 'A', { ttl: 30, request: 'k' });
  await clock.advance(10_000);
  held.hold();
  const first = lockd.renew('r', 'A', { ttl: 5 });
  await held.held();
  const waited = lockd.wait('r', 'A', 5);
  await rounds();
  held.release();
  await first;
  await expectLeft(daemon, await waited);
});
