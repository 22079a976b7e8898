/**
 * The HTTP side of the daemon: XML-RPC calls by POST to `/` and `/RPC2`, the health by GET of `/healthz`, the clients that
 * need no installation by GET of `/lockd.py` and `/lockd.sh`. Listens, keeps the clock on slow peers, and stops in good
 * order. What a call means is decided elsewhere.
 */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { LockService } from '../service/api.js';
import { addressText, type ListenAddress, listenError } from './addresses.js';
import { commonHeaders } from './answers.js';
import { type ClientFiles, readClientFiles } from './client-files.js';
import { Connections } from './connections.js';
import { MAX_BODY_BYTES, MAX_HEADER_BYTES, TIMEOUTS, type Timeouts } from './limits.js';
import type { Problem } from './problems.js';
import { type HandleCall, type HttpEvent, Reception } from './reception.js';

export type { HandleCall, HttpCallContext, HttpEvent } from './reception.js';

export interface ListenOptions {
  readonly service: LockService;
  readonly handleCall: HandleCall;
  /** All of them or none: when one cannot be had, `listen` rejects. */
  readonly addresses: readonly ListenAddress[];
  readonly log?: (event: HttpEvent) => void;
  /** 65,536 when absent. */
  readonly maxBodyBytes?: number;
  /** Where one is absent, that of `TIMEOUTS` applies. */
  readonly timeouts?: Partial<Timeouts>;
  /** Names the lock directory for ever; stands in every answer as `X-Lockd-Id`. */
  readonly id?: string;
  /** The clients to hand out; those of this package when absent. */
  readonly clientFiles?: ClientFiles;
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
  /** Where it listens, with the real port where 0 was asked: `http://127.0.0.1:7420`. */
  readonly urls: string[] = [];
  readonly #log: (event: HttpEvent) => void;
  readonly #timeouts: Timeouts;
  readonly #reception: Reception;
  readonly #connections = new Connections();
  readonly #servers: Server[] = [];
  #closed: Promise<void> | undefined;

  constructor({
    service,
    handleCall,
    log = () => {},
    maxBodyBytes = MAX_BODY_BYTES,
    timeouts,
    id,
    clientFiles = readClientFiles(),
  }: ListenOptions) {
    this.#log = log;
    this.#timeouts = { ...TIMEOUTS, ...timeouts };
    this.#reception = new Reception(
      {
        ...{ service, handleCall, log, maxBodyBytes, clientFiles },
        timeouts: this.#timeouts,
        common: commonHeaders(id),
      },
      this.#connections,
    );
  }

  /** Connections that are open at present. */
  get connections(): number {
    return this.#connections.count;
  }

  /** Listens on one more address; rejects as `listen` does. */
  async listen(address: ListenAddress): Promise<void> {
    const server = this.#createServer();
    server.listen(address.port, address.host);
    await once(server, 'listening').catch((error) => {
      throw listenError(address, error);
    });
    server.on('error', (error) => this.#log({ event: 'acceptFailed', error }));
    this.#servers.push(server);
    const { port } = server.address() as AddressInfo;
    this.urls.push(`http://${addressText({ host: address.host, port })}`);
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
    this.#connections.endAfterAnswers();
    const timer = setTimeout(() => this.#connections.destroy(), this.#timeouts.closeMs);
    await Promise.all(closed);
    clearTimeout(timer);
  }

  #createServer(): Server {
    const reception = this.#reception;
    const server = createServer(serverOptions(this.#timeouts));
    // Node silently drops the headers above its own limit; a request that has so many is refused instead.
    server.maxHeadersCount = 0;
    // Node's `close` calls this, and it would cut answers that are written but not yet sent.
    server.closeIdleConnections = () => {};
    server.on('connection', (socket) => this.#connections.of(socket));
    server.on('request', (request, response) => reception.receive(request, response, false));
    server.on('checkContinue', (request, response) => reception.receive(request, response, true));
    server.on('checkExpectation', (request, response) => reception.refuseExpectation(request, response));
    server.on('clientError', (error: NodeJS.ErrnoException, stream) => {
      const problem = problemOf(error);
      if (problem) reception.refuseUnreadable(stream as Socket, problem);
      else stream.destroy();
    });
    server.on('connect', (_request, stream) => {
      stream.on('error', () => {});
      reception.refuseUnreadable(stream as Socket, { name: 'wrongMethod', detail: 'POST' });
    });
    return server;
  }
}

function serverOptions({ requestMs, checkIntervalMs, idleMs }: Timeouts) {
  return {
    noDelay: true,
    insecureHTTPParser: false,
    // Without it Node would answer in its own way, without a Content-Length.
    requireHostHeader: false,
    maxHeaderSize: MAX_HEADER_BYTES,
    // Both run from the first byte, and the first one from the start of the connection.
    headersTimeout: requestMs,
    requestTimeout: requestMs,
    connectionsCheckingInterval: checkIntervalMs,
    keepAliveTimeout: idleMs,
  };
}

/** Why Node could not read a request; undefined where nobody is left to be told. */
function problemOf(error: NodeJS.ErrnoException & { readonly reason?: string }): Problem | undefined {
  const { code = '', reason = code } = error;
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return { name: 'tooSlow' };
  if (code === 'HPE_HEADER_OVERFLOW') return { name: 'longHeaders' };
  if (code === 'HPE_INVALID_EOF_STATE' || !code.startsWith('HPE_')) return undefined;
  return { name: 'malformed', detail: reason };
}
