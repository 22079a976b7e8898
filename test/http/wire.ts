/**
 * The other end of the wire: a socket that sends exactly the bytes it is told to, and reads answers by their
 * Content-Length. Every answer must have one, so a test that reads an answer has tested that.
 */
import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';

export interface Answer {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

export class Wire {
  /** Resolves when the connection is closed, however it ended. */
  readonly closed: Promise<void>;
  #unread = Buffer.alloc(0);
  #arrived: () => void = () => {};
  #isClosed = false;

  private constructor(readonly socket: Socket) {
    this.socket.on('error', () => {});
    this.socket.on('data', (bytes) => {
      this.#unread = Buffer.concat([this.#unread, bytes]);
      this.#arrived();
    });
    this.closed = new Promise((resolve) => {
      this.socket.once('close', () => {
        this.#isClosed = true;
        this.#arrived();
        resolve();
      });
    });
  }

  /** Connects to a server by its URL; `host` says by which other address. */
  static async to(url: string, host = new URL(url).hostname.replace(/^\[|\]$/g, '')): Promise<Wire> {
    return Wire.#connected(connect({ port: Number(new URL(url).port), host, noDelay: true }), 'connect');
  }

  /** Connects to a Unix socket. */
  static at(path: string): Promise<Wire> {
    return Wire.#connected(connect(path), 'connect');
  }

  /** Connects by TLS. */
  static overTls(url: string, options: ConnectionOptions): Promise<Wire> {
    const { hostname, port } = new URL(url);
    return Wire.#connected(connectTls({ host: hostname, port: Number(port), ...options }), 'secureConnect');
  }

  static async #connected(socket: Socket, event: 'connect' | 'secureConnect'): Promise<Wire> {
    const wire = new Wire(socket);
    await new Promise((resolve, reject) => socket.once(event, resolve).once('error', reject));
    return wire;
  }

  send(text: string | Uint8Array): this {
    this.socket.write(text);
    return this;
  }

  /** The next answer; rejects when the connection closes before it is complete. `bodiless`: it answers a HEAD. */
  async answer(bodiless = false): Promise<Answer> {
    for (;;) {
      const answer = this.#take(bodiless);
      if (answer) return answer;
      if (this.#isClosed) throw new Error(`closed before an answer, after ${JSON.stringify(this.rest)}`);
      await this.#more();
    }
  }

  /** The next bytes up to and with `text`. */
  async until(text: string): Promise<string> {
    for (;;) {
      const end = this.#unread.indexOf(text);
      if (end >= 0) return this.#cut(end + text.length).toString();
      if (this.#isClosed) throw new Error(`closed before ${JSON.stringify(text)}`);
      await this.#more();
    }
  }

  /** What has come and was not read. */
  get rest(): string {
    return this.#unread.toString();
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#arrived = resolve;
    });
  }

  #take(bodiless: boolean): Answer | undefined {
    const end = this.#unread.indexOf('\r\n\r\n');
    if (end < 0) return undefined;
    const [statusLine = '', ...lines] = this.#unread.subarray(0, end).toString().split('\r\n');
    const headers = new Map(lines.map(headerOf));
    const length = headers.get('content-length');
    if (length === undefined) throw new Error(`an answer without Content-Length: ${statusLine}`);
    const bodyLength = bodiless ? 0 : Number(length);
    if (this.#unread.length < end + 4 + bodyLength) return undefined;
    const message = this.#cut(end + 4 + bodyLength);
    return { status: Number(statusLine.split(' ')[1]), headers, body: message.subarray(end + 4).toString() };
  }

  #cut(length: number): Buffer {
    const head = this.#unread.subarray(0, length);
    this.#unread = this.#unread.subarray(length);
    return head;
  }
}

function headerOf(line: string): [string, string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}

/** A call as clients send it. `headers` are added; `body` is declared by its length. */
export function post(
  body: string,
  headers: readonly string[] = ['Content-Type: text/xml'],
  path = '/',
): string {
  const length = `Content-Length: ${Buffer.byteLength(body)}`;
  return request(`POST ${path}`, ['Host: localhost', ...headers, length], body);
}

/** Exactly these lines, and `body` behind them. */
export function request(
  requestLine: string,
  headers: readonly string[] = ['Host: localhost'],
  body = '',
): string {
  return `${[`${requestLine} HTTP/1.1`, ...headers].join('\r\n')}\r\n\r\n${body}`;
}

export const CHUNKED_HEADERS = ['Host: localhost', 'Content-Type: text/xml', 'Transfer-Encoding: chunked'];

/** A call whose body comes in chunks. */
export function chunked(chunks: readonly string[]): string {
  return request('POST /', CHUNKED_HEADERS, [...chunks, ''].map(chunk).join(''));
}

/** One chunk; the empty one is the last. */
export function chunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}
