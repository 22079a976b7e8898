/** What an open lock directory consists of, and how it is opened: for itself, or for one term as leader of others. */
import { randomUUID } from 'node:crypto';
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
import type { DaemonStore } from '../store/port.js';
import type { Clock } from './clock.js';
import type { LockdOptions, LogLevel } from './options.js';
import { tokenByClock } from './token-by-clock.js';

const DEFAULT_HISTORY_DAYS = 30;
const DEFAULT_HISTORY_BYTES = 1 << 30;

/** Where turns are saved, as texts name it. */
export interface Storage {
  /** At the beginning of a sentence. */
  readonly name: string;
  readonly place: string;
}

/** The parts of an open directory. */
export interface Parts {
  readonly layout: Layout;
  readonly claim: Claim;
  readonly epoch: Epoch;
  readonly store: DaemonStore;
  readonly storage: Storage;
  /** The store is elsewhere, and the directory has nothing but views of it. */
  readonly isView: boolean;
  readonly lockFiles: LockFiles;
  readonly table: LockTable;
}

/** What a claimed directory is opened with. */
export interface Opening {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: (level: LogLevel, message: string) => void;
  readonly layout: Layout;
  readonly claim: Claim;
}

/** Opens a claimed directory: begins an epoch, reads the journal, fills the table. Leaves nothing open if it throws. */
export function openParts(options: LockdOptions, opening: Opening): Promise<Parts> {
  const { disk, clock, log, layout } = opening;
  const warn = (message: string) => log('warn', message);
  const storage = { name: 'The disk', place: layout.root };
  return partsAround(opening, storage, false, (epoch) =>
    openStore(options, disk, clock, warn, layout, epoch),
  );
}

/** The same for one term as leader, whose store is elsewhere and open: it is closed if this throws. */
export function openTermParts(store: DaemonStore, storage: Storage, opening: Opening): Promise<Parts> {
  return partsAround(opening, storage, true, async () => store).catch(async (error: unknown) => {
    await store.close();
    throw error;
  });
}

async function partsAround(
  { disk, clock, log, layout, claim }: Opening,
  storage: Storage,
  isView: boolean,
  open: (epoch: Epoch) => Promise<DaemonStore>,
): Promise<Parts> {
  const epoch = await Epoch.begin(disk, layout);
  let store: DaemonStore | undefined;
  try {
    store = await open(epoch);
    const table = await tableOf(store, clock);
    const lockFiles = LockFiles.open({
      disk,
      layout,
      epoch: epoch.number,
      directoryId: store.id,
      isNew: store.isNew && !isView,
      isView,
      monotonic: () => clock.monotonic(),
      warn: (message) => log('warn', message),
      maxOpenSlots: Math.min(MAX_OPEN_SLOTS, slotRoom(openFileLimit())),
    });
    return { layout, claim, epoch, store, storage, isView, lockFiles, table };
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

/** A little at a time: whoever leads renews its lease meanwhile. */
async function tableOf(store: DaemonStore, clock: Clock): Promise<LockTable> {
  const table = new LockTable();
  const pace = new LoopPace(clock);
  for (const record of store.recovered.records) {
    table.load(record);
    if (pace.isOver()) await pace.breathe();
  }
  // Whatever was granted before in this directory, also if it was restored from an old copy, its tokens were lower.
  table.nextToken = Math.max(store.recovered.nextToken, tokenByClock(clock.time()));
  return table;
}

/** Ends what `openParts` began, and gives the directory back. */
export async function closeParts({ store, lockFiles, epoch, claim }: Parts): Promise<void> {
  await store.close();
  lockFiles.close();
  epoch.close();
  await claim.release();
}
