/** The caller asked for something that makes no sense; `message` says what, and where it was asked. Exit status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
