/** Real processes of `lockd`, as `npm run build` made it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { temporaryDirectory } from './world.js';

const LOCKD = fileURLToPath(new URL('../../bin/lockd.js', import.meta.url));

/** The variables of this process, without those that lockd would read. */
function environment(more: Record<string, string>): Record<string, string | undefined> {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('LOCKD_'));
  return { ...Object.fromEntries(own), ...more };
}

/** A process and what it has written so far. */
export class LockdProcess {
  stdout = '';
  stderr = '';
  readonly child: ChildProcess;
  /** Exit status, or the name of the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;

  constructor(words: readonly string[], variables: Record<string, string> = {}) {
    this.child = spawn(process.execPath, [LOCKD, ...words], {
      env: environment(variables),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.on('data', (chunk) => {
      this.stdout += chunk;
    });
    this.child.stderr?.on('data', (chunk) => {
      this.stderr += chunk;
    });
    this.ended = new Promise((resolve) => {
      this.child.once('close', (status, signal) => resolve(status ?? signal ?? 'SIGKILL'));
    });
    onTestFinished(async () => {
      this.child.kill('SIGKILL');
      await this.ended;
    });
  }

  /** Resolves when standard output or error has what `pattern` matches, with the match. Rejects if it ends before. */
  async wrote(stream: 'stdout' | 'stderr', pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const match = pattern.exec(this[stream]);
        if (match) resolve(match);
      };
      this.child[stream]?.on('data', look);
      look();
      void this.ended.then((status) =>
        reject(new Error(`it ended with ${status}: ${this.stdout}${this.stderr}`)),
      );
    });
  }

  /** The records of its log so far. */
  get records(): Record<string, unknown>[] {
    const lines = this.stderr.split('\n').filter((line) => line !== '');
    return lines.map((line) => JSON.parse(line));
  }
}

/** A daemon of its own on a free port, ready to be called. */
export async function serve(words: readonly string[] = [], directory = temporaryDirectory()) {
  const daemon = new LockdProcess(['serve', '--listen', '127.0.0.1:0', '--directory', directory, ...words]);
  const [url] = await daemon.wrote('stdout', /http:\/\/127\.0\.0\.1:\d+/);
  return { daemon, url, directory };
}

/** Runs a command line to its end. */
export async function lockd(words: readonly string[], variables: Record<string, string> = {}) {
  const ran = new LockdProcess(words, variables);
  const status = await ran.ended;
  return { status, stdout: ran.stdout, stderr: ran.stderr };
}
