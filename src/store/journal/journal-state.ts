/** What the journal says at one moment, and the head of a segment that begins with it. */
import type { SegmentName } from '../../disk/layout.js';
import { RecordMap } from '../record-map.js';
import { FORMAT, type HeadLine, type Previous } from './format.js';
import type { RecoveredJournal } from './recovery.js';

/** What counts on from segment to segment. */
export interface Counters {
  readonly nextToken: number;
  readonly nextTurn: number;
}

export interface JournalState extends Counters {
  readonly records: RecordMap;
}

/** The state to go on with; that of a new directory where there was no journal. */
export function stateOf(journal: RecoveredJournal | undefined): JournalState {
  return {
    records: journal?.records ?? new RecordMap(),
    nextToken: journal?.nextToken ?? 1,
    nextTurn: journal?.nextTurn ?? 1,
  };
}

/** @param time milliseconds since 1970, UTC */
export function headLine(
  { epoch, segment }: SegmentName,
  directory: string,
  time: number,
  { nextTurn, nextToken }: Counters,
  previous: Previous | undefined,
): HeadLine {
  return {
    line: 'head',
    format: FORMAT,
    directory,
    epoch,
    segment,
    time,
    turn: nextTurn,
    nextToken,
    ...(previous ? { previous } : {}),
  };
}
