/**
 * The one guardian that the commands of a leader have at a time: started when the first is to run, and anew after one was lost.
 * It is as large as a small program in Node; so it ends when nothing has run for a while.
 */
import { type Guardian, type GuardianOptions, startGuardian } from './guardian.js';

/** Milliseconds for which a guardian without work waits for more. */
const IDLE_MS = 60_000;

export interface GuardianshipOptions extends Omit<GuardianOptions, 'onLost'> {
  /** All that was guarded must end at once; resolves when it has. */
  readonly onLost: (error: Error) => Promise<void>;
  /** 60 s. */
  readonly idleMs?: number;
}

export class Guardianship {
  #guardian: Promise<Guardian> | undefined;
  /** The same, when it has begun. */
  #begun: Guardian | undefined;
  /** When those that were before have ended. */
  #formerEnded: Promise<unknown> = Promise.resolve();
  /** Those for which something runs, or is about to. */
  readonly #tokens = new Set<number>();
  #idle: NodeJS.Timeout | undefined;

  constructor(private readonly options: GuardianshipOptions) {}

  /** Is there from now on, until `token` is gone: it is about to be watched. Rejects where none can be started. */
  guardian(token: number): Promise<Guardian> {
    clearTimeout(this.#idle);
    this.#tokens.add(token);
    this.#guardian ??= this.#start();
    return this.#guardian;
  }

  /** Nothing that ran for a token is alive any more. */
  gone(token: number): void {
    this.#begun?.gone(token);
    if (!this.#tokens.delete(token) || this.#tokens.size > 0) return;
    this.#idle = setTimeout(() => this.#rest(), this.options.idleMs ?? IDLE_MS).unref();
  }

  /** To be called when nothing is guarded any more. */
  async close(): Promise<void> {
    clearTimeout(this.#idle);
    this.#rest();
    await this.#formerEnded;
  }

  #rest(): void {
    if (!this.#guardian) return;
    this.#dismiss(this.#guardian, Promise.resolve());
  }

  /** It is closed when `ended`, and is no more ours. */
  #dismiss(starting: Promise<Guardian>, ended: Promise<void>): void {
    this.#forget(starting);
    this.#formerEnded = Promise.all([this.#formerEnded, closeAfter(ended, starting)]);
  }

  #start(): Promise<Guardian> {
    const starting = startGuardian({
      ...this.options,
      // Only when all has ended it is closed: it goes on killing.
      onLost: (error) => this.#dismiss(starting, this.options.onLost(error)),
    });
    starting.then(
      (guardian) => {
        if (this.#guardian === starting) this.#begun = guardian;
      },
      () => this.#forget(starting),
    );
    return starting;
  }

  #forget(guardian: Promise<Guardian>): void {
    if (this.#guardian !== guardian) return;
    this.#guardian = undefined;
    this.#begun = undefined;
  }
}

async function closeAfter(ended: Promise<void>, starting: Promise<Guardian>): Promise<void> {
  await ended;
  // Where it could not be started, there is none to be closed.
  const guardian = await starting.catch(() => undefined);
  await guardian?.close();
}
