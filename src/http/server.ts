/**
 * The HTTP side of the daemon: XML-RPC calls by POST to `/` and `/RPC2`, and pages that are only read. Listens, keeps the
 * clock on slow peers, and stops in good order. What a call means is decided elsewhere.
 */
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import type { LockService } from '../service/api.js';
import type { Access } from './access.js';
import { addressText, isSocketAddress, type ListenAddress, listenError } from './addresses.js';
import { AnswerHeaders } from './answer-headers.js';
import { type ClientFiles, readClientFiles } from './client-files.js';
import { ConnectionLimit } from './connection-limit.js';
import { Connections } from './connections.js';
import { type EventSource, eventsPage } from './events.js';
import { Handshakes } from './handshakes.js';
import { AcceptedHosts } from './hosts.js';
import type { ClusterMember } from './leader.js';
import { MAX_BODY_BYTES, MAX_CONNECTIONS, TIMEOUTS, type Timeouts } from './limits.js';
import { type NodeServer, plainServer, tlsServer } from './node-server.js';
import { builtInPages } from './pages.js';
import { type HandleCall, type HttpEvent, Reception } from './reception.js';
import { listenAtSocket } from './socket-file.js';
import { readTls, type TlsFiles, type TlsSettings } from './tls.js';
import type { Pages } from './visit.js';

export type { HandleCall, HttpCallContext, HttpEvent } from './reception.js';

export interface ListenOptions {
  readonly service: LockService;
  readonly handleCall: HandleCall;
  /** All of them or none: when one cannot be had, `listen` rejects. */
  readonly addresses: readonly ListenAddress[];
  readonly log?: (event: HttpEvent) => void;
  /** 65,536 when absent. */
  readonly maxBodyBytes?: number;
  /** `MAX_CONNECTIONS` when absent. Each takes a descriptor; there must be more of them. */
  readonly maxConnections?: number;
  /** Names by which the daemon may be called, beside its own and those in `addresses`; `*` for any. */
  readonly allowedHosts?: readonly string[];
  /** With these, network addresses speak TLS only. Unix sockets never do. */
  readonly tls?: TlsFiles;
  /** Who may call; absent: everybody who can reach an address. */
  readonly access?: Access;
  /** Where one is absent, that of `TIMEOUTS` applies. */
  readonly timeouts?: Partial<Timeouts>;
  /** Names the lock directory, or the cluster, for ever; stands in every answer as `X-Lockd-Id`. */
  readonly id?: string;
  /** This daemon as a member of a cluster; absent: it is alone. */
  readonly member?: ClusterMember;
  /** The clients to hand out; those of this package when absent. */
  readonly clientFiles?: ClientFiles;
  /** Where `/events` comes from; absent: there is no such page. */
  readonly events?: EventSource;
  /** Further pages, beside those that every daemon has. */
  readonly pages?: Pages;
}

/**
 * Listens on all addresses.
 *
 * @throws Error that says which address cannot be had, why, and what to do.
 */
export async function listen(options: ListenOptions): Promise<HttpServer> {
  const server = new HttpServer(options);
  try {
    for (const address of options.addresses) await server.listen(address);
  } catch (error) {
    await server.close();
    throw error;
  }
  return server;
}

/** Made by `listen`. */
export class HttpServer {
  /** Where it listens, with the real port where 0 was asked: `http://127.0.0.1:7420`, `https://...`, `unix:PATH`. */
  readonly urls: string[] = [];
  /** What is not as it should be with the files of TLS, although they work. */
  readonly warnings: readonly string[];
  readonly #log: (event: HttpEvent) => void;
  readonly #access: Access | undefined;
  readonly #timeouts: Timeouts;
  readonly #parts: NodeServer;
  readonly #tlsFiles: TlsFiles | undefined;
  #tls: TlsSettings | undefined;
  readonly #connections = new Connections();
  readonly #handshakes = new Handshakes();
  readonly #servers: Server[] = [];
  #closed: Promise<void> | undefined;

  constructor({
    service,
    handleCall,
    addresses,
    log = () => {},
    maxBodyBytes = MAX_BODY_BYTES,
    maxConnections = MAX_CONNECTIONS,
    allowedHosts = [],
    tls,
    access,
    timeouts,
    id,
    member,
    clientFiles = readClientFiles(),
    events,
    pages = new Map(),
  }: ListenOptions) {
    this.#log = log;
    this.#access = access;
    this.#timeouts = { ...TIMEOUTS, ...timeouts };
    this.#tlsFiles = tls;
    this.#tls = tls && readTls(tls);
    this.warnings = this.#tls?.warnings ?? [];
    const onCut = (from: string, reason: string) => log({ event: 'streamCut', from, reason });
    const streams: Pages = events
      ? new Map([['/events', eventsPage({ source: events, timeouts: this.#timeouts, onCut })]])
      : new Map();
    const called = addresses.flatMap((address) => (isSocketAddress(address) ? [] : [address.host]));
    const receptionOptions = {
      ...{ service, handleCall, log, maxBodyBytes, access },
      pages: new Map([...builtInPages(service, clientFiles), ...streams, ...pages]),
      hosts: new AcceptedHosts([...allowedHosts, ...called]),
      timeouts: this.#timeouts,
      headers: new AnswerHeaders(id, member),
      member,
    };
    this.#parts = {
      reception: new Reception(receptionOptions, this.#connections),
      connections: this.#connections,
      handshakes: this.#handshakes,
      limit: new ConnectionLimit(maxConnections, () =>
        log({ event: 'connectionsFull', max: maxConnections }),
      ),
      timeouts: this.#timeouts,
    };
  }

  /** Connections that are open at present. */
  get connections(): number {
    return this.#connections.count;
  }

  /** Connections that are allowed at once. */
  get maxConnections(): number {
    return this.#parts.limit.max;
  }

  /** Listens on one more address; rejects as `listen` does. */
  async listen(address: ListenAddress): Promise<void> {
    const isSocket = isSocketAddress(address);
    const tls = isSocket ? undefined : this.#tls;
    const server = tls ? tlsServer(this.#parts, tls) : plainServer(this.#parts, isSocket ? 'unix' : 'tcp');
    try {
      if (isSocket) await listenAtSocket(server, address.path);
      else await once(server.listen(address.port, address.host), 'listening');
    } catch (error) {
      server.close();
      throw listenError(address, error as Error);
    }
    server.on('error', (error) => this.#log({ event: 'acceptFailed', error }));
    this.#servers.push(server);
    this.urls.push(isSocket ? addressText(address) : urlOf(server, address.host));
  }

  /**
   * Reads the files of TLS again; new connections are made with them, and those that are open stay as they are.
   *
   * @returns what is not as it should be although it works.
   * @throws Error that says which file is wrong; then all goes on with what was read before.
   */
  reloadTls(): readonly string[] {
    if (!this.#tlsFiles) return [];
    const tls = readTls(this.#tlsFiles);
    for (const server of this.#servers) if (server instanceof TlsServer) server.setSecureContext(tls.context);
    this.#tls = tls;
    return tls.warnings;
  }

  /** Cuts the connections of callers who would not be let in any more: who waits there in a line leaves it. */
  cutStrangers(): void {
    const access = this.#access;
    this.#connections.destroy(({ authorization }) => {
      return authorization !== undefined && access?.isStillIn(authorization) === false;
    });
  }

  /**
   * Stops in good order: accepts nobody, closes idle connections at once and the others when what is in flight there has
   * been answered, cuts what is left after `closeMs`. Requests that come later are neither done nor answered. Calls that
   * wait in a line are in flight too: the service should be closed meanwhile, so that it answers them.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const closed = this.#servers.map((server) => new Promise((resolve) => server.close(resolve)));
    this.#handshakes.destroy();
    this.#connections.endAfterAnswers();
    const timer = setTimeout(() => this.#connections.destroy(), this.#timeouts.closeMs);
    await Promise.all(closed);
    clearTimeout(timer);
  }
}

function urlOf(server: Server, host: string): string {
  const { port } = server.address() as AddressInfo;
  return `${server instanceof TlsServer ? 'https' : 'http'}://${addressText({ host, port })}`;
}
