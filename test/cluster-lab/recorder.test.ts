import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { LockdClient } from '../../src/client/client.js';
import { NoDaemon, OutcomeUnknown } from '../../src/client/errors.js';
import { REAL_PORTS } from '../../src/client/ports.js';
import { writeFault } from '../../src/xmlrpc/write.js';
import { atLast } from '../at-last.js';
import { Recorder } from './recorder.js';

/** A client whose calls are written down, and a server that answers them. */
async function client(answer: RequestListener) {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  atLast(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const recorder = new Recorder();
  const options = { url, client: 'me', retry: { attempts: 1 } };
  const calls = new LockdClient(options, { ...REAL_PORTS, exchange: recorder.exchange.bind(recorder) });
  atLast(() => calls.close());
  return { calls, recorder, server, url };
}

test('what was answered is written down, by whom, and under which name', async () => {
  const { calls, recorder, url } = await client((_, response) => {
    response.writeHead(200, { 'Content-Type': 'text/xml', 'X-Lockd-Id': 'name' });
    response.end(writeFault(1, 'is locked'));
  });
  await expect(calls.lock('a', { ttl: 3 })).rejects.toThrow('is locked');
  expect(recorder.calls).toMatchObject([
    { method: 'lock', resource: 'a', client: 'me', ttl: 3, daemon: url, outcome: { kind: 'refused' } },
  ]);
  expect(recorder.calls[0]?.ended).toBeGreaterThanOrEqual(recorder.calls[0]?.started ?? Number.NaN);
  expect([...recorder.ids]).toEqual(['name']);
});

test('a call whose answer was lost may have happened, or not', async () => {
  const { calls, recorder } = await client((request) => request.socket.destroy());
  await expect(calls.unlock('a', { token: '7' })).rejects.toThrow(OutcomeUnknown);
  const [call] = recorder.calls;
  expect(call).toMatchObject({ method: 'unlock', token: 7 });
  expect(call?.ended ?? call?.outcome).toBe(undefined);
});

test('a call that was never sent has not happened', async () => {
  const { calls, recorder, server } = await client(() => undefined);
  await new Promise((resolve) => server.close(resolve));
  await expect(calls.lock('a')).rejects.toThrow(NoDaemon);
  expect(recorder.calls).toEqual([]);
});

test('what asks for no lock is not written down', async () => {
  const { calls, recorder } = await client((_, response) => {
    response.writeHead(200, { 'Content-Type': 'text/xml' }).end(writeFault(1, 'no'));
  });
  await expect(calls.stats()).rejects.toThrow();
  expect(recorder.calls).toEqual([]);
});
