/**
 * `lockd fsck --repair`: mends what keeps a daemon from starting in a lock directory, and clears away what a crash left.
 * Deletes nothing: what is taken out lies in a folder of its own afterwards. Killed at any step, it can be run again; where
 * nothing is wrong it does nothing.
 */
import { basename, resolve } from 'node:path';
import { claimDirectory } from '../disk/claim.js';
import { type Disk, errorCode } from '../disk/disk.js';
import { Kept } from '../disk/kept.js';
import { isTemporaryFile, Layout, parseFenceFile, parseSegmentFile } from '../disk/layout.js';
import { nodeDisk } from '../disk/node-disk.js';
import { StartRefused } from '../disk/start-refused.js';
import { recoverJournal } from '../store/journal/recovery.js';
import { salvageJournal } from '../store/journal/salvage.js';
import { Stopped } from '../store/port.js';
import type { Finding } from './finding.js';
import { type Inspection, inspectDirectory } from './fsck.js';
import { type Misplaced, misplaced } from './misplaced.js';
import { repairJournal } from './repair-journal.js';

export interface Repair extends Inspection {
  /** Where everything is that was taken out; undefined where there was nothing to. */
  readonly kept: string | undefined;
}

/**
 * Repairs a directory that no daemon owns; `findings` first tell what was done, then how it is now.
 *
 * @param progress is told why it takes long.
 * @throws StartRefused where a daemon owns it, a newer lockd wrote it, or the disk does not let us.
 */
export async function repairDirectory(
  directory: string,
  progress: (message: string) => void = () => undefined,
  disk: Disk = nodeDisk,
): Promise<Repair> {
  const layout = new Layout(resolve(directory));
  const done: Finding[] = [];
  let kept: string | undefined;
  try {
    const own = disk.stat(layout.own);
    if (own && own.kind !== 'directory') {
      kept = await moveOwnAside(disk, layout, done);
    } else if (own) {
      kept = await repairOwn(disk, layout, done, progress);
    }
  } catch (error) {
    if (!(error instanceof Stopped) && errorCode(error) === undefined) throw error;
    throw new StartRefused(
      `${layout.root} could not be repaired (${(error as Error).message}); nothing in it was deleted. ` +
        'Make room or mend the disk, then repair it again',
    );
  }
  const inspection = await inspectDirectory(directory, disk);
  if (done.length === 0) done.push({ level: 'ok', text: 'There was nothing to mend' });
  return { ...inspection, findings: [...done, ...inspection.findings], kept };
}

async function repairOwn(
  disk: Disk,
  layout: Layout,
  done: Finding[],
  progress: (message: string) => void,
): Promise<string | undefined> {
  const kept = new Kept(disk, layout);
  // What stands in the place of these keeps everybody out, and so nobody is in.
  const doors = [layout.guard, layout.daemonLock].map((path) => basename(path));
  moveMisplaced(misplaced(disk, layout, doors), kept, done);
  const claim = await claimDirectory(layout, progress);
  try {
    moveMisplaced(misplaced(disk, layout), kept, done);
    if (needsRepair(disk, layout)) {
      const salvaged = salvageJournal(disk, layout);
      if (salvaged) done.push(...(await repairJournal({ disk, layout, kept, salvaged, time: Date.now() })));
    }
    moveLeftovers(disk, layout, kept, done);
    if (kept.path !== undefined) await kept.flush();
  } finally {
    await claim.release();
  }
  return kept.path;
}

/** A file where our own folder belongs: nothing in it is ours. */
async function moveOwnAside(disk: Disk, layout: Layout, done: Finding[]): Promise<string> {
  let to = `${layout.own}.damaged`;
  for (let count = 2; disk.exists(to); count += 1) to = `${layout.own}.damaged-${count}`;
  disk.rename(layout.own, to);
  await disk.syncDirectory(layout.root);
  done.push({ level: 'mended', text: `${layout.own} was no directory; it is now ${to}` });
  return to;
}

function needsRepair(disk: Disk, layout: Layout): boolean {
  try {
    return (recoverJournal(disk, layout)?.warnings.length ?? 0) > 0;
  } catch (error) {
    if (error instanceof StartRefused) return true;
    throw error;
  }
}

function moveMisplaced(found: readonly Misplaced[], kept: Kept, done: Finding[]): void {
  for (const { path, expected } of found) {
    done.push({ level: 'mended', text: `${path} was no ${expected}; it is now ${kept.move(path)}` });
  }
}

/** Files that nobody uses any more: of segments that never got their name, and of fence commands that have succeeded. */
function moveLeftovers(disk: Disk, layout: Layout, kept: Kept, done: Finding[]): void {
  const fencing = tokensBeingFenced(disk, layout);
  for (const name of disk.list(layout.own)) {
    const token = parseFenceFile(name);
    const isLeft = isTemporaryFile(name) || (token !== undefined && fencing?.has(token) === false);
    if (!isLeft) continue;
    const path = layout.ownFile(name);
    done.push({ level: 'mended', text: `${path} was left by a crash; it is now ${kept.move(path)}` });
  }
}

/** Undefined where there is no journal to tell. */
function tokensBeingFenced(disk: Disk, layout: Layout): Set<number> | undefined {
  if (!disk.list(layout.own).some((name) => parseSegmentFile(name))) return undefined;
  const tokens = new Set<number>();
  for (const record of recoverJournal(disk, layout)?.records.values() ?? []) {
    if (record.kind === 'hold' && record.lost === 'fencing') tokens.add(record.token);
  }
  return tokens;
}
