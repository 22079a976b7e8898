/** The end of a round, when all is well again: everything that was locked or waited for becomes free, and can be locked. */
import { setTimeout as sleep } from 'node:timers/promises';
import { LockdClient } from '../../src/client/client.js';
import { REAL_PORTS } from '../../src/client/ports.js';
import { eventually } from '../crash/eventually.js';
import type { Recorder } from './recorder.js';

/** Milliseconds for everybody to come to an end, and for a resource to become free. */
const PATIENCE_MS = 90_000;

/** Rejects where `work` has not come to its end in time. */
export async function inTime<T>(what: string, work: Promise<T>): Promise<T> {
  const tooLong = sleep(PATIENCE_MS, undefined, { ref: false }).then(() => {
    throw new Error(`not within ${PATIENCE_MS / 1_000} s: ${what}`);
  });
  return Promise.race([work, tooLong]);
}

/** Rejects where a resource stays locked, or a token is not above all that were given before. */
export async function settle(urls: readonly string[], recorder: Recorder): Promise<void> {
  const ports = { ...REAL_PORTS, exchange: recorder.exchange.bind(recorder) };
  const client = new LockdClient({ urls, client: 'last' }, ports);
  const resources = new Set(recorder.calls.map(({ resource }) => resource));
  let highest = highestToken(recorder);
  for (const resource of resources) {
    await eventually(`'${resource}' becomes free`, () => isFree(client, resource), PATIENCE_MS);
  }
  for (const resource of [...resources].slice(-20)) {
    const { token } = await client.lock(resource);
    if (Number(token) <= highest) throw new Error(`'${resource}' got token ${token}, after ${highest}`);
    highest = Number(token);
    await client.unlock(resource, { token });
  }
  client.close();
}

/** Ends what would never end by itself. */
async function isFree(client: LockdClient, resource: string): Promise<boolean> {
  const { state, waiting, holders } = await client.status(resource);
  for (const { ttl, client: holder } of holders) {
    if (ttl === undefined) await client.forceUnlock(resource, { reason: 'the end', client: holder });
  }
  return state === 'free' && waiting === 0;
}

function highestToken({ calls }: Recorder): number {
  return calls.reduce(
    (highest, { outcome }) => (outcome?.kind === 'hold' ? Math.max(highest, outcome.token) : highest),
    0,
  );
}
