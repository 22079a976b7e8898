/**
 * lockd in process: everything the daemon does, without any server. `Lockd.open('./locks')` takes the directory, recovers
 * what was locked, and adopts what somebody else left there; then it is a `LockService`. The rules are in core/decide.ts,
 * the order of things in turns.ts.
 */
import type { Caller, Status } from '../core/commands.js';
import { DEFAULT_LIST_COUNT, MAX_LIMIT, MAX_LIST_COUNT } from '../core/limits.js';
import { BadParameter } from '../core/refusals.js';
import { claimDirectory } from '../disk/claim.js';
import { prepareDirectory } from '../disk/directory-checks.js';
import { type Disk, errorCode } from '../disk/disk.js';
import { Layout } from '../disk/layout.js';
import { nodeDisk } from '../disk/node-disk.js';
import { takesFiles } from '../disk/probe.js';
import { StartRefused } from '../disk/start-refused.js';
import type { ForeignLock } from '../lock-files/foreign.js';
import { giveUpReserve } from '../store/journal/reserve.js';
import type {
  CallContext,
  FileStatus,
  ForceUnlockOptions,
  Health,
  ListOptions,
  LockOptions,
  LockService,
  Stats,
  UnlockOptions,
} from './api.js';
import { type Clock, systemClock } from './clock.js';
import { openParts, type Parts } from './open-parts.js';
import type { LockdOptions, LogLevel } from './options.js';
import {
  check,
  checkClient,
  checkNote,
  checkOptions,
  checkResource,
  checkText,
  isWhole,
  stateProblem,
  tokenDigits,
} from './parameters.js';
import { Turns } from './turns.js';
import { VERSION } from './version.js';

/** Milliseconds between two comparisons of the lock files with the table. */
const MAINTENANCE_MS = 60_000;

/** Who calls when nobody says so: somebody in this program. */
const IN_PROCESS: Caller = { from: 'process' };

export class Lockd implements LockService {
  /** Settles when the daemon must end at once and answer nobody: storage is in doubt, or another daemon took over. */
  readonly failed: Promise<Error>;
  #recoveredLocks = 0;
  readonly #turns: Turns;
  readonly #started: Date;
  readonly #timer: NodeJS.Timeout;
  #settleFailed: (error: Error) => void = () => undefined;
  #closing: Promise<void> | undefined;
  #maintaining: Promise<void> | undefined;

  private constructor(
    private readonly parts: Parts,
    private readonly clock: Clock,
    private readonly disk: Disk,
    private readonly log: (level: LogLevel, message: string) => void,
    /** What an operator should know about the directory, one sentence each. */
    readonly warnings: readonly string[],
  ) {
    this.failed = new Promise((resolve) => {
      this.#settleFailed = resolve;
    });
    this.#started = new Date(clock.time());
    this.#turns = new Turns({
      table: parts.table,
      store: parts.store,
      lockFiles: parts.lockFiles,
      clock,
      directory: this.directory,
      onStopped: (error) => this.#settleFailed(error),
    });
    this.#timer = setInterval(() => void this.maintain(), MAINTENANCE_MS);
    this.#timer.unref();
    void parts.store.stopped.then((error) => this.#settleFailed(error));
    void parts.claim.lost.then((error) => this.#loseClaim(error));
  }

  /**
   * Takes a directory and recovers its locks. Rejects with `StartRefused` where that cannot be: it belongs to another
   * daemon, is damaged, or is no safe place; the message says what to do.
   */
  static async open(options: string | LockdOptions): Promise<Lockd> {
    const given: LockdOptions = typeof options === 'string' ? { directory: options } : options;
    const { disk = nodeDisk, clock = systemClock, log = () => undefined } = given;
    const checked = prepareDirectory(given.directory, { allowNetworkFs: given.allowNetworkFs ?? false });
    const layout = new Layout(checked.path);
    try {
      return await Lockd.#openIn(layout, checked.warnings, { ...given, disk, clock, log });
    } catch (error) {
      // On a full disk the reserve is for the start too: who cannot start can free nothing.
      if (errorCode(error) !== 'ENOSPC' || !giveUpReserve(disk, layout)) throw error;
      return Lockd.#openIn(layout, checked.warnings, { ...given, disk, clock, log });
    }
  }

  static async #openIn(
    layout: Layout,
    directoryWarnings: readonly string[],
    given: LockdOptions & Required<Pick<LockdOptions, 'disk' | 'clock' | 'log'>>,
  ): Promise<Lockd> {
    const { disk, clock, log } = given;
    await makeOwnDirectory(disk, layout);
    const claim = await claimDirectory(layout, (message) => log('info', message));
    let lockd: Lockd | undefined;
    try {
      const parts = await openParts(given, disk, clock, log, layout, claim);
      const warnings = [...directoryWarnings, ...claim.warnings];
      for (const warning of warnings) log('warn', warning);
      lockd = new Lockd(parts, clock, disk, log, warnings);
      await lockd.#adoptAtStart();
      return lockd;
    } catch (error) {
      await (lockd ? lockd.close() : claim.release());
      throw error;
    }
  }

  /** Absolute path of the lock directory. */
  get directory(): string {
    return this.parts.layout.root;
  }

  /** Names this directory for ever; the lock files carry it. */
  get id(): string {
    return this.parts.store.directoryId;
  }

  /** How many locks there were at the start, by the journal and by foreign lock files that were adopted. */
  get recoveredLocks(): number {
    return this.#recoveredLocks;
  }

  async lock(resource: string, client: string, options: LockOptions = {}, context: CallContext = IN_PROCESS) {
    checkResource(resource);
    checkClient(client);
    checkOptions(options, ['limit', 'note']);
    const { limit = 1, note } = options;
    if (!isWhole(limit, 1, MAX_LIMIT)) {
      throw new BadParameter('limit', `must be a whole number from 1 to ${MAX_LIMIT}, not ${limit}`);
    }
    checkNote('note', note);
    const received = context.received ?? this.clock.monotonic();
    const { from } = context;
    const hold = await this.#turns.submit({
      kind: 'lock',
      resource,
      client,
      limit,
      from,
      received,
      ...(note === undefined ? {} : { note }),
    });
    // Up to here the commit took its time too.
    return { ...hold, waited: Math.round(this.clock.monotonic() - received) / 1_000 };
  }

  async unlock(resource: string, client: string, options: UnlockOptions = {}): Promise<true> {
    checkResource(resource);
    checkClient(client);
    checkOptions(options, ['token']);
    const token = options.token === undefined ? {} : { token: tokenDigits(options.token) };
    return this.#turns.submit({ kind: 'unlock', resource, client, ...token });
  }

  async forceUnlock(
    resource: string,
    options: ForceUnlockOptions,
    context: CallContext = IN_PROCESS,
  ): Promise<true> {
    checkResource(resource);
    checkOptions(options, ['reason', 'client']);
    const { reason, client } = options;
    checkNote('reason', reason ?? '');
    check('reason', (reason ?? '').trim() === '' ? 'must say why; it is empty' : undefined);
    if (client !== undefined) checkClient(client);
    return this.#turns.submit({
      kind: 'forceUnlock',
      resource,
      reason,
      by: host(context.from),
      ...(client === undefined ? {} : { client }),
    });
  }

  async status(resource: string): Promise<FileStatus> {
    checkResource(resource);
    return this.#withFile(await this.#turns.submit({ kind: 'status', resource }));
  }

  async list(options: ListOptions = {}): Promise<FileStatus[]> {
    checkOptions(options, ['prefix', 'client', 'state', 'count', 'after']);
    const { prefix, client, state, count = DEFAULT_LIST_COUNT, after = '' } = options;
    for (const [name, text] of Object.entries({ prefix, client, after })) checkText(name, text);
    if (!isWhole(count, 1, MAX_LIST_COUNT)) {
      throw new BadParameter('count', `must be a whole number from 1 to ${MAX_LIST_COUNT}, not ${count}`);
    }
    if (state !== undefined) check('state', stateProblem(state));
    const page = await this.#turns.submit({
      kind: 'list',
      count,
      after,
      ...(prefix === undefined ? {} : { prefix }),
      ...(client === undefined ? {} : { client }),
      ...(state === undefined ? {} : { state }),
    });
    return page.map((status) => this.#withFile(status));
  }

  async stats(): Promise<Stats> {
    const { held } = await this.#turns.submit({ kind: 'count' });
    return {
      version: VERSION,
      started: this.#started,
      directory: this.directory,
      held,
      ...this.#turns.counts,
      journalBytes: this.parts.store.bytes,
    };
  }

  health(): Health {
    const { store, lockFiles, layout } = this.parts;
    // Whoever lost the directory learns it here too, and ends: this look at the epoch fails the next turn.
    this.#turns.submit({ kind: 'count' }).catch(() => undefined);
    if (this.#isDeposed()) {
      return {
        status: 'degraded',
        problems: [`Another lockd took over ${this.directory}, or its journal was removed`],
      };
    }
    // A refusal is past; what counts is whether the disk would do the same again.
    if (this.#turns.problems.length > 0 && takesFiles(this.disk, layout)) this.#turns.forgetProblems();
    const problems = [...this.#turns.problems, ...store.problems, ...lockFiles.problems];
    return { status: problems.length > 0 ? 'degraded' : 'ok', problems };
  }

  #isDeposed(): boolean {
    try {
      return this.#closing === undefined && !this.parts.epoch.isMine();
    } catch {
      // What cannot be looked at is told by the store.
      return false;
    }
  }

  /**
   * What is due once a minute, done now: compares the lock files with the table and mends them, drops what is kept no
   * longer. `Lockd` calls it by itself.
   */
  maintain(): Promise<void> {
    this.#maintaining ??= this.#maintain().finally(() => {
      this.#maintaining = undefined;
    });
    return this.#maintaining;
  }

  async #maintain(): Promise<void> {
    const { lockFiles, store, table, layout } = this.parts;
    try {
      const names = await this.disk.listLater(layout.root);
      const found: ForeignLock[] = [];
      await this.#turns.chore(lockFiles.compare(names, table, (lock) => found.push(lock)));
      for (const lock of found) await this.#adopt(lock);
      store.maintain();
      await this.#turns.submit({ kind: 'forget' });
    } catch (error) {
      if (!this.#closing) this.log('warn', `The minute's maintenance failed: ${(error as Error).message}`);
    }
  }

  /** Answers what waits, takes no more, and gives the directory back. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearInterval(this.#timer);
    const { store, lockFiles, epoch, claim } = this.parts;
    await this.#turns.close();
    await store.close();
    lockFiles.close();
    epoch.close();
    await claim.release();
  }

  async #adoptAtStart(): Promise<void> {
    const { lockFiles, store, table } = this.parts;
    // Frozen since the journal was read, and taken over, we would remove a successor's lock files.
    await store.confirm();
    const found = lockFiles.compareAtStart(table, store.recovered.nextToken);
    // A token must be above every one that was seen, also on a resource that is adopted later.
    for (const { highestToken = 0 } of found) table.nextToken = Math.max(table.nextToken, highestToken + 1);
    await Promise.all(found.map((lock) => this.#adopt(lock)));
    this.#recoveredLocks = table.held;
    this.#turns.chore(lockFiles.renewViews(table)).catch((error: Error) => {
      this.log('warn', `Not every lock file could be renewed (${error.message}); the next start tries again`);
    });
  }

  async #adopt(lock: ForeignLock): Promise<void> {
    const { resource, files, claim } = lock;
    const names = files.join(', ');
    const isKnown = this.parts.table.has(resource);
    const isLock = await this.#turns.adopt(lock);
    if (!isLock) {
      this.log(
        'warn',
        `${names} claimed '${resource}', which is held; the file was moved to ${this.parts.layout.adopted}`,
      );
    } else if (!isKnown && claim) {
      const clients = claim.holders.map((holder) => `'${holder.client}'`).join(', ');
      this.log('info', `Adopted the lock of ${clients} on '${resource}' from ${names}`);
    } else if (!isKnown) {
      this.log(
        'warn',
        `'${resource}' is locked by '?': ${names} cannot be read. Look at it, then forceUnlock`,
      );
    }
  }

  async #loseClaim(error: Error): Promise<void> {
    if (this.#closing) return;
    this.log('error', `The lock on ${this.directory} was taken away (${error.message}); stopping`);
    await this.close();
    this.#settleFailed(error);
  }

  #withFile(status: Status): FileStatus {
    const { unreadableFiles, ...rest } = status;
    return { ...rest, file: unreadableFiles?.join(', ') ?? this.parts.lockFiles.path(status.resource) };
  }
}

/** The daemon's own directory, with a name that lasts as long as what is in it. */
async function makeOwnDirectory(disk: Disk, layout: Layout): Promise<void> {
  const entry = disk.stat(layout.own);
  if (entry && entry.kind !== 'directory') {
    throw new StartRefused(`${layout.own} is no directory; move it away, and lockd makes its own`);
  }
  if (entry) return;
  disk.makeDirectory(layout.own);
  await disk.syncDirectory(layout.root);
}

/** An address without its port: who forced, not through which connection. */
function host(from: string): string {
  return from.replace(/:\d+$/, '');
}
