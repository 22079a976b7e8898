/**
 * Explains what lies in a lock directory, reading it the same way as recovery does and changing nothing. Every finding is
 * a sentence for an operator.
 */
import { resolve } from 'node:path';
import type { HoldRecord } from '../core/records.js';
import { type Owner, ownerIsRunning, readOwner } from '../disk/claim.js';
import type { Disk } from '../disk/disk.js';
import { isTemporaryFile, Layout } from '../disk/layout.js';
import { nodeDisk } from '../disk/node-disk.js';
import { StartRefused } from '../disk/start-refused.js';
import { halfMovedText, hasJournal, readStoreMarker, type StoreMarker } from '../disk/store-marker.js';
import { classify, type ForeignLock, joinClaims, slotInodes } from '../lock-files/foreign.js';
import { isLockFileName, lockFileName } from '../lock-files/names.js';
import { type RecoveredJournal, recoverJournal } from '../store/journal/recovery.js';
import { type Finding, note } from './finding.js';
import { inspectHistory } from './fsck-history.js';
import { misplaced } from './misplaced.js';

export type { Finding } from './finding.js';

export interface Inspection {
  readonly findings: readonly Finding[];
  /** No damage: a daemon can start here. */
  readonly ok: boolean;
}

/** Looks at a lock directory. Rejects only where the directory itself cannot be read. */
export async function inspectDirectory(directory: string, disk: Disk = nodeDisk): Promise<Inspection> {
  const layout = new Layout(resolve(directory));
  const findings = [...inspect(disk, layout)];
  return { findings, ok: findings.every((finding) => finding.level !== 'damage') };
}

function* inspect(disk: Disk, layout: Layout): Generator<Finding> {
  const names = disk.list(layout.root);
  if (!disk.exists(layout.own)) {
    yield note(
      `No lockd has run in ${layout.root} yet: every lock file there becomes a lock at the first start`,
    );
    yield* inspectForeign(disk, layout, names, undefined);
    return;
  }
  if (disk.stat(layout.own)?.kind !== 'directory') {
    yield { level: 'damage', text: `${layout.own} is no directory; lockd fsck --repair moves it away` };
    yield* inspectForeign(disk, layout, names, undefined);
    return;
  }
  for (const { path, expected } of misplaced(disk, layout)) {
    yield { level: 'damage', text: `${path} is no ${expected}; lockd fsck --repair moves it away` };
  }
  const owner = readOwner(layout);
  // Who repairs is the owner too.
  if (owner && owner.pid !== process.pid && ownerIsRunning(owner)) yield running(owner);
  try {
    const marker = readStoreMarker(disk, layout);
    if (marker) {
      yield* inspectViews(disk, layout, names, marker);
      return;
    }
    const journal = recoverJournal(disk, layout);
    yield* inspectJournal(disk, layout, journal);
    yield* inspectLockFiles(disk, layout, names, journal);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if (!(error instanceof StartRefused)) {
      yield { level: 'warning', text: `Not everything could be read (${error.message}); try again` };
      return;
    }
    yield { level: 'damage', text: error.message };
    yield* inspectForeign(disk, layout, names, undefined);
  }
}

function running(owner: Owner): Finding {
  return note(
    `lockd is running here (process ${owner.pid} on ${owner.host}): what follows changes while it is read`,
  );
}

/** A directory that only shows what is locked elsewhere. */
function* inspectViews(
  disk: Disk,
  layout: Layout,
  names: readonly string[],
  { store, id }: StoreMarker,
): Generator<Finding> {
  yield note(`The locks of ${layout.root} are saved in ${store}; its lock files only show them`);
  if (hasJournal(disk, layout)) {
    yield { level: 'damage', text: halfMovedText(layout, { store, id }) };
  }
  const slots = slotInodes(disk, layout);
  let shown = 0;
  for (const name of names.filter(isLockFileName)) {
    if (classify(disk, layout, name, id, (inode) => slots.has(inode))?.kind === 'ours') shown += 1;
    else
      yield note(`${layout.lockFile(name)} locks nothing: lockd did not write it, and adopts nothing here`);
  }
  yield {
    level: 'ok',
    text: `Lock files that show a lock: ${shown}; who leads makes them, and takes them away`,
  };
}

function* inspectJournal(
  disk: Disk,
  layout: Layout,
  journal: RecoveredJournal | undefined,
): Generator<Finding> {
  if (!journal) {
    yield note(`There is no journal in ${layout.own}: every lock file becomes a lock at the next start`);
    return;
  }
  yield {
    level: 'ok',
    text:
      `${journal.previous.name}: a complete snapshot and ${journal.turns} turns; ${remembered(journal)}, ` +
      `the next token is ${journal.nextToken} or later`,
  };
  for (const warning of journal.warnings) yield { level: 'warning', text: warning };
  yield* inspectHistory(disk, layout, journal.previous);
  const leftovers = disk.list(layout.own).filter(isTemporaryFile);
  if (leftovers.length > 0) {
    yield note(`${leftovers.join(', ')}: left by a crash, never in use; removed at the next start`);
  }
}

/** How many records of each kind there are; those that are rare are only named where there are any. */
function remembered(journal: RecoveredJournal): string {
  const counts = { hold: 0, place: 0, lost: 0, ended: 0 };
  let stillLost = 0;
  for (const record of journal.records.values()) {
    counts[record.kind] += 1;
    if (record.kind === 'hold' && record.lost !== undefined) stillLost += 1;
  }
  return [
    `${counts.hold} locks are held`,
    ...(stillLost > 0 ? [`lost and not free yet (being fenced, or delayed): ${stillLost}`] : []),
    ...(counts.place > 0 ? [`places in lines: ${counts.place}`] : []),
    ...(counts.lost > 0 ? [`losses remembered: ${counts.lost}`] : []),
    ...(counts.ended > 0 ? [`used retry keys: ${counts.ended}`] : []),
  ].join(', ');
}

function holdsOf(journal: RecoveredJournal): HoldRecord[] {
  return [...journal.records.values()].filter((record) => record.kind === 'hold');
}

function* inspectLockFiles(
  disk: Disk,
  layout: Layout,
  names: readonly string[],
  journal: RecoveredJournal | undefined,
): Generator<Finding> {
  const holds = journal ? holdsOf(journal) : [];
  const held = new Map<string, HoldRecord[]>();
  for (const hold of holds) {
    const name = lockFileName(hold.resource);
    const others = held.get(name);
    if (others) others.push(hold);
    else held.set(name, [hold]);
  }
  const present = new Set(names);
  const missing = [...held].filter(([name]) => !present.has(name));
  yield {
    level: 'ok',
    text: `${held.size - missing.length} of ${held.size} held resources have their lock file`,
  };
  for (const [name, holders] of missing) {
    const clients = holders.slice(0, 10).map(({ client }) => `'${client}'`);
    const more = holders.length > clients.length ? ` and ${holders.length - clients.length} more` : '';
    const verb = holders.length === 1 ? 'holds' : 'hold';
    yield note(
      `${layout.lockFile(name)} is missing, but ${clients.join(', ')}${more} ${verb} '${holders[0]?.resource}'; made at the next start`,
    );
  }
  yield* inspectForeign(
    disk,
    layout,
    names.filter((name) => !held.has(name)),
    journal,
  );
}

function* inspectForeign(
  disk: Disk,
  layout: Layout,
  names: readonly string[],
  journal: RecoveredJournal | undefined,
): Generator<Finding> {
  const directoryId = journal?.directoryId;
  const inodes = directoryId === undefined ? new Set<bigint>() : slotInodes(disk, layout);
  const foreign: ForeignLock[] = [];
  for (const name of names.filter(isLockFileName)) {
    const classified = classify(
      disk,
      layout,
      name,
      directoryId ?? '',
      (inode) => inodes.has(inode),
      journal?.nextToken,
    );
    if (classified?.kind === 'foreign') foreign.push(classified.lock);
    if (classified?.kind === 'ours') {
      yield note(
        `${layout.lockFile(name)} is left over, nobody holds its resource; removed at the next start`,
      );
    }
    if (classified?.kind === 'nameless') {
      yield {
        level: 'warning',
        text: `${layout.lockFile(name)} locks nothing: no resource can have this name`,
      };
    }
  }
  for (const lock of joinClaims(foreign)) yield describeForeign(lock);
}

function describeForeign({ resource, files, claim }: ForeignLock): Finding {
  const paths = files.join(', ');
  if (!claim) {
    return {
      level: 'warning',
      text: `${paths} cannot be read: '${resource}' is locked by '?'. Look at it, then forceUnlock`,
    };
  }
  const clients = claim.holders.map((holder) => `'${holder.client}'`).join(', ');
  return note(`${paths}: '${resource}' becomes a lock of ${clients} at the next start`);
}
