/** What an open lock directory consists of, and how it is opened. */
import { randomUUID } from 'node:crypto';
import { MAX_ADOPTED_TOKEN } from '../core/limits.js';
import { LockTable } from '../core/table.js';
import type { Claim } from '../disk/claim.js';
import { slotRoom } from '../disk/descriptors.js';
import type { Disk } from '../disk/disk.js';
import { Epoch } from '../disk/epoch.js';
import type { Layout } from '../disk/layout.js';
import { openFileLimit } from '../disk/open-file-limit.js';
import { LockFiles } from '../lock-files/lock-files.js';
import { MAX_OPEN_SLOTS } from '../lock-files/slots.js';
import { JournalStore } from '../store/journal/journal-store.js';
import { LoopPace } from '../store/journal/pace.js';
import type { Clock } from './clock.js';
import type { LockdOptions, LogLevel } from './options.js';

const DEFAULT_HISTORY_DAYS = 30;
const DEFAULT_HISTORY_BYTES = 1 << 30;

/** The parts of an open directory. */
export interface Parts {
  readonly layout: Layout;
  readonly claim: Claim;
  readonly epoch: Epoch;
  readonly store: JournalStore;
  readonly lockFiles: LockFiles;
  readonly table: LockTable;
}

/** Opens a claimed directory: begins an epoch, reads the journal, fills the table. Leaves nothing open if it throws. */
export async function openParts(
  options: LockdOptions,
  disk: Disk,
  clock: Clock,
  log: (level: LogLevel, message: string) => void,
  layout: Layout,
  claim: Claim,
): Promise<Parts> {
  const warn = (message: string) => log('warn', message);
  const epoch = await Epoch.begin(disk, layout);
  let store: JournalStore | undefined;
  try {
    store = await openStore(options, disk, clock, warn, layout, epoch);
    const table = tableOf(store, clock);
    const lockFiles = LockFiles.open({
      disk,
      layout,
      epoch: epoch.number,
      directoryId: store.directoryId,
      isNew: store.isNew,
      monotonic: () => clock.monotonic(),
      warn,
      maxOpenSlots: Math.min(MAX_OPEN_SLOTS, slotRoom(openFileLimit())),
    });
    return { layout, claim, epoch, store, lockFiles, table };
  } catch (error) {
    await store?.close();
    epoch.close();
    throw error;
  }
}

function openStore(
  options: LockdOptions,
  disk: Disk,
  clock: Clock,
  warn: (message: string) => void,
  layout: Layout,
  epoch: Epoch,
): Promise<JournalStore> {
  return JournalStore.open({
    disk,
    layout,
    epoch,
    retention: {
      historyDays: options.historyDays ?? DEFAULT_HISTORY_DAYS,
      historyBytes: options.historySizeBytes ?? DEFAULT_HISTORY_BYTES,
    },
    pace: new LoopPace(clock),
    time: () => clock.time(),
    makeId: options.makeId ?? randomUUID,
    warn,
    ...(options.segmentBytes === undefined ? {} : { segmentBytes: options.segmentBytes }),
    ...(options.roomBytes === undefined ? {} : { roomBytes: options.roomBytes }),
  });
}

function tableOf(store: JournalStore, clock: Clock): LockTable {
  const table = new LockTable();
  for (const record of store.recovered.records) table.load(record);
  // Whatever was granted before in this directory, also if it was restored from an old copy, its tokens were lower.
  table.nextToken = Math.max(store.recovered.nextToken, tokenByClock(clock.time()));
  return table;
}

/** The Unix time in microseconds; nothing where the clock says a time so late that tokens would not be exact. */
function tokenByClock(time: number): number {
  const token = Math.floor(time * 1_000);
  return token <= MAX_ADOPTED_TOKEN ? token : 0;
}

/** Ends what `openParts` began, and gives the directory back. */
export async function closeParts({ store, lockFiles, epoch, claim }: Parts): Promise<void> {
  await store.close();
  lockFiles.close();
  epoch.close();
  await claim.release();
}
