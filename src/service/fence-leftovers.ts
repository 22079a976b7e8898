/** Files of fence commands that succeeded just before a crash: their hold is fenced, and nobody comes back to them. */

import type { LockTable } from '../core/table.js';
import { type Disk, errorCode, unlinkIfThere } from '../disk/disk.js';
import { type Layout, parseFenceFile } from '../disk/layout.js';

/** Removes those whose token is not being fenced; to be called by the owner, before any fencing begins. */
export function removeFenceLeftovers(disk: Disk, layout: Layout, table: LockTable): void {
  const left = new Map<number, string>();
  for (const name of disk.list(layout.own)) {
    const token = parseFenceFile(name);
    if (token !== undefined) left.set(token, layout.ownFile(name));
  }
  if (left.size === 0) return;
  for (const { token, lost } of table.allHolds()) if (lost === 'fencing') left.delete(token);
  for (const path of left.values()) {
    try {
      unlinkIfThere(disk, path);
    } catch (error) {
      // An empty file is in nobody's way; the next start tries again.
      if (errorCode(error) === undefined) throw error;
    }
  }
}
