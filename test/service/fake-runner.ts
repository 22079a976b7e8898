/** Fence commands that end as a test says, when it says. Two runs for one token at a time are a failure. */
import type { FenceOutcome, FenceRunner, LostHold } from '../../src/fencing/port.js';

export interface FakeRun {
  readonly command: string;
  readonly hold: LostHold;
}

interface Running extends FakeRun {
  readonly end: (outcome: FenceOutcome) => void;
}

export class FakeFenceRunner implements FenceRunner {
  /** Every run that was started, in order. */
  readonly runs: FakeRun[] = [];
  /** Tokens whose run was ended from outside, in order. */
  readonly ended: number[] = [];
  readonly forgotten: number[] = [];
  isClosed = false;
  /** Without a moment to end in good order. */
  isKilled = false;
  readonly #running = new Map<number, Running>();

  run(command: string, hold: LostHold): Promise<FenceOutcome> {
    const { token } = hold;
    if (this.isClosed) throw new Error(`a run for token ${token} after the end`);
    if (this.#running.has(token)) throw new Error(`two runs for token ${token} at a time`);
    this.runs.push({ command, hold });
    return new Promise((resolve) => {
      this.#running.set(token, { command, hold, end: resolve });
    });
  }

  /** The tokens for which a command runs. */
  get running(): number[] {
    return [...this.#running.keys()];
  }

  succeed(token: string | number): void {
    this.#finish(Number(token), { succeeded: true });
  }

  fail(token: string | number, error = 'exit 1'): void {
    this.#finish(Number(token), { succeeded: false, error });
  }

  async end(token: number): Promise<void> {
    this.ended.push(token);
    if (this.#running.has(token)) this.#finish(token, { succeeded: false, error: 'ended' });
  }

  forget(token: number): void {
    if (this.#running.has(token)) throw new Error(`token ${token} is forgotten while its command runs`);
    this.forgotten.push(token);
  }

  async close(atOnce = false): Promise<void> {
    this.isClosed = true;
    this.isKilled ||= atOnce;
    for (const token of this.running) this.#finish(token, { succeeded: false, error: 'ended' });
  }

  #finish(token: number, outcome: FenceOutcome): void {
    const running = this.#running.get(token);
    if (!running) throw new Error(`nothing runs for token ${token}`);
    this.#running.delete(token);
    running.end(outcome);
  }
}
