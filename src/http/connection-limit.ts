/**
 * How many connections may be open. Every one takes a descriptor and memory, also before it has said anything; those that are
 * open are never closed to make room, because a holder may renew on them.
 */
import type { Socket } from 'node:net';
import { FULL_NO_MORE, MAX_TURNED_AWAY } from './limits.js';

/** `turnAway`: it may be told why before it is closed. `drop`: not even that. */
export type Verdict = 'admit' | 'turnAway' | 'drop';

export class ConnectionLimit {
  #open = 0;
  #turnedAway = 0;
  #wasTold = false;

  /** @param onFull called when the limit is reached, and again only after there has been room. */
  constructor(
    readonly max: number,
    private readonly onFull: () => void,
  ) {}

  /** Counts a new connection until it is closed, and says whether it may stay. */
  judge(socket: Socket): Verdict {
    if (this.#open < this.max) {
      this.#open += 1;
      socket.once('close', () => this.#closed());
      return 'admit';
    }
    this.#tellOnce();
    if (this.#turnedAway >= MAX_TURNED_AWAY) return 'drop';
    this.#turnedAway += 1;
    socket.once('close', () => {
      this.#turnedAway -= 1;
    });
    return 'turnAway';
  }

  #closed(): void {
    this.#open -= 1;
    if (this.#open < this.max * FULL_NO_MORE) this.#wasTold = false;
  }

  #tellOnce(): void {
    if (this.#wasTold) return;
    this.#wasTold = true;
    this.onFull();
  }
}
