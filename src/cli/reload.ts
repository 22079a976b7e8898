/**
 * What a daemon reads again on SIGHUP while it runs. Each thing by itself: one that is wrong keeps its old state, and
 * does not hold up the others.
 */
import type { Log } from './log.js';

export interface Reload {
  /** What it is, as the log has it: `the users file /etc/lockd/users.json`. */
  readonly what: string;
  /**
   * Reads it again and puts it into force, from the next request or connection on.
   *
   * @returns what an operator should know about it, one sentence each.
   * @throws Error that says what is wrong; then nothing has changed.
   */
  run(): readonly string[];
}

/** Reads everything again, and says in one line each what became of it. */
export function reloadAll(reloads: readonly Reload[], log: Log): void {
  for (const { what, run } of reloads) {
    try {
      const warnings = run();
      log('info', `Read ${what} again`);
      for (const warning of warnings) log('warn', warning);
    } catch (error) {
      log('error', `Kept ${what} as before: ${(error as Error).message}`);
    }
  }
}
