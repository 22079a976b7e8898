import { performance } from 'node:perf_hooks';
import { describe, expect, test } from 'vitest';
import { eventually, serve } from './fixture.js';
import { chunk, chunked, post, request } from './wire.js';

test('a call is answered with status 200, its type and its length', async () => {
  const { wire, calls } = await serve();
  const peer = await wire();
  const answer = await peer.send(post('é€')).answer();
  expect(answer.status).toBe(200);
  expect(answer.body).toBe('<é€>');
  expect(answer.headers.get('content-type')).toBe('text/xml; charset=utf-8');
  expect(answer.headers.get('content-length')).toBe('7');
  expect(answer.headers.get('connection')).toBe('keep-alive');
  expect(answer.headers.has('server')).toBe(false);
  expect(calls[0]?.context.received).toBeLessThanOrEqual(performance.now());
});

test.each(['/', '/RPC2', '/?x=1', '/RPC2?', '/RPC2?a/b?c', 'http://elsewhere/RPC2', 'HTTP://elsewhere?x'])(
  'calls are taken at %s',
  async (path) => {
    const { wire } = await serve();
    const answer = await (await wire()).send(post('a', undefined, path)).answer();
    expect(answer.body).toBe('<a>');
  },
);

test.each([
  ['text/xml', undefined],
  ['TEXT/XML', undefined],
  ['application/xml', undefined],
  ['text/xml;charset=utf-8', 'utf-8'],
  ['text/xml; charset=UTF-8', 'utf-8'],
  ['text/xml ; Charset = "ISO-8859-1" ', 'iso-8859-1'],
  ['Application/Xml; q=1; charset=us-ascii; x', 'us-ascii'],
  ['text/xml;', undefined],
])('Content-Type %s is read as charset %s', async (type, charset) => {
  const { wire, calls } = await serve();
  const answer = await (await wire()).send(post('a', [`Content-Type: ${type}`])).answer();
  expect(answer.status).toBe(200);
  expect(calls[0]?.charset).toBe(charset);
});

test('Content-Encoding identity is none', async () => {
  const { wire } = await serve();
  const headers = ['Content-Type: text/xml', 'Content-Encoding: Identity'];
  expect((await (await wire()).send(post('a', headers)).answer()).status).toBe(200);
});

describe('bodies', () => {
  test('in two pieces', async () => {
    const { wire, server } = await serve();
    const peer = await wire();
    const text = post('abcdef');
    peer.send(text.slice(0, -3));
    await eventually(() => server.connections === 1);
    expect((await peer.send(text.slice(-3)).answer()).body).toBe('<abcdef>');
  });

  test('one byte at a time', async () => {
    const { wire } = await serve();
    const peer = await wire();
    for (const byte of post('a call, byte by byte')) {
      await new Promise((sent) => peer.socket.write(byte, sent));
    }
    expect((await peer.answer()).body).toBe('<a call, byte by byte>');
  });

  test.each([[['abc']], [['a', 'b', 'c']], [['a'.repeat(30_000), 'b'.repeat(30_000)]], [[]]])(
    'in chunks %#',
    async (chunks: string[]) => {
      const { wire } = await serve();
      const answer = await (await wire()).send(chunked(chunks)).answer();
      expect(answer.body).toBe(`<${chunks.join('')}>`);
    },
  );

  test('in sixty thousand chunks of one byte', async () => {
    const { wire } = await serve();
    const letters = Array.from({ length: 60_000 }, (_, index) => String.fromCharCode(97 + (index % 26)));
    const answer = await (await wire()).send(chunked(letters)).answer();
    expect(answer.body).toBe(`<${letters.join('')}>`);
  });

  test('none at all is a call like any other: what it lacks is for XML-RPC to say', async () => {
    const { wire } = await serve();
    expect((await (await wire()).send(post('')).answer()).body).toBe('<>');
  });
});

describe('connections', () => {
  test('are kept for the next call', async () => {
    const { wire, server } = await serve();
    const peer = await wire();
    for (const body of ['a', 'b', 'c']) expect((await peer.send(post(body)).answer()).body).toBe(`<${body}>`);
    expect(server.connections).toBe(1);
  });

  test('end after the answer where the client says so', async () => {
    const { wire } = await serve();
    const peer = await wire();
    const headers = ['Content-Type: text/xml', 'Connection: close'];
    const answer = await peer.send(post('a', headers)).answer();
    expect(answer.headers.get('connection')).toBe('close');
    await peer.closed;
  });

  test('of HTTP/1.0 need no Host and end after the answer', async () => {
    const { wire } = await serve();
    const peer = await wire();
    peer.send('POST /RPC2 HTTP/1.0\r\nContent-Type: text/xml\r\nContent-Length: 1\r\n\r\na');
    expect((await peer.answer()).body).toBe('<a>');
    await peer.closed;
  });

  test('carry pipelined calls, done in order and answered in order', async () => {
    const { wire, calls, seen } = await serve({ byHand: true });
    const peer = await wire();
    peer.send(post('a') + post('b') + request('GET /healthz') + post('c'));
    await seen(3);
    expect(calls.map(({ body }) => body)).toEqual(['a', 'b', 'c']);
    for (const call of calls.toReversed()) call.answer(call.body.toUpperCase());
    const bodies = [];
    for (let count = 0; count < 4; count += 1) bodies.push((await peer.answer()).body);
    expect(bodies).toEqual(['A', 'B', '{"status":"ok","problems":[]}\n', 'C']);
  });

  test('an offer to upgrade is ignored, and the connection ends with the answer', async () => {
    const { wire, calls } = await serve();
    const peer = await wire();
    const headers = ['Content-Type: text/xml', 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c'];
    const answer = await peer.send(post('a', headers) + post('lost in the parser')).answer();
    expect(answer.body).toBe('<a>');
    expect(answer.headers.get('connection')).toBe('close');
    await peer.closed;
    expect(peer.rest).toBe('');
    expect(calls).toHaveLength(1);
  });
});

describe('Expect: 100-continue', () => {
  const HEADERS = ['Host: localhost', 'Content-Type: text/xml', 'Expect: 100-Continue'];

  test('the body is asked for when the head is good', async () => {
    const { wire, seen } = await serve();
    const peer = await wire();
    peer.send(request('POST /', [...HEADERS, 'Content-Length: 3']));
    expect(await peer.until('\r\n\r\n')).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    expect((await peer.send('abc').answer()).body).toBe('<abc>');
    await seen(1);
  });

  test('in chunks too', async () => {
    const { wire } = await serve();
    const peer = await wire();
    peer.send(request('POST /', [...HEADERS, 'Transfer-Encoding: chunked']));
    await peer.until('100 Continue\r\n\r\n');
    expect((await peer.send(chunk('abc') + chunk('')).answer()).body).toBe('<abc>');
  });

  test('HTTP/1.0 knows no such thing', async () => {
    const { wire } = await serve();
    const peer = await wire();
    peer.send(
      'POST / HTTP/1.0\r\nContent-Type: text/xml\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na',
    );
    expect((await peer.answer()).body).toBe('<a>');
  });
});

describe('peers that go away', () => {
  test.each(['destroy', 'end', 'resetAndDestroy'] as const)('by %s before the answer', async (way) => {
    const { wire, calls, seen, events, server } = await serve({ byHand: true });
    const peer = await wire();
    peer.send(post('a') + post('b'));
    await seen(2);
    peer.socket[way]();
    await eventually(() => server.connections === 0);
    for (const call of calls) call.answer('too late');
    const next = await wire();
    next.send(post('c'));
    await seen(3);
    calls[2]?.answer('in time');
    expect((await next.answer()).body).toBe('in time');
    expect(events).toEqual([]);
  });

  test('in the midst of a request: no call, no line in the log', async () => {
    const { wire, calls, events, server } = await serve();
    for (const part of ['POST / HT', post('abc').slice(0, -1), chunked(['abc']).slice(0, -3)]) {
      const peer = await wire();
      peer.send(part);
      await eventually(() => server.connections > 0);
      peer.socket.end();
      await peer.closed;
    }
    expect(calls).toEqual([]);
    expect(events).toEqual([]);
  });
});

describe('calls that fail', () => {
  test('Stopped: nothing leaves the daemon, and nobody is to blame', async () => {
    const { wire, calls, seen, events } = await serve({ byHand: true });
    const peer = await wire();
    peer.send(post('a'));
    await seen(1);
    calls[0]?.fail(Object.assign(new Error('the disk'), { name: 'Stopped' }));
    await peer.closed;
    expect(peer.rest).toBe('');
    expect(events).toEqual([]);
  });

  test('anything else: no answer either, but a line in the log', async () => {
    const { wire, calls, seen, events } = await serve({ byHand: true });
    const peer = await wire();
    peer.send(post('a'));
    await seen(1);
    const error = new Error('a defect');
    calls[0]?.fail(error);
    await peer.closed;
    expect(peer.rest).toBe('');
    expect(events).toEqual([{ event: 'callFailed', from: calls[0]?.context.from, error }]);
  });
});
