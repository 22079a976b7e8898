/** The caller's end of a connection, which a test closes by hand. */
import type { Peer } from '../../src/service/api.js';

export class FakePeer implements Peer {
  isGone = false;
  readonly #actions = new Set<() => void>();

  onGone(action: () => void): () => void {
    const entry = () => action();
    this.#actions.add(entry);
    return () => void this.#actions.delete(entry);
  }

  /** The connection is closed. */
  leave(): void {
    this.isGone = true;
    for (const action of [...this.#actions]) {
      this.#actions.delete(action);
      action();
    }
  }

  /** The connection is closed, and the daemon has not read that yet: it will when it looks. */
  leaveUnnoticed(): void {
    this.isGone = true;
  }

  /** How many wait for its leaving. */
  get watchers(): number {
    return this.#actions.size;
  }
}

/** The context of a call over a connection of its own. */
export function over(peer: Peer, from = '192.0.2.7:40000') {
  return { from, peer };
}
