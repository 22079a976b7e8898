/**
 * A process with an event loop as Node has it: timers that are due, then what came in from outside, then what was put off
 * to the next round. It can be stopped, woken, and killed; what comes in meanwhile waits for it.
 */
import type { Machine } from './machine.js';
import { settled, type World } from './world.js';

/** Thrown into a process that dies in the middle of something: nothing that it does any more counts. */
export class Died extends Error {
  override readonly name = 'Died';
}

interface Timer {
  /** By the monotonic clock. */
  readonly at: number;
  readonly order: number;
  readonly action: () => void;
}

/** Milliseconds by which timers are late: clocks of different speed are not the same to the last bit. */
const LATE_MS = 0.001;

/** Milliseconds that a round of the loop takes. */
const ROUND_MS = 0.02;

export class Process {
  isAlive = true;
  isStopped = false;
  readonly #timers = new Set<Timer>();
  #order = 0;
  #incoming: (() => void)[] = [];
  #rounds: (() => void)[] = [];
  readonly #onDeath: (() => void)[] = [];
  #tickAt = Number.POSITIVE_INFINITY;
  #callOffTick: () => void = () => undefined;
  #isTicking = false;

  constructor(
    readonly world: World,
    readonly name: string,
    readonly machine: Machine,
  ) {}

  /** Something comes in from outside: a connection, or the answer of a disk. */
  post(action: () => void): void {
    if (!this.isAlive) return;
    this.#incoming.push(action);
    this.#tickBy(this.world.now);
  }

  nextRound(action: () => void): void {
    if (!this.isAlive) return;
    this.#rounds.push(action);
    this.#tickBy(this.world.now + ROUND_MS);
  }

  /** By the monotonic clock. */
  after(milliseconds: number, action: () => void): () => void {
    if (!this.isAlive) return () => undefined;
    this.#order += 1;
    const at = this.machine.monotonic + Math.max(0, milliseconds);
    const timer: Timer = { at, order: this.#order, action };
    this.#timers.add(timer);
    this.#tickBy(this.machine.momentOf(at) + LATE_MS);
    return () => void this.#timers.delete(timer);
  }

  onDeath(action: () => void): void {
    if (this.isAlive) this.#onDeath.push(action);
    else action();
  }

  /** SIGSTOP. */
  stop(): void {
    this.isStopped = true;
  }

  /** SIGCONT: what is overdue and what came in happens now. */
  goOn(): void {
    this.isStopped = false;
    this.#tickBy(this.world.now);
  }

  /** SIGKILL, or the end of the process by itself. */
  kill(): void {
    if (!this.isAlive) return;
    this.isAlive = false;
    this.#callOffTick();
    this.#timers.clear();
    this.#incoming = [];
    this.#rounds = [];
    for (const action of this.#onDeath) action();
  }

  /** The machine woke up. */
  look(): void {
    this.#tickBy(this.world.now);
  }

  #tickBy(moment: number): void {
    if (this.#isTicking || moment >= this.#tickAt) return;
    this.#callOffTick();
    this.#tickAt = moment;
    this.#callOffTick = this.world.at(moment, () => this.#tick());
  }

  async #tick(): Promise<void> {
    this.#tickAt = Number.POSITIVE_INFINITY;
    if (!this.isAlive || this.isStopped || this.machine.isAsleep) return;
    this.#isTicking = true;
    for (const timer of this.#due()) {
      // One that was called off by an earlier one does not fire.
      if (this.#timers.delete(timer)) await this.#do(timer.action);
    }
    for (const action of this.#incoming.splice(0)) await this.#do(action);
    for (const action of this.#rounds.splice(0)) await this.#do(action);
    this.#isTicking = false;
    if (!this.isAlive) return;
    if (this.#rounds.length > 0 || this.#incoming.length > 0) this.#tickBy(this.world.now + ROUND_MS);
    let first = Number.POSITIVE_INFINITY;
    for (const { at } of this.#timers) first = Math.min(first, at);
    if (first < Number.POSITIVE_INFINITY) {
      this.#tickBy(Math.max(this.world.now, this.machine.momentOf(first)) + LATE_MS);
    }
  }

  #due(): Timer[] {
    const now = this.machine.monotonic;
    const due = [...this.#timers].filter(({ at }) => at <= now);
    return due.sort((a, b) => a.at - b.at || a.order - b.order);
  }

  async #do(action: () => void): Promise<void> {
    if (!this.isAlive) return;
    try {
      action();
    } catch (error) {
      if (!(error instanceof Died)) throw error;
    }
    await settled();
  }
}
