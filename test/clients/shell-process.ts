/** Processes of clients/lockd.sh, as a program and as a library of scripts, and any others beside them. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { temporaryDirectory } from '../temporary-directory.js';

export const LOCKD_SH = fileURLToPath(new URL('../../clients/lockd.sh', import.meta.url));

/** The shells of this machine: `sh` is dash on Debian. */
export const SHELLS: readonly (readonly string[])[] = [['sh'], ['bash'], ['busybox', 'sh']].filter(
  ([program]) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0,
);

/** A PATH with the programs of busybox alone, as on Alpine, but for two of which Debian's busybox has less. */
export function busyboxPath(): string {
  const directory = temporaryDirectory();
  for (const applet of execFileSync('busybox', ['--list'], { encoding: 'utf8' }).trim().split('\n'))
    symlinkSync('/bin/busybox', join(directory, applet));
  symlinkSync('/bin/busybox', join(directory, 'busybox'));
  for (const program of ['curl', 'flock', 'sleep']) {
    rmSync(join(directory, program), { force: true });
    symlinkSync(`/usr/bin/${program}`, join(directory, program));
  }
  return directory;
}

const NOWHERE = 'http://127.0.0.1:1';

export interface ShellOptions {
  readonly url?: string;
  readonly variables?: Readonly<Record<string, string>>;
  readonly shell?: readonly string[];
}

export interface Outcome {
  readonly status: number | NodeJS.Signals;
  readonly stdout: string;
  readonly stderr: string;
}

/** A process and what it has written so far. It ends with the test. */
export class Running {
  stdout = '';
  stderr = '';
  readonly child: ChildProcess;
  /** With all that it and its children have written; rejects never. */
  readonly outcome: Promise<Outcome>;
  /** Exit status, or the name of the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;

  constructor([program = '', ...words]: readonly string[], variables: Readonly<Record<string, string>> = {}) {
    const own = Object.entries(process.env).filter(
      ([name]) => !/^(LOCKD_|CI_JOB_ID|GITHUB_RUN_ID|BUILD_TAG)/.test(name),
    );
    this.child = spawn(program, words, { env: { ...Object.fromEntries(own), ...variables }, stdio: 'pipe' });
    this.child.stdout?.on('data', (chunk) => {
      this.stdout += chunk;
    });
    this.child.stderr?.on('data', (chunk) => {
      this.stderr += chunk;
    });
    this.ended = new Promise((resolve) => {
      this.child.once('exit', (status, signal) => resolve(status ?? signal ?? 'SIGKILL'));
    });
    const closed = new Promise((resolve) => this.child.once('close', resolve));
    this.outcome = Promise.all([this.ended, closed]).then(([status]) => ({
      status,
      stdout: this.stdout,
      stderr: this.stderr,
    }));
    onTestFinished(async () => {
      this.child.kill('SIGKILL');
      await this.ended;
    });
  }

  /** Resolves when standard output or error has what `pattern` matches. Rejects if it ends before. */
  wrote(stream: 'stdout' | 'stderr', pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const match = pattern.exec(this[stream]);
        if (match) resolve(match);
      };
      this.child[stream]?.on('data', look);
      look();
      void this.outcome.then((was) =>
        reject(new Error(`it ended without ${pattern}: ${JSON.stringify(was)}`)),
      );
    });
  }
}

/** `sh lockd.sh WORDS`. */
export function startLockdSh(words: readonly string[], options: ShellOptions = {}): Running {
  const { url = NOWHERE, variables = {}, shell = ['sh'] } = options;
  return new Running([...shell, LOCKD_SH, ...words], { LOCKD_URL: url, ...variables });
}

/** A script that has sourced lockd.sh. */
export function startScript(script: string, options: ShellOptions = {}): Running {
  const { url = NOWHERE, variables = {}, shell = ['sh'] } = options;
  return new Running([...shell, '-c', `. '${LOCKD_SH}'\n${script}`], { LOCKD_URL: url, ...variables });
}

export function lockdSh(words: readonly string[], options: ShellOptions = {}): Promise<Outcome> {
  return startLockdSh(words, options).outcome;
}

export function script(text: string, options: ShellOptions = {}): Promise<Outcome> {
  return startScript(text, options).outcome;
}

/** The same on a terminal of its own: what is written to standard input is typed, what is printed is on standard output. */
export function onTerminal(
  words: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Running {
  const typist = [
    'import os, pty, sys',
    'state = pty.spawn(sys.argv[1:])',
    'sys.exit(128 + os.WTERMSIG(state) if os.WIFSIGNALED(state) else os.WEXITSTATUS(state))',
  ];
  return new Running(['python3', '-c', typist.join('\n'), ...words], variables);
}

/** The processes whose command line has this in it. */
export function processesWith(words: string): number[] {
  return processesWhose('cmdline', words);
}

/** Whether a process is one that `ancestor` has started, or one of those has. */
export function descendsFrom(pid: number, ancestor: number | undefined): boolean {
  for (let current = pid; current > 1; current = bornOf(current).parent)
    if (current === ancestor) return true;
  return false;
}

/** The parent of a process, and when it was started, in ticks since the start of the machine; zeros where it is gone. */
export function bornOf(pid: number): { readonly parent: number; readonly start: number } {
  // Behind the name, which may have anything in it: the state, then the parent; 18 further on, the start.
  const fields = readIfThere(pid, 'stat')
    .replace(/^.*\) /s, '')
    .split(' ');
  return { parent: Number(fields[1] ?? 0), start: Number(fields[19] ?? 0) };
}

/** The processes that were started with this in their environment. */
export function processesIn(variable: string): number[] {
  return processesWhose('environ', variable);
}

/** The environments of all processes of that name, each `NAME=VALUE` with a zero byte behind it. */
export function environmentsOf(program: string): string[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && hasText(pid, 'stat', `(${program})`))
    .map((pid) => readIfThere(pid, 'environ'));
}

/** Whether a process has ended; a zombie has. */
export function hasEnded(pid: number): boolean {
  return !hasText(pid, 'stat', '');
}

function processesWhose(file: 'cmdline' | 'environ', text: string): number[] {
  const pids = readdirSync('/proc').map(Number);
  return pids.filter((pid) => pid > 0 && pid !== process.pid && hasText(pid, file, text));
}

function hasText(pid: number, file: 'cmdline' | 'environ' | 'stat', text: string): boolean {
  const state = readIfThere(pid, 'stat').split(') ').at(-1) || 'Z';
  return !state.startsWith('Z') && readIfThere(pid, file).includes(text);
}

/** Empty when the process has ended. */
function readIfThere(pid: number, file: 'cmdline' | 'environ' | 'stat'): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return '';
  }
}

/** Resolves when `isSo` answers true; looks every 10 ms. Rejects after so many milliseconds. */
export async function until(isSo: () => boolean, milliseconds = 25_000): Promise<void> {
  const end = performance.now() + milliseconds;
  while (!isSo()) {
    if (performance.now() > end) throw new Error(`it was not so within ${milliseconds} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
