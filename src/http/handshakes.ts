/** Connections whose TLS handshake is not over: they carry no requests yet, but a server that closes must know them. */
import type { Socket } from 'node:net';

export class Handshakes {
  readonly #byEnds = new Map<string, Socket>();

  /** A connection was accepted. */
  begin(socket: Socket): void {
    const ends = endsOf(socket);
    this.#byEnds.set(ends, socket);
    socket.once('close', () => {
      if (this.#byEnds.get(ends) === socket) this.#byEnds.delete(ends);
    });
  }

  /**
   * The handshake has come to its end, good or bad.
   *
   * @returns the connection below TLS.
   */
  end(socket: Socket): Socket | undefined {
    const ends = endsOf(socket);
    const below = this.#byEnds.get(ends);
    this.#byEnds.delete(ends);
    return below;
  }

  /** Cuts all of them. */
  destroy(): void {
    for (const socket of this.#byEnds.values()) socket.destroy();
  }
}

/** The same for a connection and for TLS on it, and for no two that are open. */
function endsOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return [remoteAddress, remotePort, localAddress, localPort].join(' ');
}
