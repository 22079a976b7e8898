/**
 * When a command must end because its lock may be lost: TERM when the lease could not be renewed for 0.7 of its ttl, again
 * at 0.8, KILL at 0.9, counted from the sending of the last renewal that was answered; the last tenth is for clocks that differ
 * and for processes that take their time to die. What was begun is brought to its end, also when a renewal succeeds after
 * all: a command that was told to end is no use to anybody. Sends nothing itself.
 */
import { type LeaseClock, type Moment, secondsBetween } from '../client/lease-clock.js';

/** What becomes of the command. `kill`: at 0.8 and at once; `keep`: it goes on, and somebody is told. */
export type OnLoss = 'term' | 'kill' | 'keep';

/** A held lock, as far as its lease matters here. */
export interface LeaseView {
  /** Seconds that a renewal makes the lease run at the daemon. */
  ttl(): number;
  /** Seconds until the lock counts as lost, which is at 0.9 of the ttl; 0 when it is. */
  left(): number;
  /** Calls `listener` once, when it is lost: at 0.9 of the ttl, or earlier when the daemon says so. */
  onLost(listener: (reason: Error) => void): void;
}

export interface LossActions {
  /** `killSeconds`: how long until it is killed. */
  signal(signal: 'SIGTERM' | 'SIGKILL', killSeconds: number): void;
  lost(reason: Error): void;
}

interface Step {
  /** What is left by then, as a share of the ttl. */
  readonly left: number;
  readonly signal: 'SIGTERM' | 'SIGKILL';
}

const STEPS: Readonly<Record<OnLoss, readonly Step[]>> = {
  term: [
    { left: 0.2, signal: 'SIGTERM' },
    { left: 0.1, signal: 'SIGTERM' },
    { left: 0, signal: 'SIGKILL' },
  ],
  kill: [{ left: 0.1, signal: 'SIGKILL' }],
  keep: [],
};

/** Seconds between two looks at the clock: timers stand still while the machine sleeps. */
const LOOK_SECONDS = 1;

/** No timer is more exact. */
const LEAST_SECONDS = 0.001;

/** What is left of the lease, at some moment; nothing adds to it. */
interface Countdown {
  readonly from: Moment;
  readonly seconds: number;
}

export class LossWatch {
  #steps: readonly Step[];
  /** What was left at the last look: a lock that is lost has nothing left, and yet the lease may run on for so long. */
  #seen: Countdown;
  /** Begun: now it runs out, whatever becomes of the lease. */
  #begun: Countdown | undefined;
  #isSecondLook = false;
  #isLost = false;
  #isStopped = false;
  #callOff: (() => void) | undefined;

  constructor(
    private readonly lease: LeaseView,
    onLoss: OnLoss,
    private readonly clock: LeaseClock,
    private readonly actions: LossActions,
  ) {
    this.#steps = STEPS[onLoss];
    this.#seen = { from: clock.now(), seconds: lease.left() };
    lease.onLost((reason) => this.#lose(reason));
    this.#look();
  }

  /** Whether the command is being ended. */
  get hasBegun(): boolean {
    return this.#begun !== undefined;
  }

  /** Whether the command was told to end, or should have been. */
  get isOver(): boolean {
    return this.#isLost || this.hasBegun;
  }

  /** Nothing is called any more. */
  stop(): void {
    this.#isStopped = true;
    this.#callOff?.();
  }

  #lose(reason: Error): void {
    if (this.#isStopped || this.#isLost) return;
    this.#isLost = true;
    this.actions.lost(reason);
    const [first] = this.#steps;
    if (!this.#begun && first) {
      // The daemon says so: the lease need not have ended, but there is no reason to wait.
      const seconds = Math.min(this.#left(this.#seen), first.left * this.lease.ttl());
      this.#begun = { from: this.clock.now(), seconds };
      this.#isSecondLook = true;
    }
    this.#look();
  }

  #look(): void {
    if (this.#isStopped || this.#steps.length === 0) return;
    const ttl = this.lease.ttl();
    const left = this.#begun ? this.#left(this.#begun) : this.lease.left();
    if (!this.#isLost) this.#seen = { from: this.clock.now(), seconds: left };
    const due = this.#steps.findLast((step) => left <= step.left * ttl);
    if (due && !this.#isSecondLook) {
      // A process that was held up reads its sockets once: the answer may have come in time.
      this.#isSecondLook = true;
      this.#lookIn(0);
      return;
    }
    this.#isSecondLook = this.#begun !== undefined;
    if (due) this.#take(due, left);
    const [next] = this.#steps;
    if (next) this.#lookIn(Math.min(LOOK_SECONDS, Math.max(LEAST_SECONDS, left - next.left * ttl)));
  }

  #take(step: Step, left: number): void {
    this.#begun ??= { from: this.clock.now(), seconds: left };
    this.#isSecondLook = true;
    const last = this.#steps.at(-1) ?? step;
    this.#steps = this.#steps.slice(this.#steps.indexOf(step) + 1);
    this.actions.signal(step.signal, Math.max(0, left - last.left * this.lease.ttl()));
  }

  #left({ from, seconds }: Countdown): number {
    return Math.max(0, seconds - secondsBetween(from, this.clock.now()));
  }

  #lookIn(seconds: number): void {
    this.#callOff?.();
    this.#callOff = this.clock.after(seconds, () => this.#look());
  }
}
