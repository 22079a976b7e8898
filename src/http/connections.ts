/**
 * Connections: who is at the other end, what is still to be answered there, and how to end one without cutting an answer.
 * Several requests may be in flight on one connection; Node keeps their answers in order.
 */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Peer } from '../service/api.js';
import { peerText, SOCKET_PEER } from './addresses.js';
import { Departure, isGone } from './departure.js';
import { MAX_REQUESTS_IN_FLIGHT } from './limits.js';

/** On what a connection runs. */
export type Transport = 'tcp' | 'tls' | 'unix';

export class Connection implements Peer {
  /** `127.0.0.1:50000`, `[::1]:50000`, `unix`. */
  readonly from: string;
  /** The header that let in the newest call; undefined where none did. */
  authorization: string | undefined;
  #newest: ServerResponse | undefined;
  #inFlight = 0;
  #ending = false;
  #onClosing: () => void = () => undefined;
  /** Made when the first call waits: most connections need none. */
  #departure: Departure | undefined;

  constructor(
    readonly socket: Socket,
    readonly transport: Transport,
  ) {
    this.from = transport === 'unix' ? SOCKET_PEER : peerText(socket.remoteAddress, socket.remotePort);
  }

  get isGone(): boolean {
    return isGone(this.socket);
  }

  onGone(action: () => void): () => void {
    this.#departure ??= new Departure(this.socket);
    return this.#departure.watch(action);
  }

  /**
   * A request came that is to be answered by `response`.
   *
   * @returns whether it may be looked at. On a connection that is ending nothing more is done: its peer was told so, or
   * learns by the close that what it sent behind the last answer has not happened.
   */
  admit(response: ServerResponse): boolean {
    this.#inFlight += 1;
    if (this.#inFlight > MAX_REQUESTS_IN_FLIGHT) this.socket.destroy();
    if (this.#ending || this.socket.destroyed) return false;
    this.#newest = response;
    return true;
  }

  /** One of the admitted requests was answered. */
  answered(): void {
    this.#inFlight -= 1;
  }

  /** What was admitted is still answered; nothing is admitted any more. */
  end(): void {
    this.#ending = true;
  }

  /** Sees to it that `action` is called when the server closes: what would else never be over must end its answer then. */
  whenClosing(action: () => void): void {
    this.#onClosing = action;
  }

  /** The server closes. */
  closing(): void {
    this.end();
    this.#onClosing();
  }

  get ending(): boolean {
    return this.#ending;
  }

  /** Whether `response` is the last that this connection carries. */
  endsWith(response: ServerResponse): boolean {
    return this.#ending && this.#newest === response;
  }

  /** The answer to the newest request, while that has not been read to its end. */
  get unread(): ServerResponse | undefined {
    return this.#newest?.req.complete === false ? this.#newest : undefined;
  }

  /** Answers whether the request that is on its way at present has come whole by the time that it is asked. */
  arrival(): () => boolean {
    const [before, wasUnread] = [this.#newest, this.unread !== undefined];
    return () => this.unread === undefined && (wasUnread || this.#newest !== before);
  }

  /** Runs `action` once all that was admitted has been answered, which may be at once; never if the peer goes away. */
  afterAnswers(action: () => void): void {
    if (this.#newest && !this.#newest.writableFinished) this.#newest.once('finish', action);
    else action();
  }
}

/** All connections that are open at present. */
export class Connections {
  readonly #bySocket = new Map<Socket, Connection>();

  get count(): number {
    return this.#bySocket.size;
  }

  /** A connection that can carry requests from now on; it is forgotten when its socket closes. */
  add(socket: Socket, transport: Transport): Connection {
    const connection = new Connection(socket, transport);
    this.#bySocket.set(socket, connection);
    socket.once('close', () => this.#bySocket.delete(socket));
    return connection;
  }

  /** The connection of a socket, which was added before; undefined once it is closed. */
  of(socket: Socket): Connection | undefined {
    return this.#bySocket.get(socket);
  }

  /** Ends idle ones at once, the others as soon as their answers are with the kernel. */
  endAfterAnswers(): void {
    for (const connection of this.#bySocket.values()) {
      connection.closing();
      connection.afterAnswers(() => connection.socket.destroySoon());
    }
  }

  /** Cuts those that are meant, or all of them. */
  destroy(isMeant: (connection: Connection) => boolean = () => true): void {
    for (const connection of this.#bySocket.values()) {
      if (isMeant(connection)) connection.socket.destroy();
    }
  }
}
