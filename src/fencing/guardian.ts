/**
 * Sees to it that no fence command outlives the leadership in whose name it runs, also when this daemon is stopped or killed: the
 * next leader, on another machine, runs the command itself, and cannot see the processes of this one. A process beside the daemon
 * is told of every command before it starts, and until when the leadership goes on.
 *
 * It fails when it is itself stopped or killed at the same time as the daemon. When it alone is, the daemon ends all commands.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { FenceLock } from './fence-lock.js';
import { type Answer, later, now, type Word } from './guardian-words.js';
import { startOf } from './processes.js';
import { Remains } from './remains.js';

/** The built one also where this is run from its source. */
const PROGRAM = new URL('../../dist/fencing/guardian-process.js', import.meta.url);

/** Milliseconds between two words that the leadership goes on: it may be renewed at the last moment. */
const BEAT_MS = 100;

/** So many beats in a row without an answer, and the guardian counts as stopped. Beats, for those that a stopped daemon left out. */
const MAX_SILENT_BEATS = 30;

/** Milliseconds that the guardian of an earlier daemon, or of this one's last term, has for its work before it is ended. */
const EARLIER_MS = 5_000;

/** Milliseconds that one which is not needed any more has to end by itself. */
const CLOSE_MS = 2_000;

export interface GuardianOptions {
  /** The file which it has locked while it lives. */
  readonly path: string;
  /** Milliseconds for which the leadership goes on, if nothing more is heard. */
  readonly left: () => number;
  /** It is of no use any more, and what it watched must be ended; then it is to be closed. Not called after `close`. */
  readonly onLost: (error: Error) => void;
}

/** What a runner of commands asks of it. */
export interface Guardian {
  /** Resolves when a command for `token`, which will have the kernel lock on `path`, may be started; rejects where not. */
  watch(token: number, path: string): Promise<void>;
  /** To be called in the turn that started it, with its process group. */
  started(token: number, group: number): void;
  /** Nothing of it is alive any more. */
  gone(token: number): void;
  /** To be called when nothing runs any more; resolves when it has ended. */
  close(): Promise<void>;
}

/** Resolves when the process is there and has answered; rejects where it cannot be started. */
export async function startGuardian(options: GuardianOptions): Promise<Guardian> {
  const lock = FenceLock.open(options.path);
  try {
    await takeFromEarlier(lock);
    const guardian = new GuardianProcess(lock, options);
    try {
      await guardian.begun;
      return guardian;
    } catch (error) {
      await guardian.close();
      throw error;
    }
  } finally {
    lock.close();
  }
}

/** Resolves when no guardian that an earlier daemon has left is at work any more. */
export async function earlierGuardianGone(path: string): Promise<void> {
  const lock = FenceLock.open(path);
  try {
    await takeFromEarlier(lock);
  } finally {
    lock.close();
  }
}

/** An earlier one would take us for what it has to end. What it leaves undone is for us to do. */
async function takeFromEarlier(lock: FenceLock): Promise<void> {
  const earlier = new Remains(0, lock, undefined);
  if (!(await earlier.gone(AbortSignal.timeout(EARLIER_MS)))) await earlier.end(0);
}

/** What a word is about, beside that the leadership goes on. */
type Matter = Omit<Word, 'number' | 'until'>;

class GuardianProcess implements Guardian {
  readonly begun: Promise<void>;
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  readonly #beat: NodeJS.Timeout;
  readonly #unanswered = new Map<number, { resolve(): void; reject(error: Error): void }>();
  #number = 0;
  #silentBeats = 0;
  #isClosed = false;
  #lost: Error | undefined;

  constructor(
    lock: FenceLock,
    private readonly options: GuardianOptions,
  ) {
    this.#child = fork(PROGRAM, [], {
      // A session of its own: what ends the daemon from its terminal must not end this one.
      detached: true,
      stdio: ['ignore', 'ignore', 'ignore', 'ipc', lock.descriptor],
      cwd: '/',
      // For flock.
      env: { PATH: process.env.PATH },
      execArgv: [],
    });
    this.#beat = setInterval(() => this.#sayItGoesOn(), BEAT_MS);
    this.#exited = new Promise((resolve) => {
      const end = (how: string) => {
        clearInterval(this.#beat);
        this.#lose(new Error(`the guardian of fence commands is gone (${how})`));
        resolve();
      };
      this.#child.once('exit', (status, signal) => end(signal ?? `exit ${status}`));
      this.#child.on('error', (error) => {
        if (this.#child.pid === undefined) end(error.message);
      });
    });
    this.#child.on('message', (answer: Answer) => this.#hear(answer));
    this.begun = this.#tell({});
  }

  watch(token: number, path: string): Promise<void> {
    return this.#tell({ watch: { token, path } });
  }

  started(token: number, group: number): void {
    this.#say({ started: { token, group, start: startOf(group) } });
  }

  gone(token: number): void {
    this.#say({ gone: token });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#beat);
    this.#say({ isDone: true });
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), CLOSE_MS);
    await this.#exited;
    clearTimeout(timer);
  }

  #sayItGoesOn(): void {
    this.#silentBeats += 1;
    if (this.#silentBeats <= MAX_SILENT_BEATS) {
      this.#say({});
      return;
    }
    this.#lose(new Error('the guardian of fence commands does not answer any more'));
    this.#child.kill('SIGKILL');
  }

  #hear({ number, isTimeUp }: Answer): void {
    this.#silentBeats = 0;
    // Also where it was renewed too late for the guardian: it has begun to kill, and cannot be told otherwise.
    if (isTimeUp) this.#lose(new Error('the leadership ran out'));
    this.#unanswered.get(number)?.resolve();
    this.#unanswered.delete(number);
  }

  #lose(error: Error): void {
    if (this.#lost) return;
    this.#lost = error;
    for (const { reject } of this.#unanswered.values()) reject(error);
    this.#unanswered.clear();
    if (!this.#isClosed) this.options.onLost(error);
  }

  #tell(word: Matter): Promise<void> {
    if (this.#lost) return Promise.reject(this.#lost);
    return new Promise((resolve, reject) => this.#unanswered.set(this.#say(word), { resolve, reject }));
  }

  /** Answers the number of the word. */
  #say(matter: Matter): number {
    const number = ++this.#number;
    // The clocks are read before: whoever is stopped in between must not have it longer for that.
    const before = now();
    const until = later(before, this.options.left());
    // Where it cannot be told, its end is heard of.
    if (this.#child.connected) this.#child.send({ number, until, ...matter } satisfies Word, () => undefined);
    return number;
  }
}
