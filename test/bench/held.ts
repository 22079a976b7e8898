/** What many held locks cost: the start, the memory, and whether a call gets slower. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type LoadKind, runLoad } from './load.js';
import { directoryWithMany, renewed } from './many.js';
import { type RunningServer, startLockd } from './servers.js';
import { median } from './table.js';

export interface HeldFigures {
  /** Seconds until the daemon listens. */
  readonly startSeconds: number;
  /** Resident memory after the load. */
  readonly megabytes: number;
  readonly pairsPerSecond: number;
}

export interface HeldResult {
  readonly count: number;
  readonly none: HeldFigures;
  readonly many: HeldFigures;
  /** Pairs per second with many held over those with none: the median of the rounds. */
  readonly ratio: number;
  /** Seconds that the daemon took behind its start to renew all lock files, beside its calls. */
  readonly renewSeconds: number;
}

export interface HeldOptions {
  readonly directory: string;
  readonly rounds: number;
  readonly seconds: number;
  readonly kind: LoadKind;
  readonly progress: (text: string) => void;
}

/** Takes `count` locks, restarts, and measures beside a daemon that holds none. */
export async function measureHeld(count: number, options: HeldOptions): Promise<HeldResult> {
  const { directory, progress } = options;
  const full = await directoryWithMany(count, options);
  const none = await startLockd(join(directory, 'none'));
  const many = await startLockd(full);
  progress('waiting until every lock file is renewed');
  const renewSeconds = await renewed(full);
  try {
    return { ...(await measure(count, none, many, options)), renewSeconds };
  } finally {
    await Promise.all([none.stop(), many.stop()]);
  }
}

async function measure(
  count: number,
  none: RunningServer,
  many: RunningServer,
  { rounds, seconds, kind, progress }: HeldOptions,
): Promise<Omit<HeldResult, 'renewSeconds'>> {
  const load = { kind, connections: 64, seconds };
  for (const { url } of [none, many]) await runLoad({ ...load, url });
  const speeds: { none: number; many: number }[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    progress(`${count.toLocaleString('en')} held, round ${round} of ${rounds}`);
    const withNone = await runLoad({ ...load, url: none.url });
    const withMany = await runLoad({ ...load, url: many.url });
    speeds.push({ none: withNone.pairsPerSecond, many: withMany.pairsPerSecond });
  }
  const figures = (server: RunningServer, pairs: number[]): HeldFigures => ({
    startSeconds: server.startSeconds,
    megabytes: residentMegabytes(server.pid),
    pairsPerSecond: median(pairs),
  });
  return {
    count,
    none: figures(
      none,
      speeds.map((speed) => speed.none),
    ),
    many: figures(
      many,
      speeds.map((speed) => speed.many),
    ),
    ratio: median(speeds.map((speed) => speed.many / speed.none)),
  };
}

function residentMegabytes(pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(match?.[1] ?? Number.NaN) / 1_024;
}
