/** Daemons whose system calls fail, or end them, at the Nth time. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { atLast } from '../at-last.js';
import type { LockdProcess } from '../daemon.js';
import { temporaryDirectory } from '../temporary-directory.js';

export interface Tracing {
  /** System calls that are written down, by comma. */
  readonly trace: string;
  /** What is done to them, as strace's `inject=` says it: `fdatasync:error=EIO:when=3`. */
  readonly inject?: string;
}

/** What runs a daemon under strace, and the calls it made. */
export interface Traced {
  readonly through: readonly string[];
  readonly variables: Readonly<Record<string, string>>;
  /** The lines of strace so far. */
  calls(): string[];
}

/** strace as a grandchild, so that the daemon itself is the child; all waiting calls in one thread, so that N counts them. */
export function traced({ trace, inject }: Tracing): Traced {
  const log = join(temporaryDirectory(), 'strace');
  const expressions = [`trace=${trace}`, ...(inject === undefined ? [] : [`inject=${inject}`])];
  return {
    through: ['strace', '-D', '-f', '-qq', '-o', log, ...expressions.flatMap((text) => ['-e', text])],
    variables: { UV_THREADPOOL_SIZE: '1' },
    calls: () => linesOf(log),
  };
}

function linesOf(log: string): string[] {
  const text = existsSync(log) ? readFileSync(log, 'utf8').trimEnd() : '';
  return text === '' ? [] : text.split('\n');
}

/** Lets strace do something to the system calls of a process that runs already. Resolves once it does. */
export async function attach({ trace, inject }: Required<Tracing>, id: number): Promise<Attached> {
  const log = join(temporaryDirectory(), 'strace');
  const words = ['-f', '-p', String(id), '-o', log, '-e', `trace=${trace}`, '-e', `inject=${inject}`];
  const strace = spawn('strace', words, { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = once(strace, 'close');
  const detach = async () => {
    strace.kill('SIGTERM');
    await ended;
  };
  atLast(detach);
  let said = '';
  await new Promise<void>((resolve, reject) => {
    strace.stderr.on('data', (chunk) => {
      said += chunk;
      if (/attached/.test(said)) resolve();
    });
    void ended.then(() => reject(new Error(`strace ended: ${said}`)));
  });
  const calls = () => linesOf(log);
  return { calls, detach };
}

export interface Attached {
  /** The lines of strace so far, also of a call that has not returned yet. */
  calls(): string[];
  /** The process goes on by itself, at once: also a call that was being delayed. */
  detach(): Promise<void>;
}

/** A daemon whose next flush hangs until `detach`, and longer than any test lasts. Resolves once it would. */
export function hangFlush(daemon: LockdProcess): Promise<Attached> {
  const inject = 'fdatasync:delay_enter=600s:when=1';
  return attach({ trace: 'fdatasync', inject }, daemon.child.pid ?? 0);
}
