/** Makes inputs, tries them, and keeps those that are wrong. */
import { randomFrom } from '../random.js';
import type { Target } from './target.js';

export interface Finding {
  readonly index: number;
  /** The input, as base64. */
  readonly input: string;
  readonly problem: string;
}

export interface Hunted {
  readonly target: string;
  readonly seed: number;
  /** Inputs that were tried. */
  readonly inputs: number;
  /** How many of them came to what. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Milliseconds of the slowest one, at its best of some tries. */
  readonly slowestMs: number;
  readonly findings: readonly Finding[];
}

export interface HuntOptions {
  readonly target: Target;
  readonly inputs: number;
  readonly seed: number;
  /** Told before each input. */
  readonly onInput?: (index: number) => void;
}

/** More of the same kind help nobody. */
const MOST_FINDINGS = 10;

/** What one is slow for once may be the machine's fault. */
const TRIES = 5;

/** Neighbouring inputs have seeds that lie far apart. */
const SEED_STEP = 0x9e3779b1;

export function inputOf(target: Target, seed: number, index: number): Buffer {
  return target.make(randomFrom((seed + Math.imul(index, SEED_STEP)) | 0));
}

export async function hunt({ target, inputs, seed, onInput }: HuntOptions): Promise<Hunted> {
  await target.prepare?.();
  const outcomes: Record<string, number> = {};
  const findings: Finding[] = [];
  let slowestMs = 0;
  let index = 0;
  for (; index < inputs && findings.length < MOST_FINDINGS; index += 1) {
    onInput?.(index);
    const input = inputOf(target, seed, index);
    const began = performance.now();
    try {
      // Most targets are done at once, and a million waits would be the most of the work.
      const checked = target.check(input);
      const outcome = typeof checked === 'string' ? checked : await checked;
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      const took = performance.now() - began;
      if (took > slowestMs) slowestMs = Math.max(slowestMs, await fastest(target, input, took));
      if (slowestMs > target.patienceMs) throw new Error(`it took ${slowestMs.toFixed(0)} ms at best`);
    } catch (error) {
      findings.push({ index, input: input.toString('base64'), problem: problemOf(error) });
      slowestMs = Math.min(slowestMs, target.patienceMs);
    }
  }
  return { target: target.name, seed, inputs: index, outcomes, slowestMs, findings };
}

async function fastest(target: Target, input: Buffer, first: number): Promise<number> {
  let best = first;
  for (let tries = 1; tries < TRIES; tries += 1) {
    const began = performance.now();
    await target.check(input);
    best = Math.min(best, performance.now() - began);
  }
  return best;
}

export function problemOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
