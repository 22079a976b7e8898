/**
 * Every name below the lock directory that is lockd's own, built and parsed in one place. (How a resource becomes the
 * name of its lock file: lock-files/names.ts.)
 *
 *     locks/
 *       resource1.lock                        a hard link to a slot
 *       .lockd/
 *         epoch-0000000003                    one per start; the newest is the owner
 *         journal-0000000003-0000000007.jsonl EPOCH-SEGMENT
 *         slots-0000000003/                   what the lock files are hard links to
 *         adopted/                            foreign lock files, after they were taken over
 *         daemon.lock, owner.json, guard      who may run here
 *         fence-1795248000000000              locked while a fence command runs for this token
 *         guardian                            locked while something sees to the end of a leader's fence commands
 *         migrated/                           the journal, after its locks were moved elsewhere
 *         repaired-0000000001/                what `lockd fsck --repair` took out, and its report
 *         reserve                             space that is given up so that unlocks can still be saved
 *         store                               with --store: where the locks are saved instead
 */
import { join } from 'node:path';

const OWN_DIRECTORY = '.lockd';
const TEMPORARY_ENDING = '.tmp';
const DIGITS = 10;

/** Where one segment stands in the order of all: first the epoch that wrote it, then its number there. */
export interface SegmentName {
  readonly epoch: number;
  readonly segment: number;
}

function padded(value: number): string {
  return String(value).padStart(DIGITS, '0');
}

export function segmentFile({ epoch, segment }: SegmentName): string {
  return `journal-${padded(epoch)}-${padded(segment)}.jsonl`;
}

export function parseSegmentFile(name: string): SegmentName | undefined {
  const match = /^journal-(\d{10})-(\d{10})\.jsonl$/.exec(name);
  return match ? { epoch: Number(match[1]), segment: Number(match[2]) } : undefined;
}

/** Oldest first. */
export function compareSegments(a: SegmentName, b: SegmentName): number {
  return a.epoch - b.epoch || a.segment - b.segment;
}

export function parseEpochFile(name: string): number | undefined {
  const match = /^epoch-(\d{10})$/.exec(name);
  return match ? Number(match[1]) : undefined;
}

export function parseSlotsDirectory(name: string): number | undefined {
  const match = /^slots-(\d{10})$/.exec(name);
  return match ? Number(match[1]) : undefined;
}

export function parseFenceFile(name: string): number | undefined {
  const match = /^fence-(\d{1,16})$/.exec(name);
  return match ? Number(match[1]) : undefined;
}

export function parseKeptDirectory(name: string): number | undefined {
  const match = /^repaired-(\d{10})$/.exec(name);
  return match ? Number(match[1]) : undefined;
}

export function temporaryFile(name: string): string {
  return `${name}${TEMPORARY_ENDING}`;
}

/** The segment that a temporary file was to become. */
export function parseTemporarySegment(name: string): SegmentName | undefined {
  return isTemporaryFile(name) ? parseSegmentFile(name.slice(0, -TEMPORARY_ENDING.length)) : undefined;
}

export function isTemporaryFile(name: string): boolean {
  return name.endsWith(TEMPORARY_ENDING);
}

/** The paths in one lock directory. All are absolute if `root` is. */
export class Layout {
  /** Where the lock files are. */
  readonly root: string;
  /** The daemon's own directory. */
  readonly own: string;
  readonly guard: string;
  readonly daemonLock: string;
  readonly owner: string;
  readonly reserve: string;
  readonly storeMarker: string;
  readonly guardian: string;
  readonly adopted: string;
  readonly migrated: string;

  constructor(root: string) {
    this.root = root;
    this.own = join(root, OWN_DIRECTORY);
    this.guard = join(this.own, 'guard');
    this.daemonLock = join(this.own, 'daemon.lock');
    this.owner = join(this.own, 'owner.json');
    this.reserve = join(this.own, 'reserve');
    this.storeMarker = join(this.own, 'store');
    this.guardian = join(this.own, 'guardian');
    this.adopted = join(this.own, 'adopted');
    this.migrated = join(this.own, 'migrated');
  }

  lockFile(name: string): string {
    return `${this.root}/${name}`;
  }

  ownFile(name: string): string {
    return join(this.own, name);
  }

  epoch(epoch: number): string {
    return join(this.own, `epoch-${padded(epoch)}`);
  }

  slots(epoch: number): string {
    return join(this.own, `slots-${padded(epoch)}`);
  }

  segment(name: SegmentName): string {
    return join(this.own, segmentFile(name));
  }

  /** What the Nth repair took out. */
  kept(repair: number): string {
    return join(this.own, `repaired-${padded(repair)}`);
  }

  /** Whatever runs for a fencing token has a kernel lock on this file. */
  fenceFile(token: number): string {
    return join(this.own, `fence-${token}`);
  }
}
