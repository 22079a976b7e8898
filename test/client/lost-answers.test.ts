/** Answers that are cut off, and daemons that are restarted: never is a lock taken twice, or one hold counted as two. */
import { expect, test } from 'vitest';
import { LockdClient } from '../../src/client/client.js';
import { realDaemon } from '../cli/world.js';
import { serve } from '../daemon.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { type CuttingProxy, proxyTo } from './proxy.js';

const AT_ONCE = { retry: { delay: 0, jitter: 0 } };

/** A daemon behind a proxy, and how many bytes its answer to a lock has. */
async function daemonBehindProxy() {
  const { url } = await realDaemon();
  const proxy = await proxyTo(url);
  const watcher = new LockdClient({ url, client: 'watcher' });
  const client = clientOf(proxy);
  const hold = await client.acquire('r', { wait: 0 });
  const length = proxy.answered;
  await hold.release();
  client.close();
  return { proxy, watcher, length };
}

/** A client with a connection of its own. */
function clientOf({ url }: CuttingProxy): LockdClient {
  return new LockdClient({ url, client: 'A', ...AT_ONCE });
}

// 1 s in the line is one call; 30 s are taken in slices, with a place that is asked for first.
test.each([
  ['at once', 0, 1],
  ['with a place in the line', 1, 3],
  ['with a place that is asked for first', 30, 3],
])('the answer to a lock %s is cut at every byte', async (_, wait, step) => {
  const { proxy, watcher, length } = await daemonBehindProxy();
  expect(length).toBeGreaterThan(500);
  for (let cut = 0; cut < length; cut += step) {
    const { grants } = await watcher.stats();
    const client = clientOf(proxy);
    proxy.cutAfter = cut;
    const before = proxy.connections;
    const hold = await client.acquire('r', { wait });
    expect(proxy.connections - before, `cut at ${cut}`).toBe(2);
    expect(await watcher.stats(), `cut at ${cut}`).toMatchObject({
      grants: grants + 1,
      held: 1,
      waiting: 0,
    });
    expect(await watcher.check('r', hold.token)).toBe(true);
    await hold.release();
    client.close();
  }
  expect(await watcher.stats()).toMatchObject({ held: 0, waiting: 0 });
});

test('the answer to a release is cut: it is given back, and nobody else’s hold is touched', async () => {
  const { proxy, watcher } = await daemonBehindProxy();
  for (let cut = 0; cut < 300; cut += 10) {
    const client = clientOf(proxy);
    const hold = await client.acquire('r', { wait: 0 });
    client.close();
    proxy.cutAfter = cut;
    const next = watcher.acquire('r', { wait: 5 });
    await hold.release();
    await (await next).release();
    client.close();
  }
  expect(await watcher.stats()).toMatchObject({ held: 0 });
});

test('a wait that is cut goes on at its place', async () => {
  const { proxy, watcher } = await daemonBehindProxy();
  const first = await watcher.acquire('r');
  const client = clientOf(proxy);
  const waiting = client.acquire('r', { wait: 60 });
  await expect.poll(() => watcher.status('r')).toMatchObject({ waiting: 1 });
  const last = new LockdClient({ url: watcher.url, client: 'last' }).acquire('r', { wait: 60 });
  await expect.poll(() => watcher.status('r')).toMatchObject({ waiting: 2 });
  const { connections } = proxy;
  client.close();
  await expect.poll(() => proxy.connections).toBeGreaterThan(connections);
  await first.release();
  const hold = await waiting;
  await hold.release();
  await (await last).release();
});

test('a daemon is killed and started again: holds and waits carry on', async () => {
  const directory = temporaryDirectory();
  const first = await serve([], directory);
  const proxy = await proxyTo(first.url);
  const options = { url: proxy.url, retry: { attempts: 2, delay: 0.1 } };
  const holder = new LockdClient({ ...options, client: 'holder' });
  const waiter = new LockdClient({ ...options, client: 'waiter' });
  const hold = await holder.acquire('r', { ttl: 30 });
  const waiting = waiter.acquire('r', { wait: 60 });
  await expect.poll(() => holder.status('r')).toMatchObject({ waiting: 1 });

  await first.daemon.kill();
  proxy.target = undefined;
  await expect(hold.renewNow()).rejects.toMatchObject({
    name: expect.stringMatching(/^(NoDaemon|OutcomeUnknown)$/),
  });
  expect(hold.isLost).toBe(false);
  proxy.target = (await serve([], directory)).url;

  const asked = performance.now();
  await hold.renewNow();
  // The clock since boot goes in steps of 10 ms.
  expect(hold.left).toBeGreaterThanOrEqual(27 - (performance.now() - asked) / 1_000 - 0.02);
  expect(await holder.check('r', hold.token)).toBe(true);
  await hold.release();
  const next = await waiting;
  expect(BigInt(next.token)).toBeGreaterThan(BigInt(hold.token));
  await next.release();
});

test('a daemon that is gone for good: lost before its lease can have ended', async () => {
  const { url, daemon } = await serve();
  const client = new LockdClient({ url, client: 'A' });
  const asked = performance.now();
  const hold = await client.acquire('r', { ttl: 2 });
  // A tenth of the lease is kept back. Timers come in their order, however late a busy machine lets them come.
  let isOver = false;
  const leaseEnds = setTimeout(
    () => {
      isOver = true;
    },
    (hold.left + 0.2) * 1_000,
  );
  await daemon.kill();
  const wasOver = await new Promise((resolve) =>
    hold.signal.addEventListener('abort', () => resolve(isOver)),
  );
  clearTimeout(leaseEnds);
  expect(wasOver).toBe(false);
  expect((performance.now() - asked) / 1_000).toBeGreaterThan(1.7);
  expect(() => hold.check()).toThrow(/its lease could not be renewed in time: No daemon answers/);
});
