/**
 * `lockd migrate`: moves what a directory remembers into an empty prefix of etcd, and the directory may not serve by itself
 * any more. Tokens and the ids of events go on rising from where they were; the prefix gets the directory's id.
 *
 * There are never two truths, whenever it dies:
 *
 * 1. Everything is written to the prefix, under a mark with which nobody can lead there. The directory is as it was.
 * 2. The directory gets its own mark: from now on it refuses to serve, and whoever is started there is told to migrate again.
 * 3. One transaction takes the mark from the prefix: from now on members can lead there.
 * 4. The directory's lock files and its journal are put away.
 *
 * Run again after 1 or 2, it begins anew; after 3, it does what is left of 4.
 */
import { randomUUID } from 'node:crypto';
import { basename, resolve } from 'node:path';
import { type Claim, claimDirectory } from '../disk/claim.js';
import { type Disk, errorCode } from '../disk/disk.js';
import { Layout, parseSegmentFile } from '../disk/layout.js';
import { nodeDisk } from '../disk/node-disk.js';
import { StartRefused } from '../disk/start-refused.js';
import { hasJournal, readStoreMarker, type StoreMarker, writeStoreMarker } from '../disk/store-marker.js';
import { type Kv, KvError } from '../etcd/kv.js';
import { removeViews } from '../lock-files/remove-views.js';
import { PrefixDamaged } from '../store/etcd/errors.js';
import { DEFAULT_ETCD_RETENTION } from '../store/etcd/etcd-store.js';
import {
  Filling,
  type FillingParts,
  lookAtPrefix,
  NotOurs,
  type PrefixContent,
  type Put,
} from '../store/etcd/filling.js';
import { encodeRecord } from '../store/etcd/format.js';
import { Keys } from '../store/etcd/keys.js';
import { type MovedCount, movedHistory } from '../store/etcd/moved-history.js';
import type { RecoveredJournal } from '../store/journal/recovery.js';
import type { RetentionRules } from '../store/journal/retention.js';
import { turnsBackwards } from '../store/journal/turns-backwards.js';
import { type Clock, systemClock } from './clock.js';
import { endLeftRuns, type LeftRunsOptions } from './left-runs.js';
import { gone, notEmpty, nothingOwn, otherStore } from './migrate-refusals.js';
import { countRecords, nothingText, placeOf, type RecordCounts, readSource } from './migrate-source.js';
import { tokenByClock } from './token-by-clock.js';

export interface MigrateOptions extends Pick<LeftRunsOptions, 'makeFenceRunner'> {
  readonly directory: string;
  /** Stays open. */
  readonly kv: Kv;
  /** As `--store` has it. */
  readonly store: string;
  readonly prefix: string;
  /** Only looks. */
  readonly dryRun?: boolean;
  /** How much of the history comes along; etcd's defaults when absent. */
  readonly retention?: Partial<RetentionRules>;
  /** Told why it takes long, and how far it is. */
  readonly progress?: (message: string) => void;
  readonly disk?: Disk;
  readonly claim?: typeof claimDirectory;
  readonly clock?: Clock;
  readonly makeId?: () => string;
}

export interface Migration {
  readonly directory: string;
  readonly store: string;
  /** Of the directory, and of the prefix. */
  readonly id: string;
  /** All was moved by an earlier run; this one put away what was left. */
  readonly wasMoved: boolean;
  /** Absent where `wasMoved`. */
  readonly moved?: Moved;
  /** Where the journal is now; absent where nothing was changed. */
  readonly kept?: string;
}

export interface Moved extends RecordCounts {
  /** Every token that is granted from now on is this or greater. */
  readonly nextToken: number;
  /** Of the newest event. */
  readonly lastTurn: number;
  /** Turns of the history that come along, and whether they are all that the directory has. */
  readonly history: Readonly<MovedCount>;
}

type Given = MigrateOptions & Required<Pick<MigrateOptions, 'progress' | 'disk' | 'clock' | 'dryRun'>>;

/**
 * Moves it; the directory's daemon must have been stopped. Run again, it goes on.
 *
 * @throws StartRefused that says what is in the way, or what failed and what to do.
 */
export async function migrateDirectory(options: MigrateOptions): Promise<Migration> {
  const { disk = nodeDisk, clock = systemClock, progress = () => undefined, dryRun = false } = options;
  const given: Given = { ...options, disk, clock, progress, dryRun };
  const layout = new Layout(resolve(options.directory));
  try {
    if (disk.stat(layout.own)?.kind !== 'directory') throw new StartRefused(nothingText(layout));
    const claim = await (options.claim ?? claimDirectory)(layout, progress);
    try {
      for (const warning of claim.warnings) progress(warning);
      return await new Migrating(given, layout, claim).run();
    } finally {
      await claim.release();
    }
  } catch (error) {
    if (!isTrouble(error)) throw error;
    throw new StartRefused(
      `The locks of ${layout.root} could not be moved to ${options.store}: ${error.message}. ` +
        'Nothing is lost; mend that, and run lockd migrate again',
    );
  }
}

function isTrouble(error: unknown): error is Error {
  return (
    error instanceof KvError ||
    error instanceof NotOurs ||
    error instanceof PrefixDamaged ||
    errorCode(error) !== undefined
  );
}

class Migrating {
  readonly #keys: Keys;
  readonly #parts: FillingParts;
  #claimLost: Error | undefined;

  constructor(
    private readonly given: Given,
    private readonly layout: Layout,
    claim: Claim,
  ) {
    const { kv, clock, prefix } = given;
    this.#keys = new Keys(prefix);
    void claim.lost.then((error) => {
      this.#claimLost = error;
    });
    this.#parts = {
      ...{ kv, keys: this.#keys },
      monotonic: () => clock.monotonic(),
      pause: (milliseconds) => new Promise((done) => void clock.after(milliseconds, done)),
      assert: () => this.#assertClaimed(),
    };
  }

  async run(): Promise<Migration> {
    const { disk, dryRun, store } = this.given;
    const marker = readStoreMarker(disk, this.layout);
    if (marker && marker.store !== store) throw otherStore(disk, this.layout, marker, store);
    const content = await lookAtPrefix(this.#parts);
    const hasLocks = hasJournal(disk, this.layout);
    if (marker && !hasLocks && !disk.exists(this.layout.migrated)) throw nothingOwn(this.layout, marker);
    if (marker && content.kind === 'used' && content.id === marker.id) return this.#putAway(marker.id);
    if (marker && (content.kind !== 'moving' || !hasLocks)) throw gone(this.layout, marker, content);
    const journal = readSource(disk, this.layout);
    for (const warning of journal.warnings) this.given.progress(warning);
    const { directoryId: id } = journal;
    if (content.kind === 'used' || content.kind === 'other') throw notEmpty(this.given, content);
    if (content.kind === 'moving' && content.id !== id) throw notEmpty(this.given, content);
    if (marker && marker.id !== id) throw gone(this.layout, marker, content);
    const moved = dryRun ? await this.#count(journal) : await this.#move(journal, content, marker);
    const done = { directory: this.layout.root, store, id, wasMoved: false, moved };
    return dryRun ? done : { ...done, kept: await this.#tidy(id) };
  }

  async #move(
    journal: RecoveredJournal,
    content: Extract<PrefixContent, { readonly kind: 'empty' | 'moving' }>,
    marker: StoreMarker | undefined,
  ): Promise<Moved> {
    const { disk, store, progress, makeId = randomUUID } = this.given;
    const id = journal.directoryId;
    await this.#endRuns();
    const mark = { from: placeOf(this.layout), run: makeId() };
    const filling = await Filling.begin(this.#parts, content, id, mark);
    const { size } = journal.records;
    await filling.put(
      this.#records(journal),
      this.#tell((count) => `${count} of ${size} records`),
    );
    const history = { turns: 0, isComplete: true };
    await filling.put(
      this.#history(journal, history),
      this.#tell((count) => `${count} turns of history`),
    );
    this.#assertClaimed();
    if (!marker) await writeStoreMarker(disk, this.layout, { store, id });
    const moved = this.#movedOf(journal, history);
    await filling.finish({ turn: moved.lastTurn, nextToken: moved.nextToken });
    progress(`All of it is in ${store}: daemons can serve from there`);
    return moved;
  }

  async #count(journal: RecoveredJournal): Promise<Moved> {
    const history = { turns: 0, isComplete: true };
    for await (const _ of this.#history(journal, history)) this.#assertClaimed();
    return this.#movedOf(journal, history);
  }

  #movedOf(journal: RecoveredJournal, history: MovedCount): Moved {
    const nextToken = Math.max(journal.nextToken, tokenByClock(this.given.clock.time()));
    return { ...countRecords(journal), nextToken, lastTurn: journal.nextTurn - 1, history };
  }

  *#records({ records }: RecoveredJournal): Generator<Put> {
    for (const record of records.values()) {
      yield { kind: 'put', key: this.#keys.record(record), value: encodeRecord(record) };
    }
  }

  #history(journal: RecoveredJournal, moved: MovedCount): AsyncGenerator<Put> {
    const { disk, clock, retention } = this.given;
    return movedHistory(
      turnsBackwards(disk, this.layout, journal.previous),
      { keys: this.#keys, retention: { ...DEFAULT_ETCD_RETENTION, ...retention }, now: clock.time() },
      moved,
    );
  }

  /** Whoever leads next runs the fence commands itself: those of this directory's last daemon must have ended. */
  async #endRuns(): Promise<void> {
    const problems: string[] = [];
    await endLeftRuns(this.given, this.layout, (level, message) => {
      if (level === 'error') problems.push(message);
      else this.given.progress(message);
    });
    if (problems.length === 0) return;
    throw new StartRefused(`${problems.join('; ')}. End it yourself, then run lockd migrate again`);
  }

  /** An earlier run did the rest. */
  async #putAway(id: string): Promise<Migration> {
    const done = { directory: this.layout.root, store: this.given.store, id, wasMoved: true };
    return this.given.dryRun ? done : { ...done, kept: await this.#tidy(id) };
  }

  /** Killed at any step, it is done again. Answers where the journal is. */
  async #tidy(id: string): Promise<string> {
    const { disk } = this.given;
    const { root, own, migrated } = this.layout;
    this.given.progress('Its lock files and its journal are put away');
    for (const _ of removeViews(disk, this.layout, id)) this.#assertClaimed();
    if (!disk.exists(migrated)) disk.makeDirectory(migrated);
    for (const name of disk.list(own)) {
      if (parseSegmentFile(name)) disk.rename(this.layout.ownFile(name), `${migrated}/${basename(name)}`);
    }
    for (const directory of [migrated, own, root]) await disk.syncDirectory(directory);
    return migrated;
  }

  /** A message for each whole second that passes. */
  #tell(text: (count: number) => string): (count: number) => void {
    const { clock, progress } = this.given;
    let next = clock.monotonic() + 1_000;
    return (count) => {
      if (clock.monotonic() < next) return;
      next = clock.monotonic() + 1_000;
      progress(text(count));
    };
  }

  #assertClaimed(): void {
    if (!this.#claimLost) return;
    throw new StartRefused(
      `The lock on ${this.layout.root} was taken away (${this.#claimLost.message}); see who runs there, ` +
        'stop it, and run lockd migrate again',
    );
  }
}
