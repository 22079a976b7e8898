/**
 * The command that runs under a lock: without a shell, with our own standard streams and no other descriptor. It has a
 * session of its own, or stays in our process group so that it may use the terminal.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { inheritableDescriptors } from '../fencing/start-command.js';
import { CannotRun } from './cannot-run.js';
import { Family } from './family.js';
import { isInForeground } from './processes.js';
import { type PassedOn, reachesGroupItself } from './signals.js';

/** Milliseconds between two looks whether everything is gone; once it is killed, there is not much time. */
const LOOK_MS = 50;
const KILLED_LOOK_MS = 10;

export interface CommandOptions {
  /** The program and its arguments. */
  readonly words: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** More variables, which together only this command has: what it leaves behind is told by them. */
  readonly marks: Readonly<Record<string, string>>;
  /** Whether it stays in our process group. */
  readonly isForeground: boolean;
}

export class Command {
  /** The exit status, or 128 + n where a signal ended it. (Of a real-time signal Node tells nothing: it looks like status 0.) */
  readonly ended: Promise<number>;
  readonly #child: ChildProcess;
  readonly #id: number;
  readonly #isForeground: boolean;
  readonly #wasInForeground = isInForeground();
  readonly #family: Family;
  #isKilled = false;

  private constructor(child: ChildProcess, id: number, { isForeground, marks }: CommandOptions) {
    this.#child = child;
    this.#id = id;
    this.#isForeground = isForeground;
    this.#family = new Family({
      id,
      isLeader: !isForeground,
      marks: Object.entries(marks).map(([name, value]) => `${name}=${value}`),
    });
    this.ended = new Promise((resolve) => {
      child.once('exit', (status, signal) => resolve(status ?? 128 + constants.signals[signal ?? 'SIGKILL']));
    });
  }

  /** Rejects with `CannotRun`. */
  static async start(options: CommandOptions): Promise<Command> {
    const [program = ''] = options.words;
    try {
      const child = spawnCommand(options);
      if (child.pid !== undefined) return new Command(child, child.pid, options);
      throw await new Promise((resolve) => child.once('error', resolve));
    } catch (error) {
      throw new CannotRun(program, error as NodeJS.ErrnoException);
    }
  }

  /** Gives it a signal that was sent to us; with a session of its own, to all of its process group. */
  pass(signal: PassedOn): void {
    if (this.#hasEnded || (this.#isForeground && reachesGroupItself(signal, this.#wasInForeground))) return;
    try {
      process.kill(this.#isForeground ? this.#id : -this.#id, signal);
    } catch {
      // It ends at this moment, or has become another user's: sudo gets the signals of its terminal itself.
    }
  }

  /** Sends a signal to the command and to everything that belongs to it. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.#isKilled ||= signal === 'SIGKILL';
    await this.#family.signal(signal);
  }

  /**
   * Resolves when nothing of it is alive. Once it is killed, what appears is killed too, and after so many seconds this
   * gives up; it answers the numbers of those that are still alive.
   */
  async gone(seconds: number): Promise<readonly number[]> {
    let killed: number | undefined;
    for (;;) {
      if (this.#isKilled) killed ??= performance.now();
      const alive = await (this.#isKilled ? this.#family.signal('SIGKILL') : this.#family.alive());
      const isTooLong = killed !== undefined && performance.now() - killed > seconds * 1_000;
      if (alive.length === 0 || isTooLong) return alive;
      await pause(this.#isKilled ? KILLED_LOOK_MS : LOOK_MS);
    }
  }

  /** Until then nobody else can have its number. */
  get #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }
}

function spawnCommand({ words: [program = '', ...rest], environment, marks, isForeground }: CommandOptions) {
  // Ours are not inherited: Node sees to that, also for what we were started with, but misses what comes after a gap.
  for (const descriptor of inheritableDescriptors()) closeSync(descriptor);
  return spawn(program, rest, {
    env: { ...environment, ...marks },
    stdio: 'inherit',
    detached: !isForeground,
  });
}
