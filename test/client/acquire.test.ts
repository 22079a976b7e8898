/** Locks that are held, through real HTTP and XML-RPC with a real daemon. */
import { getEventListeners } from 'node:events';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { LockdClient, type LockdClientOptions } from '../../src/client/client.js';
import { RefusedCall } from '../../src/client/errors.js';
import { LockLost } from '../../src/client/lock-lost.js';
import { realDaemon } from '../cli/world.js';

async function twoClients(options: LockdClientOptions = {}) {
  const { url } = await realDaemon();
  return [
    new LockdClient({ ...options, url, client: 'A' }),
    new LockdClient({ ...options, url, client: 'B' }),
  ] as const;
}

describe('acquire', () => {
  test('gives a hold with its token and its lease', async () => {
    const [a] = await twoClients();
    const asked = performance.now();
    const hold = await a.acquire('r', { note: 'why' });
    expect(hold).toMatchObject({
      resource: 'r',
      client: 'A',
      token: expect.stringMatching(/^\d+$/),
      ttl: 30,
    });
    // A tenth less than what the daemon gives, counted from before it was asked.
    const { left } = hold;
    expect(left).toBeLessThanOrEqual(27);
    expect(left).toBeGreaterThanOrEqual(27 - (performance.now() - asked) / 1_000 - 0.02);
    hold.check();
    expect(await a.status('r')).toMatchObject({ holders: [{ token: hold.token, ttl: 30, note: 'why' }] });
    await hold.release();
    expect(await a.status('r')).toMatchObject({ state: 'free' });
  });

  test('is renewed in the background for longer than its ttl', async () => {
    const [a] = await twoClients();
    const hold = await a.acquire('r', { ttl: 3 });
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    hold.check();
    expect(await a.check('r', hold.token)).toBe(true);
    await hold.release();
  });

  test('without a lease it lasts until it is released', async () => {
    const [a] = await twoClients();
    const hold = await a.acquire('r', { ttl: 0 });
    expect([hold.ttl, hold.left]).toEqual([undefined, Number.POSITIVE_INFINITY]);
    await hold.release();
  });

  test('waits for its turn, or gives up with timedOut', async () => {
    const [a, b] = await twoClients();
    const hold = await a.acquire('r');
    await expect(b.acquire('r', { wait: 0.1 })).rejects.toMatchObject({ refusal: 'timedOut', code: 4 });
    await expect(b.acquire('r', { wait: 0 })).rejects.toMatchObject({ refusal: 'held', code: 1 });
    const next = b.acquire('r', { wait: Number.POSITIVE_INFINITY });
    await expect.poll(() => a.status('r')).toMatchObject({ waiting: 1 });
    await hold.release();
    expect((await next).client).toBe('B');
  });

  test('a semaphore has as many holders as its limit', async () => {
    const [a, b] = await twoClients();
    const c = new LockdClient({ url: a.url, client: 'C' });
    const [first] = await Promise.all([a.acquire('r', { limit: 2 }), b.acquire('r', { limit: 2 })]);
    expect(await c.tryAcquire('r', { limit: 2 })).toBeNull();
    await expect(c.tryAcquire('r', { limit: 3 })).rejects.toMatchObject({ refusal: 'limitMismatch' });
    await first.release();
    expect(await c.tryAcquire('r', { limit: 2 })).toMatchObject({ client: 'C' });
  });

  test('an aborted wait leaves the line', async () => {
    const [a, b] = await twoClients();
    await a.acquire('r');
    const abort = new AbortController();
    const waiting = b.acquire('r', { wait: 60, signal: abort.signal });
    await expect.poll(() => a.status('r')).toMatchObject({ waiting: 1 });
    abort.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    expect(await a.status('r')).toMatchObject({ waiting: 0 });
  });

  test('the signal of the client ends its waits, but not its holds', async () => {
    const abort = new AbortController();
    const [a] = await twoClients();
    const b = new LockdClient({ url: a.url, client: 'B', signal: abort.signal });
    const held = await a.acquire('r');
    const kept = await b.acquire('s');
    const waiting = b.acquire('r', { wait: 60 });
    await expect.poll(() => a.status('r')).toMatchObject({ waiting: 1 });
    abort.abort(new Error('shutting down'));
    await expect(waiting).rejects.toThrow('shutting down');
    await expect(b.status('r')).rejects.toThrow('shutting down');
    expect(await a.status('r')).toMatchObject({ waiting: 0 });
    await kept.renewNow();
    await kept.release();
    expect(await a.status('s')).toMatchObject({ state: 'free' });
    await held.release();
  });

  test('one signal may end many calls', async () => {
    const warnings: Error[] = [];
    const note = (warning: Error) => void warnings.push(warning);
    process.on('warning', note);
    onTestFinished(() => void process.off('warning', note));
    const [a] = await twoClients({ signal: new AbortController().signal });
    const { signal } = new AbortController();
    const names = Array.from({ length: 50 }, (_, index) => `r${index}`);
    const holds = await Promise.all(names.map((name) => a.acquire(name, { signal, wait: 1 })));
    await Promise.all(holds.map((hold) => hold.release()));
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    expect(warnings).toEqual([]);
  });

  test('a hold that was forced away is lost at the next renewal', async () => {
    const [a, b] = await twoClients();
    const hold = await a.acquire('r');
    await b.forceUnlock('r', { reason: 'broken' });
    await expect(hold.renewNow()).rejects.toThrow(/^'A' lost 'r' \(token \d+\): the daemon says: .*broken/);
    expect(hold.signal.reason).toBeInstanceOf(LockLost);
    await expect(hold.release()).rejects.toBe(hold.signal.reason);
  });

  test('a second hold of the same client is refused, whatever its wait', async () => {
    const [a] = await twoClients();
    await a.acquire('r');
    await expect(a.acquire('r', { wait: 60 })).rejects.toMatchObject({ refusal: 'held' });
  });
});

describe('tryAcquire', () => {
  test('is null where somebody else has it, at once or after its wait', async () => {
    const [a, b] = await twoClients();
    const hold = await a.tryAcquire('r');
    expect(hold).toMatchObject({ client: 'A' });
    expect(await b.tryAcquire('r')).toBeNull();
    expect(await b.tryAcquire('r', { wait: 0.05 })).toBeNull();
    expect(await b.tryAcquire('other')).toMatchObject({ client: 'B' });
  });

  test('every other failure rejects', async () => {
    const [a] = await twoClients();
    await expect(a.tryAcquire('')).rejects.toBeInstanceOf(RefusedCall);
  });
});

describe('withLock', () => {
  test('answers what the work answers, and releases', async () => {
    const [a] = await twoClients();
    const done = await a.withLock('r', {}, async (hold, signal) => {
      expect(signal).toBe(hold.signal);
      expect(await a.check('r', hold.token)).toBe(true);
      return 42;
    });
    expect(done).toBe(42);
    expect(await a.status('r')).toMatchObject({ state: 'free' });
  });

  test('releases when the work throws, and rejects with what it throws', async () => {
    const [a] = await twoClients();
    const failure = new Error('no');
    const work = async () => {
      throw failure;
    };
    await expect(a.withLock('r', {}, work)).rejects.toBe(failure);
    expect(await a.status('r')).toMatchObject({ state: 'free' });
  });

  test.each(['ends well', 'throws'])(
    'a lock that is lost while the work runs, which then %s',
    async (ending) => {
      const [a, b] = await twoClients();
      const failure = new Error('stopped');
      const running = a.withLock('r', { ttl: 2 }, async (_, signal) => {
        await b.forceUnlock('r', { reason: 'broken' });
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        if (ending === 'throws') throw failure;
      });
      const error = await running.catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(LockLost);
      expect((error as LockLost).suppressed).toBe(ending === 'throws' ? failure : undefined);
    },
  );

  test('a hundred clients count to a hundred, one at a time', async () => {
    const { url } = await realDaemon();
    let [counter, inside, most] = [0, 0, 0];
    const count = async (_: unknown, index: number) => {
      const client = new LockdClient({ url, client: `c${index}` });
      await client.withLock('r', { wait: 60 }, async () => {
        inside += 1;
        most = Math.max(most, inside);
        const before = counter;
        await new Promise((resolve) => setImmediate(resolve));
        counter = before + 1;
        inside -= 1;
      });
      client.close();
    };
    await Promise.all(Array.from({ length: 100 }, count));
    expect([counter, most]).toEqual([100, 1]);
  });
});

describe('enqueue', () => {
  test('granted at once: wait gives the hold that it has', async () => {
    const [a] = await twoClients();
    const queued = await a.enqueue('r');
    expect(queued).toMatchObject({ state: 'granted', position: 0, hold: { client: 'A', ttl: 30 } });
    const hold = await queued.wait();
    expect(hold.token).toBe(queued.hold?.token);
    expect(await queued.wait()).toBe(hold);
    await queued.cancel();
    expect(await a.status('r')).toMatchObject({ state: 'free' });
  });

  test('queued: waits again and again, and keeps the place', async () => {
    const [a, b] = await twoClients();
    const first = await a.acquire('r');
    const queued = await b.enqueue('r', { ttl: 5 });
    expect(queued).toMatchObject({ state: 'queued', position: 1 });
    await expect(queued.wait({ wait: 0.05 })).rejects.toMatchObject({ refusal: 'timedOut' });
    await expect(queued.wait({ wait: 0 })).rejects.toMatchObject({ refusal: 'timedOut' });
    const abort = AbortSignal.abort(new Error('enough'));
    await expect(queued.wait({ signal: abort })).rejects.toThrow('enough');
    expect(await a.status('r')).toMatchObject({ waiting: 1 });
    await first.release();
    const hold = await queued.wait();
    expect(hold).toMatchObject({ client: 'B', ttl: 5 });
    expect(hold.left).toBeLessThanOrEqual(4.5);
    await hold.release();
  });

  test('cancel leaves the line', async () => {
    const [a, b] = await twoClients();
    await a.acquire('r');
    const queued = await b.enqueue('r');
    await queued.cancel();
    expect(await a.status('r')).toMatchObject({ waiting: 0 });
    await expect(queued.wait()).rejects.toMatchObject({ refusal: 'notQueued' });
  });
});

test('a prefix stands before every name', async () => {
  const [plain] = await twoClients();
  const client = new LockdClient({ url: plain.url, client: 'A', prefix: 'pylock:' });
  const hold = await client.acquire('key');
  expect(hold.resource).toBe('pylock:key');
  await hold.renewNow();
  expect(await plain.check('pylock:key', hold.token)).toBe(true);
  expect(await client.check('key', hold.token)).toBe(true);
  await plain.lock('other');
  expect(await client.list()).toMatchObject([{ resource: 'pylock:key' }]);
  expect(await client.list({ prefix: 'x' })).toEqual([]);
  expect(await client.history({ resource: 'key' })).toMatchObject([{ event: 'granted' }]);
  await hold.release();
  expect(await client.status('key')).toMatchObject({ resource: 'pylock:key', state: 'free' });
  const queued = await client.enqueue('key');
  expect((await queued.wait()).resource).toBe('pylock:key');
});

describe('a thousand locks', () => {
  afterEach(() => void vi.restoreAllMocks());

  test('taken and given back leave no timer and no listener behind', async () => {
    const running = new Set<unknown>();
    const { setTimeout, clearTimeout } = globalThis;
    vi.spyOn(globalThis, 'setTimeout').mockImplementation(((action: () => void, milliseconds: number) => {
      const timer = setTimeout(() => {
        running.delete(timer);
        action();
      }, milliseconds);
      running.add(timer);
      return timer;
    }) as typeof setTimeout);
    vi.spyOn(globalThis, 'clearTimeout').mockImplementation((timer) => {
      running.delete(timer);
      clearTimeout(timer);
    });
    const { url } = await realDaemon();
    const [own, call] = [new AbortController(), new AbortController()];
    const client = new LockdClient({ url, client: 'A', signal: own.signal });
    const before = running.size;
    let most = 0;
    for (let cycle = 0; cycle < 1_000; cycle += 1) {
      const hold = await client.acquire('r', { wait: cycle % 2, signal: call.signal });
      most = Math.max(most, running.size);
      await hold.release();
    }
    expect(most).toBeGreaterThan(before);
    // Of the daemon in the same process: what it has to do next.
    expect(running.size - before).toBeLessThan(10);
    for (const { signal } of [own, call]) expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
});
