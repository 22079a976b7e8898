/**
 * Running fence commands, behind a port: the service decides when, tests run none. Promises of every implementation:
 * - At most one run for a token at a time, also when an earlier daemon's run outlived a kill -9.
 * - A success is told only when nothing of that run is alive any more.
 * - What is told as ended is ended: no process of it goes on.
 */
import type { LossCause } from '../core/records.js';

/** The lost hold that is to be fenced; the command gets it in its environment. */
export interface LostHold {
  readonly resource: string;
  readonly client: string;
  readonly token: number;
  /** `expired` or `forced`. */
  readonly cause: LossCause;
}

/** How a run ended. `error` completes "the fence command failed 2 times, last with ...": `exit 1`, `no end within 60 s`. */
export type FenceOutcome =
  | { readonly succeeded: true }
  | { readonly succeeded: false; readonly error: string };

export interface FenceRunner {
  /** Runs `command` for a lost hold, after ending what is left of an earlier run for its token. Never rejects. */
  run(command: string, hold: LostHold): Promise<FenceOutcome>;
  /** Ends the run for a token, of this daemon or of an earlier one; resolves when nothing of it is alive. */
  end(token: number): Promise<void>;
  /** The hold is fenced: what is remembered of its runs goes. */
  forget(token: number): void;
  /**
   * Ends every run of this daemon; what is asked for afterwards does not run. `atOnce`: without a moment to end in good order,
   * and in the very step of the call as far as can be; it may also be called after a `close` that gave one.
   */
  close(atOnce?: boolean): Promise<void>;
}
