/**
 * Turns: commands queue up; a turn takes all that wait, reads the clock once, decides them one after another against the
 * table, commits all changes at once, gives the lock files their names, and answers. While a commit is in flight the next
 * turn fills up: that is the group commit, and why there is no lock in the code. Nothing is answered that is not saved.
 */
import type { Answers, Command, Now } from '../core/commands.js';
import { type Decision, decide } from '../core/decide.js';
import { Refusal, type Refused } from '../core/refusals.js';
import type { LockTable } from '../core/table.js';
import { errorCode } from '../disk/disk.js';
import type { ForeignLock } from '../lock-files/foreign.js';
import type { LockFiles } from '../lock-files/lock-files.js';
import { Stopped, type Store } from '../store/port.js';
import { Chores } from './chores.js';
import type { Clock } from './clock.js';
import { type Draft, emptyDraft, freesOnly, type Pending, undo, unreadableFiles } from './draft.js';

/** Milliseconds that chores may take at a time: little where commands wait, so that nobody notices them. */
const CHORE_SLICE_MS = 5;
const CHORE_SLICE_BESIDE_COMMANDS_MS = 0.2;

export interface TurnsOptions {
  readonly table: LockTable;
  readonly store: Store;
  readonly lockFiles: LockFiles;
  readonly clock: Clock;
  /** For the text of a refusal: where there is no space. */
  readonly directory: string;
  /** Called once, when nobody can be answered any more. */
  readonly onStopped: (error: Stopped) => void;
}

/** What has happened since the start. */
export interface Counts {
  grants: number;
  refusals: number;
  lost: number;
}

export class Turns {
  readonly counts: Counts = { grants: 0, refusals: 0, lost: 0 };
  #queue: Pending[] = [];
  readonly #chores = new Chores();
  #isRunning = false;
  #isClosed = false;
  #stopped: Stopped | undefined;
  /** The turn that is saved and will be answered as soon as the next one is being flushed. */
  #saved: Draft | undefined;
  /** The resources that the commit in flight changes. */
  #inFlight: ReadonlySet<string> | undefined;
  #whenIdle: (() => void)[] = [];
  #storageProblem: string | undefined;

  constructor(private readonly options: TurnsOptions) {}

  /** Queues a command for the next turn. Rejects with `Refusal`, `BadParameter`, or `Stopped`. */
  submit<C extends Command>(command: C): Promise<Answers[C['kind']]> {
    if (this.#stopped) return Promise.reject(this.#stopped);
    if (this.#isClosed) return Promise.reject(stopping());
    return new Promise((resolve, reject) => {
      const pending: Pending = {
        command,
        resolve: (answer) => resolve(answer as Answers[C['kind']]),
        reject,
      };
      if (command.kind === 'status' && this.#inFlight && !this.#isBeingChanged(command.resource)) {
        void this.#answerUnchanged([pending]);
        return;
      }
      this.#queue.push(pending);
      this.#wake();
    });
  }

  /**
   * Queues what a foreign lock file claims. Resolves when its file is out of the way: true if it is a lock now, false if
   * the resource was taken. What nobody can read stays where it is and locks its resource.
   */
  adopt(lock: ForeignLock): Promise<boolean> {
    if (this.#stopped) return Promise.reject(this.#stopped);
    if (this.#isClosed) return Promise.reject(stopping());
    return new Promise((resolve, reject) => {
      const pending = this.#adoption(lock, { resolve: (answer) => resolve(answer === true), reject });
      if (!pending) return resolve(true);
      this.#queue.push(pending);
      this.#wake();
    });
  }

  /**
   * Runs `steps` in slices between turns, when no commit is in flight. Resolves when all are done or the turns have ended,
   * rejects with an error of the disk.
   */
  chore(steps: Iterator<void>): Promise<void> {
    const done = this.#chores.add(steps);
    this.#wake();
    return done;
  }

  /** What an operator should know: why the last change could not be saved. */
  get problems(): readonly string[] {
    return this.#storageProblem === undefined ? [] : [`A change was refused: ${this.#storageProblem}`];
  }

  /** The disk was seen to take something again. */
  forgetProblems(): void {
    this.#storageProblem = undefined;
  }

  /** Whether the commit in flight or a command that waits concerns the resource: who asks later must see it. */
  #isBeingChanged(resource: string): boolean {
    if (this.#inFlight?.has(resource)) return true;
    return this.#queue.some(({ command }) => 'resource' in command && command.resource === resource);
  }

  /** Takes no more commands; resolves when those that wait are answered. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (!this.#isRunning) return;
    await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }

  #wake(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    // What else this round of the event loop reads from the sockets comes into the same turn.
    setImmediate(() => void this.#run());
  }

  async #run(): Promise<void> {
    try {
      while (!this.#stopped && (this.#queue.length > 0 || (this.#chores.count > 0 && !this.#isClosed))) {
        if (this.#queue.length > 0) await this.#turn();
        if (this.#queue.length === 0) this.#answerSaved();
        if (this.#chores.count > 0) await this.#doChores();
      }
    } catch (error) {
      this.#stop(error);
    }
    this.#isRunning = false;
    if (this.#isClosed || this.#stopped) this.#chores.giveUp();
    for (const idle of this.#whenIdle.splice(0)) idle();
  }

  async #turn(): Promise<void> {
    const waiting = this.#queue;
    this.#queue = [];
    try {
      // Deciding may touch lock files (a stale one in the way of a lock is removed), which only the owner may.
      await this.options.store.confirm();
      const draft = this.#draft(waiting);
      if (draft.changes.length === 0) return await this.#settleUnchanged(draft);
      const saving = this.#save(draft);
      // The turn before is answered while this one is flushed.
      this.#answerSaved();
      const problem = await saving;
      if (problem) await this.#answerOneByOne(waiting, problem);
      else this.#saved = draft;
    } catch (error) {
      const stopped = this.#stop(error);
      for (const pending of waiting) pending.reject(stopped);
    }
  }

  /** Decides `waiting` in order, as many as fit into a turn; the rest goes back to the head of the queue. */
  #draft(waiting: Pending[]): Draft {
    const draft = emptyDraft();
    const now = this.#now();
    for (let index = 0; index < waiting.length; index += 1) {
      if (draft.changes.length >= this.options.store.limits.changesPerTurn) {
        this.#queue = [...waiting.splice(index), ...this.#queue];
        break;
      }
      const pending = waiting[index] as Pending;
      if (pending.files && !this.options.lockFiles.areThere(pending.files)) {
        // Adopted by a request in the meantime, and perhaps unlocked again: the claim is used up.
        draft.decisions.push({ pending, decision: { answer: false, changes: [] } });
        continue;
      }
      const refused = this.#adoptInTheWay(pending.command, draft, now);
      if (refused) draft.decisions.push({ pending, decision: refused });
      else this.#decide(pending, draft, now);
    }
    return draft;
  }

  #decide(pending: Pending, draft: Draft, now: Now): void {
    const decision = decide(this.options.table, pending.command, now);
    draft.decisions.push({ pending, decision });
    if (!('changes' in decision)) return;
    for (const change of decision.changes) {
      draft.undos.push(this.options.table.apply(change));
      draft.changes.push(change);
    }
    if (pending.command.kind !== 'adopt') return;
    // Where the resource was taken meanwhile, the file of that name is our own by now.
    const own = decision.answer === true ? undefined : this.options.lockFiles.path(pending.command.resource);
    const files = (pending.files ?? []).filter((file) => file !== own);
    if (files.length > 0) draft.adopted.push({ resource: pending.command.resource, files });
  }

  /**
   * A foreign file where a lock file would be made: it is a lock first, and the request meets it. Answers a refusal where
   * the disk does not let us look.
   */
  #adoptInTheWay(command: Command, draft: Draft, now: Now): Refused | undefined {
    if (command.kind !== 'lock' || this.options.table.has(command.resource)) return undefined;
    let foreign: ForeignLock | undefined;
    try {
      foreign = this.options.lockFiles.look(command.resource);
    } catch (error) {
      if (errorCode(error) === undefined) throw error;
      return this.#storageFull((error as Error).message);
    }
    const ignore = { resolve: () => undefined, reject: () => undefined };
    const pending = foreign && this.#adoption(foreign, ignore);
    if (pending) this.#decide(pending, draft, now);
    return undefined;
  }

  /**
   * The command that makes a foreign file a lock; none where nobody can tell whose, which locks without a record until
   * `forceUnlock`, whatever its file says later.
   */
  #adoption(lock: ForeignLock, promise: Pick<Pending, 'resolve' | 'reject'>): Pending | undefined {
    const { resource, files, claim } = lock;
    const { table, lockFiles } = this.options;
    if (!claim || table.unreadable(resource)) {
      if (!table.has(resource) && lockFiles.areThere(files))
        table.load({ kind: 'unreadable', resource, files });
      return undefined;
    }
    return { command: { kind: 'adopt', resource, ...claim, file: files.join(', ') }, files, ...promise };
  }

  /** Saves a draft. Answers the problem where it is certain that nothing was saved; then all of it is undone. */
  async #save(draft: Draft): Promise<Refused | undefined> {
    const onlyFrees = freesOnly(draft);
    const { table, store, lockFiles } = this.options;
    const touched = new Set(draft.changes.map((change) => change.resource));
    let prepared: ReturnType<LockFiles['prepare']>;
    try {
      prepared = lockFiles.prepare(touched, table, unreadableFiles(draft), onlyFrees);
    } catch (error) {
      if (errorCode(error) === undefined) throw error;
      undo(draft);
      return this.#storageFull(errorCode(error) === 'ENOSPC' ? undefined : (error as Error).message);
    }
    // Not awaited for nothing: up to the flush of the store all of this is one step.
    if (lockFiles.hasMovedNames) await lockFiles.flush();
    this.#inFlight = touched;
    const outcome = await store.commit({ changes: draft.changes, nextToken: table.nextToken }, { onlyFrees });
    this.#inFlight = undefined;
    if (!outcome.saved) {
      lockFiles.abandon(prepared);
      undo(draft);
      await lockFiles.flush();
      return this.#storageFull(outcome.problem);
    }
    this.forgetProblems();
    for (const { resource, files } of draft.adopted) lockFiles.setAside(resource, files);
    lockFiles.apply(prepared);
    await lockFiles.flush();
    return undefined;
  }

  /** Answers the turn that is saved and not yet answered, if there is one. */
  #answerSaved(): void {
    const draft = this.#saved;
    this.#saved = undefined;
    if (draft) this.#settle(draft);
  }

  /** Answers a turn that changed nothing, when it is certain that we may; sockets are read before the next one. */
  async #settleUnchanged(draft: Draft): Promise<void> {
    this.#answerSaved();
    await this.options.store.confirm();
    for (const { resource, files } of draft.adopted) this.options.lockFiles.setAside(resource, files);
    await this.options.lockFiles.flush();
    this.#settle(draft);
    await new Promise((resolve) => setImmediate(resolve));
  }

  #settle(draft: Draft): void {
    for (const { event } of draft.changes) {
      if (event === 'granted') this.counts.grants += 1;
      if (event === 'forced') this.counts.lost += 1;
    }
    for (const { pending, decision } of draft.decisions) this.#answer(pending, decision);
  }

  /**
   * After a turn that could not be saved: what changes nothing is answered, what only frees something is tried once more
   * by itself, the rest is refused.
   */
  async #answerOneByOne(waiting: readonly Pending[], problem: Refused): Promise<void> {
    for (const pending of waiting) {
      const draft = emptyDraft();
      this.#decide(pending, draft, this.#now());
      const frees = freesOnly(draft);
      let refused: Refused | undefined;
      if (!frees) {
        undo(draft);
        refused = problem;
      } else if (draft.changes.length > 0) {
        refused = await this.#save(draft);
      }
      // Not the draft itself: the files of an adoption that was not saved stay where they are.
      if (refused) await this.#settleUnchanged(emptyDraft([{ pending, decision: refused }]));
      else if (draft.changes.length === 0) await this.#settleUnchanged(draft);
      else this.#settle(draft);
    }
  }

  /** Answers commands that change nothing, beside a commit in flight that does not concern them. */
  async #answerUnchanged(waiting: readonly Pending[]): Promise<void> {
    const now = this.#now();
    const decisions = waiting.map((pending) => ({
      pending,
      decision: decide(this.options.table, pending.command, now),
    }));
    try {
      await this.options.store.confirm();
      for (const { pending, decision } of decisions) this.#answer(pending, decision);
    } catch (error) {
      const stopped = this.#stop(error);
      for (const { pending } of decisions) pending.reject(stopped);
    }
  }

  #answer(pending: Pending, decision: Decision): void {
    if ('answer' in decision) {
      pending.resolve(decision.answer);
    } else if ('bad' in decision) {
      pending.reject(decision.bad);
    } else {
      this.counts.refusals += 1;
      pending.reject(new Refusal(decision));
    }
  }

  /** One slice. Chores make and remove lock files, which only the owner may. */
  async #doChores(): Promise<void> {
    await this.options.store.confirm();
    const { clock } = this.options;
    const isBusy = this.#queue.length > 0 || this.#saved !== undefined;
    const end = clock.monotonic() + (isBusy ? CHORE_SLICE_BESIDE_COMMANDS_MS : CHORE_SLICE_MS);
    this.#chores.doSlice(() => clock.monotonic() >= end);
    await new Promise((resolve) => setImmediate(resolve));
  }

  #storageFull(problem: string | undefined): Refused {
    const { directory } = this.options;
    const refused: Refused = {
      refusal: 'storageFull',
      details: problem === undefined ? { directory } : { directory, problem },
    };
    this.#storageProblem = new Refusal(refused).message;
    return refused;
  }

  #now(): Now {
    return { time: this.options.clock.time(), monotonic: this.options.clock.monotonic() };
  }

  /** From here on nobody is answered. */
  #stop(error: unknown): Stopped {
    if (!this.#stopped) {
      this.#stopped = error instanceof Stopped ? error : new Stopped(describe(error), { cause: error });
      this.options.onStopped(this.#stopped);
    }
    for (const { pending } of this.#saved?.decisions.splice(0) ?? []) pending.reject(this.#stopped);
    for (const pending of this.#queue.splice(0)) pending.reject(this.#stopped);
    this.#chores.giveUp();
    return this.#stopped;
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function stopping(): Refusal {
  return new Refusal({ refusal: 'unavailable', details: { problem: 'The daemon is stopping' } });
}
