/** One request over HTTP and its answer, on connections that are kept. Says of a failure whether anything was sent. */
import * as http from 'node:http';
import * as https from 'node:https';

/** Bytes of an answer: more than a thousand keys of the greatest size that are read at a time should have. */
const MAX_ANSWER_BYTES = 32 << 20;

/** PEM texts. */
export interface GatewayTls {
  /** Authorities that are trusted, instead of those of the system. */
  readonly ca?: string;
  /** What is shown to etcd, and its private key. */
  readonly cert?: string;
  readonly key?: string;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** No answer came, or not all of it. */
export class ExchangeError extends Error {
  override readonly name = 'ExchangeError';
  constructor(
    message: string,
    /** `never`: nothing of the request has left. `tooLong`: there is an answer, of which not all was read. */
    readonly what: 'never' | 'unanswered' | 'tooLong',
  ) {
    super(message);
  }
}

/** How long something may take, in milliseconds. */
export interface Patience {
  readonly connectMs: number;
  readonly answerMs: number;
}

export class Connections {
  readonly #plain = new http.Agent({ keepAlive: true });
  readonly #encrypted: https.Agent;

  constructor(tls: GatewayTls = {}) {
    // Also where the environment says otherwise: who is not checked may be anybody, and gets the password.
    const checked = { minVersion: 'TLSv1.2', rejectUnauthorized: true } as const;
    this.#encrypted = new https.Agent({ keepAlive: true, ...checked, ...tls });
  }

  /** Sends `body` once. Rejects with `ExchangeError`, in time. */
  post(url: URL, body: string, headers: http.OutgoingHttpHeaders, patience: Patience): Promise<Answer> {
    const isEncrypted = url.protocol === 'https:';
    const options = {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers },
      agent: isEncrypted ? this.#encrypted : this.#plain,
    };
    const request = isEncrypted ? https.request(url, options) : http.request(url, options);
    return answerTo(request, body, isEncrypted ? 'secureConnect' : 'connect', patience);
  }

  close(): void {
    this.#plain.destroy();
    this.#encrypted.destroy();
  }
}

function answerTo(
  request: http.ClientRequest,
  body: string,
  whenConnected: string,
  { connectMs, answerMs }: Patience,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let isConnected = false;
    let timer = setTimeout(() => {
      fail(new Error(`no connection within ${Math.round(connectMs)} ms`));
    }, connectMs);
    const begun = performance.now();
    const settle = (end: () => void) => {
      clearTimeout(timer);
      end();
    };
    const fail = (error: Error, what?: ExchangeError['what']) => {
      const which = what ?? (isConnected ? 'unanswered' : 'never');
      // OpenSSL ends its texts with a line feed.
      settle(() => reject(new ExchangeError(error.message.trim(), which)));
      request.destroy();
    };
    const connected = () => {
      // Before this nothing has left: what is written earlier waits for it.
      isConnected = true;
      clearTimeout(timer);
      const left = Math.max(0, answerMs - (performance.now() - begun));
      timer = setTimeout(() => fail(new Error(`no answer within ${Math.round(answerMs)} ms`)), left);
    };
    request.once('socket', (socket) => {
      if (request.reusedSocket || !socket.connecting) connected();
      else socket.once(whenConnected, connected);
    });
    request.on('error', fail);
    request.once('response', (response) => {
      readText(response, fail, (text) => {
        settle(() => resolve({ status: response.statusCode ?? 0, text }));
      });
    });
    request.end(body);
  });
}

function readText(
  response: http.IncomingMessage,
  fail: (error: Error, what?: ExchangeError['what']) => void,
  done: (text: string) => void,
): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES)
      fail(new Error(`an answer of more than ${MAX_ANSWER_BYTES} bytes`), 'tooLong');
  });
  response.on('error', fail);
  response.once('end', () => done(Buffer.concat(chunks).toString('utf8')));
  response.once('close', () => {
    if (!response.complete) fail(new Error('the answer was cut off'));
  });
}
