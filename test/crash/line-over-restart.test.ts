/** The line through kill -9: who can come back keeps the place, the others come behind, and all are served in order. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type RunningDaemon, serve } from '../daemon.js';
import { Caller, type Options, storyOf } from './caller.js';
import { eventually } from './eventually.js';

const KEYED: Options = { wait: 60, request: 'key of A' };
const KEYLESS: Options = { wait: 60 };

/** Who was granted what, as the answers came. */
class Grants {
  readonly clients: string[] = [];
  readonly tokens: bigint[] = [];

  constructor(private readonly url: string) {}

  /** Waits as `wait` does, and gives the lock back at once. Resolves when that is done. */
  async take(client: string, wait: (caller: Caller) => Promise<{ readonly token: string }>): Promise<void> {
    const caller = await Caller.to(this.url);
    const { token } = await wait(caller);
    this.clients.push(client);
    this.tokens.push(BigInt(token));
    await caller.unlock('r', client, { token });
    caller.close();
  }
}

/** Clients as they stand in the line, when there are so many. */
async function line(url: string, count: number): Promise<string[]> {
  const caller = await Caller.to(url);
  await eventually(`${count} in the line`, async () => (await caller.status('r')).waiting === count);
  const { queue } = await caller.status('r');
  caller.close();
  expect(queue.map(({ position }) => position)).toEqual(queue.map((_, index) => index + 1));
  return queue.map(({ client }) => client);
}

/** H holds; A waits with a key, B by `enqueue`, C and D with neither; then the daemon is killed, and the next one starts. */
async function lineThroughKill(claim: Options = {}) {
  const { daemon, url, directory } = await serve();
  const { token } = await (await Caller.to(url)).lock('r', 'H');
  const lost: Promise<unknown>[] = [];
  const wait = async (client: string, options: Options) => {
    lost.push((await Caller.to(url)).lock('r', client, options).catch((error: Error) => error.message));
  };
  await wait('A', { ...KEYED, ...claim });
  expect(await line(url, 1)).toEqual(['A']);
  expect(await (await Caller.to(url)).enqueue('r', 'B', claim)).toEqual({ state: 'queued', position: 2 });
  await wait('C', KEYLESS);
  await line(url, 3);
  await wait('D', KEYLESS);
  expect(await line(url, 4)).toEqual(['A', 'B', 'C', 'D']);
  await daemon.kill();
  const answers = await Promise.all(lost);
  expect(answers).toEqual(answers.map(() => expect.stringContaining('closed before an answer')));
  const startedAt = performance.now();
  const next: RunningDaemon = await serve([], directory);
  return { url: next.url, held: token, startedAt };
}

test('a key and enqueue keep their places; keyless clients come again behind them, in order', async () => {
  const { url, held } = await lineThroughKill();
  const grants = new Grants(url);
  expect(await line(url, 2)).toEqual(['A', 'B']);
  // The keyless ones come back first, and nevertheless stand behind.
  const all = [grants.take('D', (caller) => caller.lock('r', 'D', KEYLESS))];
  expect(await line(url, 3)).toEqual(['A', 'B', 'D']);
  all.push(grants.take('C', (caller) => caller.lock('r', 'C', KEYLESS)));
  expect(await line(url, 4)).toEqual(['A', 'B', 'D', 'C']);
  all.push(grants.take('B', (caller) => caller.wait('r', 'B', 60)));
  const holder = await Caller.to(url);
  await holder.unlock('r', 'H', { token: held });
  // Free, but kept for the first, who has not come back yet.
  await sleep(300);
  expect(grants.clients).toEqual([]);
  expect(await holder.status('r')).toMatchObject({ state: 'reserved', held: 0, waiting: 4 });
  await expect(holder.lock('r', 'H')).rejects.toThrow("fault 1: Resource already locked by 'A'");
  expect(await line(url, 4)).toEqual(['A', 'B', 'D', 'C']);
  all.push(grants.take('A', (caller) => caller.lock('r', 'A', KEYED)));
  await Promise.all(all);
  expect(grants.clients).toEqual(['A', 'B', 'D', 'C']);
  const tokens = [BigInt(held), ...grants.tokens];
  expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => Number(a - b)));
  const story = await storyOf(url, 'r');
  const granted = story.filter((event) => event.startsWith('granted '));
  expect(granted).toEqual(['granted H', 'granted A', 'granted B', 'granted D', 'granted C']);
  expect(story.filter((event) => event.startsWith('left '))).toEqual([]);
});

test('the repeated call finds its place while the holder still holds, and the hold when it is repeated once more', async () => {
  const { url, held } = await lineThroughKill();
  const first = await Caller.to(url);
  const waiting = first.lock('r', 'A', KEYED);
  const again = (await Caller.to(url)).wait('r', 'B', 0.2);
  await expect(again).rejects.toThrow(/^fault 4: .*'B' was number 2 in the line/);
  expect(await line(url, 2)).toEqual(['A', 'B']);
  await (await Caller.to(url)).unlock('r', 'H', { token: held });
  const { token } = await waiting;
  first.close();
  expect((await (await Caller.to(url)).lock('r', 'A', KEYED)).token).toBe(token);
  const story = await storyOf(url, 'r');
  expect(story).toEqual(['granted H', 'queued A', 'queued B', 'unlocked H', 'granted A']);
});

test('whoever does not come back within the claim time loses the turn', async () => {
  const { url, held, startedAt } = await lineThroughKill({ claim: 1 });
  const grants = new Grants(url);
  const caller = await Caller.to(url);
  await caller.unlock('r', 'H', { token: held });
  const taken = grants.take('C', (other) => other.lock('r', 'C', KEYLESS));
  await taken;
  expect(performance.now() - startedAt).toBeGreaterThan(1_000);
  expect(performance.now() - startedAt).toBeLessThan(8_000);
  expect(await storyOf(url, 'r')).toEqual([
    'granted H',
    'queued A',
    'queued B',
    'unlocked H',
    'left A',
    'left B',
    'granted C',
    'unlocked C',
  ]);
  await expect(caller.wait('r', 'B', 1)).rejects.toThrow(/^fault 6: 'B' is not in the line for 'r'/);
  // A key of a place that was given up is a new one.
  expect(await caller.lock('r', 'A', { ...KEYED, claim: 1 })).toMatchObject({ client: 'A', state: 'held' });
});
