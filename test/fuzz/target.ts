/** What is fuzzed: where inputs come from, and what must hold of every one of them. */
import type { Random } from '../random.js';

export interface Target {
  /** One word, for the command line. */
  readonly name: string;
  /** Milliseconds that no input may take, however often it is tried. */
  readonly patienceMs: number;
  /** Once, before anything else. */
  prepare?(): Promise<void>;
  /** An input, which says all that `check` needs: one seed is one input. */
  make(random: Random): Buffer;
  /** Answers in a word what came of it, to see that inputs reach everything. Throws or rejects where something is wrong. */
  check(input: Buffer): string | Promise<string>;
}

/** A promise that does not hold. */
export class Broken extends Error {
  override readonly name = 'Broken';
}

/** @throws Broken unless `holds`. */
export function must(holds: boolean, promise: string): asserts holds {
  if (!holds) throw new Broken(promise);
}

/** Two values that must be the same; compared as text. */
export function mustEqual(found: string, expected: string, promise: string): void {
  if (found !== expected)
    throw new Broken(`${promise}: ${shortened(found)} instead of ${shortened(expected)}`);
}

function shortened(text: string): string {
  return text.length > 2_000 ? `${text.slice(0, 2_000)}…` : text;
}
