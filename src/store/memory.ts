/** A store that forgets everything with the process: for tests and for benchmarks of the rest. */
import type { Turn } from '../core/records.js';
import {
  type CommitOutcome,
  type EventReader,
  type HistoryQuery,
  type Recovered,
  Stopped,
  type Store,
  type StoredEvent,
  type StoreLimits,
} from './port.js';
import { RecentTurns } from './recent-turns.js';
import { RecordMap } from './record-map.js';

export class MemoryStore implements Store {
  readonly limits: StoreLimits = { changesPerTurn: 1_000, recordsPerTurn: Number.POSITIVE_INFINITY };
  readonly bytes = 0;
  readonly problems: readonly string[] = [];
  readonly #records: RecordMap;
  readonly #turns: RecentTurns;
  #nextToken: number;
  #closed = false;

  /** @param previous a store whose memory this one goes on with, as a restart would. */
  constructor(previous?: MemoryStore) {
    this.#records = previous ? previous.#records : new RecordMap();
    this.#turns = previous ? previous.#turns : new RecentTurns();
    this.#nextToken = previous ? previous.#nextToken : 1;
  }

  get recovered(): Recovered {
    return { records: this.#records.values(), nextToken: this.#nextToken, lastTurn: this.#turns.last };
  }

  async commit(turn: Turn): Promise<CommitOutcome> {
    await this.confirm();
    this.#records.apply(turn.changes);
    this.#nextToken = turn.nextToken;
    return { saved: true, turn: this.#turns.add(turn.changes) };
  }

  async confirm(): Promise<void> {
    if (this.#closed) throw new Stopped('The store is closed');
  }

  mayAct(): Promise<void> {
    return this.confirm();
  }

  /** The events of the newest turns only; see recent-turns.ts for how many. */
  async history(query: HistoryQuery): Promise<StoredEvent[]> {
    await this.confirm();
    return this.#turns.select(query);
  }

  /** The same: what is older is a gap. */
  eventsAfter(id: string): EventReader {
    const reader = this.#turns.after(id);
    return { next: () => this.confirm().then(() => reader.next()) };
  }

  async close(): Promise<void> {
    this.#closed = true;
  }
}
