/** kill -9 while clients wait in lines, with leases and retry keys, and come back. */
import { setTimeout as sleep } from 'node:timers/promises';
import { experiment } from '../at-last.js';
import { livingHolds } from '../crash/caller.js';
import { LineClient } from '../crash/line-clients.js';
import { LineLedger } from '../crash/line-ledger.js';
import { listening } from '../daemon.js';
import { oneOf, randomFrom } from '../random.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { STARTS } from './place.js';
import type { Times } from './series.js';
import { addLedger, emptyTally, type Tally } from './tally.js';

const CLIENTS = 10;
const LONGEST_LOAD_MS = 1_200;
const PER_PLACE = 20;
const SEED_STEP = 7_919;

/** Kills daemons in lock directories of their own, some in each. */
export async function killLines({ times, seed, progress }: Times): Promise<Tally> {
  const tally = emptyTally();
  for (let done = 0; done < times; done += PER_PLACE) {
    const ledger = new LineLedger();
    const count = Math.min(PER_PLACE, times - done);
    await experiment(() =>
      killInOnePlace(ledger, seed + done * SEED_STEP, count, (here) => progress(done + here, tally)),
    ).catch((error: Error) => ledger.problem('other', `no daemon that works: ${error.message}`));
    const { grants, unlocks, breaches, problems } = ledger;
    tally.daemons += count;
    addLedger(
      tally,
      { acknowledged: grants + unlocks, refused: 0, breaches, problems },
      `--seed ${seed}, from ${done}`,
    );
  }
  return tally;
}

async function killInOnePlace(
  ledger: LineLedger,
  seed: number,
  times: number,
  progress: (count: number) => void,
): Promise<void> {
  const random = randomFrom(seed);
  const directory = temporaryDirectory();
  const clients = Array.from({ length: CLIENTS }, (_, index) => new LineClient(`client-${index}`));
  for (let count = 0; count <= times && ledger.problems.length === 0; count += 1) {
    const { daemon, url } = await listening(oneOf(random, STARTS)(directory), directory);
    const began = performance.now();
    ledger.restarted(await livingHolds(url), began);
    // The last one is only compared.
    if (count === times) break;
    const working = clients.map((client) => client.work({ url, ledger, random }));
    await sleep(random(LONGEST_LOAD_MS));
    await daemon.kill();
    await Promise.all(working);
    progress(count + 1);
  }
}
