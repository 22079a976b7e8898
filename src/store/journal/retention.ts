/** Which old segments may go. They hold history only: the newest segment alone says what is held. */
import { type Disk, unlinkIfThere } from '../../disk/disk.js';
import { compareSegments, type Layout, parseSegmentFile, type SegmentName } from '../../disk/layout.js';

export interface RetentionRules {
  /** Days for which history is kept. */
  readonly historyDays: number;
  /** Bytes of all old segments together. */
  readonly historyBytes: number;
}

const DAY_MS = 86_400_000;

export interface OldSegment extends SegmentName {
  readonly bytes: number;
  /** Milliseconds since 1970, UTC, of its last line. */
  readonly modified: number;
}

/** The segments before `current`, oldest first. */
export function oldSegments(disk: Disk, layout: Layout, current: SegmentName): OldSegment[] {
  const found: OldSegment[] = [];
  for (const name of disk.list(layout.own).map(parseSegmentFile)) {
    if (!name || compareSegments(name, current) >= 0) continue;
    const entry = disk.stat(layout.segment(name));
    if (entry) found.push({ ...name, bytes: entry.size, modified: entry.modified });
  }
  return found.sort(compareSegments);
}

/** Those of `segments` (oldest first) that are too old, or too much together. `now` in milliseconds since 1970, UTC. */
export function expiredSegments(
  segments: readonly OldSegment[],
  rules: RetentionRules,
  now: number,
): OldSegment[] {
  let kept = 0;
  const expired: OldSegment[] = [];
  for (const segment of [...segments].reverse()) {
    kept += segment.bytes;
    // Once one is out, everything before it is too: history has no holes.
    const tooOld = now - segment.modified > rules.historyDays * DAY_MS;
    if (expired.length > 0 || tooOld || kept > rules.historyBytes) expired.push(segment);
  }
  return expired.reverse();
}

/** Removes segments, oldest first. Answers the bytes that were freed. */
export function removeSegments(disk: Disk, layout: Layout, segments: readonly OldSegment[]): number {
  let freed = 0;
  for (const segment of segments) {
    unlinkIfThere(disk, layout.segment(segment));
    freed += segment.bytes;
  }
  return freed;
}
