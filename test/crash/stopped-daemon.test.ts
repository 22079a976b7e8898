/** A daemon that is stopped for longer than any lease lasts takes none away: nobody could have renewed meanwhile. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { serve } from '../daemon.js';
import { Caller, storyOf } from './caller.js';
import { eventually } from './eventually.js';
import { RenewingClient } from './renewing.js';

const CLIENTS = 10;
/** Seconds. Those who renew do so every third of it, which a busy machine must let them. */
const TTL = 2;
/** Longer than a lease; shorter than a request may take to come, for a daemon that stands still counts that, too. */
const STOP_MS = 3_000;
const STOPS = 5;
/** Seconds: before these leases end, somebody has to look at them. */
const LOOKED_AT_TTL = 4;

async function start(ttl = TTL) {
  const { daemon, url } = await serve();
  const numbers = Array.from({ length: CLIENTS }, (_, number) => number);
  const clients = await Promise.all(numbers.map((number) => RenewingClient.start(url, number, ttl)));
  return { daemon, url, clients, problems: () => clients.flatMap((client) => client.problems) };
}

test(`${STOPS} times stopped for longer than a lease: ${CLIENTS} clients that renew keep their leases`, async () => {
  const { daemon, url, clients, problems } = await start();
  const first = clients[0] as RenewingClient;
  const waiting = (await Caller.to(url)).lock(first.resource, 'waiter', { wait: 60, ttl: 60 });
  const caller = await Caller.to(url);
  for (let stop = 0; stop < STOPS; stop += 1) {
    daemon.child.kill('SIGSTOP');
    await sleep(STOP_MS);
    const before = clients.map((client) => client.renewals);
    daemon.child.kill('SIGCONT');
    await eventually('three more renewals of every client', () =>
      clients.every(
        (client, index) => client.renewals >= (before[index] ?? 0) + 3 || client.problems.length > 0,
      ),
    );
    expect(problems(), `stop ${stop}`).toEqual([]);
    for (const { resource, client, token } of clients) {
      expect((await caller.status(resource)).holders, `stop ${stop}`).toMatchObject([{ client, token }]);
    }
  }
  expect((await caller.stats()).lost).toBe(0);

  // A lease that nobody renews does end, not early, and only that one.
  await first.stop();
  const stopped = performance.now();
  expect(Number((await waiting).token)).toBeGreaterThan(Number(first.token));
  expect(performance.now() - stopped).toBeGreaterThan((TTL * 1_000 * 2) / 3 - 100);
  expect(performance.now() - stopped).toBeLessThan(TTL * 1_000 + 4_000);
  expect(await storyOf(url, first.resource)).toEqual([
    'granted client-0',
    'expired client-0',
    'granted waiter',
  ]);
  await expect(caller.renew(first.resource, first.client, { token: first.token })).rejects.toThrow(
    /^fault 8: 'client-0' lost 'resource-0' .*lease ended/,
  );
  expect((await caller.stats()).lost).toBe(1);
  expect(problems()).toEqual([]);
});

test('stopped while nobody renews: the leases last for their whole ttl once more, and then end', async () => {
  const { daemon, url, clients } = await start(LOOKED_AT_TTL);
  await Promise.all(clients.map((client) => client.stop()));
  daemon.child.kill('SIGSTOP');
  await sleep(1.25 * LOOKED_AT_TTL * 1_000);
  daemon.child.kill('SIGCONT');
  const caller = await Caller.to(url);
  expect(await caller.stats()).toMatchObject({ held: CLIENTS, lost: 0 });
  await eventually('the end of every lease', async () => (await caller.stats()).lost === CLIENTS);
});

test('killed, and started again when they would have ended: the leases begin afresh', async () => {
  const { daemon, url, directory } = await serve();
  const first = await Caller.to(url);
  const tokens: string[] = [];
  for (let number = 0; number < CLIENTS; number += 1) {
    tokens.push((await first.lock(`resource-${number}`, `client-${number}`, { ttl: LOOKED_AT_TTL })).token);
  }
  await daemon.kill();
  await sleep(1.25 * LOOKED_AT_TTL * 1_000);
  const { url: next } = await serve([], directory);
  const caller = await Caller.to(next);
  expect(await caller.stats()).toMatchObject({ held: CLIENTS, lost: 0 });
  for (const [number, token] of tokens.entries()) {
    const renewed = await caller.renew(`resource-${number}`, `client-${number}`, { token });
    expect(renewed).toMatchObject({ token, left: LOOKED_AT_TTL });
  }
  await eventually('the end of every lease', async () => (await caller.stats()).lost === CLIENTS);
});
