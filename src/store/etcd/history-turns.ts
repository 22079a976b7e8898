/**
 * The turns of the history, read by their numbers. etcd looks at every key of a range, however few of them are asked for, and
 * reads all of them where the greatest are to come first: so a range never has more turns than are wanted.
 */
import type { Change } from '../../core/records.js';
import { type KeyValue, KvError } from '../../etcd/kv.js';
import { changesOf, decodeHistory } from './format.js';
import type { Keys } from './keys.js';
import { nextLimit, type PageParts } from './pages.js';

/** Turns that are read at once, unless they are found to be short. */
const WINDOW = 64;

/** Bytes that should be read at once: calls are answered meanwhile. */
const WINDOW_BYTES = 256 << 10;

export interface HistoryTurn {
  readonly turn: number;
  /** Milliseconds since 1970, UTC, at which it was written. */
  readonly time: number;
  /** Bytes of the whole history up to this turn, itself included. */
  readonly bytes: number;
  readonly changes: readonly Change[];
}

export interface HistoryTurnsParts extends PageParts {
  readonly keys: Keys;
}

/** Those of the turns from `first` to `last` that are there and can be read, oldest first. Not too many at a time. */
export async function turnsBetween(
  parts: HistoryTurnsParts,
  first: number,
  last: number,
): Promise<HistoryTurn[]> {
  return (await entriesBetween(parts, first, last)).flatMap((entry) => turnAt(parts.keys, entry));
}

/** The number of the oldest turn from `first` to `last`; undefined where there is none. Not to be asked all the time. */
export async function oldestTurn(
  { kv, patience, keys }: HistoryTurnsParts,
  first: number,
  last: number,
): Promise<number | undefined> {
  const range = { ...keys.historyBetween(first, last), limit: 1 };
  const { found } = await patience.ask((timeoutMs) => kv.range(range, timeoutMs));
  return found.map(({ key }) => keys.turnOf(key)).find((turn) => !Number.isNaN(turn));
}

/** The turns from `last` back to the oldest, some at a time, each time newest first. */
export async function* turnsDownFrom(parts: HistoryTurnsParts, last: number): AsyncGenerator<HistoryTurn[]> {
  const oldest = (await oldestTurn(parts, 1, last)) ?? Number.POSITIVE_INFINITY;
  for (let [end, size] = [last, WINDOW]; end >= oldest; ) {
    const first = Math.max(oldest, end - size + 1);
    const entries = await unlessTooLong(() => entriesBetween(parts, first, end));
    if (!entries && first < end) {
      size = Math.ceil((end - first + 1) / 8);
      continue;
    }
    yield (entries ?? []).flatMap((entry) => turnAt(parts.keys, entry)).reverse();
    if (entries) size = nextLimit(entries, WINDOW_BYTES);
    end = first - 1;
  }
}

/** The first turns that there are from `first` on, up to `last`, oldest first; none where there is none any more. */
export async function turnsUpFrom(
  parts: HistoryTurnsParts,
  first: number,
  last: number,
): Promise<HistoryTurn[]> {
  let size = WINDOW;
  for (let from = first; from <= last; ) {
    const end = Math.min(last, from + size - 1);
    const found = await unlessTooLong(() => turnsBetween(parts, from, end));
    if (!found && from < end) {
      size = Math.ceil((end - from + 1) / 8);
      continue;
    }
    if (found && found.length > 0) return found;
    from = end < last ? ((await oldestTurn(parts, end + 1, last)) ?? last + 1) : last + 1;
  }
  return [];
}

async function entriesBetween(
  { kv, patience, keys }: HistoryTurnsParts,
  first: number,
  last: number,
): Promise<readonly KeyValue[]> {
  const range = { ...keys.historyBetween(first, last), limit: last - first + 1 };
  return (await patience.ask((timeoutMs) => kv.range(range, timeoutMs))).found;
}

/** None for what is not as it was written: it takes only its own events with it. */
function turnAt(keys: Keys, entry: KeyValue): HistoryTurn[] {
  const turn = keys.turnOf(entry.key);
  const history = decodeHistory(entry);
  if (!history || Number.isNaN(turn)) return [];
  const { time, bytes } = history;
  return [{ turn, time, bytes, changes: changesOf(history) }];
}

async function unlessTooLong<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof KvError && error.reason === 'tooLong') return undefined;
    throw error;
  }
}
