/** kill -9 of a daemon under load: at moments that chance chooses, also in its start, and at the Nth call that changes the disk. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startServe, startSmallSegments } from '../daemon.js';
import { oneOf, type Random } from '../random.js';
import { ROOT } from '../root.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { traced } from '../wide/strace.js';
import type { Place } from './place.js';
import { STARTS } from './place.js';
import type { Series } from './series.js';

const LONGEST_LOAD_MS = 600;
const LONGEST_START_MS = 350;

/** One daemon in so many is killed before it listens. */
const START_SHARE = 5;

async function killSometime(place: Place, random: Random): Promise<void> {
  const start = oneOf(random, STARTS);
  if (random(START_SHARE) === 0) return place.startInVain(start, random(LONGEST_START_MS));
  return place.live({ start, end: () => sleep(random(LONGEST_LOAD_MS)) });
}

export const killsAtRandom: Series = {
  perPlace: 25,
  begin: (random) => ({ directory: temporaryDirectory(), step: (place) => killSometime(place, random) }),
};

const LATE_WRITES = join(ROOT, 'test/crash-lab/late-writes.js');

/** The negative control: a daemon that answers before its journal is written. Each in a lock directory of its own. */
export const killsOfLateWriter: Series = {
  isControl: true,
  perPlace: 1,
  begin: (random) => ({
    directory: temporaryDirectory(),
    step: (place) =>
      place.live({
        start: (directory) =>
          startServe([], directory, { variables: { NODE_OPTIONS: `--import=${LATE_WRITES}` } }),
        end: () => sleep(200 + random(LONGEST_LOAD_MS)),
      }),
  }),
};

/** The calls that change the disk or answer somebody, and up to which of them a daemon is killed. */
export const CALLS: readonly (readonly [calls: string, most: number])[] = [
  ['pwrite64', 120],
  ['fdatasync', 120],
  ['fsync', 40],
  ['link', 120],
  ['unlink', 120],
  ['rename', 2],
  ['ftruncate', 8],
  ['mkdir', 4],
  ['openat', 400],
  ['write,writev,sendto,sendmsg', 120],
];

/** Small enough that a load of a second fills several. */
const SEGMENT_BYTES = 1_500;
const LONGEST_TRACED_LOAD_MS = 1_500;

/** Steps from one N to the next: every one has its turn, and a few kills reach far. */
const STEP = 7;

/** `count` goes through all calls, and then to another N of each. */
function killAtCall(place: Place, count: number): Promise<void> {
  const [calls = '', most = 1] = CALLS[count % CALLS.length] ?? [];
  const when = 1 + ((Math.floor(count / CALLS.length) * STEP) % most);
  const tracing = traced({ trace: calls, inject: `${calls}:signal=KILL:when=${when}` });
  return place.live({
    start: (directory) => startSmallSegments(SEGMENT_BYTES, directory, tracing),
    mayEnd: true,
    end: () => sleep(LONGEST_TRACED_LOAD_MS),
  });
}

export const killsAtCalls: Series = {
  perPlace: 20,
  begin: () => ({ directory: temporaryDirectory(), step: killAtCall }),
};
