/** Whether etcd answers: what an operator should know, and is told once each way. */
import { type ClusterClock, elapsedSince, type Moment, readMoment } from './clock.js';

/** Milliseconds without an answer that are nothing to speak of: a slow disk of etcd's, or a leader of its own that changes. */
export const PATIENCE_MS = 2_000;

export class Contact {
  #since: Moment | undefined;
  #error = '';
  #isTold = false;

  constructor(
    private readonly clock: ClusterClock,
    /** Where etcd is, for texts. */
    private readonly store: string,
    private readonly log: (level: 'info' | 'warn', message: string) => void,
  ) {}

  answered(): void {
    this.#since = undefined;
    if (!this.#isTold) return;
    this.#isTold = false;
    this.log('info', `${this.store} answers again`);
  }

  failed(error: Error): void {
    this.#since ??= readMoment(this.clock);
    this.#error = error.message;
    const { problem } = this;
    if (problem === undefined || this.#isTold) return;
    this.#isTold = true;
    this.log('warn', problem);
  }

  /** Milliseconds since the first failure after the last answer; 0 while all is well. */
  get silentMs(): number {
    return this.#since === undefined ? 0 : elapsedSince(this.#since, this.clock);
  }

  /** One sentence for an operator; undefined while there is nothing to speak of. */
  get problem(): string | undefined {
    const { silentMs } = this;
    if (silentMs < PATIENCE_MS) return undefined;
    return `${this.store} has not answered for ${Math.round(silentMs / 1_000)} s (${this.#error})`;
  }
}
