import { performance } from 'node:perf_hooks';
import { expect, test } from 'vitest';
import { TIMEOUTS } from '../../src/http/limits.js';
import { eventually, serve } from './fixture.js';
import { CHUNKED_HEADERS, chunk, post, request, type Wire } from './wire.js';

const QUICK = { requestMs: 200, checkIntervalMs: 20, lingerMs: 50 };

test('slow peers are gone within 12 s', () => {
  const { handshakeMs, requestMs, checkIntervalMs, lingerMs } = TIMEOUTS;
  expect(handshakeMs + requestMs + checkIntervalMs + lingerMs).toBeLessThanOrEqual(11_000);
});

/** Sends one byte of `text` at a time until the connection closes. */
function trickle(wire: Wire, text: string): void {
  let sent = 0;
  const timer = setInterval(() => void wire.send(text[sent++ % text.length] ?? ''), 10);
  void wire.closed.then(() => clearInterval(timer));
}

test.each<[string, (wire: Wire) => void]>([
  ['nothing', () => {}],
  ['half a head', (wire) => wire.send('POST / HTTP/1.1\r\nHost: ')],
  ['a head, byte by byte', (wire) => trickle(wire, `POST / HTTP/1.1\r\nHost: ${'x'.repeat(10_000)}`)],
  ['half a body', (wire) => wire.send(post('abc').slice(0, -1))],
  ['a body, byte by byte', (wire) => trickle(wire.send(post('x'.repeat(60_000)).slice(0, 100)), 'x')],
  ['chunks without end', (wire) => trickle(wire.send(request('POST /', CHUNKED_HEADERS)), chunk('x'))],
  ['half a second request', (wire) => wire.send(`${post('abc')}POST / HTTP`)],
])('who sends %s is told so and cut off, fifty at once', async (_, send) => {
  const { wire, server, events } = await serve({ timeouts: QUICK });
  const wires = await Promise.all(Array.from({ length: 50 }, () => wire()));
  for (const each of wires) send(each);
  await Promise.all(wires.map(({ closed }) => closed));
  await expect.poll(() => server.connections).toBe(0);
  expect(wires[0]?.rest).toContain('HTTP/1.1 408 Request Timeout\r\n');
  expect(wires[0]?.rest).toContain('Send the whole request within 0.2 s\n');
  expect(events).toHaveLength(50);
});

test('a slow body that nobody asked for is cut off behind the answer', async () => {
  const { wire } = await serve({ timeouts: QUICK });
  const peer = await wire();
  peer.send(request('GET /healthz', ['Host: localhost', 'Content-Length: 3'], 'ab'));
  expect((await peer.answer()).status).toBe(200);
  await peer.closed;
  expect(peer.rest).toBe('');
});

/** As a daemon that is stopped, or whose machine sleeps: nothing is read meanwhile, and time passes. */
function standStill(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

test('a request that came while the daemon stood still is no slow one', async () => {
  // As long as a busy machine needs for what comes before the daemon stands still.
  const requestMs = 3_000;
  const { wire, server } = await serve({ timeouts: { ...QUICK, requestMs } });
  const [fresh, halfHead, halfBody, slow] = [await wire(), await wire(), await wire(), await wire()];
  halfHead.send('POST / HTTP/1.1\r\n');
  halfBody.send(post('abc').slice(0, -1));
  slow.send(post('abc').slice(0, -1));
  await eventually(() => server.connections === 4);
  // Whatever was sent first is read when this was answered.
  await (await wire()).send(post('d')).answer();
  fresh.send(post('a'));
  halfHead.send(post('b').replace('POST / HTTP/1.1\r\n', ''));
  halfBody.send('c');
  standStill(1.1 * requestMs);
  expect((await fresh.answer()).body).toBe('<a>');
  expect((await halfHead.answer()).body).toBe('<b>');
  expect((await halfBody.answer()).body).toBe('<abc>');
  expect((await slow.answer()).status).toBe(408);
});

test('a peer that does not close after it was refused is closed', async () => {
  const { wire } = await serve({ timeouts: QUICK });
  const refused = await wire();
  const connecting = await wire();
  await refused
    .send(request('POST /', ['Host: localhost', 'Content-Type: text/xml', 'Content-Length: 99999']))
    .answer();
  await connecting.send(request('CONNECT elsewhere:1')).answer();
  await Promise.all([refused.closed, connecting.closed]);
});

test('an answer may take as long as it likes', async () => {
  const { wire, calls, seen } = await serve({
    byHand: true,
    timeouts: { ...QUICK, idleMs: 100, answerMs: 50 },
  });
  const waiting = await wire();
  waiting.send(post('a'));
  await seen(1);
  // This one came later, and when it is gone every limit has passed.
  const slow = await wire();
  await slow.closed;
  calls[0]?.answer('at last');
  expect((await waiting.answer()).body).toBe('at last');
});

test('an idle connection is kept longer than a slow one, and not for ever', async () => {
  const { wire } = await serve({ timeouts: { ...QUICK, requestMs: 100, idleMs: 600 } });
  const idle = await wire();
  const answer = await idle.send(post('a')).answer();
  expect(answer.headers.get('connection')).toBe('keep-alive');
  const silent = await wire();
  await silent.closed;
  expect((await idle.send(post('b')).answer()).body).toBe('<b>');
  await idle.closed;
  expect(idle.rest).toBe('');
});

test('a peer that does not read its answer is cut off', async () => {
  const { wire, calls, seen, server, events } = await serve({ byHand: true, timeouts: { answerMs: 100 } });
  const peer = await wire();
  peer.socket.pause();
  peer.send(post('a'));
  await seen(1);
  const start = performance.now();
  calls[0]?.answer('x'.repeat(30_000_000));
  await expect.poll(() => server.connections).toBe(0);
  expect(performance.now() - start).toBeGreaterThanOrEqual(99);
  expect(events).toEqual([]);
});
