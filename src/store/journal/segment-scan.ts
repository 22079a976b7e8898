/** Looks for events in one segment, newest first, without decoding lines that cannot have any that are asked for. */
import type { OpenFile } from '../../disk/disk.js';
import type { EventSelection } from '../events.js';
import { decodeLine } from './format.js';
import { linesBackwards } from './lines-backwards.js';
import { nameBytes, peekTurn, seemsEnd } from './peek.js';
import type { Pace } from './segment.js';
import type { NameGathering, Names } from './segment-names.js';

export interface Scan {
  readonly file: OpenFile;
  /** The byte up to which the segment counts. */
  readonly bytes: number;
  readonly asked: Names;
  readonly selection: EventSelection;
  /** Gets all names of the segment; then every line is decoded. */
  readonly gathering: NameGathering | undefined;
  readonly pace: Pace;
  /** Throws when nobody wants to know any more. */
  readonly assertWanted: () => void;
}

/**
 * Adds to `scan.selection` until it is full or the snapshot is reached; answers whether all turns were read. A line that
 * is not what was written is left out: it takes its own events with it, none of others. Throws the disk's error.
 */
export async function scanSegment(scan: Scan): Promise<boolean> {
  const { file, bytes, asked, selection, pace } = scan;
  const names = [asked.resource, asked.client].filter((name) => name !== undefined).map(nameBytes);
  for await (const lines of linesBackwards(file, bytes)) {
    scan.assertWanted();
    for (const line of lines) {
      if (pace.isOver()) await pace.breathe();
      if (isEnd(line)) return true;
      takeLine(line, scan, names);
      if (selection.isFull) return false;
    }
  }
  return true;
}

function takeLine(bytes: Buffer, { selection, gathering }: Scan, names: readonly Buffer[]): void {
  const turn = peekTurn(bytes);
  if (turn === undefined) return;
  const mayMatter = !selection.isTooLate(turn) && names.every((name) => bytes.includes(name));
  if (!mayMatter && !gathering) return;
  const line = decodeLine(bytes.toString('utf8'));
  if (line?.line !== 'turn') return;
  gathering?.add(line.changes);
  selection.add(line.turn, line.changes);
}

function isEnd(bytes: Buffer): boolean {
  return seemsEnd(bytes) && decodeLine(bytes.toString('utf8'))?.line === 'end';
}
