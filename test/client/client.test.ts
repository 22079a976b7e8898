/** The client against a real service behind real HTTP and XML-RPC: what goes out and what comes back. */
import { expect, test } from 'vitest';
import { LockdClient } from '../../src/client/client.js';
import { RefusedCall } from '../../src/client/errors.js';
import { realDaemon } from '../cli/world.js';

async function twoClients() {
  const { url } = await realDaemon();
  return [
    new LockdClient({ url, client: 'A' }),
    new LockdClient({ url: `${url}/RPC2`, client: 'B' }),
  ] as const;
}

test('a lock from hand to hand', async () => {
  const [a, b] = await twoClients();
  const first = await a.lock('r', { note: 'why & <how> ]]> "é名"' });
  expect(first).toMatchObject({
    resource: 'r',
    client: 'A',
    limit: 1,
    state: 'held',
    note: 'why & <how> ]]> "é名"',
  });
  expect(first.acquired).toBeInstanceOf(Date);

  const refused = await b.lock('r').catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(RefusedCall);
  expect(refused).toMatchObject({ code: 1, refusal: 'held', message: "Resource already locked by 'A'" });

  expect(await a.unlock('r', { token: first.token })).toBe(true);
  const second = await b.lock('r');
  expect(BigInt(second.token)).toBeGreaterThan(BigInt(first.token));
  expect(await a.forceUnlock('r', { reason: 'test', client: 'B' })).toBe(true);
  await expect(b.unlock('r')).rejects.toMatchObject({ code: 8, refusal: 'lost' });
});

test('a lock from hand to hand through the line', async () => {
  const [a, b] = await twoClients();
  const first = await a.lock('r', { ttl: 3_600 });
  expect(first).toMatchObject({ ttl: 3_600, left: expect.any(Number), expires: expect.any(Date) });
  const next = b.lock('r', { wait: 60, note: 'next' });
  await expect
    .poll(() => a.status('r'))
    .toMatchObject({
      waiting: 1,
      queue: [{ client: 'B', position: 1, since: expect.any(Date), note: 'next' }],
    });
  await a.unlock('r', { token: first.token });
  const second = await next;
  expect(BigInt(second.token)).toBeGreaterThan(BigInt(first.token));
  expect(await a.check('r', second.token)).toBe(true);
  expect(await a.check('r', first.token)).toBe(false);
});

test.each([20, 60])('an aborted wait of %i s leaves the line', async (wait) => {
  const [a, b] = await twoClients();
  await a.lock('r');
  const abort = new AbortController();
  const waiting = b.lock('r', { wait, signal: abort.signal });
  await expect.poll(() => a.status('r')).toMatchObject({ waiting: 1 });
  abort.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
  expect(await a.status('r')).toMatchObject({ waiting: 0, queue: [] });
});

test('a lock in two calls', async () => {
  const [a, b] = await twoClients();
  expect(await a.enqueue('r')).toMatchObject({ state: 'granted', position: 0, hold: { client: 'A' } });
  expect(await b.enqueue('r', { request: 'k' })).toEqual({ state: 'queued', position: 1 });
  await expect(b.wait('r', 0.05, { request: 'k' })).rejects.toMatchObject({ refusal: 'timedOut' });
  await a.unlock('r');
  const hold = await b.wait('r', 10, { request: 'k' });
  expect(await b.wait('r', 10, { request: 'k' })).toMatchObject({ token: hold.token });
  expect(await a.enqueue('r')).toEqual({ state: 'queued', position: 1 });
  expect(await a.cancel('r')).toBe(true);
  await expect(a.cancel('r')).rejects.toMatchObject({ refusal: 'notQueued' });
});

test('the same key gets the same hold', async () => {
  const [a] = await twoClients();
  const hold = await a.lock('r', { request: 'k' });
  expect(await a.lock('r', { request: 'k' })).toMatchObject({ token: hold.token });
  await expect(a.lock('r')).rejects.toMatchObject({ refusal: 'held' });
});

test('renew, extend and update', async () => {
  const [a, b] = await twoClients();
  const { token } = await a.lock('r', { ttl: 60 });
  expect(await a.renew('r', { ttl: 600, token })).toMatchObject({ ttl: 600, token });
  const extended = await a.extend('r', 600, { token });
  expect(extended.left).toBeGreaterThan(1_100);
  expect(await a.update('r', { note: 'why' })).toMatchObject({ note: 'why' });
  const handed = await a.update('r', { newClient: 'B' });
  expect(handed).toMatchObject({ client: 'B', note: 'why' });
  await expect(a.renew('r', { token })).rejects.toMatchObject({ refusal: 'lost' });
  expect(await b.unlock('r', { token: handed.token })).toBe(true);
});

test('history, newest first', async () => {
  const [a, b] = await twoClients();
  const { token } = await a.lock('r');
  await b.forceUnlock('r', { reason: 'gone', fenced: true });
  const events = await b.history({ resource: 'r' });
  expect(events).toMatchObject([
    { event: 'forced', client: 'A', token, reason: 'gone', time: expect.any(Date) },
    { event: 'granted', client: 'A', token },
  ]);
  expect(await b.history({ before: events[0]?.id ?? '' })).toMatchObject([{ event: 'granted' }]);
});

test('a fault of the protocol has a code and no name', async () => {
  const [a] = await twoClients();
  const fault = await a.lock('r', { limit: 0 }).catch((error: unknown) => error);
  expect(fault).toBeInstanceOf(RefusedCall);
  expect(fault).toMatchObject({
    code: -32602,
    refusal: undefined,
    message: expect.stringContaining("'limit'"),
  });
});

test('status, stats and health', async () => {
  const [a] = await twoClients();
  expect(await a.status('r')).toMatchObject({ resource: 'r', state: 'free', limit: 1, held: 0, holders: [] });
  await a.lock('r', { limit: 2 });
  expect(await a.status('r')).toMatchObject({ state: 'held', limit: 2, held: 1, holders: [{ client: 'A' }] });
  expect(await a.stats()).toMatchObject({
    held: 1,
    grants: 1,
    refusals: 0,
    lost: 0,
    started: expect.any(Date),
  });
  expect(await a.health()).toEqual({ status: 'ok', problems: [] });
});

test('members without a value are left out, not sent as empty texts', async () => {
  const [a] = await twoClients();
  const hold = await a.call('lock', 'r', 'A', { note: undefined });
  expect(hold).toBeInstanceOf(Map);
  expect((hold as Map<string, unknown>).has('note')).toBe(false);
});

test('everything is listed, page by page', async () => {
  const [a] = await twoClients();
  const names = Array.from({ length: 1_001 }, (_, index) => `r${String(index).padStart(4, '0')}`);
  // A hundred connections at once are enough.
  for (let first = 0; first < names.length; first += 100)
    await Promise.all(names.slice(first, first + 100).map((name) => a.lock(name)));
  const listed = async (options: Parameters<LockdClient['listAll']>[0]) => {
    const found: string[] = [];
    for await (const status of a.listAll(options)) found.push(status.resource);
    return found;
  };
  expect(await listed({})).toEqual(names);
  expect(await listed({ count: 1_000 })).toEqual(names.slice(0, 1_000));
  expect(await listed({ count: 3, after: 'r0998' })).toEqual(['r0999', 'r1000']);
  expect(await listed({ prefix: 'r099' })).toHaveLength(10);
  expect(await listed({ client: 'B' })).toEqual([]);
  expect(await listed({ state: 'unreadable' })).toEqual([]);
});

test('what no daemon accepts is not sent, and refused in the words of the daemon', async () => {
  const client = new LockdClient({ url: 'http://127.0.0.1:1', client: 'A' });
  const odd = new LockdClient({ url: 'http://127.0.0.1:1', client: 'a\u0007' });
  const refusal = (message: string) => ({ name: 'RefusedCall', code: -32602, refusal: undefined, message });
  const text = 'a\u001b[2Jb';
  await expect(client.lock(text)).rejects.toMatchObject(
    refusal("lock: parameter 'resource' must be printable text, but has U+001B"),
  );
  await expect(client.lock('r', { note: text })).rejects.toMatchObject(
    refusal("lock: parameter 'note' must be printable text, but has U+001B"),
  );
  await expect(odd.unlock('r')).rejects.toMatchObject(
    refusal("unlock: parameter 'client' must be printable text, but has U+0007"),
  );
  await expect(client.forceUnlock('r', { reason: text })).rejects.toMatchObject(
    refusal("forceUnlock: parameter 'reason' must be printable text, but has U+001B"),
  );
  await expect(client.status(text)).rejects.toMatchObject(
    refusal("status: parameter 'resource' must be printable text, but has U+001B"),
  );
  const sent = client.list({ prefix: text });
  await expect(sent).rejects.toBeInstanceOf(RefusedCall);
  await expect(sent).rejects.toMatchObject({
    code: -32602,
    message: expect.stringMatching(/^list: a parameter cannot be written as XML: /),
  });
});

test.each([[undefined], [null], [5], [{}]])(
  'a resource that is %j is none: nothing is locked by that name',
  async (given) => {
    const { url } = await realDaemon();
    // As a program without types may pass a variable that is not set.
    const resource = given as unknown as string;
    const refused = { code: -32602, message: `parameter 'resource' must be string, not ${typeof given}` };
    for (const prefix of ['', 'deploy/']) {
      const asking = new LockdClient({ url, client: 'A', prefix });
      await expect(asking.acquire(resource)).rejects.toMatchObject(refused);
      await expect(asking.withLock(resource, {}, () => 1)).rejects.toMatchObject(refused);
      await expect(asking.enqueue(resource)).rejects.toMatchObject(refused);
      await expect(asking.status(resource)).rejects.toMatchObject(refused);
    }
    expect(await new LockdClient({ url }).list()).toEqual([]);
  },
);

test('the daemon says the same of a newline', async () => {
  const [a] = await twoClients();
  const own = await a.lock('a\nb').catch((error: Error) => error.message);
  const theirs = await a.call('lock', 'a\nb', 'A').catch((error: Error) => error.message);
  expect(own).toBe(theirs);
});
