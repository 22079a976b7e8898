/** A store that forgets everything with the process: for tests and for benchmarks of the rest. */
import type { Turn } from '../core/records.js';
import { type CommitOutcome, type Recovered, Stopped, type Store, type StoreLimits } from './port.js';
import { RecordMap } from './record-map.js';

export class MemoryStore implements Store {
  readonly limits: StoreLimits = { changesPerTurn: 1_000 };
  readonly bytes = 0;
  readonly problems: readonly string[] = [];
  readonly #records: RecordMap;
  #nextToken: number;
  #closed = false;

  /** @param previous a store whose memory this one goes on with, as a restart would. */
  constructor(previous?: MemoryStore) {
    this.#records = previous ? previous.#records : new RecordMap();
    this.#nextToken = previous ? previous.#nextToken : 1;
  }

  get recovered(): Recovered {
    return { records: this.#records.values(), nextToken: this.#nextToken };
  }

  async commit(turn: Turn): Promise<CommitOutcome> {
    await this.confirm();
    this.#records.apply(turn.changes);
    this.#nextToken = turn.nextToken;
    return { saved: true };
  }

  async confirm(): Promise<void> {
    if (this.#closed) throw new Stopped('The store is closed');
  }

  async close(): Promise<void> {
    this.#closed = true;
  }
}
