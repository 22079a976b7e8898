import { describe, expect, test } from 'vitest';
import {
  MAX_BODY_BYTES,
  MAX_HEADER_BYTES,
  MAX_HEADERS,
  MAX_REQUESTS_IN_FLIGHT,
} from '../../src/http/limits.js';
import { serve } from './fixture.js';
import { CHUNKED_HEADERS, chunk, chunked, post, request } from './wire.js';

const XML = 'Content-Type: text/xml';
const HOST = 'Host: localhost';

function headers(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `X-${index}: y`);
}

describe('what is no XML-RPC at all is refused with a status, and the text says what to send', () => {
  test.each([
    [404, 'send XML-RPC calls to / or /RPC2', post('a', [XML], '/rpc2')],
    [404, 'GET /healthz', request('GET /favicon.ico')],
    [404, 'send XML-RPC calls', request('OPTIONS *')],
    [404, 'send XML-RPC calls', post('a', [XML], '/RPC2/../healthz')],
    [405, 'Send POST: this path takes nothing else', request('GET /')],
    [405, 'Send POST', request('GET /', [HOST, 'Connection: Upgrade', 'Upgrade: websocket'])],
    [405, 'Send POST', request('DELETE /RPC2?x')],
    [405, 'Send GET, HEAD', post('a', [XML], '/healthz')],
    [411, 'Send Content-Length, or Transfer-Encoding: chunked', request('POST /', [HOST, XML])],
    [413, 'Send at most 65,536 bytes of body', request('POST /', [HOST, XML, 'Content-Length: 65537'])],
    [415, 'Send Content-Type: text/xml', post('a', [])],
    [415, 'Send Content-Type: text/xml', post('a', ['Content-Type: application/x-www-form-urlencoded'])],
    [415, 'Send Content-Type: text/xml', post('a', ['Content-Type: text/xmlx'])],
    [415, 'Send Content-Type: text/xml; charset=utf-8', post('a', [`${XML}; charset=utf-16`])],
    [415, 'Send Content-Type: text/xml; charset=utf-8', post('a', [`${XML}; charset="koi8-r"`])],
    [415, 'Send Content-Type: text/xml; charset=utf-8', post('a', [`${XML}; charset=`])],
    [415, 'without Content-Encoding', post('a', [XML, 'Content-Encoding: gzip'])],
    [415, 'without Content-Encoding', post('a', [XML, 'Content-Encoding: identity, gzip'])],
    [417, 'Send Expect: 100-continue', post('a', [XML, 'Expect: 200-ok'])],
    [431, 'Send at most 100 headers', post('a', [XML, ...headers(MAX_HEADERS - 2)])],
    [431, 'Send at most 100 headers', post('a', [XML, ...headers(1_500)])],
    [431, 'Send at most 16,384 bytes of headers', request('POST /', [`X: ${'y'.repeat(MAX_HEADER_BYTES)}`])],
    [
      501,
      'Send Transfer-Encoding: chunked',
      request('POST /', [HOST, XML, 'Transfer-Encoding: gzip, chunked']),
    ],
  ])('%i %s', async (status, text, message) => {
    const { wire, calls, events } = await serve();
    const peer = await wire();
    const answer = await peer.send(message).answer();
    expect(answer.status).toBe(status);
    expect(answer.body).toContain(text);
    expect(answer.body).toMatch(/[^\n]\n$/);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'text/plain; charset=utf-8',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      connection: 'close',
    });
    expect(answer.headers.has('server')).toBe(false);
    expect(calls).toEqual([]);
    const from = `127.0.0.1:${peer.socket.localPort}`;
    expect(events).toEqual([{ event: 'requestRefused', from, status, text: answer.body.trimEnd() }]);
    peer.socket.end();
    await peer.closed;
  });

  test.each([
    ['GET /', 'POST'],
    ['PUT /RPC2', 'POST'],
    ['OPTIONS /healthz', 'GET, HEAD'],
  ])('%s: Allow says %s', async (line, allow) => {
    const { wire } = await serve();
    const answer = await (await wire()).send(request(line)).answer();
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe(allow);
  });

  test('CONNECT is refused and closed', async () => {
    const { wire, calls } = await serve();
    const peer = await wire();
    const answer = await peer.send(`${request('CONNECT elsewhere:443')}${post('a')}`).answer();
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe('POST');
    peer.socket.end();
    await peer.closed;
    expect(calls).toEqual([]);
  });

  test('HEAD is refused without a body', async () => {
    const { wire } = await serve();
    const peer = await wire();
    const answer = await peer.send(request('HEAD /')).answer(true);
    expect(answer.status).toBe(405);
    await peer.closed;
    expect(peer.rest).toBe('');
  });
});

describe('what is no HTTP/1.1 is refused with 400', () => {
  const POST = 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\n';
  const EMPTY_CHUNKS = '1\r\na\r\n0\r\n\r\n';
  test.each([
    [
      'Content-Length, then Transfer-Encoding',
      `${POST}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`,
    ],
    [
      'Transfer-Encoding, then Content-Length',
      `${POST}Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n`,
    ],
    ['two Content-Lengths', `${POST}Content-Length: 1\r\nContent-Length: 1\r\n\r\na`],
    ['two Transfer-Encodings', `${POST}${'Transfer-Encoding: chunked\r\n'.repeat(2)}\r\n${EMPTY_CHUNKS}`],
    ['a last coding that is not chunked', `${POST}Transfer-Encoding: chunked, gzip\r\n\r\n${EMPTY_CHUNKS}`],
    ['Content-Length below zero', `${POST}Content-Length: -1\r\n\r\n`],
    ['Content-Length with a sign', `${POST}Content-Length: +1\r\n\r\na`],
    ['Content-Length beyond all numbers', `${POST}Content-Length: ${'9'.repeat(30)}\r\n\r\n`],
    ['bare LF everywhere', 'POST / HTTP/1.1\nHost: localhost\nContent-Length: 0\n\n'],
    ['bare LF behind a header', 'POST / HTTP/1.1\r\nHost: localhost\nContent-Length: 0\r\n\r\n'],
    ['bare LF behind the headers', `${POST}Content-Length: 0\r\n\n`],
    ['bare CR', 'POST / HTTP/1.1\r\nHost: localhost\rContent-Length: 0\r\n\r\n'],
    ['bare LF behind a chunk size', `${POST}Transfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n`],
    ['a chunk size that is no number', `${POST}Transfer-Encoding: chunked\r\n\r\nzz\r\na\r\n`],
    ['a chunk longer than it says', `${POST}Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n`],
    ['a folded header', `${POST}X: a\r\n b\r\n\r\n`],
    ['a space before the colon', `${POST}Content-Length : 0\r\n\r\n`],
    ['NUL in a header', `${POST}X: \0\r\n\r\n`],
    ['no Host', request('POST /', [XML, 'Content-Length: 1'], 'a')],
    ['an unknown method', request('LOCKD /')],
    ['a method in lower case', request('post /')],
    ['HTTP/0.9', 'GET /healthz\r\n\r\n'],
    ['HTTP/1.2', 'POST / HTTP/1.2\r\nHost: localhost\r\n\r\n'],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['noise', '\xff\xfe\x00\r\n\r\n\r\n'],
  ])('%s', async (_, message) => {
    const { wire, calls, events } = await serve();
    const peer = await wire();
    const answer = await peer.send(Buffer.from(message, 'latin1')).answer();
    expect(answer.status).toBe(400);
    expect(answer.body).toMatch(/^This is no HTTP\/1\.1 request: .+\n$/);
    expect(answer.headers.get('connection')).toBe('close');
    expect(answer.headers.get('date')).toMatch(/ GMT$/);
    // What comes behind it is neither read nor answered again.
    peer.send(post('a'));
    peer.socket.end();
    await peer.closed;
    expect(peer.rest).toBe('');
    expect(calls).toEqual([]);
    expect(events).toHaveLength(1);
  });

  test('a good call before it is answered, and the connection ends', async () => {
    const { wire, calls, seen } = await serve({ byHand: true });
    const peer = await wire();
    peer.send(`${post('a')}nonsense\r\n\r\n`);
    await seen(1);
    calls[0]?.answer('good');
    expect(await peer.answer()).toMatchObject({ status: 200, body: 'good' });
    await peer.closed;
    expect(peer.rest).toBe('');
  });

  test('a good call that was answered does not hide it', async () => {
    const { wire } = await serve();
    const peer = await wire();
    expect((await peer.send(post('a')).answer()).status).toBe(200);
    expect((await peer.send('nonsense\r\n\r\n').answer()).status).toBe(400);
  });
});

describe('limits', () => {
  test('the longest body is read, with its length or in chunks', async () => {
    const { wire } = await serve();
    const longest = 'x'.repeat(MAX_BODY_BYTES);
    const peer = await wire();
    expect((await peer.send(post(longest)).answer()).body).toBe(`<${longest}>`);
    expect((await peer.send(chunked([longest])).answer()).body).toBe(`<${longest}>`);
  });

  test('a declared body that is too long is refused before it comes', async () => {
    const { wire } = await serve();
    const peer = await wire();
    peer.send(request('POST /', [HOST, XML, 'Content-Length: 10000000000']));
    expect((await peer.answer()).status).toBe(413);
  });

  test('and is not asked for', async () => {
    const { wire } = await serve();
    const peer = await wire();
    peer.send(
      request('POST /', [HOST, XML, 'Expect: 100-continue', `Content-Length: ${MAX_BODY_BYTES + 1}`]),
    );
    expect((await peer.answer()).status).toBe(413);
  });

  test('a chunked body is refused as soon as it is too long', async () => {
    const { wire, calls } = await serve();
    const peer = await wire();
    peer.send(request('POST /', CHUNKED_HEADERS, chunk('x'.repeat(MAX_BODY_BYTES))));
    expect((await peer.send(chunk('x')).answer()).status).toBe(413);
    peer.socket.end();
    await peer.closed;
    expect(calls).toEqual([]);
  });

  test('who sends all of a body that is too long still reads why it was refused', async () => {
    const { wire } = await serve();
    const peer = await wire();
    peer.send(post('x'.repeat(20_000_000)));
    const answer = await peer.answer();
    expect(answer.status).toBe(413);
    await peer.closed;
    expect(peer.socket.bytesWritten).toBeGreaterThan(20_000_000);
  });

  test('another limit can be asked for', async () => {
    const { wire } = await serve({ maxBodyBytes: 3 });
    expect((await (await wire()).send(post('abc')).answer()).body).toBe('<abc>');
    const refused = await (await wire()).send(post('abcd')).answer();
    expect(refused).toMatchObject({ status: 413, body: 'Send at most 3 bytes of body\n' });
  });

  test('a hundred headers are read', async () => {
    const { wire } = await serve();
    const most = [XML, ...headers(MAX_HEADERS - 3)];
    expect((await (await wire()).send(post('a', most)).answer()).status).toBe(200);
  });

  test('who sends too many requests ahead of their answers is cut off', async () => {
    const { wire, calls, seen, server } = await serve({ byHand: true });
    const peer = await wire();
    peer.send(post('a').repeat(MAX_REQUESTS_IN_FLIGHT));
    await seen(MAX_REQUESTS_IN_FLIGHT);
    expect(server.connections).toBe(1);
    peer.send(post('one too many'));
    await peer.closed;
    expect(calls).toHaveLength(MAX_REQUESTS_IN_FLIGHT);
  });

  test('what was answered no longer counts', async () => {
    const { wire } = await serve();
    const peer = await wire();
    for (let count = 0; count <= MAX_REQUESTS_IN_FLIGHT; count += 1) await peer.send(post('a')).answer();
  });

  test('also on a connection that is ending', async () => {
    const { wire, seen } = await serve({ byHand: true });
    const peer = await wire();
    peer.send(post('a') + post('a', [], '/nowhere'));
    await seen(1);
    peer.send(post('a').repeat(MAX_REQUESTS_IN_FLIGHT));
    await peer.closed;
    expect(peer.rest).toBe('');
  });
});
