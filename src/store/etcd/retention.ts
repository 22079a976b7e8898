/**
 * Drops what of the history is too old, or too much together. Where that ends is found by halves: each turn says when it was
 * written and how many bytes there were up to it. It goes a little at a time, so that no turn waits for it.
 */
import type { Operation } from '../../etcd/kv.js';
import type { RetentionRules } from '../journal/retention.js';
import { type HistoryTurn, oldestTurn, turnsBetween } from './history-turns.js';
import type { TurnWriterParts } from './turn-writer.js';

const DAY_MS = 86_400_000;

/** Turns that are dropped in one transaction. */
const DROPPED_AT_ONCE = 1_000;

export interface RetentionParts extends TurnWriterParts {
  readonly rules: RetentionRules;
  /** Milliseconds since 1970, UTC. */
  readonly time: () => number;
  /** Whether nothing is to be dropped any more. */
  readonly isOver: () => boolean;
}

/** What a turn says of itself and of those before. */
export type HistoryMark = Pick<HistoryTurn, 'turn' | 'time' | 'bytes'>;

/** Turns around a place in the history of which at least one should be readable. */
const NEIGHBOURS = 16;

/** The newest turn up to `last`; undefined where there is none. */
export async function newestMark(parts: TurnWriterParts, last: number): Promise<HistoryMark | undefined> {
  return (await turnsBetween(parts, Math.max(1, last - NEIGHBOURS + 1), last)).at(-1);
}

/** The oldest turn from `first` on, up to `last`; undefined where there is none. */
export async function oldestMark(
  parts: TurnWriterParts,
  first: number,
  last: number,
): Promise<HistoryMark | undefined> {
  const oldest = await oldestTurn(parts, first, last);
  return oldest === undefined ? undefined : markAt(parts, oldest, last);
}

/** The first turn that can be read from `turn` on, of the next few. */
async function markAt(parts: TurnWriterParts, turn: number, last: number): Promise<HistoryMark | undefined> {
  return (await turnsBetween(parts, turn, Math.min(last, turn + NEIGHBOURS - 1)))[0];
}

/** Drops what is due, of the turns up to `newest`. Answers the oldest that is kept, if there is one. */
export async function dropHistory(
  parts: RetentionParts,
  newest: HistoryMark,
): Promise<HistoryMark | undefined> {
  const { rules, time } = parts;
  const now = time();
  const isExpired = (mark: HistoryMark) =>
    now - mark.time > rules.historyDays * DAY_MS || newest.bytes - mark.bytes >= rules.historyBytes;
  const oldest = await oldestMark(parts, 1, newest.turn);
  if (!oldest || !isExpired(oldest)) return oldest;
  let [expired, kept] = [oldest.turn, newest.turn + 1];
  let first: HistoryMark | undefined;
  while (expired + 1 < kept) {
    const middle = Math.floor((expired + kept) / 2);
    const mark = await markAt(parts, middle, kept - 1);
    // Where nothing can be read there is nothing to be kept.
    if (!mark || isExpired(mark)) expired = mark?.turn ?? middle;
    else [kept, first] = [middle, mark];
  }
  await drop(parts, oldest.turn, kept);
  return first;
}

/** Drops the turns from `first` up to but without `end`. */
async function drop(
  { kv, keys, leadership, patience, isOver }: RetentionParts,
  first: number,
  end: number,
): Promise<void> {
  const compare = [{ key: leadership.key, createRevision: leadership.createRevision }];
  for (let from = first; from < end && !isOver(); from += DROPPED_AT_ONCE) {
    const last = Math.min(end, from + DROPPED_AT_ONCE) - 1;
    // Everything before goes too, so that nothing is left of what was not there to be counted.
    const range = { key: keys.historyOf(0), end: keys.historyOf(last + 1) };
    const remove: Operation = { kind: 'removeRange', ...range };
    const { succeeded } = await patience.ask((timeoutMs) =>
      kv.transact({ compare, success: [remove] }, timeoutMs),
    );
    // Who leads now drops what is due.
    if (!succeeded) return;
  }
}
