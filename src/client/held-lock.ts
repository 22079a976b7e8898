/** A lock that is held, renews itself, and says so when it is lost. */
import { type Granted, Lease } from './lease.js';
import type { LeaseClock } from './lease-clock.js';
import { type HeldBy, type LockLost, lossIn } from './lock-lost.js';
import { Renewal, type RenewTry } from './renewal.js';

/** What a held lock asks of its daemon. */
export interface HoldCalls {
  /** Sends one renewal with this token. */
  renew(token: string, one: RenewTry): Promise<Granted>;
  /** Gives back the hold with this token, with retries; done when it is given back already. */
  unlock(token: string): Promise<unknown>;
}

export interface HeldLockParts {
  readonly clock: LeaseClock;
  readonly renewRatio: number;
  /** Seconds for the answer to a renewal that the holder asks for. */
  readonly timeoutSeconds: number;
}

/**
 * Made by `LockdClient.acquire`. It is renewed in the background for as long as the process runs, but does not keep the
 * process alive: one that ends without `release` leaves the hold to its lease.
 */
export class HeldLock implements HeldBy {
  /** As the daemon has it, with the prefix of the client. */
  readonly resource: string;
  readonly client: string;
  /** The fencing token, decimal digits: for `check`, `lockd gate`, and whatever the lock protects. */
  readonly token: string;
  /**
   * Fires when the lock is lost, with a `LockLost` as reason: before the lease can have ended at the daemon, or, after
   * the machine slept, at the first moment after. It does not fire at `release`.
   */
  readonly signal: AbortSignal;
  readonly #abort = new AbortController();
  readonly #lease: Lease;
  readonly #renewal: Renewal;
  readonly #unlock: () => Promise<unknown>;
  readonly #timeoutSeconds: number;
  #lost: LockLost | undefined;
  #isGivenBack = false;
  #giving: Promise<void> | undefined;

  constructor(granted: Granted, calls: HoldCalls, { clock, renewRatio, timeoutSeconds }: HeldLockParts) {
    const { resource, client, token } = granted.hold;
    this.resource = resource;
    this.client = client;
    this.token = token;
    this.signal = this.#abort.signal;
    this.#timeoutSeconds = timeoutSeconds;
    this.#unlock = () => calls.unlock(token);
    this.#lease = new Lease(clock, granted);
    this.#renewal = new Renewal({
      held: { resource, client, token },
      lease: this.#lease,
      clock,
      ratio: renewRatio,
      renew: (one) => calls.renew(token, one),
      onLost: (lost) => this.#lose(lost),
    });
  }

  /** Seconds for which a renewal makes the lease run; undefined for a hold without lease. */
  get ttl(): number | undefined {
    return this.#lease.ttl;
  }

  /**
   * Seconds until the lock counts as lost if it is not renewed: at most 0.9 of the ttl, from the sending of the request
   * that was answered. 0 when it is lost or released, Infinity for a hold without lease.
   */
  get left(): number {
    return this.isLost || this.#isGivenBack ? 0 : this.#lease.left;
  }

  /** Whether it ended against the holder's will; looks at the clock. */
  get isLost(): boolean {
    if (!this.#lost && !this.#isGivenBack && this.#lease.left === 0) this.#renewal.giveUp();
    return this.#lost !== undefined;
  }

  /** Throws `LockLost` when the lock is lost, and an Error when it was released. Asks nobody: it looks at the clock. */
  check(): void {
    if (this.isLost) throw this.#lost;
    if (this.#isGivenBack)
      throw new Error(`'${this.client}' has released '${this.resource}' (token ${this.token})`);
  }

  /** Renews now, with one try. Rejects with `LockLost` or as calls do; a failure is not yet a loss. */
  async renewNow(): Promise<void> {
    this.check();
    try {
      await this.#renewal.now(this.#timeoutSeconds);
    } catch (error) {
      this.check();
      throw error;
    }
  }

  /**
   * Gives the lock back. A second call does nothing more. Rejects with `LockLost` when the lock was lost before, and as
   * calls do when the daemon cannot be told: the hold then lasts until its lease is over, and `release` may be called again.
   */
  async release(): Promise<void> {
    if (this.isLost) throw this.#lost;
    this.#isGivenBack = true;
    this.#renewal.stop();
    this.#giving ??= this.#giveBack();
    return this.#giving;
  }

  /** For `await using`: the same as `release`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  async #giveBack(): Promise<void> {
    try {
      await this.#unlock();
    } catch (error) {
      const lost = lossIn(error, this);
      if (lost) this.#lose(lost);
      else this.#giving = undefined;
      throw lost ?? error;
    }
  }

  #lose(lost: LockLost): void {
    this.#lost = lost;
    this.#abort.abort(lost);
  }
}
