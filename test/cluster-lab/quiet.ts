/**
 * A leader that has nothing to write notices nothing when another one has taken over: only what it asks before it answers, and
 * its clock, keep it from telling what is not true any more. So all is quiet, but for who looks; one lock changes hands.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { LockdClient } from '../../src/client/client.js';
import { RefusedCall } from '../../src/client/errors.js';
import { REAL_PORTS } from '../../src/client/ports.js';
import type { Stage } from './actor.js';

/** Milliseconds after which no lease is left, and no claim, that could end and would be written down. */
const QUIET_MS = 6_000;

/** Milliseconds for the lock to change hands. */
const PATIENCE_MS = 30_000;

let count = 0;

/**
 * Makes it quiet, and locks something without a lease. What it answers gives that back at whoever else leads by then, and
 * locks it for another; it resolves when that is done, or was tried for long enough.
 */
export async function moveOn(stage: Stage, leader: string): Promise<() => Promise<void>> {
  const exchange = stage.recorder.exchange.bind(stage.recorder);
  const clientOf = (name: string, urls: readonly string[]) =>
    new LockdClient({ urls, client: name, timeout: 2, connectTimeout: 1 }, { ...REAL_PORTS, exchange });
  stage.isQuiet = true;
  await sleep(QUIET_MS);
  count += 1;
  const [resource, before, after] = [`quiet ${count}`, `before-${count}`, `after-${count}`];
  const first = clientOf(before, stage.urls);
  const { token } = await first.lock(resource);
  stage.told.splice(0, stage.told.length, { resource, token });
  first.close();
  return async () => {
    const others = stage.urls.filter((url) => url !== leader);
    const [giver, heir] = [clientOf(before, others), clientOf(after, others)];
    await again(() => giver.unlock(resource, { token }));
    await again(async () => stage.told.push(await heir.lock(resource)));
    await again(() => heir.unlock(resource));
    giver.close();
    heir.close();
  };
}

/** Does it until it succeeds, or is refused by who leads. */
async function again(work: () => Promise<unknown>): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (performance.now() < end) {
    try {
      await work();
      return;
    } catch (error) {
      if (error instanceof RefusedCall && error.refusal !== 'unavailable') return;
      await sleep(100);
    }
  }
}
