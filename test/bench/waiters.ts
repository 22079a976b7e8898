/** How long a waiting client waits on after the unlock that makes it the holder, with few and with many in the line. */
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { callBody } from './load.js';
import { startLockd } from './servers.js';
import { median } from './table.js';

export interface WaitersResult {
  readonly waiters: number;
  /** Milliseconds from the sending of an unlock until the next client has its lock. */
  readonly p50: number;
  readonly p99: number;
  readonly handOvers: number;
}

export interface WaitersOptions {
  readonly directory: string;
  readonly progress: (text: string) => void;
}

/** Hand-overs that are measured, at most: each takes one waiter out of the line. */
const HAND_OVERS = 300;

/** Connections that are opened at a time: more than the kernel's backlog would be dropped and tried again. */
const OPENED_AT_ONCE = 100;

/** Lines up `waiters` clients, each on a connection of its own, and hands the lock from one to the next. */
export async function measureWaiters(waiters: number, options: WaitersOptions): Promise<WaitersResult> {
  const lockd = await startLockd(join(options.directory, `waiters-${waiters}`));
  const line: Caller[] = [];
  try {
    const holder = await Caller.connect(lockd.url, 'waiter-0');
    await holder.lock(0);
    options.progress(`lining up ${waiters.toLocaleString('en')} waiters`);
    while (line.length < waiters) line.push(...(await lineUp(lockd.url, line.length, waiters)));
    return { waiters, ...(await handOver(holder, line)) };
  } finally {
    for (const caller of line) caller.close();
    await lockd.stop();
  }
}

async function lineUp(url: string, from: number, waiters: number): Promise<Caller[]> {
  const numbers = Array.from(
    { length: Math.min(OPENED_AT_ONCE, waiters - from) },
    (_, index) => from + index + 1,
  );
  const callers = await Promise.all(numbers.map((number) => Caller.connect(url, `waiter-${number}`)));
  // One after another, so that each stands where its number says.
  for (const caller of callers) caller.startWaiting();
  // An answer to the last one's status says that the daemon has read the calls before it.
  const probe = await Caller.connect(url, 'probe');
  await probe.untilWaiting(from + numbers.length);
  probe.close();
  return callers;
}

async function handOver(first: Caller, line: readonly Caller[]): Promise<Omit<WaitersResult, 'waiters'>> {
  const times: number[] = [];
  let holder = first;
  for (const next of line.slice(0, HAND_OVERS)) {
    const begun = performance.now();
    const unlocked = holder.unlock();
    await next.granted;
    times.push(performance.now() - begun);
    await unlocked;
    holder = next;
  }
  times.sort((a, b) => a - b);
  const p99 = times[Math.floor((times.length - 1) * 0.99)] ?? Number.NaN;
  return { p50: median(times), p99, handOvers: times.length };
}

/** A client on a connection of its own. */
class Caller {
  /** Settles when the call that waits is answered with the lock. */
  granted: Promise<string> = Promise.resolve('');
  #received = '';
  #settle: { resolve(body: string): void; reject(error: Error): void } | undefined;

  private constructor(
    private readonly socket: Socket,
    private readonly host: string,
    private readonly client: string,
  ) {
    const fail = (error: Error) => this.#settle?.reject(error);
    socket.on('error', fail);
    socket.on('close', () => fail(new Error(`the connection of ${client} was closed`)));
    socket.on('data', (chunk) => this.#take(chunk.toString('latin1')));
  }

  static connect(url: string, client: string): Promise<Caller> {
    const { hostname, port, host } = new URL(url);
    return new Promise((resolve, reject) => {
      const socket = connect({ host: hostname, port: Number(port), noDelay: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new Caller(socket, host, client));
      });
    });
  }

  lock(wait: number): Promise<string> {
    const options = `<param><value><struct><member><name>wait</name><value><int>${wait}</int></value></member></struct></value></param>`;
    return this.#call(callBody('lock', 'resource', this.client).replace('</params>', `${options}</params>`));
  }

  startWaiting(): void {
    this.granted = this.lock(3_600);
  }

  unlock(): Promise<string> {
    return this.#call(callBody('unlock', 'resource', this.client));
  }

  /** Resolves when so many wait. */
  async untilWaiting(count: number): Promise<void> {
    for (;;) {
      const answer = await this.#call(callBody('stats'));
      if (answer.includes(`<name>waiting</name><value><int>${count}</int>`)) return;
    }
  }

  close(): void {
    this.#settle = undefined;
    this.socket.destroy();
  }

  #call(body: string): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.socket.write(
        `POST /RPC2 HTTP/1.1\r\nHost: ${this.host}\r\nContent-Type: text/xml\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      );
    });
  }

  #take(text: string): void {
    this.#received += text;
    const headEnd = this.#received.indexOf('\r\n\r\n');
    if (headEnd === -1) return;
    const length = Number(
      /content-length: *(\d+)/i.exec(this.#received.slice(0, headEnd))?.[1] ?? Number.NaN,
    );
    if (this.#received.length < headEnd + 4 + length) return;
    const body = this.#received.slice(headEnd + 4);
    this.#received = '';
    if (body.includes('<fault>')) this.#settle?.reject(new Error(`a fault came back: ${body}`));
    else this.#settle?.resolve(body);
  }
}
