/** A machine: its clocks, and whether it sleeps. */
import { BEGINNING, type World } from './world.js';

export class Machine {
  /** Milliseconds by which the wall clock is off. */
  wallOffset = 0;
  #sleptMs = 0;
  #wokeAt = Number.NEGATIVE_INFINITY;
  #asleepSince: number | undefined;

  constructor(
    readonly world: World,
    readonly name: string,
    /** How fast its clocks run. */
    readonly rate = 1,
  ) {}

  get isAsleep(): boolean {
    return this.#asleepSince !== undefined;
  }

  /** The machine is suspended: nothing runs, and the monotonic clock stands still. */
  sleep(): void {
    this.#asleepSince ??= this.world.now;
  }

  wakeUp(): void {
    if (this.#asleepSince === undefined) return;
    this.#sleptMs += this.world.now - this.#asleepSince;
    this.#asleepSince = undefined;
    this.#wokeAt = this.world.now;
  }

  /** The moment of the world at which it last woke up. */
  get wokeAt(): number {
    return this.#wokeAt;
  }

  /** Milliseconds since 1970, UTC, as somebody has set it. */
  get wall(): number {
    return Math.floor(BEGINNING + this.world.now + this.wallOffset);
  }

  /** Milliseconds; stands still while the machine sleeps. */
  get monotonic(): number {
    const until = this.#asleepSince ?? this.world.now;
    return (until - this.#sleptMs) * this.rate + 1_000;
  }

  /** Milliseconds; goes on while the machine sleeps. */
  get sinceBoot(): number {
    return this.world.now * this.rate + 5_000;
  }

  /** The moment of the world at which the monotonic clock will say `monotonic`, if the machine does not sleep. */
  momentOf(monotonic: number): number {
    return (monotonic - 1_000) / this.rate + this.#sleptMs;
  }
}
