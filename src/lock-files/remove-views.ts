/** Takes away what a directory shows of locks that are saved elsewhere, when nobody there knows any more who holds them. */
import { type Disk, errorCode, unlinkIfThere } from '../disk/disk.js';
import { type Layout, parseSlotsDirectory } from '../disk/layout.js';
import { classify, slotInodes } from './foreign.js';
import { isLockFileName } from './names.js';

/**
 * Removes the lock files that are ours, then the slots, step by step; foreign files stay. Nobody may make any meanwhile. Throws
 * the disk's error: what is left is removed the next time.
 */
export function* removeViews(disk: Disk, layout: Layout, directoryId: string): Generator<void> {
  const slots = slotInodes(disk, layout);
  const isSlot = (inode: bigint) => slots.has(inode);
  for (const name of disk.list(layout.root)) {
    if (!isLockFileName(name)) continue;
    if (classify(disk, layout, name, directoryId, isSlot)?.kind === 'ours')
      unlinkIfThere(disk, layout.lockFile(name));
    yield;
  }
  for (const name of disk.list(layout.own)) {
    const epoch = parseSlotsDirectory(name);
    if (epoch !== undefined) yield* removeSlots(disk, layout.slots(epoch));
  }
}

function* removeSlots(disk: Disk, directory: string): Generator<void> {
  for (const name of disk.list(directory)) {
    unlinkIfThere(disk, `${directory}/${name}`);
    yield;
  }
  try {
    disk.removeDirectory(directory);
  } catch (error) {
    // Something came into it meanwhile: it is nobody's business but that of who put it there.
    if (errorCode(error) !== 'ENOTEMPTY') throw error;
  }
}
