/** `X-Lockd-Id`: which lock directory answers, on every answer, so that clients never mix two up. */
import { describe, expect, test } from 'vitest';
import { realDaemon } from '../cli/world.js';
import { serve } from './fixture.js';
import { post, request, Wire } from './wire.js';

const ID = '0b0f2c9e-4f0a-4c55-9a3e-000000000000';

describe('every answer names the lock directory', () => {
  test.each([
    ['an answer to a call', post('a'), 200],
    ['the health', request('GET /healthz'), 200],
    ['a client', request('GET /lockd.py'), 200],
    ['a path that is not there', request('GET /nothing'), 404],
    ['a wrong method', request('GET /RPC2'), 405],
    ['a body of another type', post('a', ['Content-Type: text/plain']), 415],
    ['an expectation', post('a', ['Content-Type: text/xml', 'Expect: a miracle']), 417],
    ['what is no HTTP', 'noise\r\n\r\n', 400],
    ['a CONNECT', request('CONNECT elsewhere:443'), 405],
  ])('%s', async (_, message, status) => {
    const { wire } = await serve({ id: ID });
    const answer = await (await wire()).send(message).answer();
    expect(answer.status).toBe(status);
    expect(answer.headers.get('x-lockd-id')).toBe(ID);
  });

  test('also one to HEAD', async () => {
    const { wire } = await serve({ id: ID });
    const answer = await (await wire()).send(request('HEAD /healthz')).answer(true);
    expect(answer.headers.get('x-lockd-id')).toBe(ID);
  });

  test('and the second one on a connection', async () => {
    const { wire } = await serve({ id: ID });
    const peer = await wire();
    for (let call = 0; call < 2; call += 1) {
      expect((await peer.send(post('a')).answer()).headers.get('x-lockd-id')).toBe(ID);
    }
  });
});

test('a server that was given no id names none', async () => {
  const { wire } = await serve();
  expect((await (await wire()).send(post('a')).answer()).headers.has('x-lockd-id')).toBe(false);
});

test('a daemon names its own directory, in faults too', async () => {
  const { url, lockd } = await realDaemon();
  const wire = await Wire.to(url);
  const fault = '<methodCall><methodName>nothing</methodName></methodCall>';
  const answer = await wire.send(post(fault)).answer();
  expect(answer.body).toContain('<fault>');
  expect(answer.headers.get('x-lockd-id')).toBe(lockd.id);
  expect(lockd.id).toMatch(/^[\w-]{8,}$/);
  wire.socket.destroy();
});
