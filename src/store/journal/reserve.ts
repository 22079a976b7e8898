/**
 * A small file that only takes up space: when the disk is full it is given up, so that unlocks can still be saved. It is
 * made again as soon as there is room.
 */
import { type Disk, errorCode, unlinkIfThere, writeWhole } from '../../disk/disk.js';
import type { Layout } from '../../disk/layout.js';

/** Room for some hundred unlocks. */
const RESERVE_BYTES = 256 << 10;

/** Makes the reserve if it is missing. Answers whether it is there. */
export function makeReserve(disk: Disk, layout: Layout): boolean {
  if (disk.stat(layout.reserve)?.size === RESERVE_BYTES) return true;
  try {
    unlinkIfThere(disk, layout.reserve);
    const file = disk.create(layout.reserve);
    try {
      writeWhole(file, Buffer.alloc(RESERVE_BYTES), 0);
    } finally {
      file.close();
    }
    return true;
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    // No room: whatever was written of it is better used by others.
    giveUpReserve(disk, layout);
    return false;
  }
}

/** Gives the space back to the file system. Answers whether there was any. */
export function giveUpReserve(disk: Disk, layout: Layout): boolean {
  try {
    disk.unlink(layout.reserve);
    return true;
  } catch (error) {
    // A disk that refuses this too will refuse the turn, which is told to the caller.
    if (errorCode(error) === undefined) throw error;
    return false;
  }
}
