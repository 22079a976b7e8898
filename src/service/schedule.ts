/**
 * What is due when: leases that are over, calls that have waited long enough, places whose client stays away, lock-delays,
 * and what could not be saved and is tried again. One timer for the next of them; all by the lease clock, so that nothing is
 * due because the daemon was not there. What is due becomes a command like any other, decided after those that wait in
 * the sockets.
 */
import type { Aftermath, Command, WithdrawCommand } from '../core/commands.js';
import { Deadlines } from '../core/deadlines.js';
import type { Leases } from '../core/leases.js';
import type { CallOff, Clock } from './clock.js';
import type { LeaseClock } from './lease-clock.js';
import type { OpenCall, OpenCalls } from './open-calls.js';

/** Commands of one kind that one look may make, so that no turn gets too long. */
const AT_ONCE = 500;

/** Milliseconds until what could not be saved is tried again. */
const RETRY_MS = 1_000;

/** Rounds of the event loop until what waits in the sockets is read: one accepts a connection, the next ones read it. */
const SOCKET_ROUNDS = 3;

/** The longest that a timer of Node can wait. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export interface ScheduleOptions {
  readonly clock: Clock;
  readonly leaseClock: LeaseClock;
  readonly leases: Leases;
  readonly calls: OpenCalls;
  readonly aftermathOf: (resource: string) => Aftermath;
  /** Whether nobody was told of the hold of this token. */
  readonly isUnreceived: (token: number) => boolean;
  /** Takes what is due. Rejects where it could not be saved, or the daemon ends. */
  readonly submit: (command: Command, options?: { readonly ends?: OpenCall }) => Promise<unknown>;
}

export class Schedule {
  /** Delayed holds, by token. */
  readonly #delays = new Deadlines<number>();
  readonly #delayed = new Map<number, Command>();
  /** What could not be saved, and must be. */
  readonly #unsaved: WithdrawCommand[] = [];
  /** Resources whose line could not move on. */
  readonly #stuck = new Set<string>();
  #callOff: CallOff | undefined;
  /** The moment on the lease clock for which the timer is set. */
  #setFor = Number.POSITIVE_INFINITY;
  /** Nothing is looked at before this moment on the lease clock. */
  #notBefore = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  constructor(private readonly options: ScheduleOptions) {}

  /** Tries again to take back a grant that nobody received, until that is saved or somebody has been told of it. */
  later(command: WithdrawCommand): void {
    this.#unsaved.push(command);
    this.#notBefore = Math.max(this.#notBefore, this.options.leaseClock.now() + RETRY_MS);
    this.look();
  }

  /** A slot stays taken for so many seconds, then `command` frees it. */
  delay(token: number, seconds: number, command: Command): void {
    this.#delays.set(token, this.options.leaseClock.now() + seconds * 1_000);
    this.#delayed.set(token, command);
    this.look();
  }

  /** A turn could not be saved: it is tried again when there may be space, and the lines of these resources are looked at. */
  tryAgain(resources: Iterable<string>): void {
    for (const resource of resources) this.#stuck.add(resource);
    const now = this.options.leaseClock.now();
    // Whoever else is refused meanwhile does not put it off.
    if (this.#notBefore <= now) this.#notBefore = now + RETRY_MS;
    this.look();
  }

  /** The connection of a call that waits is closed. */
  gone(call: OpenCall): void {
    this.#submit({ ...giveUp(call.place), comesBack: true }, call);
  }

  /** Sets the timer for what is due next; to be called when something may be due earlier than before. */
  look(): void {
    if (this.#isClosed) return;
    const { leaseClock, clock } = this.options;
    const next = Math.max(this.#notBefore, this.#next());
    if (next === Number.POSITIVE_INFINITY) leaseClock.stop();
    else leaseClock.start();
    if (next === this.#setFor) return;
    this.#callOff?.();
    this.#setFor = next;
    if (next === Number.POSITIVE_INFINITY) return;
    // Rounded up: a timer of whole milliseconds must not come too early, only to be set again.
    const wait = Math.min(MAX_TIMER_MS, Math.max(0, Math.ceil(leaseClock.until(next))));
    this.#callOff = clock.after(wait, () => {
      this.#setFor = Number.POSITIVE_INFINITY;
      this.#fire();
      this.look();
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#callOff?.();
    this.options.leaseClock.stop();
  }

  #next(): number {
    const { leases, calls } = this.options;
    const isStuck = this.#stuck.size > 0 || this.#unsaved.length > 0;
    const stuck = isStuck ? this.#notBefore : Number.POSITIVE_INFINITY;
    return Math.min(leases.next(), calls.next(), this.#delays.next(), stuck);
  }

  #fire(): void {
    const { leases, calls, leaseClock, aftermathOf } = this.options;
    const now = leaseClock.now();
    if (now < this.#notBefore) return;
    for (const holder of leases.takeDue(now, AT_ONCE)) {
      this.#submit({ kind: 'expire', ...holder, aftermath: aftermathOf(holder.resource) });
    }
    for (const call of calls.takeTimedOut(now, AT_ONCE)) {
      this.#submit({ ...giveUp(call.place), comesBack: keepsPlace(call) }, call);
    }
    for (const { resource, client, sequence } of calls.takeAbandoned(now, AT_ONCE)) {
      this.#submit({ kind: 'leave', resource, client, sequence });
    }
    for (const token of this.#delays.takeDue(now, AT_ONCE)) this.#endDelay(token);
    for (const command of this.#unsaved.splice(0)) {
      if (this.options.isUnreceived(command.token)) {
        this.options.submit(command).catch(() => this.later(command));
      }
    }
    for (const resource of this.#stuck) this.#submit({ kind: 'advance', resource });
    this.#stuck.clear();
  }

  #endDelay(token: number): void {
    const command = this.#delayed.get(token);
    if (!command) return;
    this.options.submit(command).then(
      () => this.#delayed.delete(token),
      () => this.#delays.set(token, this.options.leaseClock.now() + RETRY_MS),
    );
  }

  /** Sockets that can be read come first: a renewal that waits there must not come too late. */
  #submit(command: Command, ends?: OpenCall, rounds = SOCKET_ROUNDS): void {
    this.options.clock.nextRound(() => {
      // What could not be saved is due again by itself, and a daemon that ends has nothing due.
      if (this.#isClosed) return;
      if (rounds > 1) this.#submit(command, ends, rounds - 1);
      else this.options.submit(command, ends === undefined ? {} : { ends }).catch(() => undefined);
    });
  }
}

/** `wait` only looks whether it is its turn yet, and so does a repeat that does not wait; a `lock` that waited gives up. */
function keepsPlace({ pending: { command } }: OpenCall): boolean {
  return command.kind !== 'lock' || command.wait === 0;
}

function giveUp({ resource, client, sequence }: OpenCall['place']) {
  return { kind: 'giveUp', resource, client, sequence } as const;
}
