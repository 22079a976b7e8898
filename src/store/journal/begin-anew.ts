/** A new segment that begins with a given state: what a journal goes on from after it was repaired. */
import type { Disk } from '../../disk/disk.js';
import type { Layout } from '../../disk/layout.js';
import type { RecordMap } from '../record-map.js';
import type { Previous } from './format.js';
import { headLine } from './journal-state.js';
import { type Pace, Segment } from './segment.js';

export interface NewBeginning {
  readonly disk: Disk;
  readonly layout: Layout;
  /** That of whoever begins: later than any in a name there. */
  readonly epoch: number;
  readonly directoryId: string;
  /** Milliseconds since 1970, UTC. */
  readonly time: number;
  readonly records: RecordMap;
  readonly nextToken: number;
  readonly nextTurn: number;
  /** What history goes on from. */
  readonly previous: Previous | undefined;
}

/** Nobody is served meanwhile. */
const WITHOUT_PAUSES: Pace = { isOver: () => false, breathe: () => Promise.resolve() };

/**
 * Writes it, flushed and with its name; before that nothing counts, and a crash leaves a temporary file. Throws the disk's
 * error, or `Stopped` where nobody knows whether the name lasts: then it has to be looked at again.
 */
export async function beginAnew(beginning: NewBeginning): Promise<void> {
  const { disk, layout, epoch, directoryId, time, records, previous } = beginning;
  const head = headLine({ epoch, segment: 1 }, directoryId, time, beginning, previous);
  const segment = await Segment.write({ disk, layout, pace: WITHOUT_PAUSES }, head, records.values());
  await segment.publish();
  segment.close();
}
