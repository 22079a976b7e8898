/**
 * A daemon under a steady mixed load for a long while: what it keeps in memory and which descriptors it has open must not
 * grow. Memory is looked at after a full collection of garbage, so that what is counted is what stays.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { scrape } from '../scrape.js';
import { readEvents } from './events.js';
import { startLockdWatched, type WatchedServer } from './servers.js';
import { slope } from './slope.js';
import { SoakLoad } from './soak-load.js';
import { median } from './table.js';

export interface SoakResult {
  readonly minutes: number;
  readonly callsPerSecond: number;
  /** Leases that ran out, of all the time. */
  readonly expired: number;
  /** Megabytes after the warming up and at the end, as the line through all samples has them. */
  readonly heap: Trend;
  readonly resident: Trend;
  /** Open descriptors: the medians of the first and of the last quarter. */
  readonly descriptors: { readonly first: number; readonly last: number };
  readonly samples: readonly Sample[];
}

export interface Trend {
  readonly megabytes: number;
  /** Megabytes by which it grows in 10 minutes. */
  readonly slope: number;
}

interface Sample {
  /** Since the beginning. */
  readonly seconds: number;
  readonly heapMegabytes: number;
  readonly residentMegabytes: number;
  readonly descriptors: number;
}

export interface SoakOptions {
  readonly directory: string;
  readonly progress: (text: string) => void;
}

const SAMPLE_SECONDS = 5;

/** Before memory counts: half of the time on top, at most five minutes. Code is compiled, pools fill. */
const WARM_UP_SHARE = 0.5;
const LONGEST_WARM_UP_SECONDS = 300;

export async function soak(minutes: number, { directory, progress }: SoakOptions): Promise<SoakResult> {
  const lockd = await startLockdWatched(join(directory, 'soak'));
  const load = new SoakLoad(lockd.url);
  try {
    // One reads everything, one what belongs to others.
    const readers = [await readEvents(lockd.url, ''), await readEvents(lockd.url, '?from=page/1&to=page/2')];
    const warmUp = Math.min(LONGEST_WARM_UP_SECONDS, minutes * 60 * WARM_UP_SHARE);
    load.start();
    progress(`soak: warming up for ${warmUp.toFixed(0)} s`);
    await Promise.race([pause(warmUp * 1_000), load.failed]);
    const before = load.calls;
    const samples = await takeSamples(lockd, load, minutes * 60, progress);
    const callsPerSecond = (load.calls - before) / (samples.at(-1)?.seconds ?? Number.NaN);
    await load.stop();
    if (readers.some((reader) => reader.destroyed)) throw new Error('a reader of events was cut off');
    for (const reader of readers) reader.destroy();
    const expired = (await scrape(lockd.url)).get('lockd_lost_total{reason="expired"}') ?? Number.NaN;
    return { minutes, callsPerSecond, expired, ...figuresOf(samples), samples };
  } finally {
    await load.stop();
    await lockd.stop();
  }
}

async function takeSamples(
  lockd: WatchedServer,
  load: SoakLoad,
  seconds: number,
  progress: (text: string) => void,
): Promise<Sample[]> {
  const begun = performance.now();
  const samples: Sample[] = [];
  for (let due = 0; due <= seconds; due += SAMPLE_SECONDS) {
    const early = begun + due * 1_000 - performance.now();
    await Promise.race([pause(Math.max(0, early)), load.failed]);
    const { heapBytes, residentBytes } = await lockd.ask('memory');
    const sample = {
      seconds: (performance.now() - begun) / 1_000,
      heapMegabytes: heapBytes / 1e6,
      residentMegabytes: residentBytes / 1e6,
      descriptors: readdirSync(`/proc/${lockd.pid}/fd`).length,
    };
    samples.push(sample);
    progress(
      `soak: ${sample.seconds.toFixed(0)} of ${seconds.toFixed(0)} s, ${load.calls} calls, ` +
        `heap ${sample.heapMegabytes.toFixed(2)} MB, resident ${sample.residentMegabytes.toFixed(1)} MB, ` +
        `${sample.descriptors} descriptors`,
    );
  }
  return samples;
}

/** What is left of all samples. */
export function figuresOf(samples: readonly Sample[]): Pick<SoakResult, 'heap' | 'resident' | 'descriptors'> {
  const trend = (figure: (sample: Sample) => number): Trend => ({
    megabytes: median(samples.map(figure)),
    slope: slope(samples.map((sample) => ({ x: sample.seconds / 600, y: figure(sample) }))),
  });
  const quarter = Math.ceil(samples.length / 4);
  const descriptors = (some: readonly Sample[]) => median(some.map((sample) => sample.descriptors));
  return {
    heap: trend((sample) => sample.heapMegabytes),
    resident: trend((sample) => sample.residentMegabytes),
    descriptors: {
      first: descriptors(samples.slice(0, quarter)),
      last: descriptors(samples.slice(-quarter)),
    },
  };
}
