/** The history of another store as a prefix keeps it: the same turns under the same numbers, as far as its retention goes. */
import type { Change } from '../../core/records.js';
import type { RetentionRules } from '../journal/retention.js';
import type { Put } from './filling.js';
import { encodeHistory } from './format.js';
import type { Keys } from './keys.js';

const DAY_MS = 86_400_000;

/** Bytes of one turn: what fits into one request to etcd with room to spare. Turns of other stores may be greater. */
const MAX_TURN_BYTES = 1 << 20;

export interface NumberedTurn {
  readonly turn: number;
  readonly changes: readonly Change[];
}

export interface MovedHistoryOptions {
  readonly keys: Keys;
  readonly retention: RetentionRules;
  /** Milliseconds since 1970, UTC. */
  readonly now: number;
}

/** What was put of a history. */
export interface MovedCount {
  turns: number;
  /** Nothing that is there was left out. */
  isComplete: boolean;
}

/**
 * What is to be put for `newestFirst`, which it reads until something is too old or too much; it and all before it stay where
 * they are. The bytes of the history are counted down from all that may be kept, since nobody knows yet how many there are.
 */
export async function* movedHistory(
  newestFirst: AsyncIterable<NumberedTurn>,
  { keys, retention, now }: MovedHistoryOptions,
  moved: MovedCount,
): AsyncGenerator<Put> {
  let left = retention.historyBytes;
  let time = now;
  for await (const { turn, changes } of newestFirst) {
    time = changes.at(-1)?.time ?? time;
    const [, bytes] = encodeHistory(changes, time, 0);
    left -= bytes;
    if (left < 0 || bytes > MAX_TURN_BYTES || now - time > retention.historyDays * DAY_MS) {
      moved.isComplete = false;
      return;
    }
    moved.turns += 1;
    const [value] = encodeHistory(changes, time, left);
    yield { kind: 'put', key: keys.historyOf(turn), value };
  }
}
