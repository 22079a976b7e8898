/** `open://`: no daemon, no lock. */
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { LockdClient } from '../../src/client/client.js';

test('everything is granted to everybody, with token 0, and it is said once', async () => {
  const warned = once(process, 'warning');
  const [a, b] = [new LockdClient({ url: 'open://', client: 'A' }), new LockdClient({ url: 'open://' })];
  const [warning] = await warned;
  expect(warning).toMatchObject({
    name: 'LockdWarning',
    message: 'open:// locks nothing: every lock is granted to everybody, with token 0',
  });
  expect(a.url.href).toBe('open://');

  const [first, second] = [await a.acquire('r', { note: 'why' }), await b.acquire('r')];
  expect([first.token, second.token]).toEqual(['0', '0']);
  expect(first).toMatchObject({ resource: 'r', client: 'A', ttl: undefined, left: Number.POSITIVE_INFINITY });
  await first.renewNow();
  first.check();
  await first.release();
  expect(await a.withLock('r', {}, () => 'done')).toBe('done');
  expect(await b.tryAcquire('r')).not.toBeNull();
  const queued = await a.enqueue('r', { limit: 2 });
  expect(queued).toMatchObject({ state: 'granted', hold: { token: '0', limit: 2 } });
  expect((await queued.wait()).token).toBe('0');
});

test('every method has an answer, and check says no', async () => {
  const client = new LockdClient({ url: 'open://', client: 'A' });
  expect(await client.lock('r', { wait: 60, note: 'why' })).toMatchObject({
    token: '0',
    note: 'why',
    state: 'held',
  });
  expect(await client.wait('r', 5)).toMatchObject({ token: '0' });
  expect(await client.extend('r', 60, { token: '0' })).toMatchObject({ token: '0' });
  expect(await client.update('r', { note: 'new' })).toMatchObject({ note: 'new' });
  expect(await client.unlock('r')).toBe(true);
  expect(await client.unlock('r', { token: '0' })).toBe(true);
  expect(await client.cancel('r')).toBe(true);
  expect(await client.forceUnlock('r', { reason: 'test' })).toBe(true);
  expect(await client.confirmFenced('r', { reason: 'test' })).toBe(true);
  expect(await client.check('r', '0')).toBe(false);
  expect(await client.status('r')).toMatchObject({ resource: 'r', state: 'free', held: 0 });
  expect(await client.list()).toEqual([]);
  expect(await client.history()).toEqual([]);
  expect(await client.health()).toEqual({ status: 'ok', problems: [] });
  await expect(client.stats()).rejects.toThrow('stats: there is no daemon behind open://');
  await expect(client.lock('')).rejects.toThrow("parameter 'resource'");
});
