/**
 * Looks at the old segments as `history` reads them: from the newest back, each up to the byte that its successor's head
 * names. They hold history only: damage there loses events, never locks.
 */
import { type Disk, errorCode, type OpenFile } from '../disk/disk.js';
import { compareSegments, type Layout, parseSegmentFile, segmentFile } from '../disk/layout.js';
import type { HeadLine, Previous } from '../store/journal/format.js';
import { readLines } from '../store/journal/read-lines.js';
import type { Finding } from './finding.js';

/** What one segment is like. */
interface Looked {
  readonly head: HeadLine | undefined;
  /** Lines that count and are not what was written. */
  readonly badLines: number;
  /** The first of them, counted from 1. */
  readonly firstBad: number | undefined;
}

/** What there is to say of each segment but `newest`, newest first. */
export function* inspectHistory(disk: Disk, layout: Layout, newest: Previous): Generator<Finding> {
  const segments = disk
    .list(layout.own)
    .map(parseSegmentFile)
    .filter((name) => name !== undefined)
    .sort(compareSegments)
    .map(segmentFile)
    .reverse();
  let expected: Previous | undefined = newest;
  for (const name of segments) {
    const path = layout.ownFile(name);
    if (name !== expected?.name) {
      yield uncounted(path, expected);
      continue;
    }
    // Recovery has read all of the newest; only its head matters here.
    const looked = look(disk, path, name === newest.name ? 0 : expected.bytes);
    // Removed as too old since we listed it.
    if (!looked) return;
    if (name !== newest.name) yield describe(path, looked);
    expected = looked.head?.previous;
  }
}

function uncounted(path: string, expected: Previous | undefined): Finding {
  const why = expected
    ? `written by a daemon that had been replaced; the history goes on in ${expected.name}`
    : 'no segment behind it says that it counts';
  return { level: 'ok', text: `${path}: not part of the history (${why})` };
}

function describe(path: string, { head, badLines, firstBad }: Looked): Finding {
  if (!head) {
    const text = `${path}, line 1: what came before this segment cannot be told; no lock is lost`;
    return { level: 'warning', text };
  }
  if (firstBad === undefined) return { level: 'ok', text: `${path}: history, readable` };
  const lines = badLines === 1 ? 'this line' : `this line and ${badLines - 1} more`;
  const text = `${path}, line ${firstBad}: the events of ${lines} are lost to the history; no lock is lost`;
  return { level: 'warning', text };
}

/** Undefined where the segment is gone. */
function look(disk: Disk, path: string, bytes: number): Looked | undefined {
  const file = openIfThere(disk, path);
  if (!file) return undefined;
  try {
    let head: HeadLine | undefined;
    let badLines = 0;
    let firstBad: number | undefined;
    for (const { number, end, line } of readLines(file)) {
      if (number === 1 && line?.line === 'head') head = line;
      // A deposed daemon may still have written behind what counts, and not whole.
      if (end > bytes) break;
      if (line !== undefined) continue;
      badLines += 1;
      firstBad ??= number;
    }
    return { head, badLines, firstBad };
  } finally {
    file.close();
  }
}

function openIfThere(disk: Disk, path: string): OpenFile | undefined {
  try {
    return disk.open(path, 'read');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
