/**
 * What moves by itself in an open directory, wired together: turns decide and save, the schedule knows what is due, open
 * calls are who waits, fencing sees to lost holds.
 */
import type { Answers, Command } from '../core/commands.js';
import { Leases } from '../core/leases.js';
import type { Limits } from '../core/limits.js';
import type { Change, HoldRecord } from '../core/records.js';
import type { FenceRunner } from '../fencing/port.js';
import type { FenceRules } from '../fencing/rules.js';
import { LoopPace } from '../store/journal/pace.js';
import type { Stopped } from '../store/port.js';
import type { Clock } from './clock.js';
import type { Feed } from './feed.js';
import { Fencing } from './fencing.js';
import { LeaseClock } from './lease-clock.js';
import type { Meters } from './meters.js';
import { OpenCalls } from './open-calls.js';
import type { Parts } from './open-parts.js';
import type { LogLevel } from './options.js';
import { Schedule } from './schedule.js';
import { type SubmitOptions, Turns } from './turns.js';

export interface EngineOptions {
  readonly parts: Parts;
  readonly clock: Clock;
  readonly fenceRules: FenceRules;
  readonly fenceRunner: FenceRunner | undefined;
  /** Seconds that a slot stays taken after a loss where no fence command applies. */
  readonly lockDelay: number;
  readonly limits: Limits;
  readonly meters: Meters;
  readonly feed: Feed;
  readonly log: (level: LogLevel, message: string) => void;
  /** Called once, when nobody can be answered any more. */
  readonly onStopped: (error: Stopped) => void;
}

export class Engine {
  readonly turns: Turns;
  readonly fencing: Fencing;
  readonly #calls: OpenCalls;
  readonly #leases = new Leases();
  readonly #leaseClock: LeaseClock;
  readonly #schedule: Schedule;

  constructor(private readonly options: EngineOptions) {
    const { parts, clock, fenceRules, fenceRunner, lockDelay, limits, meters, feed, log, onStopped } =
      options;
    const { table, store, lockFiles } = parts;
    const submit = (command: Command, how?: SubmitOptions) => this.turns.submit(command, how);
    this.#leaseClock = new LeaseClock(clock);
    this.#calls = new OpenCalls({ onGone: (call) => this.#schedule.gone(call) });
    this.fencing = new Fencing({
      table,
      clock,
      meters,
      runner: fenceRunner,
      commandFor: (resource) => fenceRules.commandFor(resource),
      lockDelay,
      confirm: () => store.confirm(),
      submit,
      log,
    });
    this.#schedule = new Schedule({
      clock,
      leaseClock: this.#leaseClock,
      leases: this.#leases,
      calls: this.#calls,
      aftermathOf: (resource) => this.fencing.aftermathOf(resource),
      isUnreceived: (token) => this.turns.isUnreceived(token),
      submit,
    });
    this.turns = new Turns({
      state: { table, leases: this.#leases, calls: this.#calls, limits },
      calls: this.#calls,
      leaseClock: this.#leaseClock,
      store,
      lockFiles,
      clock,
      meters,
      feed,
      storage: parts.storage,
      onStopped,
      onSaved: (changes) => this.#follow(changes),
      onNotSaved: (resources) => this.#schedule.tryAgain(resources),
      onUnsavedWithdrawal: (command) => this.#schedule.later(command),
    });
  }

  /**
   * Starts what was going on when the last daemon ended: every lease afresh, every place with its whole claim time, every
   * lost hold with its fencing or its delay. A little at a time: whoever leads renews its lease meanwhile.
   */
  async start(): Promise<void> {
    const { clock, parts } = this.options;
    const pace = new LoopPace(clock);
    const moment = () => ({
      time: clock.time(),
      monotonic: clock.monotonic(),
      lease: this.#leaseClock.now(),
    });
    let now = moment();
    const breathe = async () => {
      await pace.breathe();
      now = moment();
    };
    for (const place of parts.table.allPlaces()) {
      this.#calls.heardOf(place, now);
      if (pace.isOver()) await breathe();
    }
    for (const hold of parts.table.allHolds()) {
      this.#leases.start(hold, now);
      if (hold.lost === 'fencing') this.fencing.begin(hold);
      else if (hold.lost === 'delayed') this.#delay(hold);
      if (pace.isOver()) await breathe();
    }
    this.#schedule.look();
  }

  /** Queues a command for the next turn. */
  submit<C extends Command>(command: C, options?: SubmitOptions): Promise<Answers[C['kind']]> {
    return this.turns.submit(command, options);
  }

  /**
   * Asks what an operator vouches for: first ends what runs to fence the holds that are `meant`, because a command that goes
   * on might still do something when its hold is another's. Where the operator is refused, it goes on.
   */
  async vouched(
    resource: string,
    meant: (hold: HoldRecord) => boolean,
    ask: () => Promise<true>,
  ): Promise<true> {
    // Those that live still too: one may be lost on the way, and its fencing must not begin then.
    const holds = this.options.parts.table.holds(resource).filter(meant);
    const stopped = await Promise.allSettled(holds.map((hold) => this.fencing.stop(hold)));
    try {
      for (const stop of stopped) if (stop.status === 'rejected') throw stop.reason;
      return await ask();
    } finally {
      // Without effect for those that are fenced by now.
      for (const stop of stopped) if (stop.status === 'fulfilled') stop.value();
    }
  }

  /** Answers what can be answered, tells those who wait, ends fence commands, which run again after the next start. */
  async close(): Promise<void> {
    this.#schedule.close();
    await this.turns.close();
    await this.fencing.close();
  }

  /** Ends at once: whoever asked or waits hears `error`, and fence commands are killed. Resolves when none is alive. */
  async stop(error: Stopped): Promise<void> {
    // In this very step: nobody may act in our name any more.
    const fenced = this.fencing.close(true);
    this.#schedule.close();
    this.turns.stop(error);
    await fenced;
    await this.turns.close();
  }

  /** What a saved turn means for that which moves by itself. */
  #follow(changes: readonly Change[]): void {
    for (const { put = [], remove = [], token } of changes) {
      for (const record of put) {
        if (record.kind !== 'hold') continue;
        if (record.lost === 'fencing') this.fencing.begin(record);
        else if (record.lost === 'delayed') this.#delay(record);
      }
      if (token > 0 && remove.some((key) => key.kind === 'hold')) this.fencing.forget(token);
    }
    this.#schedule.look();
  }

  #delay({ resource, client, token }: HoldRecord): void {
    const command = { kind: 'fenced', resource, client, token } as const;
    this.#schedule.delay(token, this.options.lockDelay, command);
  }
}
