/** Gathers what is wrong, so that whoever has to mend it learns all of it at once. */
import { StartRefused } from '../disk/start-refused.js';
import { UsageError } from './usage-error.js';

export class Problems {
  readonly found: string[] = [];

  /** Notes a problem that is known already. */
  add(...problems: readonly string[]): void {
    this.found.push(...problems);
  }

  /** What `look` answers; undefined where it finds a problem, which is noted. Throws what is no problem of the caller's. */
  try<T>(look: () => T): T | undefined {
    try {
      return look();
    } catch (error) {
      this.#note(error);
      return undefined;
    }
  }

  /** Throws `UsageError` with all problems, if there are any. */
  throwAny(): void {
    if (this.found.length > 0) throw new UsageError(...this.found);
  }

  #note(error: unknown): void {
    if (error instanceof UsageError) this.found.push(...error.problems);
    else if (error instanceof StartRefused) this.found.push(error.message);
    else throw error;
  }
}
