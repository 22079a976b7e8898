/**
 * The store in a directory: one line and one flush of the journal make a whole turn last. It also is the history, so that
 * nothing is written twice. What a segment looks like: format.ts; how it is read after a crash: recovery.ts.
 *
 * What happens if the process dies, step by step: before the flush the turn may be there or not, and nobody was answered;
 * after it the turn is there. While a new segment is written, the old one has every turn; the new one gets its name only
 * when it has them too.
 */
import type { Turn } from '../../core/records.js';
import { type Disk, errorCode } from '../../disk/disk.js';
import type { Epoch } from '../../disk/epoch.js';
import { type Layout, segmentFile } from '../../disk/layout.js';
import {
  type CommitOptions,
  type CommitOutcome,
  type DaemonStore,
  type EventReader,
  type HistoryQuery,
  type Recovered,
  Stopped,
  type StoredEvent,
} from '../port.js';
import type { RecordMap } from '../record-map.js';
import { encodeLine } from './format.js';
import { JournalHistory } from './history.js';
import { headLine, type JournalState, stateOf } from './journal-state.js';
import { removeLeftovers } from './leftovers.js';
import { recoverJournal } from './recovery.js';
import { giveUpReserve, makeReserve } from './reserve.js';
import { expiredSegments, oldSegments, type RetentionRules, removeSegments } from './retention.js';
import { type Pace, Segment } from './segment.js';

/** Bytes of turns in a segment before a new one begins (it must also exceed the snapshot). */
const SEGMENT_BYTES = 64 << 20;

export interface JournalOptions {
  readonly disk: Disk;
  readonly layout: Layout;
  readonly epoch: Epoch;
  readonly retention: RetentionRules;
  readonly pace: Pace;
  /** Milliseconds since 1970, UTC. */
  readonly time: () => number;
  /** Makes the id of a new directory: random, never the same twice. */
  readonly makeId: () => string;
  /** Told what an operator should know: one sentence each. */
  readonly warn: (message: string) => void;
  readonly segmentBytes?: number;
  /** Bytes that are written ahead of the turns, 256 KiB when absent. */
  readonly roomBytes?: number;
}

/** What a new segment must still get before it can take over: the lines that were committed since its snapshot began. */
interface Rotation {
  readonly lines: Buffer[];
}

export class JournalStore implements DaemonStore {
  readonly limits = { changesPerTurn: 1_000, recordsPerTurn: Number.POSITIVE_INFINITY };
  readonly #records: RecordMap;
  #nextToken: number;
  #nextTurn: number;
  /** Up to here the segment's turns are saved: behind it may stand the one in flight. */
  #savedBytes: number;
  readonly #history: JournalHistory;
  #oldBytes = 0;
  #rotation: Rotation | undefined;
  #rotationDueAt: number;
  #commitInFlight: Promise<unknown> = Promise.resolve();
  #rotating: Promise<unknown> = Promise.resolve();
  #switching: Promise<unknown> | undefined;
  #broken: Stopped | undefined;
  /** Settles when nothing can be committed any more, also if nobody asks. */
  readonly stopped: Promise<Stopped>;
  #settleStopped: (error: Stopped) => void = () => undefined;
  #closed = false;
  #hasReserve = true;
  #rotationProblem: string | undefined;

  private constructor(
    private readonly options: JournalOptions,
    /** Random, made with the directory; the lock files carry it. */
    readonly id: string,
    /** Whether there was no journal, so that nothing is known of what was locked here before. */
    readonly isNew: boolean,
    state: JournalState,
    private segment: Segment,
  ) {
    this.stopped = new Promise((resolve) => {
      this.#settleStopped = resolve;
    });
    this.#records = state.records;
    this.#nextToken = state.nextToken;
    this.#nextTurn = state.nextTurn;
    this.#savedBytes = segment.bytes;
    this.#history = new JournalHistory(options, () => ({
      name: this.segment.name,
      bytes: this.#savedBytes,
      turn: this.#nextTurn - 1,
    }));
    this.#rotationDueAt = this.#dueBehind(segment);
  }

  /**
   * Recovers what the journal says and begins a segment of our own epoch; what was read may so far live in the page cache
   * only, so nothing may be answered before that one is flushed. Throws `StartRefused` (`JournalDamaged`), `Stopped`, or
   * the disk's error.
   */
  static async open(options: JournalOptions): Promise<JournalStore> {
    const { disk, layout } = options;
    const journal = recoverJournal(disk, layout);
    for (const warning of journal?.warnings ?? []) options.warn(warning);
    removeLeftovers(disk, layout, options.epoch.number);
    const id = journal?.directoryId ?? options.makeId();
    const state = stateOf(journal);
    const name = { epoch: options.epoch.number, segment: 1 };
    const head = headLine(name, id, options.time(), state, journal?.previous);
    const segment = await Segment.write(options, head, state.records.values());
    await segment.publish();
    const store = new JournalStore(options, id, !journal, state, segment);
    store.maintain();
    return store;
  }

  get recovered(): Recovered {
    const lastTurn = this.#nextTurn - 1;
    return { records: this.#records.values(), nextToken: this.#nextToken, lastTurn };
  }

  /** Bytes of all segments. */
  get bytes(): number {
    return this.#oldBytes + this.segment.bytes;
  }

  get problems(): readonly string[] {
    const { obstacles } = this;
    return this.#rotationProblem === undefined ? obstacles : [...obstacles, this.#rotationProblem];
  }

  /** Those of the problems that keep every new lock from being saved. */
  get obstacles(): readonly string[] {
    const obstacles: string[] = [];
    if (this.#broken) obstacles.push(this.#broken.message);
    if (!this.#hasReserve) obstacles.push(`There is hardly any space left in ${this.options.layout.root}`);
    return obstacles;
  }

  async commit(turn: Turn, options: CommitOptions): Promise<CommitOutcome> {
    // Looked at again after each wait: between the end of one switch and our turn another may have begun.
    while (this.#switching) await this.#switching;
    this.#assertUsable();
    const commit = this.#commit(turn, options);
    this.#commitInFlight = commit.catch(() => undefined);
    try {
      return await commit;
    } catch (error) {
      throw this.#stop(error);
    }
  }

  /** Whether the disk takes what a turn would write, which begins with the reserve; changes nothing else. */
  takesTurns(): boolean {
    return !this.#broken && !this.#closed && this.#remakeReserve() && this.segment.takesBytes();
  }

  async confirm(): Promise<void> {
    this.#assertUsable();
    this.#assertMine();
  }

  mayAct(): Promise<void> {
    return this.confirm();
  }

  /** Read from the segments; see history.ts. A `before` that can be no id rejects with a RangeError. */
  async history(query: HistoryQuery): Promise<StoredEvent[]> {
    this.#assertUsable();
    return this.#history.read(query);
  }

  /** Read from the segments; see events-after.ts. */
  eventsAfter(id: string, isWanted: () => boolean = () => true): EventReader {
    const reader = this.#history.after(id, isWanted);
    return {
      next: async () => {
        this.#assertUsable();
        return reader.next();
      },
    };
  }

  /** What is due from time to time: drops old history, makes the reserve again. Call it every minute or so. */
  maintain(): void {
    if (this.#broken || this.#closed) return;
    const { disk, layout, retention } = this.options;
    const old = oldSegments(disk, layout, this.segment.name);
    const bytes = old.reduce((sum, segment) => sum + segment.bytes, 0);
    this.#oldBytes =
      bytes - removeSegments(disk, layout, expiredSegments(old, retention, this.options.time()));
    this.#hasReserve = makeReserve(disk, layout);
    if (this.#hasReserve) this.segment.mayMakeRoom = true;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#history.close();
    await this.#commitInFlight;
    await this.#rotating;
    this.segment.close();
  }

  async #commit(turn: Turn, { onlyFrees }: CommitOptions): Promise<CommitOutcome> {
    // What is left of a full disk belongs to those who give back.
    if (!onlyFrees && !this.#remakeReserve()) return { saved: false };
    const line = encodeLine({
      line: 'turn',
      turn: this.#nextTurn,
      nextToken: turn.nextToken,
      changes: turn.changes,
    });
    // As long as nothing fails, all up to the flush is one step.
    const error = this.#tryAppend(line);
    const problem = error && (await this.#appendAgain(line, error, onlyFrees));
    if (problem) return { saved: false, ...(problem.code === 'ENOSPC' ? {} : { problem: problem.message }) };
    await this.#sync();
    // The look at the epoch: whoever still owns the directory after the flush was heard by any successor.
    this.#assertMine();
    const saved = { saved: true, turn: this.#nextTurn } as const;
    this.#nextTurn += 1;
    this.#savedBytes = this.segment.bytes;
    this.#nextToken = turn.nextToken;
    this.#records.apply(turn.changes);
    this.#rotation?.lines.push(line);
    if (!this.#rotation && this.segment.bytes > this.#rotationDueAt) this.#rotating = this.#rotate();
    return saved;
  }

  /** Flushes. Any failure is final: the kernel has dropped the pages, and a second flush would say yes to lost data. */
  async #sync(): Promise<void> {
    try {
      await this.segment.sync();
    } catch (error) {
      throw new Stopped(`The journal could not be flushed (${(error as Error).message})`);
    }
  }

  /**
   * After a failed write: cuts the segment back, makes room if the disk is full, and tries again. Answers the error that
   * is left, with the segment as it was before.
   */
  async #appendAgain(
    line: Buffer,
    first: NodeJS.ErrnoException,
    onlyFrees: boolean,
  ): Promise<NodeJS.ErrnoException | undefined> {
    let error = first;
    await this.segment.cutBack();
    for (const makeRoom of [() => this.#dropHistory(), () => onlyFrees && this.#giveUpReserve()]) {
      if (error.code !== 'ENOSPC') return error;
      if (!makeRoom()) continue;
      const again = this.#tryAppend(line);
      if (!again) return undefined;
      error = again;
      await this.segment.cutBack();
    }
    return error;
  }

  /** Appends a line whole, or answers the disk's error; then the segment must be cut back. */
  #tryAppend(line: Buffer): NodeJS.ErrnoException | undefined {
    try {
      this.segment.append(line);
      return undefined;
    } catch (error) {
      if (errorCode(error) === undefined) throw error;
      return error as NodeJS.ErrnoException;
    }
  }

  /** Whether the reserve is there, or there was space to make it again. */
  #remakeReserve(): boolean {
    if (!this.#hasReserve) this.#hasReserve = makeReserve(this.options.disk, this.options.layout);
    return this.#hasReserve;
  }

  #giveUpReserve(): boolean {
    const { disk, layout } = this.options;
    this.#hasReserve = false;
    return giveUpReserve(disk, layout);
  }

  #dropHistory(): boolean {
    const { disk, layout, warn } = this.options;
    try {
      const old = oldSegments(disk, layout, this.segment.name);
      if (old.length === 0) return false;
      const freed = removeSegments(disk, layout, old);
      this.#oldBytes = 0;
      warn(`The disk is full: ${old.length} old journal segments (${freed} bytes of history) were dropped`);
      return true;
    } catch (error) {
      // A disk that refuses this too will refuse the turn, which is told to the caller.
      if (errorCode(error) === undefined) throw error;
      return false;
    }
  }

  /** Begins a new segment while turns go on in the old one, and switches when it has everything. */
  async #rotate(): Promise<void> {
    const rotation: Rotation = { lines: [] };
    this.#rotation = rotation;
    const old = this.segment;
    const previous = { name: segmentFile(old.name), bytes: old.bytes };
    const head = headLine(
      { epoch: old.name.epoch, segment: old.name.segment + 1 },
      this.id,
      this.options.time(),
      { nextToken: this.#nextToken, nextTurn: this.#nextTurn },
      previous,
    );
    try {
      const next = await Segment.write(this.options, head, this.#records.values());
      const snapshotBytes = next.bytes;
      await this.#exclusively(() => this.#switchTo(next, rotation));
      this.#rotationDueAt = Math.max(snapshotBytes * 2, snapshotBytes + this.#segmentBytes);
      this.#rotationProblem = undefined;
    } catch (error) {
      if (!(error instanceof Stopped)) this.#postponeRotation(error as Error);
    } finally {
      this.#rotation = undefined;
    }
  }

  /** Nothing is committed while `work` runs. */
  async #exclusively(work: () => Promise<void>): Promise<void> {
    const done = this.#commitInFlight.then(work);
    this.#switching = done.catch(() => undefined);
    try {
      await done;
    } finally {
      this.#switching = undefined;
    }
  }

  async #switchTo(next: Segment, rotation: Rotation): Promise<void> {
    if (this.#broken || this.#closed) {
      next.abandon();
      return;
    }
    try {
      for (const line of rotation.lines) next.append(line);
      await next.sync();
      await next.publish();
    } catch (error) {
      // With `Stopped` it may have its name: it must stay, and the turns that wait must not go into the old one.
      if (error instanceof Stopped) this.#stop(error);
      else next.abandon();
      throw error;
    }
    const old = this.segment;
    this.segment = next;
    this.#savedBytes = next.bytes;
    this.#oldBytes += old.bytes;
    old.close();
  }

  #postponeRotation(error: Error): void {
    this.#rotationProblem = `No new journal segment could be begun (${error.message}); the old one grows on`;
    this.options.warn(this.#rotationProblem);
    this.#rotationDueAt = this.segment.bytes + Math.ceil(this.#segmentBytes / 8);
  }

  get #segmentBytes(): number {
    return this.options.segmentBytes ?? SEGMENT_BYTES;
  }

  #dueBehind(segment: Segment): number {
    return Math.max(segment.bytes * 2, segment.bytes + this.#segmentBytes);
  }

  #assertUsable(): void {
    if (this.#broken) throw this.#broken;
    if (this.#closed) throw new Stopped('The journal is closed');
  }

  #assertMine(): void {
    const { epoch, layout } = this.options;
    let isMine: boolean;
    try {
      isMine = epoch.isMine() && this.segment.hasName;
    } catch (error) {
      throw this.#stop(error);
    }
    if (isMine) return;
    throw this.#stop(new Stopped(`Another lockd took over ${layout.root}, or its journal was removed`));
  }

  #stop(error: unknown): Stopped {
    this.#broken ??= error instanceof Stopped ? error : new Stopped((error as Error).message);
    this.#settleStopped(this.#broken);
    return this.#broken;
  }
}
