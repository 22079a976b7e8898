/** Python processes that use clients/lockd.py: as a module from a script, or as a command. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

const CLIENTS = fileURLToPath(new URL('../../clients', import.meta.url));

/** The Python to test with: another one is named by LOCKD_TEST_PYTHON. */
const PYTHON = process.env.LOCKD_TEST_PYTHON || 'python3';

type Variables = Readonly<Record<string, string>>;

/** A process and what it has written so far. It ends with the test, and so does all that it has started. */
export class PythonProcess {
  stdout = '';
  stderr = '';
  readonly child: ChildProcess;
  /** Exit status, or the name of the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** Nobody writes any more, its children included. */
  readonly closed: Promise<void>;

  constructor(words: readonly string[], variables: Variables = {}) {
    const own = Object.entries(process.env).filter(
      ([name]) => !/^(LOCKD_|CI_JOB_ID|GITHUB_RUN_ID|BUILD_TAG)/.test(name),
    );
    const env = {
      ...Object.fromEntries(own),
      PYTHONPATH: CLIENTS,
      PYTHONDONTWRITEBYTECODE: '1',
      ...variables,
    };
    this.child = spawn(PYTHON, words, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.child.stdout?.on('data', (chunk) => {
      this.stdout += chunk;
    });
    this.child.stderr?.on('data', (chunk) => {
      this.stderr += chunk;
    });
    this.ended = new Promise((resolve) => {
      this.child.once('exit', (status, signal) => resolve(status ?? signal ?? 'SIGKILL'));
    });
    this.closed = new Promise((resolve) => this.child.once('close', () => resolve()));
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
        return match !== null;
      };
      this.child[stream]?.on('data', look);
      if (look()) return;
      this.child.once('close', () => {
        if (!look()) reject(new Error(`it ended without ${pattern}: ${this.stdout}${this.stderr}`));
      });
    });
  }
}

/** Starts a script that finds `lockd` as a module. */
export function startScript(script: string, url: string, variables: Variables = {}): PythonProcess {
  return new PythonProcess(['-c', script], { LOCKD_URL: url, ...variables });
}

/** Starts `lockd.py` as a command. */
export function startLockdPy(
  words: readonly string[],
  url: string,
  variables: Variables = {},
): PythonProcess {
  return new PythonProcess([`${CLIENTS}/lockd.py`, ...words], { LOCKD_URL: url, ...variables });
}

/** The outcome of a process that has come to its end, with all that it wrote. */
export async function outcome(started: PythonProcess) {
  const status = await started.ended;
  await started.closed;
  return { status, stdout: started.stdout, stderr: started.stderr };
}

export function script(text: string, url: string, variables: Variables = {}) {
  return outcome(startScript(text, url, variables));
}

export function lockdPy(words: readonly string[], url: string, variables: Variables = {}) {
  return outcome(startLockdPy(words, url, variables));
}
