/**
 * Saving a turn: the contents of its lock files are written first, so that the space is there; then one commit makes it
 * last; then the lock files get their names. What is certainly not saved is undone.
 */
import type { Change } from '../core/records.js';
import { Refusal, type Refused } from '../core/refusals.js';
import type { LockTable } from '../core/table.js';
import { errorCode } from '../disk/disk.js';
import type { LockFiles, Prepared } from '../lock-files/lock-files.js';
import type { Store } from '../store/port.js';
import type { Clock } from './clock.js';
import { type Draft, freesOnly, undo, unreadableFiles } from './draft.js';
import { InFlight } from './in-flight.js';
import type { LeaseClock } from './lease-clock.js';
import type { Meters } from './meters.js';
import type { Storage } from './open-parts.js';

/** Milliseconds after which a flush is no usual one any more, and the daemon's health says so. */
const SLOW_FLUSH_MS = 2_000;

export interface SavingOptions {
  readonly table: LockTable;
  readonly store: Store;
  readonly lockFiles: LockFiles;
  readonly clock: Clock;
  readonly leaseClock: LeaseClock;
  readonly meters: Meters;
  /** Where turns are saved, for texts. */
  readonly storage: Storage;
}

export class Saving {
  #inFlight: InFlight | undefined;
  #problem: string | undefined;

  constructor(private readonly options: SavingOptions) {}

  /** The commit in flight. */
  get inFlight(): InFlight | undefined {
    return this.#inFlight;
  }

  /** Whether the last change could not be saved, as far as is known. */
  get hasRefused(): boolean {
    return this.#problem !== undefined;
  }

  /** What an operator should know: why the last change could not be saved, and whether the disk hangs. */
  get problems(): readonly string[] {
    const problems: string[] = [];
    const since = this.#inFlight?.since ?? Number.POSITIVE_INFINITY;
    const seconds = Math.round((this.options.clock.monotonic() - since) / 1_000);
    if (seconds * 1_000 >= SLOW_FLUSH_MS) {
      problems.push(`${this.options.storage.name} has not answered for ${seconds} s; changes wait`);
    }
    if (this.#problem !== undefined) problems.push(`A change was refused: ${this.#problem}`);
    return problems;
  }

  /** The disk was seen to take something again. */
  forgetProblems(): void {
    this.#problem = undefined;
  }

  /**
   * Saves what of a draft has to be. Answers the problem where it is certain that nothing was saved; then all of the draft
   * is undone. Throws where nobody knows.
   */
  async save(draft: Draft, stored: readonly Change[]): Promise<Refused | undefined> {
    const { clock, leaseClock } = this.options;
    const since = leaseClock.now();
    this.#inFlight = new InFlight(stored, clock.monotonic());
    const problem = await this.#save(draft, stored);
    this.#inFlight = undefined;
    leaseClock.waited(leaseClock.now() - since);
    return problem;
  }

  /** Not awaited for nothing: up to the flush of the store all of this is one step. */
  async #save(draft: Draft, stored: readonly Change[]): Promise<Refused | undefined> {
    const onlyFrees = freesOnly(stored);
    const { lockFiles, table } = this.options;
    let prepared: Prepared;
    try {
      prepared = lockFiles.prepare(resourcesWithNewHolders(stored), table, unreadableFiles(draft), onlyFrees);
    } catch (error) {
      if (errorCode(error) === undefined) throw error;
      undo(draft);
      await lockFiles.wipe();
      return this.storageFull(errorCode(error) === 'ENOSPC' ? undefined : (error as Error).message);
    }
    return this.#commit(draft, stored, prepared, onlyFrees);
  }

  /** The refusal for a disk that takes nothing; `problem` is its own words where it is anything but full. */
  storageFull(problem: string | undefined): Refused {
    const { place: directory } = this.options.storage;
    const refused: Refused = {
      refusal: 'storageFull',
      details: problem === undefined ? { directory } : { directory, problem },
    };
    this.#problem = new Refusal(refused).message;
    return refused;
  }

  async #commit(
    draft: Draft,
    stored: readonly Change[],
    prepared: Prepared,
    onlyFrees: boolean,
  ): Promise<Refused | undefined> {
    const { table, store, lockFiles, clock, meters } = this.options;
    if (lockFiles.hasMovedNames) await lockFiles.flush();
    const since = clock.monotonic();
    const outcome = await store.commit({ changes: stored, nextToken: table.nextToken }, { onlyFrees });
    if (!outcome.saved) {
      lockFiles.abandon(prepared);
      undo(draft);
      await lockFiles.wipe();
      await lockFiles.flush();
      return this.storageFull(outcome.problem);
    }
    meters.flushSeconds.add((clock.monotonic() - since) / 1_000);
    draft.turn = outcome.turn;
    this.forgetProblems();
    for (const { resource, files } of draft.adopted) lockFiles.setAside(resource, files);
    lockFiles.apply(prepared);
    if (lockFiles.hasMovedNames) {
      await lockFiles.flush();
      // A flush takes its time: another daemon may have taken over meanwhile.
      await store.mayAct();
    }
    return undefined;
  }
}

/** The resources whose lock files say something else from now on: a change of the line changes none. */
function resourcesWithNewHolders(changes: readonly Change[]): Set<string> {
  const isShown = ({ kind }: { kind: string }) => kind === 'hold' || kind === 'unreadable';
  const shown = changes.filter(({ put = [], remove = [] }) => put.some(isShown) || remove.some(isShown));
  return new Set(shown.map((change) => change.resource));
}
