/**
 * Clients that die while they wait, before and after the grant is written: nobody holds whose connection was closed before,
 * the line empties, and the daemon gives everything back. `LOCKD_DYING_WAITERS` says how many there are.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { HistoryEvent } from '../../src/service/api.js';
import { serve } from '../daemon.js';
import { chooseSeed, oneOf, type Random, randomFrom } from '../random.js';
import { Caller } from './caller.js';
import { eventually } from './eventually.js';

const WAITERS = Number(process.env.LOCKD_DYING_WAITERS ?? 2_000);
/** Rounds of as many waiters each: what is not given back after one is there twice after two. */
const ROUNDS = 4;
const RESOURCES = Array.from({ length: 20 }, (_, index) => `resource-${index}`);
/** Seconds: what ends a hold that nobody received. */
const TTL = 0.3;
/** Seconds for which the place of those with a key is kept. */
const CLAIM = 0.5;
const LONGEST_LIFE_MS = 2_500;
/** Why a grant was taken back, as the history has it. */
const WITHDRAWN = 'nobody was there to receive it';
const MOST_GROWTH_BYTES = 50 * 2 ** 20;

interface Waiter {
  readonly client: string;
  readonly caller: Caller;
  readonly wayToDie: 'end' | 'destroy' | 'resetAndDestroy';
  /** Milliseconds since 1970 at which its end of the connection was certainly closed. */
  closedAt: number;
  wasAnswered: boolean;
}

/** Waits on a resource until it is granted or dies, which may be at any moment after this. Resolves when it is dead. */
async function live(
  url: string,
  client: string,
  lines: Map<string, Set<Waiter>>,
  random: Random,
): Promise<Waiter> {
  const caller = await Caller.to(url);
  const { socket } = caller.wire;
  const resource = oneOf(random, RESOURCES);
  const wayToDie = oneOf(random, ['end', 'destroy', 'resetAndDestroy'] as const);
  const waiter: Waiter = { client, caller, wayToDie, closedAt: 0, wasAnswered: false };
  socket.once('close', () => {
    waiter.closedAt = Date.now();
  });
  const line = lines.get(resource) ?? new Set();
  lines.set(resource, line.add(waiter));
  // Who has a key could come back, and does not.
  const key = random(3) === 0 ? { request: `key of ${client}`, claim: CLAIM } : {};
  const working = caller.lock(resource, client, { wait: 60, ttl: TTL, ...key }).then(
    async ({ token }) => {
      waiter.wasAnswered = true;
      line.delete(waiter);
      // Many die at the very moment at which it is their turn.
      const unlocking = caller.unlock(resource, client, { token });
      for (const other of [...line].slice(0, random(4))) die(other);
      await unlocking;
    },
    () => undefined,
  );
  await Promise.race([sleep(random(LONGEST_LIFE_MS)), working.catch(() => undefined)]);
  line.delete(waiter);
  die(waiter);
  await caller.wire.closed;
  return waiter;
}

function die({ caller, wayToDie }: Waiter): void {
  caller.wire.socket[wayToDie]();
}

/** Every event, oldest first. */
async function wholeHistory(caller: Caller): Promise<HistoryEvent[]> {
  const events: HistoryEvent[] = [];
  for (;;) {
    const before = events.at(-1)?.id;
    const page = await caller.history(before === undefined ? {} : { before }, 1_000);
    if (page.length === 0) return events.reverse();
    events.push(...page);
  }
}

/** The descriptors of a process that are sockets; lock files that are kept for the next locks are none. */
function sockets(id: number | undefined): number {
  const links = readdirSync(`/proc/${id}/fd`).map((descriptor) => {
    try {
      return readlinkSync(`/proc/${id}/fd/${descriptor}`);
    } catch {
      return 'closed meanwhile';
    }
  });
  return links.filter((link) => link.startsWith('socket:')).length;
}

function residentBytes(id: number | undefined): number {
  const status = readFileSync(`/proc/${id}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1_024;
}

/** Grants that stood, although their clients were gone before these were decided. */
function unreceived(events: readonly HistoryEvent[], waiters: readonly Waiter[]): string[] {
  const byClient = new Map(waiters.map((waiter) => [waiter.client, waiter]));
  const withdrawn = new Set(events.filter(({ reason }) => reason === WITHDRAWN).map(({ token }) => token));
  return events.flatMap(({ event, client, token, time }) => {
    const waiter = byClient.get(client);
    if (event !== 'granted' || withdrawn.has(token) || !waiter || waiter.wasAnswered) return [];
    const late = time.getTime() - waiter.closedAt;
    return late > 0 ? [`${client} was granted ${token} ${late} ms after it died by ${waiter.wayToDie}`] : [];
  });
}

test(`${WAITERS} clients that die while they wait leave nothing behind`, async () => {
  const seed = chooseSeed();
  const random = randomFrom(seed);
  const { daemon, url } = await serve();
  const caller = await Caller.to(url);
  const { pid } = daemon.child;
  // Only then its connection is accepted.
  await caller.stats();
  const before = { sockets: sockets(pid), bytes: residentBytes(pid) };
  const waiters: Waiter[] = [];
  const grown: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const lines = new Map<string, Set<Waiter>>();
    const clients = Array.from({ length: WAITERS / ROUNDS }, (_, index) => `client-${round}-${index}`);
    waiters.push(...(await Promise.all(clients.map((client) => live(url, client, lines, random)))));
    await eventually('an empty line, and no hold', async () => {
      const { held, waiting } = await caller.stats();
      return held === 0 && waiting === 0;
    });
    await eventually('the end of every connection', () => sockets(pid) === before.sockets);
    grown.push(residentBytes(pid) - before.bytes);
  }
  const events = await wholeHistory(caller);
  const count = (name: string) => events.filter(({ event }) => event === name).length;
  const withdrawn = events.filter(({ reason }) => reason === WITHDRAWN).length;
  const answered = waiters.filter(({ wasAnswered }) => wasAnswered).length;
  console.log(
    `${WAITERS} waiters, LOCKD_TEST_SEED=${seed}: ${count('granted')} grants, ${answered} read, ${withdrawn} withdrawn, ` +
      `${count('expired')} expired, ${count('left')} left; memory grew by ${grown.map((bytes) => Math.round(bytes / 2 ** 20)).join(', ')} MiB`,
  );
  expect(unreceived(events, waiters), `LOCKD_TEST_SEED=${seed}`).toEqual([]);
  expect(await caller.stats()).toMatchObject({ held: 0, waiting: 0, connections: 1 });
  expect(answered).toBeGreaterThan(WAITERS / 20);
  expect(count('granted')).toBeGreaterThanOrEqual(answered);
  expect((grown.at(-1) ?? 0) - (grown[0] ?? 0)).toBeLessThan(MOST_GROWTH_BYTES);
});
