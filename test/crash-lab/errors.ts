/** Errors of the disk at the Nth call of each kind, once or from then on; afterwards a daemon on a good disk is compared. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startSmallSegments } from '../daemon.js';
import type { Random } from '../random.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { traced } from '../wide/strace.js';
import type { Place } from './place.js';
import { STARTS, type Start } from './place.js';
import type { Series } from './series.js';

/** What each call may fail with, and up to which of them it does. */
const FAILURES: readonly (readonly [call: string, most: number, ...codes: string[]])[] = [
  ['pwrite64', 60, 'EIO', 'ENOSPC', 'EROFS'],
  ['fdatasync', 60, 'EIO', 'ENOSPC', 'EDQUOT'],
  ['fsync', 20, 'EIO', 'ENOSPC'],
  ['link', 60, 'EIO', 'ENOSPC', 'EPERM', 'EROFS'],
  ['unlink', 60, 'EIO', 'EROFS', 'EPERM'],
  ['rename', 3, 'EIO', 'ENOSPC'],
  ['ftruncate', 8, 'EIO', 'EROFS'],
  ['mkdir', 4, 'EIO', 'ENOSPC'],
  ['pread64', 20, 'EIO'],
  ['statx', 200, 'EIO'],
  ['getdents64', 20, 'EIO'],
  // Most of the first 300 are Node reading its modules.
  ['openat', 600, 'EIO', 'EMFILE', 'ENOSPC', 'EROFS'],
];

const KINDS = FAILURES.flatMap(([call, most, ...codes]) => codes.map((code) => ({ call, most, code })));

/** What a program says that did not expect its end; but not where Node could not read its modules. */
const STACK = /^\s+at \S.*:\d+:\d+/m;
const MODULES = /node:internal\/modules/;

const SEGMENT_BYTES = 1_500;
const LOAD_MS = 700;

/** The Nth call is chosen by chance; one time in two all later ones fail as well. */
async function failAtCall(place: Place, count: number, random: Random): Promise<void> {
  const { call, most, code } = KINDS[count % KINDS.length] as (typeof KINDS)[number];
  const when = `${1 + random(most)}${random(2) === 0 ? '+' : ''}`;
  const tracing = traced({ trace: call, inject: `${call}:error=${code}:when=${when}` });
  await place.live({
    start: (directory) => startSmallSegments(SEGMENT_BYTES, directory, tracing),
    mayEnd: true,
    withLockFiles: false,
    end: () => sleep(LOAD_MS),
  });
  if (STACK.test(place.lastWords) && !MODULES.test(place.lastWords)) {
    place.ledger.problem('other', `${call}, ${code}, call ${when}: it ended with ${place.lastWords}`);
  }
  await place.live({ start: STARTS[0] as Start, end: () => sleep(random(200)) });
}

export const errorsAtCalls: Series = {
  perPlace: 20,
  begin: (random) => ({
    directory: temporaryDirectory(),
    step: (place, count) => failAtCall(place, count, random),
  }),
};
