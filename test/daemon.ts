/** Real processes of `lockd`, as `npm run build` made it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { atLast } from './at-last.js';
import { ROOT } from './root.js';
import { temporaryDirectory } from './temporary-directory.js';

const LOCKD = join(ROOT, 'bin/lockd.js');

export interface Surroundings {
  /** Where it listens instead of on a port that the system chooses: for a daemon that comes back there (steady-address.ts). */
  readonly address?: string;
  /** More variables of the environment. */
  readonly variables?: Readonly<Record<string, string>>;
  /** A command line that runs the one behind it in its own place, such as `setpriv --reuid 1000`. */
  readonly through?: readonly string[];
  /** Another program than `lockd`. */
  readonly script?: string;
}

/** The variables of this process, without those that lockd would read. */
function environment(more: Readonly<Record<string, string>>): Record<string, string | undefined> {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('LOCKD_'));
  return { ...Object.fromEntries(own), ...more };
}

/** A process and what it has written so far. It ends with the test or the experiment. */
export class LockdProcess {
  stdout = '';
  stderr = '';
  readonly child: ChildProcess;
  /** Exit status, or the name of the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;

  constructor(words: readonly string[], { variables = {}, through = [], script = LOCKD }: Surroundings = {}) {
    const [program = '', ...rest] = [...through, process.execPath, script, ...words];
    this.child = spawn(program, rest, {
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
    atLast(() => this.kill());
  }

  /** Ends it at once, if it has not ended yet. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
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

  /** The records of its log so far; not one of which only a part has come. */
  get records(): Record<string, unknown>[] {
    const lines = this.stderr.split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line));
  }
}

/** A daemon that listens. */
export interface RunningDaemon {
  readonly daemon: LockdProcess;
  readonly url: string;
  readonly directory: string;
}

/** A daemon of its own on a free port, ready to be called. */
export async function serve(
  words: readonly string[] = [],
  directory = temporaryDirectory(),
  surroundings: Surroundings = {},
): Promise<RunningDaemon> {
  return listening(startServe(words, directory, surroundings), directory);
}

/** The same, not yet ready. */
export function startServe(
  words: readonly string[],
  directory: string,
  surroundings: Surroundings = {},
): LockdProcess {
  const { address = '127.0.0.1:0' } = surroundings;
  return new LockdProcess(['serve', '--listen', address, '--directory', directory, ...words], surroundings);
}

const SMALL_SEGMENTS = join(ROOT, 'test/crash/small-segments.js');

/** A daemon whose journal segments have `bytes`, so that it begins new ones all the time. Not yet ready. */
export function startSmallSegments(bytes: number, directory: string, surroundings: Surroundings = {}) {
  return new LockdProcess([directory, String(bytes)], { ...surroundings, script: SMALL_SEGMENTS });
}

/** Resolves when a daemon that was started on `directory` listens. */
export async function listening(daemon: LockdProcess, directory: string): Promise<RunningDaemon> {
  const [url] = await daemon.wrote('stdout', /https?:\/\/127\.0\.0\.1:\d+/);
  return { daemon, url, directory };
}

/** Runs a command line to its end. */
export async function lockd(words: readonly string[], variables: Record<string, string> = {}) {
  const ran = new LockdProcess(words, { variables });
  const status = await ran.ended;
  return { status, stdout: ran.stdout, stderr: ran.stderr };
}
