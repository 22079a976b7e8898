/** `client.events()`: what it tells, and that a stream which is cut, wherever, goes on without a gap and without a repeat. */
import type { ServerResponse } from 'node:http';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { hashOf } from '../../src/access/secret.js';
import { Users } from '../../src/access/users.js';
import { LockdClient, type LockdClientOptions } from '../../src/client/client.js';
import type { ClientEventsOptions, StreamItem } from '../../src/client/events.js';
import { Access } from '../../src/http/access.js';
import type { ListenOptions } from '../../src/http/server.js';
import { eventually, serve } from '../http/fixture.js';
import { Happenings } from '../http/happenings.js';
import { hold, put } from '../store/fixture.js';
import { proxyTo } from './proxy.js';
import { deadUrl, httpServer } from './servers.js';

const QUICK = { attempts: 2, delay: 0.01 };

async function daemon(options: Partial<ListenOptions> = {}, happenings = new Happenings()) {
  const fixture = await serve({ events: happenings, id: 'directory-1', ...options });
  return { ...fixture, happenings };
}

function clientOf(url: string | readonly string[], options: LockdClientOptions = {}): LockdClient {
  const where = typeof url === 'string' ? { url } : { urls: url };
  const client = new LockdClient({ ...where, retry: QUICK, client: 'me', ...options });
  onTestFinished(() => client.close());
  return client;
}

/** Reads until a test is over. */
class Reading {
  readonly items: StreamItem[] = [];
  readonly cuts: string[] = [];
  readonly over: Promise<unknown>;
  readonly #abort = new AbortController();

  constructor(client: LockdClient, options: ClientEventsOptions = {}) {
    const onCut = (error: Error) => void this.cuts.push(error.message);
    const events = client.events({ onCut, signal: this.#abort.signal, ...options });
    this.over = this.#read(events).catch((error: unknown) => error);
    onTestFinished(() => this.#abort.abort());
  }

  async #read(events: AsyncIterable<StreamItem>): Promise<void> {
    for await (const item of events) this.items.push(item);
  }

  /** Resolves when so many came. */
  async have(count: number): Promise<this> {
    await eventually(() => this.items.length >= count);
    return this;
  }

  get lines(): string[] {
    return this.items.map((item) => ('resource' in item ? `${item.id} ${item.resource}` : item.event));
  }
}

describe('what is told', () => {
  test('that it stands, and what happens, as the history would tell it', async () => {
    const { url, happenings } = await daemon();
    const reading = new Reading(clientOf(url));
    await reading.have(1);
    await happenings.happen({ ...put(hold(7, 'r', 'A')), by: 'ops', reason: 'why' });
    await reading.have(2);
    expect(reading.items).toEqual([
      { event: 'ready', id: '0.999999' },
      {
        ...{ id: '1.0', time: new Date(1_000), event: 'granted', resource: 'r', client: 'A', token: '7' },
        ...{ by: 'ops', reason: 'why' },
      },
    ]);
  });

  test.each<[ClientEventsOptions, string[]]>([
    [{ resource: 'b' }, ['ready', '1.1 x/b']],
    [{ prefix: 'a' }, ['ready', '1.0 x/a']],
    [{ prefix: '' }, ['ready', '1.0 x/a', '1.1 x/b']],
    [{}, ['ready', '1.0 x/a', '1.1 x/b']],
    [{ client: 'nobody' }, ['ready']],
  ])('only what is asked for, below the prefix of the client: %j', async (options, expected) => {
    const { url, happenings } = await daemon();
    const reading = new Reading(clientOf(url, { prefix: 'x/' }), options);
    const all = new Reading(clientOf(url));
    await Promise.all([reading.have(1), all.have(1)]);
    await happenings.grant('x/a', 'x/b', 'y');
    await all.have(4);
    await reading.have(expected.length);
    expect(reading.lines).toEqual(expected);
  });

  test('renewals, where they are asked for', async () => {
    const { url, happenings } = await daemon();
    const reading = new Reading(clientOf(url), { include: ['renewed'] });
    await reading.have(1);
    const times = { acquired: new Date(0), renewed: new Date(5) };
    happenings.feed.renewed({
      ...{ resource: 'r', client: 'A', token: '7', limit: 1, state: 'held', from: 'x', waited: 0 },
      ...times,
    });
    await reading.have(2);
    expect(reading.items[1]).toEqual({
      ...{ time: new Date(5), event: 'renewed', resource: 'r', client: 'A', token: '7' },
    });
  });

  test('what happened behind an id, and gaps', async () => {
    const { url, happenings } = await daemon();
    for (const name of ['a', 'b']) await happenings.grant(name);
    expect((await new Reading(clientOf(url), { after: '1.0' }).have(2)).lines).toEqual(['ready', '2.0 b']);
    expect((await new Reading(clientOf(url), { after: '9.0' }).have(2)).items).toEqual([
      { event: 'gap', after: '9.0', problem: 'nothing has happened here so far that has such an id' },
      { event: 'ready', id: '2.999999' },
    ]);
  });
});

describe('a stream that is cut', () => {
  test('at random bytes loses nothing and repeats nothing', async () => {
    const { url, happenings } = await daemon();
    const proxy = await proxyTo(url);
    const reading = new Reading(clientOf(proxy.url));
    await reading.have(1);
    const begin = proxy.connections;
    for (let round = 0; round < 300; round += 1) {
      if (round % 10 === 0) {
        proxy.down();
        proxy.target = url;
        proxy.cutAfter = 300 + Math.floor(Math.random() * 2_000);
      }
      await happenings.grant(`r${round}`);
      if (round % 3 === 0) await new Promise((resolve) => setTimeout(resolve, 3));
    }
    await eventually(() => reading.lines.at(-1) === '300.0 r299');
    const events = reading.lines.filter((line) => line !== 'ready');
    expect(events).toEqual(Array.from({ length: 300 }, (_, n) => `${n + 1}.0 r${n}`));
    expect(proxy.connections - begin).toBeGreaterThan(3);
    expect(reading.cuts.length).toBeGreaterThan(3);
    const readies = reading.lines.filter((line) => line === 'ready').length;
    expect(readies).toBeGreaterThanOrEqual(reading.cuts.length);
  });

  test('for a while is told once, and that it stands again', async () => {
    const { url, happenings } = await daemon();
    const proxy = await proxyTo(url);
    const reading = new Reading(clientOf(proxy.url));
    await reading.have(1);
    proxy.down();
    await happenings.grant('a');
    await eventually(() => proxy.connections > 5);
    expect(reading.cuts).toEqual([
      `The daemon at ${proxy.url} tells no events any more (the connection was cut)`,
    ]);
    proxy.target = url;
    await reading.have(3);
    expect(reading.lines).toEqual(['ready', 'ready', '1.0 a']);
    expect(reading.cuts).toHaveLength(1);
  });

  test('by a daemon that stops goes on at the next address', async () => {
    const happenings = new Happenings();
    const [first, second] = [await daemon({}, happenings), await daemon({}, happenings)];
    const reading = new Reading(clientOf([first.url, second.url]));
    await reading.have(1);
    await first.server.close();
    await happenings.grant('a');
    await reading.have(3);
    expect(reading.lines).toEqual(['ready', 'ready', '1.0 a']);
    expect(reading.cuts).toEqual([`The daemon at ${first.url} tells no events any more (it stops)`]);
  });

  test('goes on behind what passed by without being asked for', async () => {
    const { url, happenings, server } = await daemon({ timeouts: { heartbeatMs: 10 } });
    const proxy = await proxyTo(url);
    const asked: unknown[] = [];
    const follow = happenings.follow.bind(happenings);
    happenings.follow = (options) => {
      asked.push(options.after);
      return follow(options);
    };
    const reading = new Reading(clientOf(proxy.url), { resource: 'x' });
    await reading.have(1);
    for (let turn = 0; turn < 5; turn += 1) await happenings.grant('y');
    const before = proxy.answered;
    await eventually(() => proxy.answered > before + 200);
    proxy.down();
    proxy.target = url;
    await eventually(() => asked.length > 1);
    expect(asked).toEqual([undefined, '5.999999']);
    expect(server.connections).toBeGreaterThan(0);
  });

  test('between a gap and where things go on comes back to the gap', async () => {
    const asked: unknown[] = [];
    const url = await httpServer((request, response) => {
      asked.push(request.headers['last-event-id']);
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      const ready = 'id: 2.999999\nevent: ready\ndata: {"id":"2.999999"}\n\n';
      response.write(`event: gap\ndata: {"after":"9.0","problem":"why"}\n\n${asked.length > 1 ? ready : ''}`);
      if (asked.length === 1) setImmediate(() => response.destroy());
    });
    const reading = new Reading(clientOf(url), { after: '9.0' });
    await reading.have(3);
    expect(reading.lines).toEqual(['gap', 'gap', 'ready']);
    expect(asked).toEqual(['9.0', '9.0']);
  });

  test('because nothing comes any more, not even a sign of life', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const streams: ServerResponse[] = [];
    const url = await httpServer((_request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.write('id: 1.0\nevent: ready\ndata: {"id":"1.0"}\n\n');
      streams.push(response);
    });
    const reading = new Reading(clientOf(url));
    await reading.have(1);
    vi.advanceTimersByTime(39_000);
    streams[0]?.write(': \n\n');
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    expect(streams).toHaveLength(1);
    await eventually(() => {
      vi.advanceTimersByTime(1_000);
      return streams.length > 1;
    });
    expect(reading.cuts).toEqual([
      `The daemon at ${url} tells no events any more (nothing came for too long)`,
    ]);
  });

  test('of who reads slowly comes back', async () => {
    const { url, happenings, events } = await daemon();
    const long = Array.from({ length: 200 }, (_, n) => `${n}${'x'.repeat(500)}`);
    const stream = clientOf(url).events();
    await stream.next();
    while (events.length === 0) {
      await happenings.grant(...long);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(events).toMatchObject([{ event: 'streamCut' }]);
    const last = happenings.store.recovered.lastTurn;
    let expected = 0;
    for await (const item of stream) {
      if (!('resource' in item)) continue;
      expect(item.id).toBe(`${Math.floor(expected / 200) + 1}.${expected % 200}`);
      expected += 1;
      if (item.id === `${last}.199`) break;
    }
    expect(expected).toBe(last * 200);
  });
});

describe('the end', () => {
  test('of the loop over it closes the connection', async () => {
    const { url, server, happenings } = await daemon();
    for await (const { event } of clientOf(url).events()) if (event === 'ready') break;
    await eventually(() => server.connections === 0 && happenings.feed.listeners === 0);
  });

  test.each(['of the call', 'of the client'])('by the signal %s', async (whose) => {
    const { url, server } = await daemon();
    const abort = new AbortController();
    const { signal } = abort;
    const reading =
      whose === 'of the call'
        ? new Reading(clientOf(url), { signal })
        : new Reading(clientOf(url, { signal }));
    await reading.have(1);
    abort.abort(new Error('enough'));
    expect(await reading.over).toEqual(new Error('enough'));
    await eventually(() => server.connections === 0);
    expect(reading.cuts).toEqual([]);
  });

  test('by a signal between two tries', async () => {
    const { url } = await daemon();
    const proxy = await proxyTo(url);
    const abort = new AbortController();
    const reading = new Reading(clientOf(proxy.url), { signal: abort.signal });
    await reading.have(1);
    proxy.down();
    await eventually(() => proxy.connections > 3);
    abort.abort(new Error('enough'));
    expect(await reading.over).toEqual(new Error('enough'));
  });
});

describe('what rejects', () => {
  const failing = async (url: string | readonly string[], options: ClientEventsOptions = {}) =>
    new Reading(clientOf(url), options).over;

  test('nobody there, as with every call', async () => {
    expect(await failing(await deadUrl())).toMatchObject({ name: 'NoDaemon' });
  });

  test('something else that answers', async () => {
    const page = await httpServer((_request, response) => response.end('<html>'));
    expect(await failing(page)).toMatchObject({
      name: 'NotLockd',
      message: expect.stringContaining('what comes from /events are no events'),
    });
  });

  test('a lockd that knows of no events', async () => {
    const { url } = await serve();
    expect(await failing(url)).toMatchObject({ name: 'NotLockd', message: expect.stringContaining('404') });
  });

  test('what the daemon does not understand', async () => {
    const { url } = await daemon();
    expect(await failing(url, { after: 'x' })).toMatchObject({
      name: 'RefusedCall',
      message: "Last-Event-ID is 'x', which is no id of an event",
    });
    expect(await failing(url, { include: ['all' as 'queued'] })).toMatchObject({ name: 'RefusedCall' });
  });

  test('no credentials', async () => {
    const users = new Users([{ user: { name: 'eve', role: 'viewer' }, secretHash: hashOf('one') }]);
    const { url } = await daemon({ access: new Access(users) });
    expect(await failing(url)).toMatchObject({ name: 'Unauthorized' });
    const signedIn = new Reading(clientOf(url, { user: 'eve', secret: 'one' }));
    await signedIn.have(1);
  });

  test('another cluster behind the next address', async () => {
    const first = await daemon();
    const second = await daemon({ id: 'directory-2' });
    const reading = new Reading(clientOf([first.url, second.url]));
    await reading.have(1);
    await first.server.close();
    expect(await reading.over).toMatchObject({ name: 'AnotherCluster' });
  });

  test.each([
    'event: granted\ndata: x\n\n',
    'event: granted\ndata: 7\n\n',
    'event: granted\ndata: {"time":"2026-11-21T08:15:00.000Z","client":"A"}\n\n',
    'event: granted\ndata: {"time":"soon","resource":"r","client":"A"}\n\n',
    'event: ready\ndata: {}\n\n',
    'event: gap\ndata: {"after":7}\n\n',
  ])('what no lockd sends: %j', async (text) => {
    const url = await httpServer((_request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.write(text);
    });
    expect(await failing(url)).toMatchObject({
      name: 'NotLockd',
      message: expect.stringContaining('/events'),
    });
  });

  test('an event without an end', async () => {
    const url = await httpServer((_request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.write(`data: ${'x'.repeat(1_100_000)}`);
    });
    expect(await failing(url)).toMatchObject({
      name: 'NotLockd',
      message: expect.stringContaining('has an event of more than 1048576 characters'),
    });
  });

  test('several shards, but not of one resource', async () => {
    const [one, other] = [await daemon(), await daemon()];
    const client = new LockdClient({ shards: [one.url, other.url], shardOf: () => 1, client: 'me' });
    onTestFinished(() => client.close());
    expect(await new Reading(client).over).toMatchObject({ message: expect.stringContaining('2 shards') });
    const reading = new Reading(client, { resource: 'r' });
    await reading.have(1);
    await one.happenings.grant('r');
    await other.happenings.grant('r');
    await reading.have(2);
    expect(reading.lines).toEqual(['ready', '1.0 r']);
  });

  test('open://', async () => {
    expect(await failing('open://')).toMatchObject({ name: 'NoDaemon' });
  });
});
