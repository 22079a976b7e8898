/** SIGTERM under load: what is in flight is answered, what was answered is saved, and the daemon ends in good order. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { serve } from '../daemon.js';
import { chooseSeed, randomFrom } from '../random.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { listHolds, runClients } from './clients.js';
import { Ledger } from './ledger.js';
import { lastingLockFileProblems, lockFileProblems } from './lock-files.js';

const STOPS = 6;
const LONGEST_LOAD_MS = 400;

test(`${STOPS} stops under load lose nothing, and leave the lock files as they should be`, async () => {
  const seed = chooseSeed();
  const random = randomFrom(seed);
  const directory = temporaryDirectory();
  const ledger = new Ledger();
  for (let stop = 0; stop < STOPS; stop += 1) {
    const { daemon, url } = await serve([], directory);
    const holds = await listHolds(url);
    ledger.restarted(holds);
    ledger.problems.push(...(await lastingLockFileProblems(directory, holds, () => listHolds(url))));
    const clients = runClients({ url, ledger, random, clients: 8 });
    await sleep(random(LONGEST_LOAD_MS));
    const asked = performance.now();
    daemon.child.kill('SIGTERM');
    expect(await daemon.ended, daemon.stderr).toBe(0);
    expect(performance.now() - asked).toBeLessThan(5_000);
    await clients;
    expect(ledger.problems, `LOCKD_TEST_SEED=${seed}, stop ${stop}`).toEqual([]);
  }
  const { url } = await serve([], directory);
  const holds = await listHolds(url);
  ledger.restarted(holds);
  expect(ledger.problems).toEqual([]);
  // Nothing had to be mended at the start.
  expect(lockFileProblems(directory, holds)).toEqual([]);
  console.log(`${STOPS} stops, LOCKD_TEST_SEED=${seed}: ${ledger.acknowledged} acknowledgements`);
});
