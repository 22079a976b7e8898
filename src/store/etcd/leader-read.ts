/** Asks etcd whether we still lead, for answers that change nothing. Many who ask share one read, if it began after they did. */
import type { Kv } from '../../etcd/kv.js';
import { Stopped } from '../port.js';
import type { Leadership } from './leadership.js';
import type { Patience } from './patience.js';

export interface LeaderReadParts {
  readonly kv: Kv;
  readonly leadership: Leadership;
  readonly patience: Patience;
}

export class LeaderRead {
  /** The read under way: too late for whoever asks now. */
  #current: Promise<void> | undefined;
  /** The one that begins when that has ended. */
  #next: Promise<void> | undefined;

  constructor(private readonly parts: LeaderReadParts) {}

  /** Resolves if we led at a moment after the call, and still do. Throws `Stopped`. */
  confirm(): Promise<void> {
    if (!this.#current) return this.#begin();
    this.#next ??= this.#current.then(
      () => this.#begin(),
      () => this.#begin(),
    );
    return this.#next;
  }

  #begin(): Promise<void> {
    this.#next = undefined;
    const read = this.#read().finally(() => {
      if (this.#current === read) this.#current = undefined;
    });
    this.#current = read;
    return read;
  }

  async #read(): Promise<void> {
    const { kv, leadership, patience } = this.parts;
    const transaction = { compare: [], success: [{ kind: 'get', key: leadership.key }] } as const;
    const { found } = await patience.ask((timeoutMs) => kv.transact(transaction, timeoutMs));
    if (found[0]?.[0]?.createRevision === leadership.createRevision) return;
    throw new Stopped(`The leadership (${leadership.key} in etcd) is lost`);
  }
}
