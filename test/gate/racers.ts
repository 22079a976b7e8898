/** What races for one gate: programs that pass with one token after the other, and command lines with one token each. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { startGate } from './gates.js';
import { COMMAND } from './log.js';

/** How a try ended: an exit status, or the signal that ended the gate. */
export type Outcome = number | NodeJS.Signals;

export interface Racer {
  /** Tries to pass with this token, and to run the command. */
  pass(token: string): Promise<Outcome>;
  /** Ends the gate at once, where one is running; the next try begins anew. */
  kill(): void;
}

const path = (name: string) => fileURLToPath(new URL(`./${name}`, import.meta.url));

/** The programs: the gate of lockd itself, that of lockd.py and that of lockd.sh, each within a process that lives on. */
export const PROGRAMS = {
  lockd: [process.execPath, path('racer.js')],
  'lockd.py': ['python3', path('racer.py')],
  'lockd.sh': ['sh', path('racer.sh')],
} as const;

interface Running {
  readonly child: ChildProcess;
  tell(outcome: Outcome): void;
}

/** A program that is given its tokens by and by; tells on standard output how each try ended. */
export class Program implements Racer {
  #running: Running | undefined;

  constructor(
    private readonly words: readonly string[],
    private readonly file: string,
    private readonly log: string,
  ) {
    onTestFinished(() => this.kill());
  }

  async pass(token: string): Promise<Outcome> {
    this.#running ??= this.#start();
    const running = this.#running;
    const outcome = new Promise<Outcome>((resolve) => {
      running.tell = resolve;
    });
    running.child.stdin?.write(`${token}\n`);
    return outcome;
  }

  kill(): void {
    this.#running?.child.kill('SIGKILL');
  }

  #start(): Running {
    const [program = '', ...rest] = this.words;
    const child = spawn(program, [...rest, this.file, this.log, COMMAND], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    const running: Running = { child, tell: () => undefined };
    // It was killed: its end is told below.
    child.stdin.on('error', () => undefined);
    createInterface({ input: child.stdout }).on('line', (line) => running.tell(Number(line)));
    child.on('exit', (status, signal) => {
      this.#running = undefined;
      running.tell(signal ?? status ?? 'SIGKILL');
    });
    return running;
  }
}

/** A command line, started anew for each token. */
export class CommandLine implements Racer {
  #running: ChildProcess | undefined;

  constructor(
    private readonly words: readonly string[],
    private readonly file: string,
    private readonly log: string,
  ) {}

  async pass(token: string): Promise<Outcome> {
    const { child, outcome } = startGate(
      this.words,
      this.file,
      token,
      '--',
      'sh',
      '-c',
      COMMAND,
      this.log,
      token,
    );
    this.#running = child;
    // Not until all is written: a command whose gate is dead goes on.
    return (await outcome).status;
  }

  kill(): void {
    this.#running?.kill('SIGKILL');
  }
}
