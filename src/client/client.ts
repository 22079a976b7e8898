/**
 * A client of a lock daemon, and of what it holds there: locks that renew themselves, and say so when they are lost.
 * Counting and renewing stand in renewal.ts, the methods of the daemon in methods.ts.
 */
import type { EnqueueOptions } from '../service/api.js';
import { RefusedCall } from './errors.js';
import type { Abortable } from './granting.js';
import { HeldLock } from './held-lock.js';
import type { Granted } from './lease.js';
import { LockLost } from './lock-lost.js';
import { DaemonMethods } from './methods.js';
import { QueuedLock } from './queued-lock.js';

export type { Abortable } from './granting.js';
export type { LockdClientOptions } from './options.js';

/** Seconds of a lease, and of the wait for it, unless asked otherwise. */
const DEFAULT_TTL_SECONDS = 30;
const DEFAULT_WAIT_SECONDS = 10;

export interface QueueOptions extends Omit<EnqueueOptions, 'request'>, Abortable {
  /** Seconds of the lease, which is renewed; 30 when absent, 0: until it is released, or the daemon's default. */
  readonly ttl?: number;
}

export interface AcquireOptions extends QueueOptions {
  /** Seconds to wait in the line; 10 when absent, 0: refused at once, Infinity: for ever. */
  readonly wait?: number;
}

/** Refusals that mean: not now, because somebody else has it, is served first, or is not fenced yet. */
const TAKEN: ReadonlySet<RefusedCall['refusal']> = new Set(['held', 'timedOut', 'lineFull', 'fencing']);

export class LockdClient extends DaemonMethods {
  /**
   * Takes `resource` and keeps it: the lock is renewed in the background until it is released or lost. Rejects as calls
   * do: with `timedOut` when somebody else has it for longer than `wait`. An aborted wait leaves the line.
   *
   * One client holds a resource once: who has it already, or waits for it, is refused at once, whatever its `wait`. Parts
   * of a program that shut each other out need a client each.
   */
  async acquire(resource: string, options: AcquireOptions = {}): Promise<HeldLock> {
    const { ttl = DEFAULT_TTL_SECONDS, wait = DEFAULT_WAIT_SECONDS, ...rest } = options;
    return this.#hold(await this.granting.lock(this.wire.name(resource), { ...rest, ttl, wait }));
  }

  /**
   * The same, but null where somebody else has it: where `acquire` is refused as `held`, `timedOut`, `lineFull` or
   * `fencing`. Every other failure rejects. Without `wait` it does not wait.
   */
  async tryAcquire(resource: string, options: AcquireOptions = {}): Promise<HeldLock | null> {
    try {
      return await this.acquire(resource, { wait: 0, ...options });
    } catch (error) {
      if (error instanceof RefusedCall && TAKEN.has(error.refusal)) return null;
      throw error;
    }
  }

  /**
   * Runs `work` while it holds `resource`, and releases it on every way out. When the lock is lost meanwhile, `signal`
   * fires, and it rejects with `LockLost` once `work` has ended, whatever came of it. Rejects with what `work` throws, or,
   * if it went well, with what `release` rejects with.
   */
  async withLock<T>(
    resource: string,
    options: AcquireOptions,
    work: (hold: HeldLock, signal: AbortSignal) => T | Promise<T>,
  ): Promise<T> {
    const hold = await this.acquire(resource, options);
    let done: T;
    try {
      done = await work(hold, hold.signal);
    } catch (error) {
      // What went wrong with the work says more than a release that failed: the lease ends by itself.
      await hold.release().catch(() => undefined);
      throw lostWhile(hold, error);
    }
    await hold.release();
    return done;
  }

  /**
   * First half of a lock in two calls: granted at once, or a place in the line that outlives the call, for its claim time.
   * What is granted at once is renewed from here on.
   */
  async enqueue(
    resource: string,
    options: QueueOptions & { readonly request?: string } = {},
  ): Promise<QueuedLock> {
    const { signal, ttl = DEFAULT_TTL_SECONDS, request = this.ports.makeId(), ...rest } = options;
    const name = this.wire.name(resource);
    const asked = { ...rest, ttl, request };
    const { answer, granted } = await this.granting.enqueue(name, {
      ...asked,
      ...(signal ? { signal } : {}),
    });
    const calls = {
      wait: async (seconds: number, until: AbortSignal | undefined) => {
        const patience = { ...asked, ...(until ? { signal: until } : {}) };
        return this.#hold(await this.granting.waitInPlace(name, seconds, patience));
      },
      cancel: () => this.granting.cancel(name),
    };
    return new QueuedLock(answer, calls, granted && this.#hold(granted));
  }

  #hold(granted: Granted): HeldLock {
    const { renewRatio, timeoutSeconds } = this.settings;
    const { resource } = granted.hold;
    return new HeldLock(
      granted,
      {
        renew: (token, one) => this.granting.renew(resource, token, one),
        unlock: (token) => this.granting.unlock(resource, token),
      },
      { clock: this.ports.clock, renewRatio, timeoutSeconds },
    );
  }
}

/** What the caller of `withLock` is told: a lost lock before anything else. */
function lostWhile(hold: HeldLock, error: unknown): unknown {
  if (!hold.isLost) return error;
  const lost: unknown = hold.signal.reason;
  if (lost instanceof LockLost && lost !== error) lost.suppressed = error;
  return lost;
}
