/**
 * Tells when a peer goes away while its call waits. A socket is watched from the first such call on, and for the rest of
 * its life; what comes and goes with each later call is one entry of a set.
 */
import type { Socket } from 'node:net';
import { KEEP_ALIVE_MS } from './limits.js';

/**
 * Whether nobody is left to be answered. A peer that has only ended its own sending counts as gone: to us one that ended
 * looks no different, and Node ends the connection then.
 */
export function isGone(socket: Socket): boolean {
  // After a FIN 'end' comes first and 'close' a moment later; after a reset there is no 'end'.
  return socket.readableEnded || socket.destroyed;
}

export class Departure {
  readonly #actions = new Set<() => void>();

  constructor(private readonly socket: Socket) {
    // A peer that was switched off sends nothing that would say so.
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    const tell = () => this.#tell();
    socket.once('end', tell).once('close', tell);
    socket.on('pause', () => setImmediate(() => this.#endUnheard()));
  }

  /** Calls `action` once when the peer goes, or soon if it is gone already; what this returns calls it off. */
  watch(action: () => void): () => void {
    // One of its own, so that the same function may be given for two calls.
    const entry = () => action();
    this.#actions.add(entry);
    if (isGone(this.socket)) process.nextTick(() => this.#tell());
    return () => void this.#actions.delete(entry);
  }

  /**
   * Node stops reading when too many answers lie behind the one that waits; then nobody would see the peer go. A pause
   * that is over by now came of a large body.
   */
  #endUnheard(): void {
    if (this.#actions.size > 0 && this.socket.isPaused()) this.socket.destroy();
  }

  #tell(): void {
    for (const action of this.#actions) {
      this.#actions.delete(action);
      action();
    }
  }
}
