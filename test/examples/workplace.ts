/**
 * A place to run the files of `examples/` in as they stand there: a directory of its own, the real `lockd` and stand-ins
 * for what else they call on the PATH, and a daemon at LOCKD_URL.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { storyOf } from '../crash/caller.js';
import { temporaryDirectory } from '../temporary-directory.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** The path of an example. */
export function example(name: string): string {
  return join(ROOT, 'examples', name);
}

export function exampleText(name: string): string {
  return readFileSync(example(name), 'utf8');
}

export type Variables = Readonly<Record<string, string>>;

/** How long an example may take, in milliseconds: what hangs is a failure of its own. */
const PATIENCE_MS = 25_000;

export class Workplace {
  readonly directory = temporaryDirectory();
  readonly bin = join(this.directory, 'bin');

  /** `url`: where the daemon is; may be set later, for a daemon that needs a program of this place. */
  constructor(public url = '') {
    mkdirSync(this.bin);
    symlinkSync(join(ROOT, 'bin/lockd.js'), join(this.bin, 'lockd'));
  }

  /** The environment of what runs here. */
  environment(more: Variables = {}): Record<string, string | undefined> {
    const own = Object.entries(process.env).filter(([name]) => !name.startsWith('LOCKD_'));
    const path = `${this.bin}:${process.env.PATH}`;
    return { ...Object.fromEntries(own), PATH: path, LOCKD_URL: this.url, NO_COLOR: '1', ...more };
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8');
  }

  /** A program that can be called by its name. */
  program(name: string, script: string): void {
    this.#script(join(this.bin, name), script);
  }

  /** A program in the directory itself, called as `./NAME`. */
  localProgram(name: string, script: string): void {
    this.#script(this.path(name), script);
  }

  #script(path: string, script: string): void {
    writeFileSync(path, script.startsWith('#!') ? script : `#!/bin/sh\n${script}\n`);
    chmodSync(path, 0o755);
  }

  /** Runs it to its end. */
  run(words: readonly string[], variables: Variables = {}) {
    const [program = '', ...rest] = words;
    const { status, stdout, stderr } = spawnSync(program, rest, {
      cwd: this.directory,
      env: this.environment(variables),
      encoding: 'utf8',
      timeout: PATIENCE_MS,
      killSignal: 'SIGKILL',
    });
    return { status, stdout, stderr };
  }

  /** Starts it; it is killed with all that it has started when the test ends. */
  start(words: readonly string[], variables: Variables = {}): Host {
    return new Host(this, words, variables);
  }

  /** What happened to a resource, as `EVENT CLIENT`. */
  story(resource: string): Promise<string[]> {
    return storyOf(this.url, resource);
  }
}

/** What was started together, as if it were a machine of its own: it can be paused and switched off as a whole. */
export class Host {
  stderr = '';
  readonly child: ChildProcess;
  readonly ended: Promise<number | NodeJS.Signals | null>;
  /** The first line of its standard output; rejects when it ends without one. */
  readonly firstLine: Promise<string>;
  /** Stands in the environment of every process of this machine. */
  readonly mark = `TEST_HOST=${Math.random().toString(36).slice(2)}`;

  constructor(place: Workplace, [program = '', ...rest]: readonly string[], variables: Variables) {
    const [name = '', value = ''] = this.mark.split('=');
    this.child = spawn(program, rest, {
      cwd: place.directory,
      env: place.environment({ ...variables, [name]: value }),
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    this.child.stderr?.on('data', (chunk) => {
      this.stderr += chunk;
    });
    this.ended = new Promise((resolve) =>
      this.child.once('exit', (status, signal) => resolve(status ?? signal)),
    );
    let stdout = '';
    this.firstLine = new Promise((resolve, reject) => {
      this.child.stdout?.on('data', (chunk) => {
        stdout += chunk;
        if (stdout.includes('\n')) resolve(stdout.slice(0, stdout.indexOf('\n')));
      });
      this.child.once('close', () => reject(new Error(`it ended without a line: ${this.stderr}`)));
    });
    // Few ask for it.
    this.firstLine.catch(() => undefined);
    onTestFinished(() => this.signal('SIGKILL'));
  }

  signal(signal: NodeJS.Signals): void {
    for (const id of this.#processes()) {
      try {
        process.kill(id, signal);
      } catch {
        // It has ended meanwhile.
      }
    }
  }

  #processes(): number[] {
    const ids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    return ids.map(Number).filter((id) => {
      try {
        return readFileSync(`/proc/${id}/environ`, 'utf8').split('\0').includes(this.mark);
      } catch {
        return false;
      }
    });
  }
}
