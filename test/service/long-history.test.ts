/**
 * Long histories of everything at once, from a seed: calls that wait, connections that close, a disk that is full, slow or
 * healed, a daemon that stands still. Whatever happens: never more holders than the limit, tokens rise, every call is told
 * something in the end, and what a restart finds is what was answered.
 */
import { expect, test } from 'vitest';
import type { Hold } from '../../src/core/answers.js';
import { oneOf, type Random, randomFrom } from '../random.js';
import { begin, crash, type DaemonOptions, FENCE_ALL, FULL, outcome, type TimedDaemon } from './fixture.js';
import { rounds } from './manual-clock.js';
import { FakePeer, over } from './peer.js';

const RESOURCES = ['one', 'two', 'pool'];
const CLIENTS = ['A', 'B', 'C', 'D', 'E'];

function limitOf(resource: string): number {
  return resource === 'pool' ? 2 : 1;
}

class History {
  readonly #below: Random;
  #peers: FakePeer[] = [];
  #calls: Promise<unknown>[] = [];
  #life = 0;
  /** By resource. */
  readonly #highest = new Map<string, number>();

  constructor(
    public daemon: TimedDaemon,
    private readonly options: DaemonOptions,
    seed: number,
  ) {
    this.#below = randomFrom(seed);
  }

  async step(): Promise<void> {
    const { clock, disk, held, lockd } = this.daemon;
    const kind = this.#below(20);
    if (kind < 9) this.#callSome();
    else if (kind < 11) this.#peers[this.#below(20)]?.leave();
    else if (kind < 14) await clock.advance(this.#below(4_000));
    else if (kind === 14) clock.stall(this.#below(9_000));
    else if (kind === 15) disk.failNext('write', { ...FULL, times: 1 + this.#below(4) });
    else if (kind === 16) disk.heal();
    else if (kind === 17) held.hold();
    else if (kind === 18) held.release();
    else this.#endFencing();
    if (this.#below(3) === 0) await rounds(this.#below(6));
    if (this.#below(8) === 0) clock.jumpWall(this.#below(2) ? 3_600_000 : -3_600_000);
    if (this.#below(30) === 0) void lockd.maintain();
  }

  /** kill -9: nobody is told anything any more, and a new daemon finds what is on disk. */
  async crash(): Promise<void> {
    const before = this.daemon;
    this.#life += 1;
    this.daemon = await crash(before, this.options);
    before.disk.heal();
    before.held.release();
    this.#peers = [];
    this.#calls = [];
  }

  /** No more faults: everything comes to its end. */
  async end(): Promise<void> {
    const { clock, disk, held, runner, lockd } = this.daemon;
    disk.heal();
    held.release();
    for (const peer of this.#peers) if (this.#below(2)) peer.leave();
    for (let round = 0; round < 10; round += 1) {
      await clock.advance(6_000);
      for (const token of runner.running) runner.succeed(token);
    }
    await Promise.all(this.#calls);
    expect(await lockd.stats()).toMatchObject({ held: 0, waiting: 0, fencing: 0 });
    await lockd.maintain();
    expect(lockd.health()).toEqual({ status: 'ok', problems: [] });
  }

  #endFencing(): void {
    const { runner } = this.daemon;
    for (const token of runner.running) {
      if (this.#below(2)) runner.succeed(token);
      else runner.fail(token);
    }
  }

  #callSome(): void {
    for (let calls = this.#below(4); calls >= 0; calls -= 1) this.#call();
  }

  #call(): void {
    const { lockd } = this.daemon;
    const resource = oneOf(this.#below, RESOURCES);
    const client = oneOf(this.#below, CLIENTS);
    const limit = limitOf(resource);
    const peer = new FakePeer();
    this.#peers = [...this.#peers.slice(-20), peer];
    const context = over(peer);
    const key = this.#below(2) ? { request: `k${this.#below(3)}` } : {};
    const options = { limit, ttl: 1 + this.#below(8), claim: 5, ...key };
    const call = (): Promise<unknown> => {
      switch (this.#below(10)) {
        case 0:
          return lockd.lock(resource, client, options, context);
        case 1:
        case 2:
        case 3:
          return lockd.lock(resource, client, { ...options, wait: this.#below(20) }, context);
        case 4:
          return lockd.enqueue(resource, client, options, context);
        case 5:
          return lockd.wait(resource, client, this.#below(20), {}, context);
        case 6:
          return lockd.cancel(resource, client, context);
        case 7:
          return lockd.renew(resource, client, {}, context);
        case 8:
          return this.#below(4)
            ? lockd.extend(resource, client, 1, {}, context)
            : lockd.forceUnlock(resource, { reason: 'x', client, fenced: this.#below(2) === 0 }, context);
        default:
          return lockd.unlock(resource, client, {}, context);
      }
    };
    const life = this.#life;
    const check = (told: unknown) => {
      // Whom a daemon answers that was killed, nobody hears.
      if (life === this.#life) this.#check(told, resource);
    };
    this.#calls.push(outcome(call()).then(check), outcome(lockd.status(resource)).then(check));
  }

  #check(told: unknown, resource: string): void {
    expect(told).not.toBe('Stopped');
    if (typeof told !== 'object' || told === null) return;
    if ('held' in told) expect(told.held).toBeLessThanOrEqual(limitOf(resource));
    if ('token' in told) this.#see(told as Hold);
    if ('hold' in told) this.#see(told.hold as Hold);
  }

  /** What is told of a resource that one client holds at a time never has a token lower than was told before. */
  #see({ resource, token }: Hold): void {
    if (limitOf(resource) > 1) return;
    expect(Number(token)).toBeGreaterThanOrEqual(this.#highest.get(resource) ?? 0);
    this.#highest.set(resource, Number(token));
  }
}

/** What is remembered of each resource. */
async function holdersOf({ lockd }: TimedDaemon): Promise<unknown> {
  const page = await lockd.list();
  return page.map(({ resource, holders }) => [
    resource,
    holders.map(({ client, token, state, ttl }) => [client, token, state, ttl]),
  ]);
}

test.each(Array.from({ length: 20 }, (_, index) => [index + 1]))('seed %i', async (seed) => {
  const options = seed % 2 ? { fence: FENCE_ALL } : { lockDelay: seed % 4 };
  const history = new History(await begin(options), options, seed);
  for (let life = 0; life < 3; life += 1) {
    if (life > 0) await history.crash();
    for (let step = 0; step < 60; step += 1) await history.step();
  }
  const { held, disk } = history.daemon;
  disk.heal();
  held.release();
  await rounds(200);
  expect(await holdersOf(await crash(history.daemon, options))).toEqual(await holdersOf(history.daemon));
  await history.end();
});
