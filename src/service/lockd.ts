/**
 * lockd in process: everything the daemon does, without any server. `Lockd.open('./locks')` takes the directory, recovers
 * what was locked, and adopts what somebody else left there; then it is a `LockService`. The rules are in core/decide.ts,
 * the order of things in turns.ts.
 */
import type { Enqueued, Hold, Status } from '../core/answers.js';
import type { Answers, Command } from '../core/commands.js';
import type { Limits } from '../core/limits.js';
import type { HoldRecord } from '../core/records.js';
import { sameToken } from '../core/rules/common.js';
import { nodeDirectoryAccess } from '../disk/directory-access.js';
import { errorCode } from '../disk/disk.js';
import { Layout } from '../disk/layout.js';
import { nodeDisk } from '../disk/node-disk.js';
import { refuseOtherStore } from '../disk/store-marker.js';
import type { RunnerLeadership } from '../fencing/command-runner.js';
import { giveUpReserve } from '../store/journal/reserve.js';
import type { DaemonStore, Stopped } from '../store/port.js';
import type {
  CallContext,
  ConfirmFencedOptions,
  EnqueueOptions,
  EventsOptions,
  ExtendOptions,
  FileStatus,
  ForceUnlockOptions,
  Health,
  HistoryEvent,
  HistoryOptions,
  ListOptions,
  LockOptions,
  LockService,
  Readiness,
  RenewOptions,
  Stats,
  UnlockOptions,
  UpdateOptions,
  WaitOptions,
} from './api.js';
import { limitsOf } from './chosen-limits.js';
import { type CallOff, type Clock, systemClock } from './clock.js';
import { Condition } from './condition.js';
import { Engine } from './engine.js';
import { EventStream } from './event-stream.js';
import { Feed } from './feed.js';
import { historyEvent } from './feed-events.js';
import { afterOf, type EventFilter, filterOf } from './feed-filter.js';
import { Following } from './feed-following.js';
import { type Gauges, Meters } from './meters.js';
import { openFencing } from './open-fencing.js';
import {
  closeParts,
  type Opening,
  openParts,
  openTermParts,
  type Parts,
  type Storage,
} from './open-parts.js';
import type { LockdOptions, LogLevel } from './options.js';
import { makeOwnDirectory } from './own-directory.js';
import { checkResource } from './parameters.js';
import {
  type Asker,
  cancelCommand,
  checkCommand,
  confirmFencedCommand,
  forceUnlockCommand,
  historyQuery,
  listCommand,
  Requests,
  unlockCommand,
  waitCommand,
} from './requests.js';
import { Upkeep } from './upkeep.js';
import { VERSION } from './version.js';

/** Milliseconds between two comparisons of the lock files with the table. */
const MAINTENANCE_MS = 60_000;

/** Who calls when nobody says so: somebody in this program. */
const IN_PROCESS: CallContext = { from: 'process' };

type Given = LockdOptions & Required<Pick<LockdOptions, 'disk' | 'access' | 'clock' | 'log'>>;

/** What lasts longer than one `Lockd`, where several serve one after the other. */
interface Lasting {
  readonly meters: Meters;
  readonly started: Date;
}

/** One term as leader: the directory is claimed, and the store is open. */
export interface TermParts extends Lasting, Pick<Opening, 'layout' | 'claim'> {
  readonly store: DaemonStore;
  readonly storage: Storage;
  readonly leadership: RunnerLeadership;
}

export class Lockd implements LockService {
  /** Settles when the daemon must end at once and answer nobody: storage is in doubt, or another daemon took over. */
  readonly failed: Promise<Error>;
  /** What is counted since the start, for whoever shows it. */
  readonly meters: Meters;
  /** How much is allowed. */
  readonly limits: Limits;
  #recoveredLocks = 0;
  readonly #requests: Requests;
  readonly #engine: Engine;
  readonly #upkeep: Upkeep;
  readonly #condition: Condition;
  readonly #feed: Feed;
  readonly #clock: Clock;
  readonly #log: (level: LogLevel, message: string) => void;
  readonly #started: Date;
  #callOffMaintenance: CallOff = () => undefined;
  #settleFailed: (error: Error) => void = () => undefined;
  #failure: Error | undefined;
  #closing: Promise<void> | undefined;

  private constructor(
    private readonly parts: Parts,
    given: Given,
    fencing: ReturnType<typeof openFencing>,
    /** What an operator should know about the directory, one sentence each. */
    readonly warnings: readonly string[],
    { meters, started }: Lasting,
  ) {
    const { clock, disk, log, lockDelay = 0 } = given;
    this.meters = meters;
    this.#started = started;
    this.#clock = clock;
    this.#log = log;
    this.failed = new Promise((resolve) => {
      this.#settleFailed = resolve;
    });
    this.#requests = new Requests(given);
    const onStopped = (error: Error) => {
      this.#failure ??= error;
      this.#feed.close();
      this.#settleFailed(error);
    };
    this.limits = limitsOf(given);
    const { limits } = this;
    const feed = new Feed(clock, parts.store.recovered.lastTurn);
    this.#feed = feed;
    this.#engine = new Engine({ parts, clock, ...fencing, lockDelay, limits, meters, feed, log, onStopped });
    const { turns } = this.#engine;
    this.#upkeep = new Upkeep({ parts, disk, turns, meters, log });
    this.#condition = new Condition({
      ...{ parts, disk, turns },
      isClosing: () => this.#closing !== undefined,
      failure: () => this.#failure,
    });
    this.#maintainLater();
    void parts.store.stopped.then(onStopped);
    void parts.claim.lost.then((error) => this.#loseClaim(error));
  }

  /**
   * Takes a directory and recovers its locks. Rejects with `StartRefused` where that cannot be: it belongs to another
   * daemon, is damaged, or is no safe place; the message says what to do.
   */
  static async open(options: string | LockdOptions): Promise<Lockd> {
    const given: LockdOptions = typeof options === 'string' ? { directory: options } : options;
    const whole = withDefaults(given);
    const { access, disk, directory, allowNetworkFs = false } = whole;
    const checked = access.prepare(directory, { allowNetworkFs });
    const layout = new Layout(checked.path);
    try {
      return await Lockd.#openIn(layout, checked.warnings, whole);
    } catch (error) {
      // On a full disk the reserve is for the start too: who cannot start can free nothing.
      if (errorCode(error) !== 'ENOSPC' || !giveUpReserve(disk, layout)) throw error;
      return Lockd.#openIn(layout, checked.warnings, whole);
    }
  }

  /**
   * Serves one term as leader. The lock files in the directory are views of the store, which is closed when this rejects: with
   * `Stopped` where the term is over already, with `StartRefused`, or with the disk's error.
   */
  static async openTerm(options: LockdOptions, term: TermParts): Promise<Lockd> {
    const given = withDefaults(options);
    const parts = await openTermParts(term.store, term.storage, { ...given, ...term });
    let lockd: Lockd | undefined;
    try {
      lockd = new Lockd(parts, given, openFencing(given, parts, term.leadership), [], term);
      await lockd.#start();
      return lockd;
    } catch (error) {
      if (lockd) await lockd.close();
      else await closeParts(parts);
      throw error;
    }
  }

  static async #openIn(layout: Layout, directoryWarnings: readonly string[], given: Given): Promise<Lockd> {
    const { disk, access, clock, log } = given;
    await makeOwnDirectory(disk, layout);
    const claim = await access.claim(layout, (message) => log('info', message));
    let parts: Parts | undefined;
    let lockd: Lockd | undefined;
    try {
      refuseOtherStore(disk, layout);
      parts = await openParts(given, { disk, clock, log, layout, claim });
      const warnings = [...directoryWarnings, ...claim.warnings];
      for (const warning of warnings) log('warn', warning);
      const lasting = { meters: new Meters(), started: new Date(clock.time()) };
      lockd = new Lockd(parts, given, openFencing(given, parts), warnings, lasting);
      await lockd.#start();
      return lockd;
    } catch (error) {
      if (lockd) await lockd.close();
      else if (parts) await closeParts(parts);
      else await claim.release();
      throw error;
    }
  }

  async #start(): Promise<void> {
    await this.#upkeep.adoptAtStart();
    this.#recoveredLocks = this.parts.table.held;
    await this.#engine.start();
  }

  /** Absolute path of the lock directory. */
  get directory(): string {
    return this.parts.layout.root;
  }

  /** Names this directory for ever; the lock files carry it. */
  get id(): string {
    return this.parts.store.id;
  }

  /** How many locks there were at the start, by the journal and by foreign lock files that were adopted. */
  get recoveredLocks(): number {
    return this.#recoveredLocks;
  }

  lock(resource: string, client: string, options: LockOptions = {}, context = IN_PROCESS): Promise<Hold> {
    return this.#ask(() => this.#requests.lock(resource, client, options, this.#asker(context)), context);
  }

  enqueue(
    resource: string,
    client: string,
    options: EnqueueOptions = {},
    context = IN_PROCESS,
  ): Promise<Enqueued> {
    return this.#ask(() => this.#requests.enqueue(resource, client, options, this.#asker(context)), context);
  }

  wait(
    resource: string,
    client: string,
    seconds: number,
    options: WaitOptions = {},
    context = IN_PROCESS,
  ): Promise<Hold> {
    return this.#ask(() => waitCommand(resource, client, seconds, options, this.#asker(context)), context);
  }

  cancel(resource: string, client: string, context = IN_PROCESS): Promise<true> {
    return this.#ask(() => cancelCommand(resource, client), context);
  }

  unlock(resource: string, client: string, options: UnlockOptions = {}, context = IN_PROCESS): Promise<true> {
    return this.#ask(() => unlockCommand(resource, client, options), context);
  }

  renew(resource: string, client: string, options: RenewOptions = {}, context = IN_PROCESS): Promise<Hold> {
    return this.#ask(() => this.#requests.renew(resource, client, options, this.#asker(context)), context);
  }

  extend(
    resource: string,
    client: string,
    seconds: number,
    options: ExtendOptions = {},
    context = IN_PROCESS,
  ): Promise<Hold> {
    return this.#ask(
      () => this.#requests.extend(resource, client, seconds, options, this.#asker(context)),
      context,
    );
  }

  update(resource: string, client: string, options: UpdateOptions = {}, context = IN_PROCESS): Promise<Hold> {
    return this.#ask(() => this.#requests.update(resource, client, options, this.#asker(context)), context);
  }

  check(resource: string, token: string | number, context = IN_PROCESS): Promise<boolean> {
    return this.#ask(() => checkCommand(resource, token), context);
  }

  async forceUnlock(resource: string, options: ForceUnlockOptions, context = IN_PROCESS): Promise<true> {
    const command = forceUnlockCommand(resource, options, this.#asker(context));
    const aftermath = command.fenced ? 'none' : this.#engine.fencing.aftermathOf(resource);
    const ask = () => this.#engine.submit({ ...command, aftermath }, context);
    if (!command.fenced) return ask();
    const { client, token } = command;
    const isMeant = (hold: HoldRecord) =>
      (client === undefined || hold.client === client) &&
      (token === undefined || sameToken(token, hold.token));
    return this.#engine.vouched(resource, isMeant, ask);
  }

  async confirmFenced(resource: string, options: ConfirmFencedOptions, context = IN_PROCESS): Promise<true> {
    const command = confirmFencedCommand(resource, options, this.#asker(context));
    const { token } = command;
    const isMeant = (hold: HoldRecord) => token === undefined || sameToken(token, hold.token);
    return this.#engine.vouched(resource, isMeant, () => this.#engine.submit(command, context));
  }

  async status(resource: string, context = IN_PROCESS): Promise<FileStatus> {
    checkResource(resource);
    const status = await this.#engine.submit({ kind: 'status', resource }, context);
    return { ...this.#withFile(status), ...this.#engine.fencing.prospectOf(resource) };
  }

  async list(options: ListOptions = {}): Promise<FileStatus[]> {
    const page = await this.#engine.submit(listCommand(options));
    return page.map((status) => this.#withFile(status));
  }

  async history(options: HistoryOptions = {}): Promise<HistoryEvent[]> {
    const events = await this.parts.store.history(historyQuery(options));
    await this.parts.store.confirm();
    return events.map(historyEvent);
  }

  /**
   * What happens from now on, or what happened after the event `after` and from then on, each event once and in order, when
   * it is saved. First comes `ready`; `gap` where something is not kept any more. Ends when the daemon does, and when the
   * loop over it does. Rejects with `FellBehind` who reads too slowly: nothing is lost, it says with which `after` to go on.
   * Throws `BadParameter`.
   */
  events(options: EventsOptions = {}): EventStream {
    const [filter, after] = [filterOf(options), afterOf(options)];
    return new EventStream(() => this.#follow(filter, after));
  }

  /** The same for who hands on events as they come, several at a time. Throws `BadParameter`. */
  follow(options: EventsOptions): Following {
    return this.#follow(filterOf(options), afterOf(options));
  }

  #follow(filter: EventFilter, after: string | undefined): Following {
    return new Following({ feed: this.#feed, store: this.parts.store }, filter, after);
  }

  async stats(): Promise<Stats> {
    const counted = await this.#engine.submit({ kind: 'count' });
    return {
      version: VERSION,
      started: this.#started,
      directory: this.directory,
      ...counted,
      ...this.meters.counts,
      journalBytes: this.parts.store.bytes,
    };
  }

  /** Rejects with what `makeCommand` throws: one promise for each call, and no more. */
  #ask<C extends Command>(makeCommand: () => C, context: CallContext): Promise<Answers[C['kind']]> {
    try {
      return this.#engine.submit(makeCommand(), context);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #asker({ from, user, received = this.#clock.monotonic(), inSequence = false }: CallContext): Asker {
    return { from, received, inSequence, ...(user === undefined ? {} : { user }) };
  }

  health(): Health {
    return this.#condition.health();
  }

  readiness(): Readiness {
    return this.#condition.readiness();
  }

  /** How much there is at this moment; told also while the disk hangs, and so with what is not saved yet. */
  gauges(): Gauges {
    const { table, store } = this.parts;
    const { held, waiting, fencing } = table;
    const eventStreams = this.#feed.listeners;
    return { held, waiting, fencing, journalBytes: store.bytes, eventStreams };
  }

  /**
   * What is due once a minute, done now: compares the lock files with the table and mends them, drops what is kept no
   * longer. `Lockd` calls it by itself.
   */
  maintain(): Promise<void> {
    return this.#upkeep.maintain();
  }

  #maintainLater(): void {
    this.#callOffMaintenance = this.#clock.after(MAINTENANCE_MS, () => {
      void this.maintain();
      this.#maintainLater();
    });
  }

  /** Answers what waits, tells those who wait in a line, takes no more, and gives the directory back. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /**
   * Ends at once, answering nobody: whoever asked or waits hears `error`, fence commands are killed in this very step.
   * Resolves when nothing of it goes on. Also for one that is closing.
   */
  async stop(error: Stopped): Promise<void> {
    const stopped = this.#engine.stop(error);
    this.#closing ??= this.#close();
    await stopped;
    await this.#closing;
  }

  async #close(): Promise<void> {
    this.#callOffMaintenance();
    this.#upkeep.close();
    await this.#engine.close();
    this.#feed.close();
    await closeParts(this.parts);
  }

  async #loseClaim(error: Error): Promise<void> {
    if (this.#closing) return;
    this.#log('error', `The lock on ${this.directory} was taken away (${error.message}); stopping`);
    try {
      await this.close();
    } catch (problem) {
      this.#log(
        'error',
        `${this.directory} could not be given back in good order: ${(problem as Error).message}`,
      );
    }
    this.#settleFailed(error);
  }

  #withFile({ unreadableFiles, fence, ...rest }: Status): FileStatus {
    const file = unreadableFiles?.join(', ') ?? this.parts.lockFiles.path(rest.resource);
    if (!fence) return { ...rest, file };
    const told = fence.map((lost) => {
      const nextTry = this.#engine.fencing.nextTry(Number(lost.token));
      return nextTry === undefined ? lost : { ...lost, nextTry };
    });
    return { ...rest, file, fence: told };
  }
}

function withDefaults(given: LockdOptions): Given {
  return {
    ...given,
    disk: given.disk ?? nodeDisk,
    access: given.access ?? nodeDirectoryAccess,
    clock: given.clock ?? systemClock,
    log: given.log ?? (() => undefined),
  };
}
