/**
 * The leases: until when each hold lasts, by the lease clock (see `Now`). They are no records: what is stored is the ttl,
 * so that a restart starts every lease afresh and no jump of a clock can end one. Nothing here is undone with a turn that
 * could not be saved, but what `extend` added: a lease may last longer than promised, never shorter.
 */
import type { Now } from './commands.js';
import { Deadlines } from './deadlines.js';
import type { Change, HoldRecord } from './records.js';

/** Whose lease it is. */
export interface LeaseHolder {
  readonly resource: string;
  readonly client: string;
  readonly token: number;
}

interface Lease {
  readonly holder: LeaseHolder;
  /** Milliseconds since 1970, UTC. */
  renewed: number;
  /** The lease clock, in milliseconds, at which it is over. */
  end: number;
}

export class Leases {
  readonly #leases = new Map<number, Lease>();
  /** When to look again at which lease, by token; none for one that was told as due. */
  readonly #due = new Deadlines<number>();

  /** Starts the lease of a hold: its ttl, and what it was extended by. Nothing for a hold without one. */
  start(hold: HoldRecord, now: Now): void {
    if (hold.ttl === undefined || hold.lost) return;
    const { resource, client, token } = hold;
    const end = now.lease + (hold.ttl + (hold.extended ?? 0)) * 1_000;
    this.#leases.set(token, { holder: { resource, client, token }, renewed: now.time, end });
    this.#due.set(token, end);
  }

  /** The lease runs for at least `seconds` from now. */
  renew(token: number, seconds: number, now: Now): void {
    const lease = this.#leases.get(token);
    if (!lease) return;
    lease.renewed = now.time;
    this.#end(lease, Math.max(lease.end, now.lease + seconds * 1_000));
  }

  /** The lease runs for exactly `seconds` from now. */
  restart(token: number, seconds: number, now: Now): void {
    const lease = this.#leases.get(token);
    if (!lease) return;
    lease.renewed = now.time;
    this.#end(lease, now.lease + seconds * 1_000);
  }

  /** Adds to what is left; a negative number takes such an addition back. */
  add(token: number, seconds: number): void {
    const lease = this.#leases.get(token);
    if (lease) this.#end(lease, lease.end + seconds * 1_000);
  }

  /** A lease that was told as due is not over yet, or could not be ended: it is due again at its end. */
  watch(token: number): void {
    const lease = this.#leases.get(token);
    if (lease) this.#due.set(token, lease.end);
  }

  /** Does what a saved change means for the leases: starts that of a new hold, ends that of one that is gone or lost. */
  follow(change: Change, now: Now): void {
    for (const key of change.remove ?? []) if (key.kind === 'hold') this.#drop(change.token);
    for (const record of change.put ?? []) {
      if (record.kind !== 'hold') continue;
      if (record.lost) this.#drop(record.token);
      else if (!this.#leases.has(record.token)) this.start(record, now);
    }
  }

  /** Seconds that are left; undefined where no lease runs. */
  left(token: number, now: Now): number | undefined {
    const lease = this.#leases.get(token);
    return lease && Math.max(0, lease.end - now.lease) / 1_000;
  }

  /** When the lease was last started, milliseconds since 1970, UTC. */
  renewed(token: number): number | undefined {
    return this.#leases.get(token)?.renewed;
  }

  /** Whether a lease runs and is over. */
  isOver(token: number, now: Now): boolean {
    return this.left(token, now) === 0;
  }

  /** The moment on the lease clock when the next lease may be over; infinite where none runs. */
  next(): number {
    return this.#due.next();
  }

  /** Those whose lease is over by the lease clock, the earliest first; each is told once, unless it is watched again. */
  takeDue(lease: number, count: number): LeaseHolder[] {
    return this.#due.takeDue(lease, count).flatMap((token) => this.#leases.get(token)?.holder ?? []);
  }

  #end(lease: Lease, end: number): void {
    lease.end = end;
    this.#due.set(lease.holder.token, end);
  }

  #drop(token: number): void {
    this.#leases.delete(token);
    this.#due.delete(token);
  }
}
