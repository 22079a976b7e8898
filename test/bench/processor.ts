/** What calls cost a daemon: its processor time, which does not depend on what else the machine does. */
import { readFileSync } from 'node:fs';
import type { LoadResult } from './load.js';
import type { RunningServer } from './servers.js';
import { median } from './table.js';

export interface CallFigures {
  readonly pairsPerSecond: number;
  /** Microseconds of processor time that the daemon takes for one call. */
  readonly microseconds: number;
}

/** Runs a load on a daemon. */
export async function measureCalls(
  { pid }: RunningServer,
  run: () => Promise<LoadResult>,
): Promise<CallFigures> {
  const before = processorSeconds(pid);
  const { pairs, pairsPerSecond } = await run();
  return { pairsPerSecond, microseconds: ((processorSeconds(pid) - before) / (2 * pairs)) * 1e6 };
}

export function medians(figures: readonly CallFigures[]): CallFigures {
  return {
    pairsPerSecond: median(figures.map((one) => one.pairsPerSecond)),
    microseconds: median(figures.map((one) => one.microseconds)),
  };
}

/** The kernel counts in hundredths of a second. */
const TICKS_PER_SECOND = 100;

/** Seconds that a process has computed so far, all its threads together. */
function processorSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
