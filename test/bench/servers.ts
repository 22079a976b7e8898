/** The servers that are measured, each in a process of its own. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface RunningServer {
  readonly url: string;
  /** Seconds from the start of the process until it said where it listens. */
  readonly startSeconds: number;
  readonly pid: number;
  /** Ends it with SIGTERM and waits. */
  stop(): Promise<void>;
}

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** `lockd serve` on a directory, with full durability. */
export function startLockd(directory: string, words: readonly string[] = []): Promise<RunningServer> {
  const args = [
    'serve',
    '--listen',
    '127.0.0.1:0',
    '--directory',
    directory,
    '--json',
    '--log-level',
    'error',
    ...words,
  ];
  return start([`${ROOT}bin/lockd.js`, ...args], (line) => {
    const greeting: { urls: string[] } = JSON.parse(line);
    return greeting.urls[0] ?? '';
  });
}

/** Adds a user to a file, and answers its secret. */
export function addUser(file: string, name: string, flags: readonly string[]): string {
  const words = ['user', 'add', name, '--users', file, ...flags];
  return execFileSync(process.execPath, [`${ROOT}bin/lockd.js`, ...words], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim();
}

/** A bare node:http server that gives the request's body back. */
export function startEcho(): Promise<RunningServer> {
  return start([fileURLToPath(new URL('./echo-server.js', import.meta.url))], (line) => line);
}

/** The server of the npm package `xmlrpc`, with a lock and an unlock that keep nothing but a map in memory. */
export function startPackage(): Promise<RunningServer> {
  return start([fileURLToPath(new URL('./package-server.js', import.meta.url))], (line) => line);
}

async function start(args: string[], urlOf: (line: string) => string): Promise<RunningServer> {
  const begun = performance.now();
  const child: ChildProcess = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const [line] = await Promise.race([
    once(lines, 'line'),
    exited.then(() => Promise.reject(new Error(`${args[0]} ended before it listened`))),
  ]);
  const startSeconds = (performance.now() - begun) / 1_000;
  return {
    url: urlOf(String(line)),
    startSeconds,
    pid: child.pid as number,
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}
