/** Whether the disk works at this moment. */
import { type Disk, errorCode, unlinkIfThere, writeWhole } from './disk.js';
import { temporaryFile } from './layout.js';

/** Room for some turns and their lock files. */
const PROBE_BYTES = 64 << 10;

/** Whether the disk takes a new file in this folder. Leaves none; what a crash leaves is removed at the next start. */
export function takesFiles(disk: Disk, folder: string): boolean {
  const path = `${folder}/${temporaryFile('probe')}`;
  try {
    unlinkIfThere(disk, path);
    const file = disk.create(path);
    try {
      writeWhole(file, Buffer.alloc(PROBE_BYTES), 0);
    } finally {
      file.close();
      unlinkIfThere(disk, path);
    }
    return true;
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    return false;
  }
}
