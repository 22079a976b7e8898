/** A disk that hangs while it flushes: whoever keeps a lease does not depend on it, whoever wants something new waits. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Hold } from '../../src/core/answers.js';
import { Caller, type Options, storyOf } from '../crash/caller.js';
import { eventually } from '../crash/eventually.js';
import { RenewingClient } from '../crash/renewing.js';
import { serve } from '../daemon.js';
import { describeWith } from '../needs.js';
import { scrape } from '../scrape.js';
import { hangFlush } from './strace.js';

const CLIENTS = 10;
/** Seconds. Those who renew do so every third of it, which a busy machine must let them. */
const TTL = 2;
/** Of each client, while the disk hangs: as many as it takes to keep a lease for 3 x ttl. */
const RENEWALS = 9;

async function health(url: string) {
  const response = await fetch(`${url}/healthz`);
  return { status: response.status, text: await response.text() };
}

async function start() {
  const { daemon, url } = await serve();
  const numbers = Array.from({ length: CLIENTS }, (_, number) => number);
  const clients = await Promise.all(numbers.map((number) => RenewingClient.start(url, number, TTL)));
  const problems = () => clients.flatMap((client) => client.problems);
  // A connection of its own for each question: one that says nothing for seconds is closed.
  return { daemon, url, clients, problems, looking: () => Caller.to(url) };
}

describeWith(['root', 'strace'], 'a flush that hangs for 3 x ttl', () => {
  test('renewals are answered, no lease is lost, what is new waits, and health says so', async () => {
    const { daemon, url, clients, problems, looking } = await start();
    const disk = await hangFlush(daemon);
    let isGranted = false;
    const locking = (await Caller.to(url)).lock('new', 'A', { ttl: TTL }).then((hold) => {
      isGranted = true;
      return hold;
    });
    await eventually('a flush', () => disk.calls().length > 0);
    const before = clients.map(({ renewals }) => renewals);
    const began = performance.now();
    const haveRenewed = () => clients.every(({ renewals }, n) => renewals >= (before[n] ?? 0) + RENEWALS);
    await eventually('renewals of all', () => haveRenewed() || problems().length > 0, 90_000);
    const hungMs = performance.now() - began;
    expect(problems()).toEqual([]);
    expect(await health(url)).toMatchObject({
      status: 503,
      text: expect.stringMatching(/The disk has not answered for \d+ s; changes wait/),
    });
    expect(await (await looking()).status('resource-3')).toMatchObject({
      state: 'held',
      holders: [{ client: 'client-3' }],
    });
    expect(isGranted).toBe(false);

    await disk.detach();
    const hold = await locking;
    expect(hungMs).toBeGreaterThan(2.5 * TTL * 1_000);
    // The lease begins with the grant: one that began with the request would be over.
    expect(hold.left).toBeGreaterThan(0);
    expect(hold.waited).toBeGreaterThan(hungMs / 1_000);
    await eventually('good health', async () => (await health(url)).status === 200);
    await eventually(
      'the end of the new lease',
      async () => (await (await looking()).status('new')).state === 'free',
    );
    expect(await storyOf(url, 'new')).toEqual(['granted A', 'expired A']);
    expect((await (await looking()).stats()).lost).toBe(1);
    expect(problems()).toEqual([]);
  });

  test('while leases that nobody renews run out: none ends before the disk answers, each does after it', async () => {
    const { daemon, url, clients, problems, looking } = await start();
    await Promise.all(clients.slice(0, 5).map((client) => client.stop()));
    const disk = await hangFlush(daemon);
    const waiting = (await Caller.to(url)).lock('resource-0', 'next', { wait: 60 });
    const locking = (await Caller.to(url)).lock('new', 'A');
    await eventually('a flush', () => disk.calls().length > 0);
    await sleep(1.25 * TTL * 1_000);
    // Saved is nothing yet, so nothing is said.
    expect((await (await looking()).status('resource-7')).holders).toMatchObject([{ client: 'client-7' }]);
    await disk.detach();
    await locking;
    expect((await waiting).client).toBe('next');
    await eventually('five ends', async () => (await (await looking()).stats()).lost === 5);
    expect(problems()).toEqual([]);
    expect((await (await looking()).stats()).held).toBe(7);
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
    const connections = async () => Number((await scrape(url)).get('lockd_connections'));
    const before = await connections();
    const disk = await hangFlush(daemon);
    const unlocking = holder.unlock('r', 'H', { token });
    await eventually('a flush', () => disk.calls().length > 0);
    waiters[0]?.close();
    await eventually('the end of its connection', async () => (await connections()) < before);
    return { url, unlocking, answers, token, disk };
  }

  test('holds nothing: the next in line is granted', async () => {
    const { url, unlocking, answers, token, disk } = await goneDuringFlush({});
    await disk.detach();
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
    const { url, unlocking, answers, disk } = await goneDuringFlush({ request: 'key of W' });
    await disk.detach();
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
    const { url, answers, disk } = await goneDuringFlush({ request: 'key of W' });
    const caller = await Caller.to(url);
    const coming = caller.lock('r', 'W', { wait: 60, request: 'key of W' });
    // It was read when the daemon answers what came behind it.
    await (await Caller.to(url)).status('another');
    await disk.detach();
    const again = await coming;
    expect((await caller.status('r')).holders).toMatchObject([{ client: 'W', token: again.token }]);
    await caller.unlock('r', 'W', { token: again.token });
    expect(await answers[1]).toMatchObject({ client: 'X' });
  });
});
