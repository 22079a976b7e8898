/**
 * A clock that stands still until a test moves it. Timers fire when they are due, in order, and all that follows from one
 * happens before the next, as far as it needs no disk that is slow.
 */
import type { CallOff, Clock } from '../../src/service/clock.js';

interface Timer {
  /** On the monotonic clock. */
  readonly at: number;
  readonly action: () => void;
}

export class ManualClock implements Clock {
  readonly #timers = new Set<Timer>();

  constructor(
    public now: number = Date.UTC(2026, 10, 21, 8, 15),
    private sinceStart = 0,
  ) {}

  time(): number {
    return this.now;
  }

  monotonic(): number {
    return this.sinceStart;
  }

  after(milliseconds: number, action: () => void): CallOff {
    const timer: Timer = { at: this.sinceStart + milliseconds, action };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  nextRound(action: () => void): void {
    setImmediate(action);
  }

  /** How many timers are set. */
  get timers(): number {
    return this.#timers.size;
  }

  /** Time passes as it does in a daemon that is there: every timer fires on time, and the event loop turns in between. */
  async advance(milliseconds: number): Promise<void> {
    await rounds();
    const end = this.sinceStart + milliseconds;
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.#move(Math.max(0, next.at - this.sinceStart));
      this.#fire(next);
      await rounds();
    }
    this.#move(end - this.sinceStart);
    await rounds();
  }

  /** The process stands still: time passes, and no timer fires. What it missed fires with `fireOverdue`. */
  freeze(milliseconds: number): void {
    this.#move(milliseconds);
  }

  /** Fires every timer that is overdue by now, all in one round of the event loop. */
  fireOverdue(): void {
    const overdue = [...this.#timers].filter(({ at }) => at <= this.sinceStart);
    for (const timer of overdue.sort((a, b) => a.at - b.at)) this.#fire(timer);
  }

  /** SIGSTOP, a while, SIGCONT: Node fires overdue timers before it reads the sockets. */
  stall(milliseconds: number): void {
    this.freeze(milliseconds);
    this.fireOverdue();
  }

  /** Somebody sets the wall clock; no time passes. */
  jumpWall(milliseconds: number): void {
    this.now += milliseconds;
  }

  #move(milliseconds: number): void {
    this.now += milliseconds;
    this.sinceStart += milliseconds;
  }

  #next(end: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) if (timer.at <= end && (!next || timer.at < next.at)) next = timer;
    return next;
  }

  #fire(timer: Timer): void {
    // One that was called off by an earlier one does not fire.
    if (this.#timers.delete(timer)) timer.action();
  }
}

/** Rounds of the event loop that a few turns one after another need, on a disk that is quick. */
const ROUNDS = 16;

/** Lets all happen that needs no slow disk. */
export async function rounds(count = ROUNDS): Promise<void> {
  for (let round = 0; round < count; round += 1) await new Promise((resolve) => setImmediate(resolve));
}
