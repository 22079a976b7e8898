/** What many held locks cost: the start, the memory, and whether a call gets slower. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Lockd } from 'lockd';
import { type LoadKind, runLoad } from './load.js';
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
  const full = join(directory, 'many');
  progress(`taking ${count.toLocaleString('en')} locks`);
  await takeMany(full, count);
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

/** Seconds until only one folder of slots is left. */
async function renewed(directory: string): Promise<number> {
  const begun = performance.now();
  const folders = () => readdirSync(join(directory, '.lockd')).filter((name) => name.startsWith('slots-'));
  while (folders().length > 1) await pause(100);
  return (performance.now() - begun) / 1_000;
}

async function takeMany(directory: string, count: number): Promise<void> {
  const lockd = await Lockd.open(directory);
  const batch = 1_000;
  for (let first = 0; first < count; first += batch) {
    const names = Array.from(
      { length: Math.min(batch, count - first) },
      (_, index) => `host/${first + index}`,
    );
    await Promise.all(names.map((name) => lockd.lock(name, `holder-of-${name}`)));
  }
  await lockd.close();
}

function residentMegabytes(pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(match?.[1] ?? Number.NaN) / 1_024;
}
