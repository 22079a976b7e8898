/** The daemon's own directory, below that of the lock files. */
import type { Disk } from '../disk/disk.js';
import type { Layout } from '../disk/layout.js';
import { StartRefused } from '../disk/start-refused.js';

/** Makes it where it is missing, with a name that lasts as long as what is in it. Throws `StartRefused`, or the disk's error. */
export async function makeOwnDirectory(disk: Disk, layout: Layout): Promise<void> {
  const entry = disk.stat(layout.own);
  if (entry && entry.kind !== 'directory') {
    throw new StartRefused(`${layout.own} is no directory; move it away, and lockd makes its own`);
  }
  if (entry) return;
  disk.makeDirectory(layout.own);
  await disk.syncDirectory(layout.root);
}
