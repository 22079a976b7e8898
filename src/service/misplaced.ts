/** Names of our own under which something else stands than we would have made. */
import type { Disk, EntryKind } from '../disk/disk.js';
import { type Layout, parseEpochFile, parseSlotsDirectory } from '../disk/layout.js';

export interface Misplaced {
  readonly path: string;
  readonly expected: EntryKind;
}

/** Those of `names` in the own directory. A segment that is no file is the journal's affair. */
export function misplaced(disk: Disk, layout: Layout, names = disk.list(layout.own)): Misplaced[] {
  return names.flatMap((name) => {
    const path = layout.ownFile(name);
    const expected = kindExpected(name);
    const kind = expected && disk.stat(path)?.kind;
    return expected && kind && kind !== expected ? [{ path, expected }] : [];
  });
}

/** What a name of our own stands for; undefined for names that are not. */
function kindExpected(name: string): EntryKind | undefined {
  if (['guard', 'owner.json', 'reserve', 'store'].includes(name)) return 'file';
  if (['adopted', 'daemon.lock', 'migrated'].includes(name)) return 'directory';
  if (parseEpochFile(name) !== undefined) return 'file';
  return parseSlotsDirectory(name) === undefined ? undefined : 'directory';
}
