import { describe, expect, test } from 'vitest';
import type { Readiness } from '../../src/service/api.js';
import { fakeService, serve } from './fixture.js';
import { request } from './wire.js';

test('all is well: 200', async () => {
  const { wire } = await serve();
  const answer = await (await wire()).send(request('GET /healthz')).answer();
  expect(answer.status).toBe(200);
  expect(answer.body).toBe('{"status":"ok","problems":[]}\n');
  expect(answer.headers.get('content-type')).toBe('application/json');
  expect(answer.headers.get('cache-control')).toBe('no-store');
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  expect(answer.headers.get('content-security-policy')).toBe("default-src 'none'; frame-ancestors 'none'");
});

test('something is wrong: 503, and what', async () => {
  const service = fakeService({ status: 'degraded', problems: ['The disk has been busy for 3 s'] });
  const { wire } = await serve({ service });
  const peer = await wire();
  const answer = await peer.send(request('GET /healthz?verbose')).answer();
  expect(answer.status).toBe(503);
  expect(JSON.parse(answer.body)).toEqual({
    status: 'degraded',
    problems: ['The disk has been busy for 3 s'],
  });
  expect((await peer.send(request('GET /healthz')).answer()).status).toBe(503);
});

test('HEAD has the headers of GET and no body', async () => {
  const { wire } = await serve();
  const peer = await wire();
  const head = await peer.send(request('HEAD /healthz')).answer(true);
  const get = await peer.send(request('GET /healthz')).answer();
  expect(head.status).toBe(200);
  expect(head.headers.get('content-length')).toBe(get.headers.get('content-length'));
  expect(get.body).not.toBe('');
});

describe('/readyz', () => {
  const NOT_READY: Readiness = { status: 'notReady', problems: ['The daemon is stopping'] };

  test('ready: 200', async () => {
    const { wire } = await serve();
    const answer = await (await wire()).send(request('GET /readyz')).answer();
    expect(answer.status).toBe(200);
    expect(answer.body).toBe('{"status":"ready","problems":[]}\n');
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  test('not ready: 503, and why; the health is another matter', async () => {
    const service = { ...fakeService(), readiness: () => NOT_READY };
    const { wire } = await serve({ service });
    const peer = await wire();
    const answer = await peer.send(request('GET /readyz?verbose')).answer();
    expect(answer.status).toBe(503);
    expect(JSON.parse(answer.body)).toEqual(NOT_READY);
    expect((await peer.send(request('HEAD /readyz')).answer(true)).status).toBe(503);
    expect((await peer.send(request('GET /healthz')).answer()).status).toBe(200);
  });

  test('something is wrong that keeps nobody from a lock: ready all the same', async () => {
    const service = fakeService({ status: 'degraded', problems: ['A lock file could not be made'] });
    const { wire } = await serve({ service });
    const peer = await wire();
    expect((await peer.send(request('GET /readyz')).answer()).status).toBe(200);
    expect((await peer.send(request('GET /healthz')).answer()).status).toBe(503);
  });
});
