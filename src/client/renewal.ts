/**
 * Renews a lease in the background. A try that fails, or is not answered, is followed by another one every tenth of the
 * ttl, without waiting for it: a connection that hangs does not eat the lease. Whatever is answered counts from its
 * sending. When the lease is over by the client's count, or the daemon says so, the hold is lost.
 */
import type { Granted, Lease } from './lease.js';
import { type LeaseClock, type Moment, secondsBetween } from './lease-clock.js';
import { anotherToken, type HeldBy, type LockLost, lossIn, notRenewed } from './lock-lost.js';

/** Seconds between two looks at the clock: timers stand still while the machine sleeps. */
const LOOK_SECONDS = 1;

/** The time from one try to the next, as a share of the ttl. */
const RETRY_SHARE = 0.1;

/** How one try goes. */
export interface RenewTry {
  /** 0 for the first after an answer: tries that are not answered go to the next address in turn. */
  readonly turn: number;
  /** Seconds after which nobody waits for its answer any more. */
  readonly seconds: number;
  readonly signal: AbortSignal;
}

/** What a renewal works with. */
export interface RenewalParts {
  readonly held: HeldBy;
  readonly lease: Lease;
  readonly clock: LeaseClock;
  /** At which share of its ttl the lease is renewed. */
  readonly ratio: number;
  /** Sends one renewal with the token of the hold, and does not repeat it. */
  renew(one: RenewTry): Promise<Granted>;
  /** Called once, and never after `stop`. */
  onLost(lost: LockLost): void;
}

export class Renewal {
  /** Ends the tries that are open when one of them was answered. */
  #round = new AbortController();
  readonly #stop = new AbortController();
  #callOff: (() => void) | undefined;
  #unanswered = 0;
  #lastTry: Moment | undefined;
  #lastFailure: unknown;
  #isOverdue = false;

  constructor(private readonly parts: RenewalParts) {
    this.#look();
  }

  /** Renews once, now. Rejects as the call does; a loss is told to `onLost` first. */
  now(seconds: number): Promise<void> {
    return this.#try(this.#stop.signal, seconds);
  }

  /** The lease is over, and nobody may work on: says so to `onLost`. */
  giveUp(): void {
    this.#lose(notRenewed(this.parts.held, this.#lastFailure));
  }

  /** Ends it, and whatever is open. */
  stop(): void {
    this.#callOff?.();
    this.#round.abort();
    this.#stop.abort();
  }

  #look(): void {
    const { lease } = this.parts;
    if (this.#stop.signal.aborted || lease.ttl === undefined) return;
    const { left } = lease;
    if (left === 0) {
      this.#overdue();
      return;
    }
    this.#isOverdue = false;
    if (this.#dueIn(lease.ttl) <= 0) this.#tryInBackground(left);
    this.#lookIn(Math.min(left, LOOK_SECONDS, Math.max(0, this.#dueIn(lease.ttl))));
  }

  #lookIn(seconds: number): void {
    this.#callOff?.();
    this.#callOff = this.parts.clock.after(seconds, () => this.#look());
  }

  /** A process that was held up reads its sockets once before it gives up: the answer may have come in time. */
  #overdue(): void {
    if (this.#isOverdue) {
      this.giveUp();
      return;
    }
    this.#isOverdue = true;
    this.#lookIn(0);
  }

  /** Seconds until the next try. */
  #dueIn(ttl: number): number {
    const { lease, clock, ratio } = this.parts;
    if (this.#lastTry === undefined) return ratio * ttl - lease.age;
    return RETRY_SHARE * ttl - secondsBetween(this.#lastTry, clock.now());
  }

  #tryInBackground(left: number): void {
    this.#lastTry = this.parts.clock.now();
    // What came of it is seen at the next look: a failed renewal is not yet a loss.
    this.#try(this.#round.signal, left).catch(() => undefined);
  }

  async #try(signal: AbortSignal, seconds: number): Promise<void> {
    const turn = this.#unanswered;
    this.#unanswered += 1;
    try {
      const granted = await this.parts.renew({ turn, seconds, signal });
      if (!this.#stop.signal.aborted) this.#answered(granted);
    } catch (error) {
      if (!signal.aborted) this.#failed(error);
      throw error;
    }
  }

  #answered(granted: Granted): void {
    const { held, lease } = this.parts;
    if (granted.hold.token !== held.token) {
      const lost = anotherToken(held, granted.hold.token);
      this.#lose(lost);
      throw lost;
    }
    lease.renewed(granted);
    this.#unanswered = 0;
    this.#lastTry = undefined;
    this.#lastFailure = undefined;
    this.#round.abort();
    this.#round = new AbortController();
    this.#look();
  }

  #failed(error: unknown): void {
    this.#lastFailure = error;
    const lost = lossIn(error, this.parts.held);
    if (lost) this.#lose(lost);
  }

  #lose(lost: LockLost): void {
    if (this.#stop.signal.aborted) return;
    this.stop();
    this.parts.onLost(lost);
  }
}
