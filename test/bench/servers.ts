/** The servers that are measured, each in a process of its own. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Inside } from './inside.js';

export interface RunningServer {
  readonly url: string;
  /** Seconds from the start of the process until it said where it listens. */
  readonly startSeconds: number;
  readonly pid: number;
  /** Ends it with SIGTERM and waits. */
  stop(): Promise<void>;
}

/** One that answers questions about itself, one at a time. */
export interface WatchedServer extends RunningServer {
  ask<K extends keyof Inside>(question: K): Promise<Inside[K]>;
}

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** `lockd serve` on a directory, with full durability. */
export function startLockd(
  directory: string,
  words: readonly string[] = [],
  listen?: string,
): Promise<RunningServer> {
  return start(lockdWords(directory, words, listen), urlOfGreeting);
}

/** The same, and one may ask it how it is inside: see inside.ts. */
export function startLockdWatched(directory: string): Promise<WatchedServer> {
  return startWatched(lockdWords(directory, []));
}

/** The same with small journal segments, so that a new one begins, with its snapshot, as soon as it may. */
export function startLockdRotating(directory: string): Promise<WatchedServer> {
  return startWatched([`${ROOT}test/crash/small-segments.js`, directory, '1000000']);
}

/** The words of `lockd serve`. */
function lockdWords(directory: string, words: readonly string[], listen = '127.0.0.1:0'): string[] {
  const args = [
    'serve',
    '--listen',
    listen,
    '--directory',
    directory,
    '--json',
    '--log-level',
    'error',
    ...words,
  ];
  return [`${ROOT}bin/lockd.js`, ...args];
}

/** Both greetings have it: the one for people and the one for programs. */
function urlOfGreeting(line: string): string {
  const url = /http:\/\/[\d.]+:\d+/.exec(line)?.[0];
  if (url === undefined) throw new Error(`no address in the greeting: ${line}`);
  return url;
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

const children = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

/** A server does not outlive the bench, even where that ends with an error. */
export function endsWithUs<C extends ChildProcess>(child: C): C {
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

async function startWatched(words: readonly string[]): Promise<WatchedServer> {
  const inside = new URL('./inside.js', import.meta.url).href;
  const child = spawn(process.execPath, ['--expose-gc', '--import', inside, ...words], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const gone = once(child, 'exit').then(() => Promise.reject(new Error('the daemon ended')));
  // It ends some day, with or without a question.
  gone.catch(() => undefined);
  const server = await running(child, words[0] ?? '', urlOfGreeting);
  const ask = async <K extends keyof Inside>(question: K): Promise<Inside[K]> => {
    const answered = once(child, 'message');
    child.send(question);
    const [answer] = await Promise.race([answered, gone]);
    return answer;
  };
  return { ...server, ask };
}

function start(words: readonly string[], urlOf: (line: string) => string): Promise<RunningServer> {
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  return running(child, words[0] ?? '', urlOf);
}

/** Resolves when a process has said where it listens. */
async function running(
  child: ChildProcess,
  name: string,
  urlOf: (line: string) => string,
): Promise<RunningServer> {
  const begun = performance.now();
  const exited = once(endsWithUs(child), 'exit');
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const [line] = await Promise.race([
    once(lines, 'line'),
    exited.then(() => Promise.reject(new Error(`${name} ended before it listened`))),
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
