import { expect, test } from 'vitest';
import { fakeService, serve } from './fixture.js';
import { request } from './wire.js';

test('all is well: 200', async () => {
  const { wire } = await serve();
  const answer = await (await wire()).send(request('GET /healthz')).answer();
  expect(answer.status).toBe(200);
  expect(answer.body).toBe('{"status":"ok","problems":[]}\n');
  expect(answer.headers.get('content-type')).toBe('application/json');
  expect(answer.headers.get('cache-control')).toBe('no-store');
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
