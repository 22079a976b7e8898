/** Long work in steps, done in slices between turns, when no commit is in flight. */
import { errorCode } from '../disk/disk.js';

interface Chore {
  readonly steps: Iterator<void>;
  done(): void;
  fail(error: unknown): void;
}

export class Chores {
  readonly #waiting: Chore[] = [];

  /** How many are not done. */
  get count(): number {
    return this.#waiting.length;
  }

  /** Resolves when all `steps` are done, or given up; rejects with an error of the disk. */
  add(steps: Iterator<void>): Promise<void> {
    return new Promise((done, fail) => {
      this.#waiting.push({ steps, done, fail });
    });
  }

  /** Does steps until `isOver`, at least one. */
  doSlice(isOver: () => boolean): void {
    for (let chore = this.#waiting[0]; chore; chore = this.#waiting[0]) {
      if (takeStep(chore)) this.#waiting.shift();
      if (isOver()) return;
    }
  }

  /** Leaves the rest undone. */
  giveUp(): void {
    for (const { done } of this.#waiting.splice(0)) done();
  }
}

/** Answers whether the chore is over, as one is that met an error of the disk. */
function takeStep({ steps, done, fail }: Chore): boolean {
  try {
    if (!steps.next().done) return false;
    done();
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    fail(error);
  }
  return true;
}
