/**
 * The load: lock and unlock pairs over kept-alive connections, one pair after another on each. It shares the machine with
 * the server, so that what the load itself costs counts too; hence two kinds. `http` is Node's own HTTP client, what a
 * program on Node has; `sockets` are bare sockets that do next to nothing, and so show the server alone.
 */
import { Agent, request as httpRequest } from 'node:http';
import { connect } from 'node:net';

export type LoadKind = 'http' | 'sockets';

export interface Load {
  readonly url: string;
  readonly kind: LoadKind;
  readonly connections: number;
  /** Seconds that count, after a quarter of that to warm up. */
  readonly seconds: number;
  /** The header with which each call signs in. */
  readonly authorization?: string;
}

export interface LoadResult {
  /** All of them, those of the warming up too. */
  readonly pairs: number;
  readonly pairsPerSecond: number;
  /** Milliseconds for one pair. */
  readonly p50: number;
  readonly p99: number;
}

/** A connection of its own: sends a call and resolves with the body of the answer. */
interface Caller {
  call(body: string): Promise<string>;
  close(): void;
}

/** The body of a call as Python's xmlrpc.client writes it. */
export function callBody(method: string, ...params: string[]): string {
  const values = params
    .map((param) => `<param>\n<value><string>${param}</string></value>\n</param>\n`)
    .join('');
  return `<?xml version='1.0'?>\n<methodCall>\n<methodName>${method}</methodName>\n<params>\n${values}</params>\n</methodCall>\n`;
}

let connectionsSoFar = 0;

/** Runs the load to its end. Rejects if a connection breaks, or an answer is a fault or a token that did not rise. */
export async function runLoad({ url, kind, connections, seconds, authorization }: Load): Promise<LoadResult> {
  const times: number[] = [];
  let all = 0;
  const countFrom = performance.now() + seconds * 250;
  const end = countFrom + seconds * 1_000;
  const pairs = Array.from({ length: connections }, async () => {
    connectionsSoFar += 1;
    const caller = kind === 'http' ? httpCaller(url, authorization) : socketCaller(url, authorization);
    try {
      await runPairs(caller, `bench-${connectionsSoFar}`, end, (from, to) => {
        all += 1;
        if (from >= countFrom) times.push(to - from);
      });
    } finally {
      caller.close();
    }
  });
  await Promise.all(pairs);
  times.sort((a, b) => a - b);
  const at = (share: number) =>
    times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.NaN;
  return { pairs: all, pairsPerSecond: times.length / seconds, p50: at(0.5), p99: at(0.99) };
}

async function runPairs(
  caller: Caller,
  name: string,
  end: number,
  count: (from: number, to: number) => void,
): Promise<void> {
  const lock = callBody('lock', name, `client-of-${name}`);
  const unlock = callBody('unlock', name, `client-of-${name}`);
  let lastToken = 0;
  for (let from = performance.now(); from < end; ) {
    lastToken = checked(await caller.call(lock), lastToken);
    checked(await caller.call(unlock), 0);
    const to = performance.now();
    count(from, to);
    from = to;
  }
}

/** The token of an answer, if it has one; an echo has none. */
function checked(body: string, lastToken: number): number {
  if (body.includes('<fault>')) throw new Error(`a fault came back: ${body}`);
  const token = Number(/<name>token<\/name><value><string>(\d+)</.exec(body)?.[1] ?? lastToken + 1);
  if (token <= lastToken) throw new Error(`token ${token} came after ${lastToken}`);
  return token;
}

function httpCaller(url: string, authorization?: string): Caller {
  const signIn = authorization === undefined ? {} : { Authorization: authorization };
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const target = new URL('/RPC2', url);
  return {
    call: (body) =>
      new Promise((resolve, reject) => {
        const headers = { 'Content-Type': 'text/xml', 'Content-Length': Buffer.byteLength(body), ...signIn };
        const request = httpRequest(target, { method: 'POST', agent, headers }, (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (chunk) => {
            text += chunk;
          });
          response.on('end', () => resolve(text));
        });
        request.on('error', reject);
        request.end(body);
      }),
    close: () => agent.destroy(),
  };
}

function socketCaller(url: string, authorization?: string): Caller {
  const signIn = authorization === undefined ? '' : `Authorization: ${authorization}\r\n`;
  const { hostname, port, host } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  let received = '';
  let resolve: (body: string) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  socket.on('error', (error) => reject(error));
  socket.on('close', () => reject(new Error('the server closed the connection')));
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1');
    const body = completeBody(received);
    if (body === undefined) return;
    received = '';
    resolve(body);
  });
  return {
    call: (body) =>
      new Promise((onAnswer, onError) => {
        resolve = onAnswer;
        reject = onError;
        socket.write(
          `POST /RPC2 HTTP/1.1\r\nHost: ${host}\r\nContent-Type: text/xml\r\n${signIn}Content-Length: ${body.length}\r\n\r\n${body}`,
        );
      }),
    close: () => socket.destroy(),
  };
}

function completeBody(received: string): string | undefined {
  const headEnd = received.indexOf('\r\n\r\n');
  if (headEnd === -1) return undefined;
  const head = received.slice(0, headEnd + 2);
  const body = received.slice(headEnd + 4);
  // The server of the package sends chunks; their sizes do no harm here.
  if (/\r\ntransfer-encoding: *chunked\r/i.test(head))
    return body.endsWith('\r\n0\r\n\r\n') ? body : undefined;
  const match = /\r\ncontent-length: *(\d+)/i.exec(head);
  if (!match) throw new Error(`an answer of unknown length: ${head}`);
  return body.length < Number(match[1]) ? undefined : body;
}
