/** A disk that hangs while it flushes: whoever keeps a lease does not depend on it, whoever wants something new waits. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Hold } from '../../src/core/answers.js';
import { Caller, type Options, storyOf } from '../crash/caller.js';
import { eventually } from '../crash/eventually.js';
import { RenewingClient } from '../crash/renewing.js';
import { serve } from '../daemon.js';
import { describeWith } from '../needs.js';
import { attach } from './strace.js';

const CLIENTS = 10;
const TTL = 1;
const HANG_MS = 3.5 * TTL * 1_000;

async function health(url: string) {
  const response = await fetch(`${url}/healthz`);
  return { status: response.status, text: await response.text() };
}

async function start() {
  const { daemon, url } = await serve();
  const numbers = Array.from({ length: CLIENTS }, (_, number) => number);
  const clients = await Promise.all(numbers.map((number) => RenewingClient.start(url, number, TTL)));
  const inject = `fdatasync:delay_enter=${HANG_MS}ms:when=1`;
  const hang = () => attach({ trace: 'fdatasync', inject }, daemon.child.pid ?? 0);
  return { url, clients, hang, problems: () => clients.flatMap((client) => client.problems) };
}

describeWith(['root', 'strace'], 'a flush that hangs for 3 x ttl', () => {
  test('renewals are answered, no lease is lost, what is new waits, and health says so', async () => {
    const { url, clients, hang, problems } = await start();
    const strace = await hang();
    for (const client of clients) client.slowestMs = 0;
    const renewals = clients.map((client) => client.renewals);
    const began = performance.now();
    const looking = await Caller.to(url);
    let isGranted = false;
    const locking = (await Caller.to(url)).lock('new', 'A', { ttl: TTL }).then((hold) => {
      isGranted = true;
      return hold;
    });
    await sleep(2_500);
    expect(await health(url)).toMatchObject({
      status: 503,
      text: expect.stringMatching(/The disk has not answered for [23] s; changes wait/),
    });
    expect(await looking.status('resource-3')).toMatchObject({
      state: 'held',
      holders: [{ client: 'client-3' }],
    });
    expect(isGranted).toBe(false);
    const meanwhile = clients.map((client, index) => client.renewals - (renewals[index] ?? 0));
    expect(Math.min(...meanwhile), `renewals within 2.5 s: ${meanwhile}`).toBeGreaterThanOrEqual(4);
    const slowest = Math.max(...clients.map((client) => client.slowestMs));
    expect(slowest).toBeLessThan((TTL * 1_000) / 3);
    expect(performance.now() - began).toBeLessThan(HANG_MS);

    const hold = await locking;
    const hungMs = performance.now() - began;
    expect(hungMs).toBeGreaterThan(HANG_MS - 100);
    // The lease begins with the grant, not with the request.
    expect(hold.left).toBeGreaterThan(TTL - 0.1);
    expect(hold.waited).toBeGreaterThan(HANG_MS / 1_000 - 0.1);
    expect(problems()).toEqual([]);
    await eventually('good health', async () => (await health(url)).status === 200);
    await strace.detach();
    expect(await looking.stats()).toMatchObject({ lost: 0 });
    await eventually('the end of the new lease', async () => (await looking.status('new')).state === 'free');
    expect(await storyOf(url, 'new')).toEqual(['granted A', 'expired A']);
    expect((await looking.stats()).lost).toBe(1);
    expect(problems()).toEqual([]);
  });

  test('while leases that nobody renews run out: none ends before the disk answers, each does after it', async () => {
    const { url, clients, hang } = await start();
    await Promise.all(clients.slice(0, 5).map((client) => client.stop()));
    await hang();
    const looking = await Caller.to(url);
    const waiting = (await Caller.to(url)).lock('resource-0', 'next', { wait: 60 });
    const locking = (await Caller.to(url)).lock('new', 'A');
    await sleep(2_000);
    // Saved is nothing yet, so nothing is said.
    expect((await looking.status('resource-7')).holders).toMatchObject([{ client: 'client-7' }]);
    await locking;
    expect((await waiting).client).toBe('next');
    await eventually('five ends', async () => (await looking.stats()).lost === 5);
    expect(clients.flatMap((client) => client.problems)).toEqual([]);
    expect((await looking.stats()).held).toBe(7);
  });
});

describeWith(['root', 'strace'], 'a waiter that goes away while its grant is being flushed', () => {
  /** H unlocks, W is next and X behind it; W's connection is closed during the flush that grants it the lock. */
  async function goneDuringFlush(options: Options) {
    const { daemon, url } = await serve();
    const holder = await Caller.to(url);
    const { token } = await holder.lock('r', 'H');
    const waiters: Caller[] = [];
    const answers: Promise<Hold | undefined>[] = [];
    for (const [client, more] of [
      ['W', options],
      ['X', {}],
    ] as const) {
      const caller = await Caller.to(url);
      waiters.push(caller);
      answers.push(caller.lock('r', client, { wait: 60, ...more }).catch(() => undefined));
      const isThere = async () => (await holder.status('r')).waiting === waiters.length;
      await eventually(`${client} in the line`, isThere);
    }
    await attach(
      { trace: 'fdatasync', inject: 'fdatasync:delay_enter=1500ms:when=1' },
      daemon.child.pid ?? 0,
    );
    const unlocking = holder.unlock('r', 'H', { token });
    await sleep(500);
    waiters[0]?.close();
    return { url, unlocking, answers, token };
  }

  test('holds nothing: the next in line is granted', async () => {
    const { url, unlocking, answers, token } = await goneDuringFlush({});
    await unlocking;
    const hold = await answers[1];
    expect(hold).toMatchObject({ client: 'X', state: 'held' });
    expect(Number(hold?.token)).toBeGreaterThan(Number(token) + 1);
    expect(await storyOf(url, 'r')).toEqual([
      'granted H',
      'unlocked H',
      'granted W',
      'unlocked W',
      'granted X',
    ]);
  });

  test('finds its place at the head of the line when it comes back with its key', async () => {
    const { url, unlocking, answers } = await goneDuringFlush({ request: 'key of W' });
    await unlocking;
    const looking = await Caller.to(url);
    await eventually('a reserved place', async () => (await looking.status('r')).state === 'reserved');
    expect((await looking.status('r')).queue.map(({ client }) => client)).toEqual(['W', 'X']);
    const again = await (await Caller.to(url)).lock('r', 'W', { wait: 60, request: 'key of W' });
    expect(again).toMatchObject({ client: 'W', state: 'held' });
    await looking.unlock('r', 'W', { token: again.token });
    expect(await answers[1]).toMatchObject({ client: 'X' });
    expect(await storyOf(url, 'r')).toEqual([
      'granted H',
      'queued W',
      'unlocked H',
      'granted W',
      'unlocked W',
      'granted W',
      'unlocked W',
      'granted X',
    ]);
  });

  test('and comes back while that flush still hangs: it gets one hold, before everybody else', async () => {
    const { url, answers } = await goneDuringFlush({ request: 'key of W' });
    const caller = await Caller.to(url);
    const again = await caller.lock('r', 'W', { wait: 60, request: 'key of W' });
    expect((await caller.status('r')).holders).toMatchObject([{ client: 'W', token: again.token }]);
    await caller.unlock('r', 'W', { token: again.token });
    expect(await answers[1]).toMatchObject({ client: 'X' });
  });
});
