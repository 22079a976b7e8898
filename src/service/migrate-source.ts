/** What is to be moved out of a directory, read as a start would read it; and what has to be seen to before. Changes nothing. */
import { hostname } from 'node:os';
import type { Disk } from '../disk/disk.js';
import type { Layout } from '../disk/layout.js';
import { StartRefused } from '../disk/start-refused.js';
import { classify, type ForeignLock, joinClaims, slotInodes } from '../lock-files/foreign.js';
import { isLockFileName, lockFileName } from '../lock-files/names.js';
import { type RecoveredJournal, recoverJournal } from '../store/journal/recovery.js';

/** Lock files that a refusal names. */
const NAMED = 10;

/** How many records there are of each kind. */
export interface RecordCounts {
  readonly holds: number;
  readonly places: number;
  readonly losses: number;
  readonly retryKeys: number;
}

/** Reads the journal. Throws `StartRefused`: `JournalDamaged`, or where there is none, or lock files are not locks yet. */
export function readSource(disk: Disk, layout: Layout): RecoveredJournal {
  const journal = recoverJournal(disk, layout);
  if (!journal) throw new StartRefused(nothingText(layout));
  const waiting = foreignLocks(disk, layout, journal);
  if (waiting.length > 0) throw new StartRefused(waitingText(layout, waiting));
  return journal;
}

export function nothingText({ root, own }: Layout): string {
  return (
    `There is no journal in ${own}: no lockd has served ${root}, and there is nothing to move. ` +
    'Start the daemons with --store; or, if there are lock files that lockd is to adopt, start it once without'
  );
}

/** Where a directory is, for people on other machines. */
export function placeOf({ root }: Layout): string {
  return `${hostname()}:${root}`;
}

export function countRecords({ records }: RecoveredJournal): RecordCounts {
  const counts = { hold: 0, place: 0, lost: 0, ended: 0 };
  for (const { kind } of records.values()) counts[kind] += 1;
  return { holds: counts.hold, places: counts.place, losses: counts.lost, retryKeys: counts.ended };
}

/** Lock files that the next start would adopt, or lock for nobody. */
function foreignLocks(disk: Disk, layout: Layout, journal: RecoveredJournal): ForeignLock[] {
  const held = new Set<string>();
  for (const record of journal.records.values()) {
    if (record.kind === 'hold') held.add(lockFileName(record.resource));
  }
  const slots = slotInodes(disk, layout);
  const found: ForeignLock[] = [];
  for (const name of disk.list(layout.root)) {
    // What is held is held, whatever stands at its name.
    if (!isLockFileName(name) || held.has(name)) continue;
    const isOurs = (inode: bigint) => slots.has(inode);
    const classified = classify(disk, layout, name, journal.directoryId, isOurs, journal.nextToken);
    if (classified?.kind === 'foreign') found.push(classified.lock);
  }
  return joinClaims(found);
}

function waitingText({ root }: Layout, waiting: readonly ForeignLock[]): string {
  const named = waiting.slice(0, NAMED).map(({ resource, files, claim }) => {
    const clients = claim?.holders.map(({ client }) => `'${client}'`).join(', ');
    return `${files.join(', ')} ('${resource}' of ${clients ?? "'?', since it cannot be read"})`;
  });
  const more = waiting.length > NAMED ? `, and ${waiting.length - NAMED} more` : '';
  return (
    `There are lock files in ${root} that lockd has not adopted: ${named.join('; ')}${more}. Start lockd there once, ` +
    "which adopts what can be read; end what is locked by '?' with lockd force-unlock; stop it, and migrate again"
  );
}
