/** Hunts where an input may never come to an end: then that is what was found. */
import { Worker } from 'node:worker_threads';
import { type Hunted, inputOf } from './hunt.js';
import type { Target } from './target.js';
import type { Work } from './worker.js';

/** Milliseconds between two looks; an input that is still being tried at the second hangs. */
const LOOK_MS = 30_000;

export interface WatchOptions {
  readonly target: Target;
  readonly inputs: number;
  readonly seed: number;
  /** Told which input is being tried, from time to time. */
  readonly progress: (index: number) => void;
}

/** Milliseconds between two lines of progress. */
const PROGRESS_MS = 10_000;

/** Resolves with what was found; rejects where the hunt itself fails. */
export async function watchedHunt({ target, inputs, seed, progress }: WatchOptions): Promise<Hunted> {
  const at = new Int32Array(new SharedArrayBuffer(4)).fill(-1);
  const work: Work = { target: target.name, inputs, seed, at };
  const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: work });
  const telling = setInterval(() => progress(Math.max(0, Atomics.load(at, 0))), PROGRESS_MS);
  let before = -1;
  try {
    return await new Promise<Hunted>((resolve, reject) => {
      const looking = setInterval(() => {
        const index = Atomics.load(at, 0);
        if (index >= 0 && index === before) hangs(target, seed, index).then(resolve, reject);
        before = index;
      }, LOOK_MS);
      worker.once('message', resolve).once('error', reject);
      worker.once('exit', () => clearInterval(looking));
    });
  } finally {
    clearInterval(telling);
    await worker.terminate();
  }
}

async function hangs(target: Target, seed: number, index: number): Promise<Hunted> {
  await target.prepare?.();
  const input = inputOf(target, seed, index).toString('base64');
  const problem = `it takes longer than ${LOOK_MS / 1_000} s`;
  return {
    target: target.name,
    seed,
    inputs: index + 1,
    outcomes: {},
    slowestMs: Number.POSITIVE_INFINITY,
    findings: [{ index, input, problem }],
  };
}
