/**
 * The load: pairs of a lock and an unlock, or what another server has for them, over kept-alive connections, one pair after another on each. It shares the machine with
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
  /** What a pair is; absent: lock and unlock in XML-RPC. */
  readonly pairFor?: (name: string) => Pair;
  /** Told of each pair that counts: when it began and ended, by `performance.now()`. */
  readonly onPair?: (from: number, to: number) => void;
}

export interface Exchange {
  readonly path: string;
  readonly contentType: string;
  readonly body: string;
  /** Throws where the answer is not what a lock service may say. */
  readonly check: (answer: string) => void;
}

/** Takes something, and gives it back. */
export interface Pair {
  readonly take: Exchange;
  readonly giveBack: Exchange;
}

export interface LoadResult {
  /** All of them, those of the warming up too. */
  readonly pairs: number;
  readonly pairsPerSecond: number;
  /** Milliseconds for one pair. */
  readonly p50: number;
  readonly p99: number;
}

/** A connection of its own. */
export interface Caller {
  /** Sends a call, checks the answer, and resolves with its body. */
  call(exchange: Exchange): Promise<string>;
  close(): void;
}

/** Opens a connection with the first call. */
export function openCaller(kind: LoadKind, url: string, authorization?: string): Caller {
  return kind === 'http' ? httpCaller(url, authorization) : socketCaller(url, authorization);
}

/** The body of a call as Python's xmlrpc.client writes it. */
export function callBody(method: string, ...params: string[]): string {
  const values = params
    .map((param) => `<param>\n<value><string>${param}</string></value>\n</param>\n`)
    .join('');
  return `<?xml version='1.0'?>\n<methodCall>\n<methodName>${method}</methodName>\n<params>\n${values}</params>\n</methodCall>\n`;
}

/** A call of XML-RPC whose answer must be no fault. */
export function xmlrpcCall(method: string, ...params: string[]): Exchange {
  const body = callBody(method, ...params);
  return { path: '/RPC2', contentType: 'text/xml', body, check: assertNoFault };
}

/** Lock and unlock; the tokens must rise. */
export function lockPair(name: string): Pair {
  const client = `client-of-${name}`;
  let lastToken = 0;
  const check = (answer: string) => {
    assertNoFault(answer);
    // An echo has none.
    const token = Number(/<name>token<\/name><value><string>(\d+)</.exec(answer)?.[1] ?? lastToken + 1);
    if (token <= lastToken) throw new Error(`token ${token} came after ${lastToken}`);
    lastToken = token;
  };
  return {
    take: { ...xmlrpcCall('lock', name, client), check },
    giveBack: xmlrpcCall('unlock', name, client),
  };
}

function assertNoFault(answer: string): void {
  if (answer.includes('<fault>')) throw new Error(`a fault came back: ${answer}`);
}

let connectionsSoFar = 0;

/** Runs the load to its end. Rejects if a connection breaks, or an answer does not pass its check. */
export async function runLoad({
  url,
  kind,
  connections,
  seconds,
  authorization,
  pairFor = lockPair,
  onPair,
}: Load): Promise<LoadResult> {
  const times: number[] = [];
  let all = 0;
  const countFrom = performance.now() + seconds * 250;
  const end = countFrom + seconds * 1_000;
  const pairs = Array.from({ length: connections }, async () => {
    connectionsSoFar += 1;
    const pair = pairFor(`bench-${connectionsSoFar}`);
    const caller = openCaller(kind, url, authorization);
    try {
      await runPairs(caller, pair, end, (from, to) => {
        all += 1;
        if (from < countFrom) return;
        times.push(to - from);
        onPair?.(from, to);
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
  { take, giveBack }: Pair,
  end: number,
  count: (from: number, to: number) => void,
): Promise<void> {
  for (let from = performance.now(); from < end; ) {
    await caller.call(take);
    await caller.call(giveBack);
    const to = performance.now();
    count(from, to);
    from = to;
  }
}

function httpCaller(url: string, authorization?: string): Caller {
  const signIn = authorization === undefined ? {} : { Authorization: authorization };
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  // Nothing is parsed anew for a call: the load is to be light.
  const targets = new Map<string, URL>();
  const target = (path: string) => targets.get(path) ?? remember(targets, path, new URL(path, url));
  return {
    call: ({ path, contentType, body, check }) =>
      new Promise((resolve, reject) => {
        const headers = { 'Content-Type': contentType, 'Content-Length': Buffer.byteLength(body), ...signIn };
        const request = httpRequest(target(path), { method: 'POST', agent, headers }, (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (chunk) => {
            text += chunk;
          });
          response.on('end', () => settle(text, check, resolve, reject));
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
  let answered: (body: string) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  socket.on('error', (error) => reject(error));
  socket.on('close', () => reject(new Error('the server closed the connection')));
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1');
    const body = completeBody(received);
    if (body === undefined) return;
    received = '';
    answered(body);
  });
  return {
    call: ({ path, contentType, body, check }) =>
      new Promise((resolve, onError) => {
        answered = (answer) => settle(answer, check, resolve, onError);
        reject = onError;
        socket.write(
          `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: ${contentType}\r\n${signIn}Content-Length: ${body.length}\r\n\r\n${body}`,
        );
      }),
    close: () => socket.destroy(),
  };
}

function remember<K, V>(map: Map<K, V>, key: K, value: V): V {
  map.set(key, value);
  return value;
}

function settle(
  answer: string,
  check: (answer: string) => void,
  resolve: (answer: string) => void,
  reject: (error: unknown) => void,
): void {
  try {
    check(answer);
    resolve(answer);
  } catch (error) {
    reject(error);
  }
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
