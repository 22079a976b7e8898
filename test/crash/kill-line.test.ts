/**
 * kill -9 of a real daemon while clients wait in lines, with leases and retry keys, and come back: no hold that was
 * acknowledged is lost, none comes back, and nobody gets what another one has. `LOCKD_CRASH_CYCLES` says how often,
 * `LOCKD_TEST_SEED` which moments.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { listening, startServe, startSmallSegments } from '../daemon.js';
import { chooseSeed, randomFrom } from '../random.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { livingHolds } from './caller.js';
import { LineClient } from './line-clients.js';
import { LineLedger } from './line-ledger.js';

const CYCLES = Math.ceil(Number(process.env.LOCKD_CRASH_CYCLES ?? 50) / 5);
const CLIENTS = 10;
const LONGEST_LOAD_MS = 1_200;

test(`${CYCLES} times kill -9 loses no hold and no place of clients that wait`, {
  timeout: 30_000 + CYCLES * 10_000,
}, async () => {
  const seed = chooseSeed();
  const random = randomFrom(seed);
  const directory = temporaryDirectory();
  const ledger = new LineLedger();
  const clients = Array.from({ length: CLIENTS }, (_, index) => new LineClient(`client-${index}`));
  for (let cycle = 0; cycle < CYCLES; cycle += 1) {
    const start = cycle % 2 === 0 ? startServe([], directory) : startSmallSegments(4_000, directory);
    const { daemon, url } = await listening(start, directory);
    const began = performance.now();
    ledger.restarted(await livingHolds(url), began);
    expect(ledger.problems, `LOCKD_TEST_SEED=${seed}, before cycle ${cycle}`).toEqual([]);
    const working = clients.map((client) => client.work({ url, ledger, random }));
    await sleep(random(LONGEST_LOAD_MS));
    await daemon.kill();
    await Promise.all(working);
    expect(ledger.problems, `LOCKD_TEST_SEED=${seed}, cycle ${cycle}`).toEqual([]);
  }
  const { grants, unlocks, untold, ended } = ledger;
  console.log(
    `${CYCLES} times kill -9 of lines, LOCKD_TEST_SEED=${seed}: ${grants} grants, ${unlocks} unlocks, ` +
      `${untold} found untold, ${ended} ended with their lease`,
  );
  expect(grants).toBeGreaterThan(5 * CYCLES);
});
