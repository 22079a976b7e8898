/**
 * The marker in a directory whose locks are saved elsewhere (`--store`): its lock files are views, and must never be taken
 * for locks by a daemon that is started without it.
 */
import { type Disk, errorCode, readWhole, unlinkIfThere, writeWhole } from './disk.js';
import { type Layout, parseSegmentFile, temporaryFile } from './layout.js';
import { StartRefused } from './start-refused.js';

/** Bytes: an address with all its hosts. */
const MAX_BYTES = 64 << 10;

export interface StoreMarker {
  /** Where the locks are saved, as it was given to the daemon that wrote this. */
  readonly store: string;
  /** Of the prefix there. */
  readonly id: string;
}

/** Undefined where there is none. Throws `StartRefused` for one that cannot be read. */
export function readStoreMarker(disk: Disk, layout: Layout): StoreMarker | undefined {
  if (!disk.exists(layout.storeMarker)) return undefined;
  try {
    const bytes = readWhole(disk, layout.storeMarker, MAX_BYTES);
    const marker: unknown = JSON.parse(bytes?.toString('utf8') ?? '');
    if (isMarker(marker)) return marker;
  } catch (error) {
    if (errorCode(error) === undefined && !(error instanceof SyntaxError)) throw error;
  }
  throw new StartRefused(
    `${layout.storeMarker} cannot be read, which says where the locks of this directory are saved; ` +
      'give another --directory, or remove it if you know',
  );
}

/** Makes it last. Throws the disk's error. */
export async function writeStoreMarker(disk: Disk, layout: Layout, marker: StoreMarker): Promise<void> {
  const temporary = temporaryFile(layout.storeMarker);
  unlinkIfThere(disk, temporary);
  const file = disk.create(temporary);
  try {
    writeWhole(file, Buffer.from(`${JSON.stringify(marker)}\n`), 0);
    await file.sync();
  } finally {
    file.close();
  }
  disk.rename(temporary, layout.storeMarker);
  await disk.syncDirectory(layout.own);
}

/** For a daemon that saves its locks in the directory. Throws `StartRefused` where they are saved elsewhere. */
export function refuseOtherStore(disk: Disk, layout: Layout): void {
  const marker = readStoreMarker(disk, layout);
  if (!marker) return;
  refuseHalfMoved(disk, layout, marker);
  throw new StartRefused(
    `The locks of ${layout.root} are saved in ${marker.store}, and its lock files only show them; start lockd with ` +
      `--store ${marker.store}, or give another --directory (or remove ${layout.storeMarker}, if nothing is locked there any more)`,
  );
}

/** For a daemon that saves its locks elsewhere. Throws `StartRefused` where the directory has locks of its own. */
export function refuseJournal(disk: Disk, layout: Layout): void {
  const marker = readStoreMarker(disk, layout);
  if (marker) refuseHalfMoved(disk, layout, marker);
  if (!hasJournal(disk, layout)) return;
  throw new StartRefused(
    `${layout.root} has locks of its own, which --store would leave behind; move them with lockd migrate, ` +
      'or give another --directory',
  );
}

/** Whether the directory has locks of its own, or had before they were moved. */
export function hasJournal(disk: Disk, layout: Layout): boolean {
  return disk.list(layout.own).some((name) => parseSegmentFile(name) !== undefined);
}

/** What became of a directory whose locks are moved to `store`, from the moment on at which it may not serve by itself any more. */
export function halfMovedText(layout: Layout, { store }: StoreMarker): string {
  return (
    `The locks of ${layout.root} are being moved to ${store}, which was not finished; run it again: ` +
    `lockd migrate --directory ${layout.root} --store ${store}`
  );
}

/** Throws `StartRefused` where there are both: only whoever moves the locks can tell which counts. */
function refuseHalfMoved(disk: Disk, layout: Layout, marker: StoreMarker): void {
  if (hasJournal(disk, layout)) throw new StartRefused(halfMovedText(layout, marker));
}

function isMarker(value: unknown): value is StoreMarker {
  return (
    typeof value === 'object' &&
    value !== null &&
    'store' in value &&
    typeof value.store === 'string' &&
    'id' in value &&
    typeof value.id === 'string'
  );
}
