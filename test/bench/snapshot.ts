/**
 * How long the daemon stands still while it writes the snapshot of a new journal segment with many holds. It looks at its
 * own event loop (inside.ts) under a load that fills segments; they are as small as they can be, which is twice the
 * snapshot, so that there are several in a run.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Pause } from './inside.js';
import { type Load, type LoadKind, lockPair, runLoad } from './load.js';
import { directoryWithMany, renewed } from './many.js';
import { startLockdRotating, type WatchedServer } from './servers.js';

export interface SnapshotResult {
  readonly held: number;
  readonly snapshots: number;
  /** Seconds from the beginning of the longest of them to its end. */
  readonly snapshotSeconds: number;
  /** Milliseconds: the longest pause while a snapshot was written, and at other times under the same load. */
  readonly pause: number;
  readonly pauseOtherwise: number;
  /** Milliseconds: the slowest pair of calls meanwhile, and at other times. */
  readonly pair: number;
  readonly pairOtherwise: number;
}

export interface SnapshotOptions {
  readonly directory: string;
  readonly kind: LoadKind;
  readonly progress: (text: string) => void;
}

/** A stretch of time, in milliseconds since 1970. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

const SNAPSHOTS = 3;

/** Seconds of load at a time, and after which there must have been enough snapshots. */
const LOAD_SECONDS = 2;
const PATIENCE_SECONDS = 300;

/** Few, so that a turn is short and what is seen is the snapshot; enough to fill a segment within seconds. */
const CONNECTIONS = 8;

/** Characters of a resource's name: long ones fill a segment sooner. */
const NAME_LENGTH = 240;

/** Milliseconds between two looks into the directory, and by how much a look may be late. */
const LOOK_MS = 5;
const LATE_MS = 20;

export async function measureSnapshot(count: number, options: SnapshotOptions): Promise<SnapshotResult> {
  const directory = await directoryWithMany(count, options);
  const lockd = await startLockdRotating(directory);
  try {
    await renewed(directory);
    await runLoad(loadOn(lockd, options));
    return { held: count, ...(await measure(lockd, directory, options)) };
  } finally {
    await lockd.stop();
  }
}

async function measure(
  lockd: WatchedServer,
  directory: string,
  options: SnapshotOptions,
): Promise<Omit<SnapshotResult, 'held'>> {
  await lockd.ask('pauses');
  const watch = new SnapshotWatch(directory);
  const pairs: Stretch[] = [];
  const onPair = (from: number, to: number) =>
    pairs.push({ from: performance.timeOrigin + from, to: performance.timeOrigin + to });
  const end = performance.now() + PATIENCE_SECONDS * 1_000;
  try {
    while (watch.snapshots.length < SNAPSHOTS) {
      options.progress(`snapshots written under load: ${watch.snapshots.length} of ${SNAPSHOTS}`);
      if (performance.now() > end) throw new Error(`no ${SNAPSHOTS} snapshots in ${PATIENCE_SECONDS} s`);
      await runLoad({ ...loadOn(lockd, options), onPair });
    }
  } finally {
    await watch.stop();
  }
  const { snapshots } = watch;
  const pauses = (await lockd.ask('pauses')).map(stretchOf);
  const [pause, pauseOtherwise] = longest(pauses, snapshots);
  const [pair, pairOtherwise] = longest(pairs, snapshots);
  const snapshotSeconds = Math.max(...snapshots.map(({ from, to }) => to - from)) / 1_000;
  return { snapshots: snapshots.length, snapshotSeconds, pause, pauseOtherwise, pair, pairOtherwise };
}

function loadOn({ url }: WatchedServer, { kind }: SnapshotOptions): Load {
  const pairFor = (name: string) => lockPair(name.padEnd(NAME_LENGTH, '-'));
  return { url, kind, connections: CONNECTIONS, seconds: LOAD_SECONDS, pairFor };
}

/** The length of the longest of those that touch one of `times`, and of the others; 0 where there is none. */
export function longest(stretches: readonly Stretch[], times: readonly Stretch[]): [number, number] {
  let [within, otherwise] = [0, 0];
  for (const { from, to } of stretches) {
    const touches = times.some((time) => from <= time.to + LATE_MS && to >= time.from - LATE_MS);
    if (touches) within = Math.max(within, to - from);
    else otherwise = Math.max(otherwise, to - from);
  }
  return [within, otherwise];
}

function stretchOf({ at, milliseconds }: Pause): Stretch {
  return { from: at - milliseconds, to: at };
}

/** Notes when there was a segment without a name of its own: that is while its snapshot is written. */
class SnapshotWatch {
  readonly snapshots: Stretch[] = [];
  #since: number | undefined;
  #isOver = false;
  readonly #looking: Promise<void>;

  constructor(private readonly directory: string) {
    this.#looking = this.#look();
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#looking;
  }

  async #look(): Promise<void> {
    while (!this.#isOver) {
      const isWriting = readdirSync(join(this.directory, '.lockd')).some((name) =>
        name.endsWith('.jsonl.tmp'),
      );
      if (isWriting) this.#since ??= Date.now();
      else if (this.#since !== undefined) {
        this.snapshots.push({ from: this.#since, to: Date.now() });
        this.#since = undefined;
      }
      await pause(LOOK_MS);
    }
  }
}
