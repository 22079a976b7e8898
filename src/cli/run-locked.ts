/** The course of `lockd run`: wait, start, watch, give back. */
import type { LockdClient, LockdClientOptions } from '../client/client.js';
import { OutcomeUnknown, RefusedCall } from '../client/errors.js';
import type { HeldLock } from '../client/held-lock.js';
import { REAL_CLOCK } from '../client/lease-clock.js';
import { LockLost } from '../client/lock-lost.js';
import { CannotRun } from '../run/cannot-run.js';
import { Command } from '../run/command.js';
import { type LeaseView, LossWatch, type OnLoss } from '../run/loss-watch.js';
import { ENDING, listen, type PassedOn } from '../run/signals.js';
import { inherited } from './connection.js';
import { explained } from './explain.js';
import { Interruption } from './interruption.js';
import { lockStatusOf } from './lock.js';
import { utcText } from './moments.js';
import { printable } from './printable.js';
import { RUN_ADVICE } from './run-advice.js';
import type { Voice } from './run-voice.js';
import { tellWhileWaiting } from './tell-waiting.js';
import type { Terminal } from './terminal.js';

/** The lock was lost while the command ran, whatever that made of it. */
const LOST = 76;

/** Seconds for which processes may withstand SIGKILL, such as those that hang in a dead file system, before we go without them. */
const KILL_SECONDS = 10;

/** Seconds for an unlock when the lock is lost and nobody relies on it. */
const LATE_UNLOCK_SECONDS = 1;

/** What the client leaves off the ttl when it counts. */
const UNCOUNTED_SHARE = 0.1;

export interface LockedRunOptions {
  readonly client: LockdClient;
  /** Makes a client of the same daemon and the same name, with these options. */
  readonly another: (options: LockdClientOptions) => LockdClient;
  readonly resource: string;
  readonly command: readonly string[];
  /** Seconds. */
  readonly ttl: number;
  /** Seconds; 0: refused at once, Infinity: for ever. */
  readonly wait: number;
  readonly limit: number | undefined;
  readonly note: string | undefined;
  readonly onLoss: OnLoss;
  readonly conflictExitCode: number | undefined;
  readonly isForeground: boolean;
}

export class LockedRun {
  readonly #interrupted = new AbortController();
  readonly #options: LockedRunOptions;
  readonly #terminal: Terminal;
  readonly #voice: Voice;
  #command: Command | undefined;
  /** The loss that was told already. */
  #told: Error | undefined;

  constructor(options: LockedRunOptions, terminal: Terminal, voice: Voice) {
    this.#options = options;
    this.#terminal = terminal;
    this.#voice = voice;
  }

  /** Resolves with the exit status. Rejects where the lock is not had, with what failure.ts knows. */
  async run(): Promise<number> {
    const forget = listen((signal) => this.#hear(signal, forget));
    try {
      return await this.#runUnder(await this.#lock());
    } finally {
      forget();
    }
  }

  /** A signal is the command's; while there is none, the first one gives up, and a second one ends us as it ends everybody. */
  #hear(signal: PassedOn, forget: () => void): void {
    this.#command?.pass(signal);
    if (this.#command || !ENDING.has(signal)) return;
    if (this.#interrupted.signal.aborted) {
      forget();
      process.kill(process.pid, signal);
    }
    const { client, resource } = this.#options;
    this.#interrupted.abort(new Interruption(`The wait of '${client.client}' for '${resource}'`, signal));
  }

  #lock(): Promise<HeldLock> {
    const { client, resource, ttl, wait, limit, note, conflictExitCode } = this.#options;
    const acquired = client.acquire(resource, {
      ttl,
      wait,
      ...(limit === undefined ? {} : { limit }),
      ...(note === undefined ? {} : { note }),
      signal: this.#interrupted.signal,
    });
    const locked = wait === 0 ? acquired : this.#tellMeanwhile(acquired);
    return explained(locked, client, resource, {
      exitStatus: (refused) => lockStatusOf(refused, conflictExitCode),
      advice: RUN_ADVICE,
    });
  }

  #tellMeanwhile(acquired: Promise<HeldLock>): Promise<HeldLock> {
    const { client, resource } = this.#options;
    return tellWhileWaiting(acquired, {
      client: client.client,
      look: (over) => client.status(resource, { signal: over }),
      tell: (line) => this.#voice.say(line),
    });
  }

  /** Starts the command, sees it to its end, and gives the lock back; answers the exit status. */
  async #runUnder(held: HeldLock): Promise<number> {
    const { command: words, isForeground, onLoss } = this.#options;
    try {
      this.#interrupted.signal.throwIfAborted();
      held.check();
      this.#command = await Command.start({
        words,
        environment: inherited(this.#terminal.world.environment),
        marks: { LOCKD_RESOURCE: held.resource, LOCKD_CLIENT: held.client, LOCKD_TOKEN: held.token },
        isForeground,
      });
    } catch (error) {
      await this.#giveBack(held);
      return this.#notStarted(error);
    }
    const command = this.#command;
    const watch = new LossWatch(leaseOf(held), onLoss, REAL_CLOCK, {
      lost: (reason) => this.#tellLoss(reason, onLoss === 'keep' ? `'${words[0]}' goes on` : undefined),
      signal: (signal, killSeconds) => {
        void command.end(signal);
        this.#tellEnding(held, signal, killSeconds);
      },
    });
    const status = await command.ended;
    const isGone = !watch.hasBegun || (await this.#seeOff(command));
    watch.stop();
    if (!watch.isOver) return (await this.#giveBack(held)) ? LOST : status;
    // Else the lease must end, so that what is still alive is fenced.
    if (isGone) await this.#unlockLate(held);
    return LOST;
  }

  #notStarted(error: unknown): number {
    if (error instanceof LockLost) return LOST;
    if (!(error instanceof CannotRun)) throw error;
    const { message, exitStatus } = error;
    const aside = this.#terminal.paintAside('red', printable(message));
    this.#terminal.answer({ json: { error: { message, exitStatus } }, aside });
    return exitStatus;
  }

  /** Waits until nothing of the command is alive; answers whether that came to be. */
  async #seeOff(command: Command): Promise<boolean> {
    const alive = await command.gone(KILL_SECONDS);
    if (alive.length === 0) return true;
    const { resource } = this.#options;
    this.#voice.say(
      `These processes withstand SIGKILL, and may still change '${resource}': ${alive.join(', ')}`,
    );
    return false;
  }

  /** Answers whether the lock was lost before. */
  async #giveBack(held: HeldLock): Promise<boolean> {
    const ends = leaseEnd(held);
    try {
      await held.release();
      return false;
    } catch (error) {
      if (!(error instanceof LockLost)) {
        this.#tellNotUnlocked(held, ends, error);
        return false;
      }
      this.#tellLoss(error);
      await this.#unlockLate(held);
      return true;
    }
  }

  /** Nobody works on any more: where the daemon does not know of the loss, others need not wait for the lease to end. */
  async #unlockLate(held: HeldLock): Promise<void> {
    if (this.#told?.cause instanceof RefusedCall) return;
    const ends = leaseEnd(held);
    const hasty = this.#options.another({
      timeout: LATE_UNLOCK_SECONDS,
      connectTimeout: LATE_UNLOCK_SECONDS,
      retry: { attempts: 1 },
    });
    try {
      await hasty.unlock(held.resource, { token: held.token });
    } catch (error) {
      if (!held.isLost) this.#tellNotUnlocked(held, ends, error);
    } finally {
      hasty.close();
    }
  }

  #tellNotUnlocked({ resource, client, token }: HeldLock, ends: Date, error: unknown): void {
    const how = error instanceof OutcomeUnknown ? 'was perhaps not unlocked' : 'was not unlocked';
    const reason = error instanceof Error ? error.message : String(error);
    this.#voice.say(
      `'${resource}' (token ${token}) ${how} by '${client}'; its lease ends at ${utcText(ends)}. ${reason}`,
    );
  }

  #tellLoss(reason: Error, more?: string): void {
    if (this.#told === reason) return;
    this.#told = reason;
    this.#voice.say(more === undefined ? reason.message : `${reason.message}. ${more}`);
  }

  #tellEnding({ resource, client, token }: HeldLock, signal: string, killSeconds: number): void {
    const program = `'${this.#options.command[0]}'`;
    const problem = `'${client}' cannot renew its lease of '${resource}' (token ${token}): `;
    this.#voice.say(
      killSeconds === 0
        ? `${program} and all that it started is ended with ${signal}`
        : `${this.#told ? '' : problem}${program} gets ${signal}, and SIGKILL in ${killSeconds.toFixed(1)} s`,
    );
  }
}

/** When the daemon's lease ends if nothing lengthens it, as a restart does. */
function leaseEnd({ left, ttl = 0 }: HeldLock): Date {
  return new Date(Date.now() + (left + UNCOUNTED_SHARE * ttl) * 1_000);
}

function leaseOf(held: HeldLock): LeaseView {
  return {
    ttl: () => held.ttl ?? 0,
    left: () => held.left,
    onLost(listener) {
      const tell = () => listener(held.signal.reason);
      if (held.signal.aborted) tell();
      else held.signal.addEventListener('abort', tell, { once: true });
    },
  };
}
