/** The caller asked for something that makes no sense. Exit status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  /** What is wrong, and where it was asked: one sentence each. */
  readonly problems: readonly string[];

  constructor(...problems: readonly string[]) {
    super(problems.join('; '));
    this.problems = problems;
  }
}

/** What `make` answers; what it throws is a matter of usage. */
export function asUsage<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
