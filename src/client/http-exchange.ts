/**
 * One request and its answer, over connections that are kept. It tries once, follows no redirect, and tells apart what
 * a caller must know after a failure: whether the request may have reached anybody.
 */
import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import { RESPONSE_LIMITS } from '../xmlrpc/limits.js';

/** Milliseconds for one connection: a lost SYN is sent again after 1 s. */
const CONNECT_MS = 2_000;

/** An answer, whatever its status. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
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

export class HttpExchange {
  readonly #agent = new Agent({ keepAlive: true });

  /** @param answerSeconds how long a whole answer may take once the connection stands. */
  constructor(private readonly answerSeconds: number) {}

  /** Asks for a page. Rejects with `Interrupted`. */
  get(url: URL): Promise<HttpAnswer> {
    return this.#send(request(url, { agent: this.#agent }));
  }

  /** Sends XML. Rejects with `Interrupted`. */
  post(url: URL, xml: string): Promise<HttpAnswer> {
    const bytes = Buffer.from(xml);
    const headers = { 'Content-Type': 'text/xml', 'Content-Length': bytes.length };
    return this.#send(request(url, { agent: this.#agent, method: 'POST', headers }), bytes);
  }

  /** Closes the connections that are kept. */
  close(): void {
    this.#agent.destroy();
  }

  #send(outgoing: ClientRequest, body?: Buffer): Promise<HttpAnswer> {
    const patience = new Patience(outgoing, this.answerSeconds);
    return new Promise<HttpAnswer>((resolve, reject) => {
      outgoing.on('error', reject);
      outgoing.on('response', (response) => void readWhole(response).then(resolve, reject));
      outgoing.end(body);
    })
      .catch((error: Error) => {
        outgoing.destroy();
        // Our own timeout shows up as a mere reset where an answer had begun.
        const cause = patience.timeout ?? error;
        throw new Interrupted(patience.connected, errorCode(cause), cause);
      })
      .finally(() => patience.end());
  }
}

/** Bounds the time to connect, and from then on the time to answer. */
class Patience {
  connected = false;
  /** What ended the request, if that was our patience. */
  timeout: Error | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly outgoing: ClientRequest,
    answerSeconds: number,
  ) {
    this.#start(CONNECT_MS, 'no connection');
    const onConnected = () => {
      this.connected = true;
      this.#start(answerSeconds * 1_000, 'no answer');
    };
    outgoing.on('socket', (socket) => {
      if (socket.connecting) socket.once('connect', onConnected);
      else onConnected();
    });
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  #start(milliseconds: number, what: string): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const error = new Error(`${what} within ${milliseconds / 1_000} s`);
      this.timeout = Object.assign(error, { code: 'ETIMEDOUT' });
      this.outgoing.destroy(error);
    }, milliseconds);
  }
}

/** The whole answer: a connection that ends early ends the iteration with an error. */
async function readWhole(response: IncomingMessage): Promise<HttpAnswer> {
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

function errorCode(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : 'EPROTO';
}
