/** What the history tells of the user who did something. */
import { expect, test } from 'vitest';
import { begin, FENCE_ALL } from './fixture.js';

const ANON = { from: '192.0.2.1:1000' };
const CI = { ...ANON, user: { name: 'ci' } };
const OPS = { ...ANON, user: { name: 'ops' } };

/** `event by`, oldest first. */
async function told(lockd: Awaited<ReturnType<typeof begin>>['lockd']): Promise<string[]> {
  const events = await lockd.history();
  return events.reverse().map(({ event, by = '-' }) => `${event} ${by}`);
}

test('who updated, handed over, forced: the user', async () => {
  const { lockd } = await begin();
  await lockd.lock('r', 'ci/1', { ttl: 30 }, CI);
  await lockd.update('r', 'ci/1', { note: 'x' }, CI);
  await lockd.update('r', 'ci/1', { ttl: 60 }, CI);
  await lockd.renew('r', 'ci/1', { ttl: 30 }, CI);
  await lockd.extend('r', 'ci/1', 5, {}, CI);
  const { from } = await lockd.update('r', 'ci/1', { newClient: 'they' }, OPS);
  expect(from).toBe('192.0.2.1:1000');
  await lockd.forceUnlock('r', { reason: 'gone' }, OPS);
  expect(await told(lockd)).toEqual([
    'granted -',
    ...Array(4).fill('updated ci'),
    ...['handedOver ops', 'granted -', 'forced ops'],
  ]);
});

test('without users: the address, where somebody acts against the holder, and else nobody', async () => {
  const { lockd } = await begin();
  await lockd.lock('r', 'A', { ttl: 30 }, ANON);
  await lockd.update('r', 'A', { note: 'x' }, ANON);
  await lockd.extend('r', 'A', 5, {}, ANON);
  await lockd.forceUnlock('r', { reason: 'gone' }, ANON);
  expect(await told(lockd)).toEqual(['granted -', 'updated -', 'updated -', 'forced 192.0.2.1']);
});

test('who confirmed: the user; and the victim is told who forced', async () => {
  const { lockd } = await begin({ fence: FENCE_ALL });
  await lockd.lock('r', 'A', {}, CI);
  await lockd.forceUnlock('r', { reason: 'gone' }, OPS);
  await lockd.confirmFenced('r', { reason: 'switched off' }, { ...ANON, user: { name: 'boss' } });
  expect(await told(lockd)).toEqual(['granted -', 'forced ops', 'fencing -', 'fenced boss']);
  await expect(lockd.unlock('r', 'A', {}, CI)).rejects.toThrow("forced by 'ops': gone");
});
