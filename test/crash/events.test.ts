/**
 * Who follows the events of a daemon under load hears of every one that the journal has, once and in order: while connections
 * are cut at random bytes, the daemon is killed in between, and new segments begin.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { LockdClient } from '../../src/client/client.js';
import { proxyTo } from '../client/proxy.js';
import { listening, startSmallSegments } from '../daemon.js';
import { chooseSeed, randomFrom } from '../random.js';
import { temporaryDirectory } from '../temporary-directory.js';

const CLIENTS = 8;
const KILLS = 3;
const CUTS_BETWEEN = 6;
/** Small enough for several, and so large that no history is dropped at a start. */
const SEGMENT_BYTES = 400_000;
/** Of each client between two kills, so that the history stays within those segments. */
const PAIRS = 40;

function clientOf(url: string, client = 'reader'): LockdClient {
  const made = new LockdClient({ url, client, retry: { attempts: 1 } });
  onTestFinished(() => made.close());
  return made;
}

/** Pairs until there were enough, or the daemon is gone. */
async function work(url: string, name: string): Promise<void> {
  const client = clientOf(url, name);
  try {
    for (let pair = 0; pair < PAIRS; pair += 1) {
      await client.lock(`resource-of-${name}`);
      await client.unlock(`resource-of-${name}`);
    }
  } catch {
    // It was killed; what it had granted may stay locked, and a later `work` is refused.
  }
}

test('no event is missed or told twice, through cuts, kills and new segments', async () => {
  const seed = chooseSeed();
  const random = randomFrom(seed);
  const directory = temporaryDirectory();
  const start = async () => listening(startSmallSegments(SEGMENT_BYTES, directory), directory);
  let running = await start();
  const proxy = await proxyTo(running.url);
  const abort = new AbortController();
  onTestFinished(() => abort.abort());
  const told: string[] = [];
  let cuts = 0;
  const events = clientOf(proxy.url).events({ signal: abort.signal, onCut: () => (cuts += 1) });
  const reading = (async () => {
    for await (const item of events)
      if (item.event !== 'ready') told.push('id' in item ? `${item.id}` : item.event);
  })().catch((error: unknown) => {
    if (!abort.signal.aborted) throw error;
  });
  // From the first one on.
  while (proxy.answered === 0) await pause(5);

  for (let kill = 0; kill <= KILLS; kill += 1) {
    const working = Array.from({ length: CLIENTS }, (_, n) => work(running.url, `${kill}-${n}`));
    for (let cut = 0; cut < CUTS_BETWEEN; cut += 1) {
      await pause(random(40));
      proxy.down();
      await pause(random(60));
      proxy.cutAfter = 400 + random(10_000);
      proxy.target = running.url;
      const { answered } = proxy;
      while (proxy.answered === answered) await pause(5);
    }
    if (kill === KILLS) {
      await Promise.all(working);
      break;
    }
    await running.daemon.kill();
    proxy.down();
    await Promise.all(working);
    running = await start();
    proxy.target = running.url;
  }

  const history: string[] = [];
  for await (const { id } of clientOf(running.url).historyAll()) history.unshift(id);
  const last = history.at(-1);
  const deadline = performance.now() + 20_000;
  while (told.at(-1) !== last && performance.now() < deadline) await pause(10);
  abort.abort();
  await reading;
  console.log(`${history.length} events through ${KILLS} kills and ${cuts} cuts, LOCKD_TEST_SEED=${seed}`);
  expect(told).toEqual(history);
  expect(history.length).toBeGreaterThan(CLIENTS * PAIRS);
  expect(cuts).toBeGreaterThan(2 * KILLS);
});
