/**
 * The store on etcd: one transaction makes a whole turn last, under the comparison that we lead. What becomes of a turn
 * whose transaction is not answered: turn-writer.ts. What stands where: keys.ts.
 *
 * It is opened for one term as the leader, and is of no use when that is over: then it is `Stopped`, whatever etcd says.
 * What happens if the process dies, step by step: before the transaction is applied there is nothing of the turn, and
 * nobody was answered; after it the turn is there whole, for whoever leads next.
 */
import type { StoredRecord, Turn } from '../../core/records.js';
import { type Kv, KvError } from '../../etcd/kv.js';
import { LoopPace } from '../journal/pace.js';
import type { RetentionRules } from '../journal/retention.js';
import {
  type CommitOutcome,
  type DaemonStore,
  type EventReader,
  type HistoryQuery,
  type Recovered,
  Stopped,
  type StoredEvent,
} from '../port.js';
import { encodeHistory, encodeRecord } from './format.js';
import { EtcdHistory } from './history.js';
import type { Keys } from './keys.js';
import { LeaderRead } from './leader-read.js';
import type { Leadership } from './leadership.js';
import { keyValueBytes } from './pages.js';
import { Patience } from './patience.js';
import { type PrefixState, recoverPrefix } from './recovery.js';
import { dropHistory, type HistoryMark, newestMark, oldestMark } from './retention.js';
import { ETCD_LIMITS, type WrittenRecord, writtenRecords } from './transaction.js';
import { TurnWriter, type TurnWriterParts } from './turn-writer.js';

/** How much history is kept unless chosen otherwise: etcd keeps all of it in memory-mapped files of 2 GiB, unless told otherwise. */
export const DEFAULT_ETCD_RETENTION: RetentionRules = { historyDays: 30, historyBytes: 64 << 20 };

/** Milliseconds between two looks whether a full etcd takes something again. */
const PROBE_MS = 1_000;

export interface EtcdStoreOptions {
  readonly kv: Kv;
  readonly keys: Keys;
  /** The term for which it is opened. */
  readonly leadership: Leadership;
  readonly retention: RetentionRules;
  /** Milliseconds since 1970, UTC. */
  readonly time: () => number;
  /** Monotonic milliseconds. */
  readonly monotonic: () => number;
  /** Resolves after so many milliseconds. */
  readonly pause: (milliseconds: number) => Promise<void>;
  /** Calls `action` when this round of the event loop is over. */
  readonly nextRound: (action: () => void) => void;
}

export class EtcdStore implements DaemonStore {
  readonly limits = ETCD_LIMITS;
  readonly stopped: Promise<Stopped>;
  #settleStopped: (error: Stopped) => void = () => undefined;
  #broken: Stopped | undefined;
  #closed = false;
  readonly #writer: TurnWriter;
  readonly #leaderRead: LeaderRead;
  readonly #history: EtcdHistory;
  #commitInFlight: Promise<unknown> = Promise.resolve();
  #recordBytes: number;
  /** `bytes` of the newest turn of the history, and of the one before the oldest that is kept. */
  #historyBytes: number;
  #droppedBytes: number;
  /** Why etcd takes no changes at present. */
  #full: string | undefined;
  #probedAt = Number.NEGATIVE_INFINITY;
  #isMaintaining = false;
  #retentionProblem: string | undefined;

  private constructor(
    private readonly options: EtcdStoreOptions,
    private readonly parts: TurnWriterParts,
    private readonly state: PrefixState,
    { oldest, newest }: HistoryEnds,
  ) {
    this.stopped = new Promise((resolve) => {
      this.#settleStopped = resolve;
    });
    this.#writer = new TurnWriter(parts, state.turn);
    this.#leaderRead = new LeaderRead(parts);
    const assertUsable = () => this.#assertUsable();
    const lastTurn = () => this.#writer.last.turn;
    this.#history = new EtcdHistory({ ...parts, lastTurn, assertUsable });
    this.#recordBytes = state.bytes;
    this.#historyBytes = newest?.bytes ?? 0;
    this.#droppedBytes = oldest?.bytes ?? this.#historyBytes;
    void options.leadership.lost.then((error) => {
      if (!this.#closed) this.#stop(error);
    });
  }

  /**
   * Reads what is there, and begins a prefix that is new; its id must be there already. Throws `Stopped` where the
   * leadership ends meanwhile, `PrefixDamaged`, and `KvError` where etcd refuses us.
   */
  static async open(options: EtcdStoreOptions): Promise<EtcdStore> {
    const { kv, keys, leadership } = options;
    const parts = { kv, keys, leadership, patience: new Patience(options) };
    const state = await recoverPrefix(parts, new LoopPace(options));
    return new EtcdStore(options, parts, state, await historyEnds(parts, state.turn.turn));
  }

  /** The id of the prefix: random, made with it. */
  get id(): string {
    return this.state.id;
  }

  get isNew(): boolean {
    return this.state.isNew;
  }

  get recovered(): Recovered {
    const { turn, nextToken } = this.#writer.last;
    return { records: this.state.records.values(), nextToken, lastTurn: turn };
  }

  /** Bytes of the records and of the history that is kept, with their keys, about; etcd needs more for them. */
  get bytes(): number {
    return this.#recordBytes + this.#historyBytes - this.#droppedBytes;
  }

  get problems(): readonly string[] {
    const { trouble } = this.parts.patience;
    const { obstacles } = this;
    const others = [trouble, this.#retentionProblem].filter((problem) => problem !== undefined);
    return [...obstacles, ...others.filter((problem) => !obstacles.includes(problem))];
  }

  get obstacles(): readonly string[] {
    return [this.#broken?.message, this.#full].filter((problem) => problem !== undefined);
  }

  /** A full etcd is asked from time to time whether it takes something again; this does not wait for the answer. */
  takesTurns(): boolean {
    if (this.#broken || this.#closed) return false;
    if (this.#full !== undefined) void this.#probe();
    return this.#full === undefined;
  }

  async commit(turn: Turn): Promise<CommitOutcome> {
    const commit = this.#commit(turn);
    this.#commitInFlight = commit.catch(() => undefined);
    try {
      return await commit;
    } catch (error) {
      throw this.#stop(error);
    }
  }

  async confirm(): Promise<void> {
    this.#assertUsable();
    try {
      await this.#leaderRead.confirm();
    } catch (error) {
      throw this.#stop(error);
    }
  }

  /** What is known of the leadership is enough for this. */
  async mayAct(): Promise<void> {
    this.#assertUsable();
  }

  async history(query: HistoryQuery): Promise<StoredEvent[]> {
    this.#assertUsable();
    return this.#history.read(query);
  }

  eventsAfter(id: string, isWanted: () => boolean = () => true): EventReader {
    return this.#history.after(id, isWanted);
  }

  maintain(): void {
    if (this.#broken || this.#closed || this.#isMaintaining) return;
    this.#isMaintaining = true;
    void this.#maintain().finally(() => {
      this.#isMaintaining = false;
    });
  }

  /** The client of etcd stays open: it is not ours alone. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#commitInFlight;
  }

  async #commit({ changes, nextToken }: Turn): Promise<CommitOutcome> {
    // Whether we lead, the writer asks right before it sends.
    this.#assertOpen();
    const { keys, time } = this.options;
    const written = writtenRecords(keys, changes);
    const [value, historyBytes] = encodeHistory(changes, time(), this.#historyBytes);
    const history = { kind: 'put', key: keys.historyOf(this.#writer.last.turn + 1), value } as const;
    const operations = [history, ...written.map(({ operation }) => operation)];
    const error = await this.#writer.write(nextToken, operations);
    this.#full = error?.reason === 'noSpace' ? fullText(error) : undefined;
    if (error) return { saved: false, problem: this.#full ?? error.message };
    this.#historyBytes = historyBytes;
    this.#recordBytes += this.#growth(written);
    this.state.records.apply(changes);
    return { saved: true, turn: this.#writer.last.turn };
  }

  /** Bytes by which the records grow. */
  #growth(written: readonly WrittenRecord[]): number {
    const bytes = (record: StoredRecord) =>
      keyValueBytes({ key: this.options.keys.record(record), value: encodeRecord(record) });
    return written.reduce((sum, { key, operation }) => {
      const before = this.state.records.get(key);
      return sum + (operation.kind === 'put' ? keyValueBytes(operation) : 0) - (before ? bytes(before) : 0);
    }, 0);
  }

  async #maintain(): Promise<void> {
    try {
      const { retention: rules, time } = this.options;
      const isOver = () => this.#closed;
      const newest = await newestMark(this.parts, this.#writer.last.turn);
      if (!newest) return;
      const oldest = await dropHistory({ ...this.parts, rules, time, isOver }, newest);
      this.#droppedBytes = oldest?.bytes ?? newest.bytes;
      this.#retentionProblem = undefined;
    } catch (error) {
      if (error instanceof Stopped) return;
      this.#retentionProblem = `Old history could not be dropped (${(error as Error).message})`;
    }
  }

  /** Writes a key that nobody reads. */
  async #probe(): Promise<void> {
    const { keys, kv, leadership, monotonic } = this.options;
    if (monotonic() - this.#probedAt < PROBE_MS) return;
    this.#probedAt = monotonic();
    const compare = [{ key: leadership.key, createRevision: leadership.createRevision }];
    const success = [{ kind: 'put', key: keys.probe, value: '' }] as const;
    try {
      await this.parts.patience.askOnce((timeoutMs) => kv.transact({ compare, success }, timeoutMs));
      this.#full = undefined;
    } catch (error) {
      // Whoever lost the leadership learns it from the promise of that.
      if (!(error instanceof KvError || error instanceof Stopped)) throw error;
    }
  }

  #assertUsable(): void {
    this.#assertOpen();
    try {
      this.options.leadership.assert();
    } catch (error) {
      throw this.#stop(error);
    }
  }

  #assertOpen(): void {
    if (this.#broken) throw this.#broken;
    if (this.#closed) throw new Stopped('The store is closed');
  }

  #stop(error: unknown): Stopped {
    this.#broken ??=
      error instanceof Stopped ? error : new Stopped((error as Error).message, { cause: error });
    this.#settleStopped(this.#broken);
    return this.#broken;
  }
}

/** The newest and the oldest turn of the history that is there. */
interface HistoryEnds {
  readonly oldest: HistoryMark | undefined;
  readonly newest: HistoryMark | undefined;
}

async function historyEnds(parts: TurnWriterParts, last: number): Promise<HistoryEnds> {
  const newest = await newestMark(parts, last);
  return { newest, oldest: newest && (await oldestMark(parts, 1, newest.turn)) };
}

function fullText({ message }: KvError): string {
  return `etcd is full (${message}): compact and defragment it, and disarm its alarm`;
}
