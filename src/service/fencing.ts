/**
 * Fencing: sees to it that the command of every lost hold is run until it succeeds. The hold keeps its slot meanwhile, on
 * disk too, so that a daemon that dies while a command runs starts it again.
 */
import type { Aftermath } from '../core/commands.js';
import type { HoldRecord, LossCause } from '../core/records.js';
import { Refusal } from '../core/refusals.js';
import type { LockTable } from '../core/table.js';
import type { FenceOutcome, FenceRunner } from '../fencing/port.js';
import type { CallOff, Clock } from './clock.js';
import type { FenceEnd, Meters } from './meters.js';
import type { LogLevel } from './options.js';

/** Seconds until a failed command runs again: doubled from the first to the last. */
const FIRST_RETRY_SECONDS = 1;
const LAST_RETRY_SECONDS = 60;

export interface FencingOptions {
  readonly table: LockTable;
  readonly clock: Clock;
  readonly meters: Meters;
  /** Absent: no fence command applies to anything. */
  readonly runner: FenceRunner | undefined;
  readonly commandFor: (resource: string) => string | undefined;
  /** Seconds that a slot stays taken after a loss where no fence command applies. */
  readonly lockDelay: number;
  /** Rejects where this daemon may not act any more. */
  readonly confirm: () => Promise<void>;
  readonly submit: (command: FencingCommand) => Promise<unknown>;
  readonly log: (level: LogLevel, message: string) => void;
}

type FencingCommand = { readonly resource: string; readonly client: string; readonly token: number } & (
  | { readonly kind: 'fenced' }
  | { readonly kind: 'fenceFailed'; readonly error: string }
);

/** One lost hold on its way. */
interface Course {
  readonly hold: HoldRecord;
  /** Milliseconds since 1970, UTC; absent while the command runs. */
  nextTry?: number;
  callOff?: CallOff;
  /** An operator vouches for it, or the daemon ends: nothing is run any more. */
  isOver: boolean;
  /** Its command runs. */
  isRunning: boolean;
}

export class Fencing {
  readonly #courses = new Map<number, Course>();
  #isClosed = false;

  constructor(private readonly options: FencingOptions) {}

  /** What happens to the slot of a hold that is lost. */
  aftermathOf(resource: string): Aftermath {
    if (this.options.commandFor(resource) !== undefined) return 'fence';
    return this.options.lockDelay > 0 ? 'delay' : 'none';
  }

  /** The same for those who look before they force, as members of a status. */
  prospectOf(resource: string): { readonly fenceCommand?: string; readonly lockDelay?: number } {
    const { commandFor, lockDelay } = this.options;
    const fenceCommand = commandFor(resource);
    if (fenceCommand !== undefined) return { fenceCommand };
    return lockDelay > 0 ? { lockDelay } : {};
  }

  /** Fences a hold whose loss is saved; once for each, however often it is called. */
  begin(hold: HoldRecord): void {
    if (this.#isClosed || this.#courses.has(hold.token)) return;
    const course: Course = { hold, isOver: false, isRunning: false };
    this.#courses.set(hold.token, course);
    void this.#run(course);
  }

  /** When the command of a hold runs again; undefined while it runs. */
  nextTry(token: number): Date | undefined {
    const at = this.#courses.get(token)?.nextTry;
    return at === undefined ? undefined : new Date(at);
  }

  /**
   * Ends what runs for a hold, because an operator vouches for it; resolves when nothing of it is alive. Answers what to
   * call if the operator is refused: then it goes on.
   *
   * @throws Refusal where something of it cannot be ended: then nobody can vouch for anything, and it goes on.
   */
  async stop(hold: HoldRecord): Promise<() => void> {
    const { token } = hold;
    // Where the loss is just being saved, its fencing must not begin behind our back.
    const course = this.#courses.get(token) ?? { hold, isOver: true, isRunning: false };
    this.#courses.set(token, course);
    end(course);
    const resume = () => {
      if (this.#courses.get(token) !== course) return;
      this.#courses.delete(token);
      // What was being saved then may have been undone since: nobody alive is fenced.
      const now = this.options.table.hold(hold.resource, hold.client);
      if (now?.token === token && now.lost === 'fencing') this.begin(now);
    };
    try {
      await this.options.runner?.end(token);
    } catch (error) {
      resume();
      throw new Refusal({ refusal: 'unavailable', details: { problem: (error as Error).message } });
    }
    return resume;
  }

  /** The hold is fenced. Nothing for one that never was lost. */
  forget(token: number): void {
    const course = this.#courses.get(token);
    if (!course) return;
    end(course);
    this.#courses.delete(token);
    const { runner, log } = this.options;
    if (!course.isRunning) {
      runner?.forget(token);
      return;
    }
    // It started while the operator's word was on its way.
    runner?.end(token).then(
      () => runner.forget(token),
      (error: Error) => log('error', error.message),
    );
  }

  /** Ends what runs, `atOnce` without a moment to end in good order; it runs again after the next start. */
  async close(atOnce = false): Promise<void> {
    this.#isClosed = true;
    for (const course of this.#courses.values()) end(course);
    await this.options.runner?.close(atOnce);
  }

  async #run(course: Course): Promise<void> {
    delete course.nextTry;
    const { hold } = course;
    const { resource, client, token } = hold;
    const error = await this.#try(course).catch((problem: Error) => problem.message);
    if (course.isOver) return;
    try {
      if (error === undefined) {
        await this.options.submit({ kind: 'fenced', resource, client, token });
        return;
      }
      await this.options.submit({ kind: 'fenceFailed', resource, client, token, error });
    } catch (problem) {
      // Nothing is lost by it: the slot stays taken, and a fence command must bear being run twice.
      const about = `'${client}' on '${resource}' (token ${token})`;
      if (!course.isOver) this.options.log('warn', `Fencing ${about}: ${(problem as Error).message}`);
    }
    this.#tryLater(course);
  }

  /** Answers why it failed. */
  async #try(course: Course): Promise<string | undefined> {
    const { resource, client, token } = course.hold;
    const { commandFor, runner, confirm, clock, meters } = this.options;
    const command = commandFor(resource);
    if (command === undefined || !runner) return 'no fence command applies any more (--fence)';
    await confirm();
    if (course.isOver) return 'called off';
    course.isRunning = true;
    const since = clock.monotonic();
    const outcome = await runner.run(command, {
      resource,
      client,
      token,
      cause: this.#causeOf(resource, client, token),
    });
    course.isRunning = false;
    meters.fenceSeconds[endOf(course, outcome)].add((clock.monotonic() - since) / 1_000);
    return outcome.succeeded ? undefined : outcome.error;
  }

  #causeOf(resource: string, client: string, token: number): LossCause {
    for (const lost of this.options.table.lost(resource, client)) if (lost.token === token) return lost.cause;
    return 'expired';
  }

  #tryLater(course: Course): void {
    if (course.isOver) return;
    const { clock, table } = this.options;
    const { resource, client } = course.hold;
    const tries = table.hold(resource, client)?.fence?.tries ?? 1;
    const seconds = Math.min(
      LAST_RETRY_SECONDS,
      FIRST_RETRY_SECONDS * 2 ** Math.max(0, Math.min(tries, 10) - 1),
    );
    course.nextTry = clock.time() + seconds * 1_000;
    course.callOff = clock.after(seconds * 1_000, () => void this.#run(course));
  }
}

function endOf({ isOver }: Course, { succeeded }: FenceOutcome): FenceEnd {
  if (succeeded) return 'succeeded';
  return isOver ? 'calledOff' : 'failed';
}

function end(course: Course): void {
  course.isOver = true;
  course.callOff?.();
}
