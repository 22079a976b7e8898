/** As many connections as are allowed, and one more. */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { MAX_TURNED_AWAY } from '../../src/http/limits.js';
import { CertificateAuthority } from '../certificates.js';
import { describeWith } from '../needs.js';
import { serve } from './fixture.js';
import { post, Wire } from './wire.js';

const FULL = { event: 'connectionsFull', max: 3 };

async function full(options: Parameters<typeof serve>[0] = {}) {
  const fixture = await serve({ maxConnections: 3, ...options });
  const wires = [await fixture.wire(), await fixture.wire(), await fixture.wire()];
  for (const wire of wires) expect((await wire.send(post('a')).answer()).status).toBe(200);
  return { ...fixture, wires };
}

test('one more is told why it is closed, and the others go on', async () => {
  const { wire, wires, calls, events } = await full();
  const refused = await wire();
  refused.send(post('b'));
  const answer = await refused.answer();
  expect(answer).toMatchObject({
    status: 503,
    body: 'There are 3 connections, the most allowed (--max-connections): come again later, and keep fewer of your own\n',
  });
  await refused.closed;
  expect(refused.rest).toBe('');
  for (const held of wires) expect((await held.send(post('c')).answer()).body).toBe('<c>');
  expect(calls.map(({ body }) => body)).not.toContain('b');
  expect(events).toEqual([FULL]);
});

/** A peer that keeps its end open after the other was closed. Resolves, with what came, when that has happened. */
async function stubborn(url: string): Promise<string> {
  const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', allowHalfOpen: true });
  onTestFinished(() => void socket.destroy());
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  await new Promise((resolve) => socket.once('end', resolve).once('error', resolve));
  return text;
}

test('many more are told of in one line, and of very many some are closed without a word', async () => {
  const { url, wires, server, events } = await full({ timeouts: { lingerMs: 3_000 } });
  const texts = await Promise.all(Array.from({ length: MAX_TURNED_AWAY + 10 }, () => stubborn(url)));
  expect(texts.filter((text) => text.includes('503'))).toHaveLength(MAX_TURNED_AWAY);
  expect(texts.filter((text) => text === '')).toHaveLength(10);
  expect(events).toEqual([FULL]);
  await expect.poll(() => server.connections, { timeout: 20_000 }).toBe(wires.length);
});

test('when one has gone another may come', async () => {
  const { wire, wires, server, events } = await full();
  wires[0]?.socket.destroy();
  await expect.poll(() => server.connections).toBe(2);
  expect((await (await wire()).send(post('b')).answer()).status).toBe(200);
  expect(events).toEqual([]);
});

test('that it is full is told again after there was room', async () => {
  const { wire, wires, server, events } = await full();
  await (await wire()).closed;
  wires[0]?.socket.destroy();
  await expect.poll(() => server.connections).toBe(2);
  await wire();
  await (await wire()).closed;
  expect(events).toEqual([FULL, FULL]);
});

test('all addresses share one limit', async () => {
  const any = { host: '127.0.0.1', port: 0 };
  const { server, wire } = await serve({ maxConnections: 1, addresses: [any, any] });
  expect((await (await wire()).send(post('a')).answer()).status).toBe(200);
  const refused = await Wire.to(server.urls[1] ?? '');
  expect((await refused.answer()).status).toBe(503);
  refused.socket.destroy();
});

describeWith(['openssl'], 'with TLS', () => {
  test('one more is closed before its handshake, which costs much, and one in its handshake counts', async () => {
    const authority = new CertificateAuthority();
    const ca = readFileSync(authority.ca, 'utf8');
    const { url, events, server } = await serve({ maxConnections: 2, tls: authority.server() });
    const peer = await Wire.overTls(url, { ca });
    const shaking = await Wire.to(url);
    await expect(Wire.overTls(url, { ca })).rejects.toThrow();
    expect(events).toEqual([{ event: 'connectionsFull', max: 2 }]);
    expect((await peer.send(post('a')).answer()).status).toBe(200);
    expect(server.connections).toBe(1);
    shaking.socket.destroy();
    peer.socket.destroy();
  });
});

describe('the size of a request', () => {
  test('is what was asked for', async () => {
    const { wire } = await serve({ maxBodyBytes: 100 });
    expect((await (await wire()).send(post('x'.repeat(100))).answer()).status).toBe(200);
    const answer = await (await wire()).send(post('x'.repeat(101))).answer();
    expect(answer).toMatchObject({ status: 413, body: 'Send at most 100 bytes of body\n' });
  });
});
