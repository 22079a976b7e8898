/** Hunts in a thread of its own, so that somebody can watch whether it still moves. */
import { parentPort, workerData } from 'node:worker_threads';
import { hunt } from './hunt.js';
import { targetNamed } from './targets.js';

export interface Work {
  readonly target: string;
  readonly inputs: number;
  readonly seed: number;
  /** Gets the number of the input that is being tried. */
  readonly at: Int32Array;
}

const { target, inputs, seed, at } = workerData as Work;
const hunted = await hunt({
  target: targetNamed(target),
  inputs,
  seed,
  onInput: (index) => Atomics.store(at, 0, index),
});
parentPort?.postMessage(hunted);
