/**
 * Fence commands as processes of this machine. Each has the kernel lock on its token's fence file by an inherited descriptor,
 * so that nothing of a run is overlooked: also not by the next daemon, when this one was killed. A command that takes its
 * processes out of both its process group and the lock (setsid, and all descriptors closed) is out of sight.
 */
import type { ChildProcess } from 'node:child_process';
import { lstatSync, unlinkSync } from 'node:fs';
import { errorCode } from '../disk/disk.js';
import type { Layout } from '../disk/layout.js';
import { ENDED_BY_LOCKD, type Ending, endingOf, failureOf, killUnlessEnded } from './ending.js';
import { FenceLock, requireFlock } from './fence-lock.js';
import type { Guardian } from './guardian.js';
import type { Guardianship, GuardianshipOptions } from './guardianship.js';
import { Output } from './output.js';
import { Places } from './places.js';
import type { FenceOutcome, FenceRunner, LostHold } from './port.js';
import { Remains } from './remains.js';
import { inheritableDescriptors, startCommand } from './start-command.js';

const DEFAULT_TIMEOUT_MS = 60_000;
const DEFAULT_GRACE_MS = 2_000;

/** When very many leases end at once, not all of their commands may start at once: memory, processes and descriptors are finite. */
const DEFAULT_MAX_RUNS = 256;

export interface CommandRunnerOptions {
  /** Where the fence files lie; its own directory must be there when the first command runs. */
  readonly layout: Layout;
  /** Is given one record for each run when it has ended, with its output; `message` may have line breaks. */
  readonly log: (level: 'info' | 'warn', message: string) => void;
  /** Milliseconds that a run may take, background processes included; then it is ended, and has failed. 60 s. */
  readonly timeoutMs?: number;
  /** Milliseconds from SIGTERM to SIGKILL. 2 s. */
  readonly graceMs?: number;
  /** How many commands run at once; the others wait. 256. */
  readonly maxRuns?: number;
  /** Whether the directory is still this daemon's; else no command is started, and none that another may have started ended. */
  readonly isOwner?: () => boolean;
  /** In whose name the commands run, where that ends by itself. Absent: in that of the directory. */
  readonly leadership?: RunnerLeadership;
}

export interface RunnerLeadership {
  /** Throws from its end on. */
  assert(): void;
  /** Makes what ends the commands in time when this daemon cannot. */
  makeGuardianship(wanted: Omit<GuardianshipOptions, 'left'>): Guardianship;
}

/** Something that is done for a token. The next thing for that token stops it, and begins when it has ended. */
interface Task {
  readonly stop: AbortController;
  readonly done: Promise<unknown>;
}

/** A command that was started. */
interface Run {
  readonly child: ChildProcess;
  readonly ending: Promise<Ending>;
  readonly output: Output;
}

export class CommandRunner implements FenceRunner {
  readonly #tasks = new Map<number, Task>();
  /** Process groups of this daemon's runs that were not seen to end. */
  readonly #groups = new Map<number, number>();
  /** Commands that were not waited for so far. */
  readonly #children = new Set<ChildProcess>();
  readonly #guardianship: Guardianship | undefined;
  readonly #places: Places;
  readonly #hidden = inheritableDescriptors();
  readonly #timeoutMs: number;
  #graceMs: number;
  #isClosed = false;

  private constructor(private readonly options: CommandRunnerOptions) {
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    this.#graceMs = options.graceMs ?? DEFAULT_GRACE_MS;
    this.#places = new Places(options.maxRuns ?? DEFAULT_MAX_RUNS);
    this.#guardianship = options.leadership?.makeGuardianship({
      path: options.layout.guardian,
      onLost: (error) => this.#endUnguarded(error),
    });
  }

  /** Throws `StartRefused` where util-linux's `flock` cannot be run. */
  static open(options: CommandRunnerOptions): CommandRunner {
    requireFlock();
    return new CommandRunner(options);
  }

  run(command: string, hold: LostHold): Promise<FenceOutcome> {
    return this.#next(hold.token, async (stop) => {
      if (this.#isClosed || !(await this.#places.enter(stop.signal))) return failed(ENDED_BY_LOCKD);
      try {
        return await this.#run(command, hold, stop);
      } catch (error) {
        return failed(text(error));
      } finally {
        this.#places.leave();
      }
    });
  }

  /** Rejects with `RunGoesOn`, which says what to do, when a process withstands SIGKILL; and with errors of the disk. */
  end(token: number): Promise<void> {
    return this.#next(token, async () => {
      const wasRun = lstatSync(this.#path(token), { throwIfNoEntry: false }) !== undefined;
      if (!wasRun && !this.#groups.has(token)) return;
      await this.#withLock(token, async (lock) => {
        await this.#end(token, lock);
      });
    });
  }

  forget(token: number): void {
    try {
      unlinkSync(this.#path(token));
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return;
      this.options.log('warn', `The fence file of token ${token} stays; it does no harm (${text(error)})`);
    }
  }

  async close(atOnce = false): Promise<void> {
    this.#isClosed = true;
    if (atOnce) {
      this.#graceMs = 0;
      this.#killAll();
    }
    await this.#stopAll();
    await this.#guardianship?.close();
  }

  #next<Result>(token: number, work: (stop: AbortController) => Promise<Result>): Promise<Result> {
    const earlier = this.#tasks.get(token);
    earlier?.stop.abort();
    const stop = new AbortController();
    const done = (async () => {
      // Whoever asked for the earlier one hears how it ended.
      await earlier?.done.catch(() => undefined);
      try {
        return await work(stop);
      } finally {
        if (this.#tasks.get(token)?.stop === stop) this.#tasks.delete(token);
      }
    })();
    this.#tasks.set(token, { stop, done });
    return done;
  }

  async #run(command: string, hold: LostHold, stop: AbortController): Promise<FenceOutcome> {
    const run = await this.#start(command, hold, stop.signal);
    if (run === undefined) return failed(ENDED_BY_LOCKD);
    let overdueMs: number | undefined;
    const timer = setTimeout(() => {
      if (!stop.signal.aborted) overdueMs = this.#timeoutMs;
      stop.abort();
    }, this.#timeoutMs);
    let error: string | undefined;
    try {
      const ending = await run.ending;
      const hadRemains = await this.#clear(hold.token, ending, stop.signal);
      error = failureOf(ending, hadRemains, overdueMs);
    } catch (trouble) {
      // Nothing is known of what it left behind, which the next run looks for. What is known is the command itself.
      killUnlessEnded(run.child);
      error = text(trouble);
    } finally {
      clearTimeout(timer);
    }
    await run.output.finish();
    this.#report(command, hold, error, run.output.text);
    if (error === undefined) return { succeeded: true };
    return failed(run.output.lastLine === undefined ? error : `${error} (${run.output.lastLine})`);
  }

  /** Starts the command once nothing of an earlier run is alive; undefined when it was stopped before. */
  async #start(command: string, hold: LostHold, stop: AbortSignal): Promise<Run | undefined> {
    let run: Run | undefined;
    try {
      run = await this.#withLock(hold.token, async (lock) => {
        await this.#end(hold.token, lock);
        const guardian = await this.#guardianship?.guardian(hold.token);
        await guardian?.watch(hold.token, lock.path);
        return stop.aborted || this.#isClosed ? undefined : this.#spawn(command, hold, lock, stop, guardian);
      });
      return run;
    } finally {
      if (!run) this.#guardianship?.gone(hold.token);
    }
  }

  /** In one step. Whoever is stopped in it has the lock, and so the guardian ends him too. */
  #spawn(command: string, hold: LostHold, lock: FenceLock, stop: AbortSignal, guardian?: Guardian): Run {
    this.#requireOwnership();
    this.options.leadership?.assert();
    const child = startCommand(command, hold, lock.descriptor, this.#hidden);
    if (child.pid !== undefined) {
      this.#groups.set(hold.token, child.pid);
      guardian?.started(hold.token, child.pid);
    }
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child)).once('error', () => this.#children.delete(child));
    return { child, ending: endingOf(child, stop), output: new Output(child) };
  }

  /** Sees to it that nothing of the run is alive; answers whether something had to be ended for that. */
  #clear(token: number, ending: Ending, stop: AbortSignal): Promise<boolean> {
    return this.#withLock(token, async (lock) => {
      const isDone = ending.kind === 'exited' && ending.status === 0;
      if (isDone && (await this.#remains(token, lock).gone(stop))) {
        this.#gone(token);
        return false;
      }
      return this.#end(token, lock);
    });
  }

  async #end(token: number, lock: FenceLock): Promise<boolean> {
    // Frozen since it began, this daemon would end the run of its successor.
    this.#requireOwnership();
    const hadRemains = await this.#remains(token, lock).end(this.#graceMs);
    this.#gone(token);
    return hadRemains;
  }

  #gone(token: number): void {
    this.#groups.delete(token);
    this.#guardianship?.gone(token);
  }

  async #stopAll(): Promise<void> {
    const tasks = [...this.#tasks.values()];
    for (const { stop } of tasks) stop.abort();
    await Promise.allSettled(tasks.map(({ done }) => done));
  }

  /** What nobody watches may not go on; it is tried again, with another guardian. */
  async #endUnguarded(error: Error): Promise<void> {
    if (this.#tasks.size === 0) return;
    this.options.log('warn', `Fence commands that run are ended, to run again: ${error.message}`);
    this.#killAll();
    await this.#stopAll();
  }

  #killAll(): void {
    for (const child of this.#children) killUnlessEnded(child);
  }

  #requireOwnership(): void {
    if (this.options.isOwner?.() === false)
      throw new Error('a daemon that has lost its directory to another');
  }

  #remains(token: number, lock: FenceLock): Remains {
    return new Remains(token, lock, this.#groups.get(token));
  }

  #report(command: string, hold: LostHold, error: string | undefined, output: string): void {
    const { resource, client, token } = hold;
    const run = `The fence command ${command} for '${resource}', lost by '${client}' (token ${token}), `;
    const how = error === undefined ? 'succeeded' : `failed: ${error}`;
    this.options.log(
      error === undefined ? 'info' : 'warn',
      `${run}${how}${output && `; its output:\n${output}`}`,
    );
  }

  async #withLock<Result>(token: number, work: (lock: FenceLock) => Promise<Result>): Promise<Result> {
    const lock = FenceLock.open(this.#path(token));
    try {
      return await work(lock);
    } finally {
      lock.close();
    }
  }

  #path(token: number): string {
    return this.options.layout.fenceFile(token);
  }
}

function failed(error: string): FenceOutcome {
  return { succeeded: false, error };
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
