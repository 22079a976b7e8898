/**
 * The load: lock and unlock pairs over kept-alive connections, one pair after another on each. Written on bare sockets,
 * so that the generator takes as little as it can of the machine that it shares with the server.
 */
import { connect, type Socket } from 'node:net';

export interface Load {
  readonly url: string;
  readonly connections: number;
  /** Seconds that count, after a quarter of that to warm up. */
  readonly seconds: number;
  /** Names the resource and the client of a connection; each connection has its own. */
  readonly prefix: string;
}

export interface LoadResult {
  readonly pairsPerSecond: number;
  /** Milliseconds for one pair. */
  readonly p50: number;
  readonly p99: number;
}

/** The body of a call as Python's xmlrpc.client writes it. */
export function callBody(method: string, ...params: string[]): string {
  const values = params
    .map((param) => `<param>\n<value><string>${param}</string></value>\n</param>\n`)
    .join('');
  return `<?xml version='1.0'?>\n<methodCall>\n<methodName>${method}</methodName>\n<params>\n${values}</params>\n</methodCall>\n`;
}

function request(host: string, body: string): Buffer {
  return Buffer.from(
    `POST /RPC2 HTTP/1.1\r\nHost: ${host}\r\nContent-Type: text/xml\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

/** Runs the load to its end. Rejects if a connection breaks or an answer is a fault. */
export async function runLoad({ url, connections, seconds, prefix }: Load): Promise<LoadResult> {
  const { hostname, port, host } = new URL(url);
  const times: number[] = [];
  const start = performance.now();
  const countFrom = start + seconds * 250;
  const end = countFrom + seconds * 1_000;
  await Promise.all(
    Array.from({ length: connections }, (_, index) => {
      const lock = request(host, callBody('lock', `${prefix}-${index}`, `client-${index}`));
      const unlock = request(host, callBody('unlock', `${prefix}-${index}`, `client-${index}`));
      return runPairs(
        connect({ host: hostname, port: Number(port), noDelay: true }),
        lock,
        unlock,
        end,
        (from, to) => {
          if (from >= countFrom) times.push(to - from);
        },
      );
    }),
  );
  times.sort((a, b) => a - b);
  const at = (share: number) =>
    times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.NaN;
  return { pairsPerSecond: times.length / seconds, p50: at(0.5), p99: at(0.99) };
}

function runPairs(
  socket: Socket,
  lock: Buffer,
  unlock: Buffer,
  end: number,
  count: (from: number, to: number) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let pairStart = performance.now();
    let isLocking = true;
    let received = '';
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the server closed the connection')));
    socket.on('connect', () => socket.write(lock));
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      const body = completeBody(received);
      if (body === undefined) return;
      received = '';
      if (body.includes('<fault>')) return void socket.destroy(new Error(`a fault came back: ${body}`));
      const now = performance.now();
      if (!isLocking) {
        count(pairStart, now);
        if (now >= end) {
          socket.removeAllListeners('close');
          socket.destroy();
          return resolve();
        }
        pairStart = now;
      }
      isLocking = !isLocking;
      socket.write(isLocking ? lock : unlock);
    });
  });
}

function completeBody(received: string): string | undefined {
  const headEnd = received.indexOf('\r\n\r\n');
  if (headEnd === -1) return undefined;
  const head = received.slice(0, headEnd + 2);
  const body = received.slice(headEnd + 4);
  // The server of the package sends chunks; their sizes do no harm here.
  if (/\r\ntransfer-encoding: *chunked\r/i.test(head)) return body.endsWith('\r\n0\r\n\r\n') ? body : undefined;
  const match = /\r\ncontent-length: *(\d+)/i.exec(head);
  if (!match) throw new Error(`an answer of unknown length: ${head}`);
  return body.length < Number(match[1]) ? undefined : body;
}
