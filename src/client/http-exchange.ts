/**
 * One request and its answer, over connections that are kept. It tries once, follows no redirect, and tells apart what
 * a caller must know after a failure: whether the request may have reached anybody.
 */
import * as http from 'node:http';
import * as https from 'node:https';
import { TLSSocket } from 'node:tls';
import { RESPONSE_LIMITS } from '../xmlrpc/limits.js';
import { pageUrl, socketPath } from './daemon-url.js';

/** How long one exchange may take, and what ends it before. */
export interface Patience {
  /** Seconds to connect. */
  readonly connectSeconds: number;
  /** Seconds for the whole answer once the connection stands. */
  readonly answerSeconds: number;
  readonly signal?: AbortSignal;
}

/** The header by which a daemon names its lock directory. */
export const ID_HEADER = 'x-lockd-id';

/** The header by which a member of a cluster that does not lead says which one does. */
export const LEADER_HEADER = 'x-lockd-leader';

/** An answer, whatever its status. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: http.IncomingMessage['headers'];
  readonly body: Buffer;
}

/** An answer that has no end of its own, where its status is 200; else it is whole. */
export interface StreamAnswer extends HttpAnswer {
  readonly stream: http.IncomingMessage | undefined;
}

/** No whole answer came. `cause` is the system's error. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';

  constructor(
    /** Whether the connection stood, so that the request may have been read. */
    readonly sent: boolean,
    /** Of the system, like `ECONNREFUSED`; `ETIMEDOUT` also where our own patience ended. */
    readonly code: string,
    cause: Error,
  ) {
    super(cause.message, { cause });
  }
}

/** What is the same for all exchanges. */
export interface HttpOptions {
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as the header of that name with every request, without being asked for it. */
  readonly authorization?: string;
  /** Makes and keeps the connections instead of agents of our own; it is not closed here. */
  readonly agent?: http.Agent;
  /** How connections of `https:` are made by our own agent. */
  readonly tls?: https.AgentOptions;
}

/** Carries one request to one address. Rejects with `Interrupted`. */
export interface Exchange {
  /** Asks for a page beside that for calls. */
  get(url: URL, page: string, patience: Patience): Promise<HttpAnswer>;
  /** Opens a page that goes on and on; patience is for its beginning. */
  open(url: URL, page: string, more: http.OutgoingHttpHeaders, patience: Patience): Promise<StreamAnswer>;
  /** Sends XML. */
  post(url: URL, xml: string, patience: Patience): Promise<HttpAnswer>;
  /** Closes the connections that are kept. */
  close(): void;
}

export class HttpExchange implements Exchange {
  readonly #plain: http.Agent;
  readonly #encrypted: https.Agent;
  readonly #agent: http.Agent | undefined;
  readonly #headers: Readonly<Record<string, string>>;

  constructor({ headers = {}, authorization, agent, tls = {} }: HttpOptions = {}) {
    this.#headers = authorization === undefined ? headers : { ...headers, Authorization: authorization };
    this.#agent = agent;
    this.#plain = new http.Agent({ keepAlive: true });
    this.#encrypted = new https.Agent({ keepAlive: true, ...tls });
  }

  get(url: URL, page: string, patience: Patience): Promise<HttpAnswer> {
    return this.#send(this.#request(url, page, patience, { headers: this.#headers }), patience, readWhole);
  }

  open(url: URL, page: string, more: http.OutgoingHttpHeaders, patience: Patience): Promise<StreamAnswer> {
    const headers = { ...this.#headers, ...more };
    return this.#send(this.#request(url, page, patience, { headers }), patience, readBeginning);
  }

  post(url: URL, xml: string, patience: Patience): Promise<HttpAnswer> {
    const bytes = Buffer.from(xml);
    const headers = { ...this.#headers, 'Content-Type': 'text/xml', 'Content-Length': bytes.length };
    return this.#send(
      this.#request(url, '', patience, { method: 'POST', headers }),
      patience,
      readWhole,
      bytes,
    );
  }

  close(): void {
    this.#plain.destroy();
    this.#encrypted.destroy();
  }

  #request(url: URL, page: string, { signal }: Patience, options: https.RequestOptions): http.ClientRequest {
    const isEncrypted = url.protocol === 'https:';
    const path = socketPath(url);
    const { request } = isEncrypted ? https : http;
    return request(pageUrl(url, page), {
      ...options,
      agent: this.#agent ?? (isEncrypted ? this.#encrypted : this.#plain),
      ...(path === undefined ? {} : { socketPath: path }),
      ...(signal ? { signal } : {}),
    });
  }

  #send<A>(
    outgoing: http.ClientRequest,
    patience: Patience,
    read: (response: http.IncomingMessage) => Promise<A>,
    body?: Buffer,
  ): Promise<A> {
    const deadline = new Deadline(outgoing, patience);
    return new Promise<A>((resolve, reject) => {
      outgoing.on('error', reject);
      outgoing.on('response', (response) => void read(response).then(resolve, reject));
      outgoing.end(body);
    })
      .catch((error: Error) => {
        outgoing.destroy();
        // Our own timeout shows up as a mere reset where an answer had begun.
        const cause = deadline.timeout ?? error;
        throw new Interrupted(deadline.connected, errorCode(cause), cause);
      })
      .finally(() => deadline.end());
  }
}

/** Bounds the time to connect, and from then on the time to answer. */
class Deadline {
  connected = false;
  /** What ended the request, if that was our patience. */
  timeout: Error | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly outgoing: http.ClientRequest,
    { connectSeconds, answerSeconds }: Patience,
  ) {
    this.#start(connectSeconds, 'no connection');
    const onConnected = () => {
      this.connected = true;
      this.#start(answerSeconds, 'no answer');
    };
    outgoing.on('socket', (socket) => {
      // Before the handshake is done nothing of the request has left.
      if (socket.connecting)
        socket.once(socket instanceof TLSSocket ? 'secureConnect' : 'connect', onConnected);
      else onConnected();
    });
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  #start(seconds: number, what: string): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const error = new Error(`${what} within ${Number(seconds.toFixed(3))} s`);
      this.timeout = Object.assign(error, { code: 'ETIMEDOUT' });
      this.outgoing.destroy(error);
    }, seconds * 1_000);
  }
}

/** The whole answer: a connection that ends early ends the iteration with an error. */
async function readWhole(response: http.IncomingMessage): Promise<HttpAnswer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > RESPONSE_LIMITS.bytes)
      throw new Error(`an answer of more than ${RESPONSE_LIMITS.bytes} bytes`);
    chunks.push(chunk);
  }
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) };
}

/** Leaves a page that goes on to whoever asked. */
async function readBeginning(response: http.IncomingMessage): Promise<StreamAnswer> {
  if (response.statusCode !== 200) return { ...(await readWhole(response)), stream: undefined };
  return { status: 200, headers: response.headers, body: Buffer.alloc(0), stream: response };
}

function errorCode(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : 'EPROTO';
}
