import { networkInterfaces } from 'node:os';
import { expect, test } from 'vitest';
import { listen } from '../../src/http/server.js';
import { fakeService, serve } from './fixture.js';
import { post } from './wire.js';

const HAS_IPV6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === '::1'),
);

const ANY_PORT = { host: '127.0.0.1', port: 0 };

test('says the real port where any was asked for', async () => {
  const { server } = await serve({ addresses: [ANY_PORT, { host: 'localhost', port: 0 }] });
  expect(server.urls).toEqual([
    expect.stringMatching(/^http:\/\/127\.0\.0\.1:[1-9]\d*$/),
    expect.stringMatching(/^http:\/\/localhost:[1-9]\d*$/),
  ]);
});

test('listens on all addresses or on none', async () => {
  const { url } = await serve();
  const taken = { host: '127.0.0.1', port: Number(new URL(url).port) };
  const free = await serve();
  const port = Number(new URL(free.url).port);
  await free.server.close();
  const both = {
    service: fakeService(),
    handleCall: async () => '',
    addresses: [{ host: '127.0.0.1', port }, taken],
  };
  await expect(listen(both)).rejects.toThrow(`Cannot listen on 127.0.0.1:${taken.port}: the port is in use`);
  const again = await serve({ addresses: [{ host: '127.0.0.1', port }] });
  expect(again.url).toBe(free.url);
});

test('an address of another machine is refused with advice', async () => {
  const elsewhere = serve({ addresses: [{ host: '192.0.2.1', port: 0 }] });
  await expect(elsewhere).rejects.toThrow('Cannot listen on 192.0.2.1:0: this machine has no such address');
});

test('the caller of a call is the address and port of its end', async () => {
  const { wire, calls } = await serve();
  const peer = await wire();
  await peer.send(post('a')).answer();
  expect(calls[0]?.context.from).toBe(`127.0.0.1:${peer.socket.localPort}`);
});

test.runIf(HAS_IPV6)('IPv6 callers stand in brackets', async () => {
  const { wire, url, calls } = await serve({ addresses: [{ host: '::1', port: 0 }] });
  expect(url).toMatch(/^http:\/\/\[::1\]:\d+$/);
  const peer = await wire();
  await peer.send(post('a')).answer();
  expect(calls[0]?.context.from).toBe(`[::1]:${peer.socket.localPort}`);
});

test.runIf(HAS_IPV6)('IPv4 callers on an IPv6 socket are IPv4 callers', async () => {
  const { wire, calls } = await serve({ addresses: [{ host: '::', port: 0 }] });
  const peer = await wire('127.0.0.1');
  await peer.send(post('a')).answer();
  expect(calls[0]?.context.from).toBe(`127.0.0.1:${peer.socket.localPort}`);
});

test('counts the connections that are open', async () => {
  const { server, wire, calls } = await serve();
  const one = await wire();
  const two = await wire();
  await one.send(post('a')).answer();
  await two.send(post('a')).answer();
  expect(server.connections).toBe(2);
  expect(calls[1]?.context.connections).toBe(2);
  one.socket.destroy();
  await expect.poll(() => server.connections).toBe(1);
});
