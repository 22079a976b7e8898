/** `GET /events`, over real sockets. What is told: test/service/events.test.ts. */
import { readFileSync } from 'node:fs';
import { get } from 'node:https';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { hashOf } from '../../src/access/secret.js';
import { Users } from '../../src/access/users.js';
import { Access } from '../../src/http/access.js';
import type { ListenOptions } from '../../src/http/server.js';
import { CertificateAuthority } from '../certificates.js';
import { hold, put } from '../store/fixture.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { EventReader, type ReaderOptions } from './event-reader.js';
import { eventually, serve } from './fixture.js';
import { Happenings } from './happenings.js';
import { post, request, Wire } from './wire.js';

async function serving(options: Partial<ListenOptions> = {}) {
  const happenings = new Happenings();
  const fixture = await serve({ events: happenings, ...options });
  const read = (path = '/events', how: ReaderOptions = {}) => new EventReader(fixture.url, path, how);
  return { ...fixture, happenings, read };
}

/** A stream that stands. */
async function standing(options: Partial<ListenOptions> = {}, path = '/events') {
  const served = await serving(options);
  const reader = served.read(path);
  await reader.until(() => reader.events.length > 0);
  return { ...served, reader };
}

describe('a stream', () => {
  test('says what it is, that it stands, and what happens', async () => {
    const { happenings, reader } = await standing({ id: 'directory-1' });
    expect(reader.status).toBe(200);
    expect(reader.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'x-lockd-id': 'directory-1',
      connection: 'close',
    });
    expect(reader.text).toBe('id: 0.999999\nevent: ready\ndata: {"id":"0.999999"}\n\n');
    await happenings.happen({ ...put(hold(7, 'r', 'A')), by: 'ops', reason: 'why\r\nnot' });
    await reader.until(() => reader.events.length > 1);
    expect(reader.text.split('\n\n')[1]).toBe(
      'id: 1.0\nevent: granted\ndata: {"id":"1.0","time":"1970-01-01T00:00:01.000Z","event":"granted","resource":"r",' +
        '"client":"A","token":"7","by":"ops","reason":"why\\r\\nnot"}',
    );
  });

  test.each([
    ['?resource=b', ['1.1 granted b']],
    ['?prefix=a', ['1.0 granted a', '2.0 granted a/x']],
    ['?from=a%2F&to=b', ['1.1 granted b', '2.0 granted a/x']],
    ['?client=nobody', []],
    ['?client=alice&resource=c', ['2.1 granted c']],
  ])('tells what is asked for: %s', async (query, expected) => {
    const { happenings, reader } = await standing({}, `/events${query}`);
    await happenings.grant('a', 'b');
    await happenings.grant('a/x', 'c');
    happenings.feed.close();
    await reader.end();
    expect(reader.lines.slice(1, -1)).toEqual(expected);
  });

  test('carries names that would break it unbroken', async () => {
    const { happenings, reader } = await standing();
    const names = ['\u202e<script>alert(1)</script>', '\u2028\u2029', 'data: x', ': y', '日本', '"\\'];
    await happenings.grant(...names);
    await reader.until(() => reader.events.length === names.length + 1);
    expect(reader.events.slice(1).map(({ data }) => JSON.parse(data).resource)).toEqual(names);
  });

  test('goes on behind Last-Event-ID, by header or parameter', async () => {
    const { happenings, read } = await serving();
    for (const name of ['a', 'b', 'c']) await happenings.grant(name);
    const readers = [
      read('/events', { headers: { 'Last-Event-ID': '1.0' } }),
      read('/events?lastEventId=1.0'),
      read('/events?lastEventId=3.0', { headers: { 'last-event-id': '1.0' } }),
    ];
    for (const reader of readers) await reader.until(() => reader.events.length === 3);
    await happenings.grant('d');
    for (const reader of readers) {
      await reader.until(() => reader.events.length === 4);
      expect(reader.lines).toEqual(['1.0 ready', '2.0 granted b', '3.0 granted c', '4.0 granted d']);
    }
  });

  test('tells a gap, and goes on from now', async () => {
    const { happenings, read } = await serving();
    await happenings.grant('a');
    const reader = read('/events?lastEventId=9.0');
    await reader.until(() => reader.events.length === 2);
    expect(reader.text).toBe(
      'event: gap\ndata: {"after":"9.0","problem":"nothing has happened here so far that has such an id"}\n\n' +
        'id: 1.999999\nevent: ready\ndata: {"id":"1.999999"}\n\n',
    );
  });

  test('shows that it stands, and up to where nothing was missed', async () => {
    const { happenings, reader } = await standing({ timeouts: { heartbeatMs: 20 } }, '/events?resource=x');
    await reader.until(() => reader.text.includes(': \n\n'));
    expect(reader.lastId).toBe('0.999999');
    await happenings.grant('y');
    await reader.until(() => reader.lastId === '1.999999');
    expect(reader.lines).toEqual(['0.999999 ready']);
  });
});

describe('what asks for no stream', () => {
  test.each([
    ['?resorce=x', "There is no parameter 'resorce'"],
    ['?include=everything', "parameter 'include' must name renewed or queued, not 'everything'"],
    ['?lastEventId=x', "Last-Event-ID is 'x', which is no id of an event"],
  ])('%s', async (query, text) => {
    const { read } = await serving();
    const reader = read(`/events${query}`);
    await reader.end();
    expect(reader.status).toBe(400);
    expect(reader.headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(reader.text).toContain(text);
  });

  test('HEAD gets the headers, and that is all', async () => {
    const { wire, happenings, server } = await serving();
    const peer = await wire();
    const head = await peer.send(request('HEAD /events')).until('\r\n\r\n');
    expect(head).toContain('HTTP/1.1 200 OK');
    expect(head).toContain('Content-Type: text/event-stream');
    await peer.closed;
    expect(peer.rest).toBe('');
    expect(happenings.feed.listeners).toBe(0);
    await eventually(() => server.connections === 0);
  });

  test('POST is no way to read', async () => {
    const { wire } = await serving();
    const answer = await (await wire()).send(post('a', ['Content-Type: text/xml'], '/events')).answer();
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  test('without events there is no such page', async () => {
    const { wire } = await serve();
    expect((await (await wire()).send(request('GET /events')).answer()).status).toBe(404);
  });

  test('a page of another site', async () => {
    const { read } = await serving();
    const reader = read('/events', { headers: { Origin: 'http://evil.example' } });
    await reader.end();
    expect(reader.status).toBe(403);
  });
});

describe('on whatever connection', () => {
  test('of HTTP/1.0', async () => {
    const { wire, happenings } = await serving();
    const peer = await wire();
    peer.send('GET /events HTTP/1.0\r\n\r\n');
    expect(await peer.until('\r\n\r\n')).not.toContain('Transfer-Encoding');
    await peer.until('{"id":"0.999999"}\n\n');
    await happenings.grant('a');
    expect(await peer.until('\n\n')).toMatch(/^id: 1\.0\nevent: granted\ndata: \{.*\}\n\n$/);
    happenings.feed.close();
    expect(await peer.until('\n\n')).toBe('event: bye\ndata: {}\n\n');
    await peer.closed;
  });

  test('of a Unix socket', async () => {
    const socketPath = join(temporaryDirectory(), 'socket');
    const { happenings, server } = await serving({ addresses: [{ path: socketPath }] });
    const reader = new EventReader(server.urls[0] ?? '', '/events', { socketPath });
    await reader.until(() => reader.events.length === 1);
    await happenings.grant('a');
    await reader.until(() => reader.events.length === 2);
  });

  test('of TLS', async () => {
    const authority = new CertificateAuthority();
    const { happenings, url } = await serving({ tls: authority.server() });
    const ca = readFileSync(authority.ca);
    const text = new Promise<string>((resolve, reject) => {
      get(new URL('/events', url), { ca, agent: false }, (response) => {
        let all = '';
        response.setEncoding('utf8').on('data', (piece: string) => {
          all += piece;
          if (all.includes('ready') && !all.includes('granted'))
            void happenings.grant('a').then(() => happenings.feed.close());
        });
        response.on('end', () => resolve(all)).on('error', reject);
      }).on('error', reject);
    });
    expect(await text).toMatch(/event: ready.*event: granted.*event: bye/s);
  });

  test('behind a call that waits: it begins when that was answered', async () => {
    const { wire, happenings, calls, seen } = await serving({ byHand: true } as Partial<ListenOptions>);
    const peer = await wire();
    peer.send(post('a') + request('GET /events'));
    await seen(1);
    await happenings.grant('a');
    calls[0]?.answer('done');
    expect((await peer.answer()).body).toBe('done');
    await peer.until('event: granted');
  });

  test('nothing is done that comes behind it', async () => {
    const { wire, calls } = await serving();
    const peer = await wire();
    peer.send(request('GET /events') + post('a'));
    await peer.until('event: ready');
    peer.send(post('b'));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(calls).toEqual([]);
  });

  test('a body is not kept, and nothing waits for it', async () => {
    const { wire, happenings } = await serving();
    const peer = await wire();
    peer.send(request('GET /events', ['Host: localhost', 'Content-Length: 1000000'], 'x'.repeat(1_000_000)));
    await peer.until('event: ready');
    await new Promise((resolve) => peer.socket.write('', resolve));
    await happenings.grant('a');
    await peer.until('event: granted');
  });
});

describe('the end', () => {
  test('of the server is said, and comes at once', async () => {
    // Who had to be cut off would be cut off long after this test.
    const { server, reader, happenings } = await standing({ timeouts: { closeMs: 600_000 } });
    await server.close();
    expect(await reader.end()).toBe('whole');
    expect(reader.text).toMatch(/\n\nevent: bye\ndata: \{\}\n\n$/);
    expect(happenings.feed.listeners).toBe(0);
  });

  test('of the server waits for no reader that takes nothing', async () => {
    const { server, wire, happenings } = await serving({ timeouts: { closeMs: 100 } });
    const peer = await wire();
    peer.send(request('GET /events'));
    await peer.until('ready');
    peer.socket.pause();
    for (let round = 0; round < 200; round += 1)
      await happenings.grant(...Array.from({ length: 100 }, (_, n) => `${n}${'x'.repeat(500)}`));
    await server.close();
    expect(happenings.feed.listeners).toBe(0);
  });

  test('of the peer ends it', async () => {
    const { server, reader, happenings } = await standing();
    expect([server.connections, happenings.feed.listeners]).toEqual([1, 1]);
    reader.close();
    await eventually(() => server.connections === 0 && happenings.feed.listeners === 0);
  });

  test('of the peer while it catches up ends that', async () => {
    const { server, wire, happenings } = await serving();
    for (let round = 0; round < 9; round += 1)
      await happenings.grant(...Array.from({ length: 1_000 }, (_, n) => `${n}${'x'.repeat(500)}`));
    const peer = await wire();
    peer.send(request('GET /events?lastEventId=0.0'));
    await peer.until('granted');
    peer.socket.resetAndDestroy();
    await eventually(() => server.connections === 0);
    expect(happenings.feed.listeners).toBe(0);
  });

  test('of a defect cuts it, and is told', async () => {
    const { events, happenings, read } = await serving();
    await happenings.store.close();
    const reader = read('/events?lastEventId=0.0');
    expect(await reader.end()).toBe('cut');
    // Nobody knows what is stored: nothing is said, and that is no defect.
    expect(events).toEqual([]);
    happenings.store.confirm = () => Promise.reject(new Error('a defect'));
    const other = read('/events?lastEventId=0.0');
    expect(await other.end()).toBe('cut');
    await eventually(() => events.length > 0);
    expect(events).toMatchObject([{ event: 'callFailed', error: new Error('a defect') }]);
  });
});

describe('a reader that takes nothing', () => {
  const LONG = Array.from({ length: 200 }, (_, n) => `${n}${'x'.repeat(500)}`);

  test('is cut off, and the others go on', async () => {
    const { wire, events, happenings, reader } = await standing();
    const slow = await wire();
    slow.send(request('GET /events'));
    await slow.until('ready');
    slow.socket.pause();
    let turns = 0;
    while (events.length === 0) {
      await happenings.grant(...LONG);
      turns += 1;
      await reader.until(() => reader.lines.at(-1)?.startsWith(`${turns}.199 `) === true);
    }
    expect(events).toEqual([
      {
        event: 'streamCut',
        from: `127.0.0.1:${slow.socket.localPort}`,
        reason: expect.stringMatching(/^[\d,]+ bytes of events wait to be taken$/),
      },
    ]);
    expect(happenings.feed.listeners).toBe(1);
    expect(reader.events).toHaveLength(1 + turns * 200);
    // Much of it lies in the buffers of the kernel.
    expect(turns * 200 * 600).toBeGreaterThan(1_000_000);
  });

  test('of what happened before is waited for, but not for long', async () => {
    const { wire, events, happenings } = await serving({ timeouts: { answerMs: 100 } });
    for (let round = 0; round < 90; round += 1) await happenings.grant(...LONG);
    const slow = await wire();
    slow.send(request('GET /events?lastEventId=0.0'));
    await slow.until('ready');
    slow.socket.pause();
    await eventually(() => events.length > 0);
    expect(events).toMatchObject([
      { event: 'streamCut', reason: 'it did not take what happened before within 0.1 s' },
    ]);
    await eventually(() => happenings.feed.listeners === 0);
  });
});

describe('users', () => {
  const guarded = () => {
    const users = new Users([{ user: { name: 'eve', role: 'viewer' }, secretHash: hashOf('one') }]);
    return { access: new Access(users) };
  };
  const authorization = { Authorization: 'Bearer one' };

  test('nobody reads without credentials, and a viewer does', async () => {
    const { read } = await serving(guarded());
    const stranger = read();
    await stranger.end();
    expect(stranger.status).toBe(401);
    const viewer = read('/events', { headers: authorization });
    await viewer.until(() => viewer.events.length === 1);
  });

  test('who is none any more is cut off', async () => {
    const { access } = guarded();
    const { read, server, happenings } = await serving({ access });
    const viewer = read('/events', { headers: authorization });
    await viewer.until(() => viewer.events.length === 1);
    server.cutStrangers();
    await happenings.grant('a');
    await viewer.until(() => viewer.events.length === 2);
    access.replaceUsers(new Users([]));
    server.cutStrangers();
    expect(await viewer.end()).toBe('cut');
    await eventually(() => happenings.feed.listeners === 0);
  });
});

test('a stream counts as a connection', async () => {
  const { url, read } = await serving({ maxConnections: 2 });
  const readers = [read(), read()];
  for (const reader of readers) await reader.until(() => reader.events.length === 1);
  const third = await Wire.to(url);
  expect((await third.answer()).status).toBe(503);
  third.socket.destroy();
});

test('a hundred readers get the same, whenever they come', async () => {
  const { happenings, read } = await serving();
  const readers: EventReader[] = [];
  for (let count = 0; count < 100; count += 1) {
    await happenings.grant(`r${count}`);
    readers.push(read('/events?lastEventId=0.0'));
  }
  for (const reader of readers) await reader.until(() => reader.events.length === 101);
  for (const reader of readers) expect(reader.lines).toEqual(readers[0]?.lines);
  expect(new Set(readers[0]?.lines).size).toBe(101);
});
