/** What a crash left of segments that never got their name. */
import { type Disk, unlinkIfThere } from '../../disk/disk.js';
import { type Layout, parseTemporarySegment } from '../../disk/layout.js';

/** Removes those up to our own `epoch`: those of a later one are a successor's, and in use. */
export function removeLeftovers(disk: Disk, layout: Layout, epoch: number): void {
  for (const name of disk.list(layout.own)) {
    const segment = parseTemporarySegment(name);
    if (segment && segment.epoch <= epoch) unlinkIfThere(disk, layout.ownFile(name));
  }
}
