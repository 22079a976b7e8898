/** The same thing done many times: in lock directories of their own, a few times in each, until it has been done so often. */
import { cpSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { experiment } from '../at-last.js';
import { type Random, randomFrom } from '../random.js';
import { Place, STARTS, type Start } from './place.js';
import { addLedger, emptyTally, type Tally } from './tally.js';

export interface Times {
  readonly times: number;
  readonly seed: number;
  /** Told how often it has been done so far. */
  readonly progress: (done: number, tally: Tally) => void;
}

export interface Series {
  /** What goes wrong is meant to: nothing is kept of it. */
  readonly isControl?: boolean;
  /** How often in one lock directory, at most. */
  readonly perPlace: number;
  /** Makes a lock directory, and answers what to do with it: `count` says how often anything was done before. */
  readonly begin: (random: Random) => Promise<Site> | Site;
}

export interface Site {
  readonly directory: string;
  step(place: Place, count: number): Promise<void>;
}

/** Seeds of different places lie so far apart. */
const SEED_STEP = 7_919;

/** Does it, and compares what is left in each lock directory with its ledger at the end. */
export async function runSeries(
  { perPlace, begin, isControl = false }: Series,
  options: Times,
): Promise<Tally> {
  const { times, seed, progress } = options;
  const tally = emptyTally();
  for (let done = 0; done < times; ) {
    done = await experiment(async () => {
      const random = randomFrom(seed + done * SEED_STEP);
      const { directory, step } = await begin(random);
      const place = new Place(directory, random);
      let count = done;
      for (; count < Math.min(done + perPlace, times) && place.ledger.problems.length === 0; count += 1) {
        await step(place, count);
        progress(count + 1, tally);
      }
      if (place.ledger.problems.length === 0) await lookOnce(place);
      addPlace(tally, place, `--seed ${seed}, number ${count}`, !isControl);
      return count;
    });
  }
  return tally;
}

/** A daemon without any trouble says what is held. */
function lookOnce(place: Place): Promise<void> {
  return place.live({ start: STARTS[0] as Start, end: async () => undefined });
}

function addPlace(tally: Tally, place: Place, where: string, keeps: boolean): void {
  const { ledger, directory, daemons, ended } = place;
  const isKept = keeps && ledger.problems.length > 0;
  addLedger(tally, ledger, isKept ? `${where} (what was left: ${keep(directory)})` : where);
  tally.daemons += daemons;
  tally.hit += ended;
}

/** A copy of a lock directory that is still there when the series is over. */
function keep(directory: string): string {
  const kept = join(mkdtempSync(join(tmpdir(), 'lockd-crash-lab-')), 'locks');
  cpSync(directory, kept, { recursive: true });
  return kept;
}
