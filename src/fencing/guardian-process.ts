/**
 * The process of a guardian. It is told what runs, and until when it may; when that moment comes, or the daemon is gone, it kills
 * all of it. A daemon that lives does the same at that moment, and looks after the rest: so only the runs themselves are killed
 * then. One that is not heard of any more does not; then everything is killed that has the lock of a run, which may be the daemon:
 * it was stopped in the very step that starts a command, and would start it on waking.
 *
 * It ends with the daemon, or when the daemon has no more use for it.
 */
import { FenceLock } from './fence-lock.js';
import { type Answer, type Moment, millisecondsTo, now, type Word } from './guardian-words.js';
import { startOf } from './processes.js';
import { Remains } from './remains.js';

/** Milliseconds between two looks at the clocks, at most: a machine that slept finds its timers as they were. */
const LOOK_MS = 50;

/** Milliseconds after which a daemon that says nothing does nothing: several times what lies between two words. */
const SILENCE_MS = 500;

/** Something that may run. */
class Run {
  #group: number | undefined;
  #start: string | undefined;

  constructor(
    private readonly token: number,
    private readonly lock: FenceLock,
  ) {}

  started(group: number, start: string | undefined): void {
    this.#group = group;
    this.#start = start;
  }

  /** In the very step of the call. */
  killGroup(): void {
    const group = this.#groupIfSame();
    if (group === undefined) return;
    try {
      process.kill(-group, 'SIGKILL');
    } catch {
      // Nothing of it is alive.
    }
  }

  /** Kills also what is in other groups, where it shows that it is a run's. */
  async kill(): Promise<void> {
    await this.#remains().kill();
  }

  /** Kills all that has the lock. Resolves when nothing is alive, or cannot be ended. */
  async end(): Promise<void> {
    // What withstands SIGKILL is told by the next daemon, which has a voice.
    await this.#remains()
      .end(0)
      .catch(() => undefined);
  }

  close(): void {
    this.lock.close();
  }

  #remains(): Remains {
    return new Remains(this.token, this.lock, this.#groupIfSame());
  }

  /** Its number may be another's by now: then the leader of the group is not the one that was started. */
  #groupIfSame(): number | undefined {
    if (this.#group === undefined) return undefined;
    const start = startOf(this.#group);
    return start === undefined || start === this.#start ? this.#group : undefined;
  }
}

class Guard {
  readonly #runs = new Map<number, Run>();
  #until: Moment | undefined;
  #heard = now();
  #isTimeUp = false;
  #isSilenceMet = false;

  obey({ number, until, watch, started, gone }: Word): Answer {
    this.#heard = now();
    this.#until = until;
    // First of all: what was said is as old as it may be.
    this.look();
    if (watch) this.#watch(watch.token, watch.path);
    if (started) this.#started(started.token, started.group, started.start);
    if (gone !== undefined) this.#forget(gone);
    return { number, isTimeUp: this.#isTimeUp };
  }

  /** Milliseconds until there may be something to do. */
  get pause(): number {
    return this.#isTimeUp || !this.#until ? LOOK_MS : Math.min(LOOK_MS, millisecondsTo(this.#until));
  }

  look(): void {
    if (!this.#until || (!this.#isTimeUp && millisecondsTo(this.#until) > 0)) return;
    if (!this.#isTimeUp) {
      this.#isTimeUp = true;
      this.#killGroups();
      for (const run of this.#runs.values()) void run.kill();
    }
    if (this.#isSilenceMet || now().monotonic - this.#heard.monotonic < SILENCE_MS) return;
    this.#isSilenceMet = true;
    void this.#endAll();
  }

  /** The daemon is gone. */
  async close(): Promise<void> {
    this.#isTimeUp = true;
    this.#killGroups();
    await this.#endAll();
  }

  #watch(token: number, path: string): void {
    if (this.#isTimeUp) return;
    // Anew each time: the file may have been removed in between, and what an earlier command had is over.
    this.#forget(token);
    this.#runs.set(token, new Run(token, FenceLock.open(path)));
  }

  #started(token: number, group: number, start: string | undefined): void {
    const run = this.#runs.get(token);
    run?.started(group, start);
    if (this.#isTimeUp) run?.killGroup();
  }

  #forget(token: number): void {
    this.#runs.get(token)?.close();
    this.#runs.delete(token);
  }

  #killGroups(): void {
    for (const run of this.#runs.values()) run.killGroup();
  }

  async #endAll(): Promise<void> {
    await Promise.all([...this.#runs.values()].map((run) => run.end()));
  }
}

const guard = new Guard();

/** What was said while this process was kept waiting is heard before it looks. */
function lookLater(): void {
  setTimeout(
    () =>
      setImmediate(() => {
        guard.look();
        lookLater();
      }),
    guard.pause,
  );
}

// It ends when nothing is left to be guarded, and not because everybody is told to.
for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(name, () => undefined);
process.on('message', (word: Word) => {
  if (word.isDone) process.exit();
  const answer = guard.obey(word);
  // Should the daemon be gone, that is heard in a moment.
  process.send?.(answer, undefined, undefined, () => undefined);
});
process.on('disconnect', () => void guard.close().finally(() => process.exit()));
lookLater();
