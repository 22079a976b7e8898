/** Sorts many a little at a time, so that the lease of whoever reads them is renewed meanwhile. */
import type { Pace } from '../journal/segment.js';

/** As many as are sorted at once, in a few milliseconds. */
const RUN = 8_192;

/** As many as are merged between two looks at the pace. */
const STEP = 1_024;

/** The same items, the least first; those that are equal stay as they were. */
export async function inOrder<T>(
  items: readonly T[],
  rankOf: (item: T) => number,
  pace: Pace,
): Promise<readonly T[]> {
  let runs: (readonly T[])[] = [];
  for (let from = 0; from < items.length; from += RUN) {
    runs.push(items.slice(from, from + RUN).sort((a, b) => rankOf(a) - rankOf(b)));
    if (pace.isOver()) await pace.breathe();
  }
  while (runs.length > 1) {
    const merged: (readonly T[])[] = [];
    for (let index = 0; index < runs.length; index += 2) {
      merged.push(await merge(runs[index] ?? [], runs[index + 1] ?? [], rankOf, pace));
    }
    runs = merged;
  }
  return runs[0] ?? [];
}

async function merge<T>(
  first: readonly T[],
  second: readonly T[],
  rankOf: (item: T) => number,
  pace: Pace,
): Promise<readonly T[]> {
  const merged: T[] = [];
  for (let [a, b] = [0, 0]; a < first.length || b < second.length; ) {
    const isFirst =
      b === second.length || (a < first.length && rankOf(first[a] as T) <= rankOf(second[b] as T));
    merged.push((isFirst ? first[a++] : second[b++]) as T);
    if (merged.length % STEP === 0 && pace.isOver()) await pace.breathe();
  }
  return merged;
}
