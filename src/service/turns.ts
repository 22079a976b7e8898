/**
 * Turns: commands queue up; a turn takes all that wait, reads the clock once, decides them one after another against the
 * table, commits all changes at once, gives the lock files their names, answers, and tells the feed. While a commit is in flight the next
 * turn fills up: that is the group commit, and why there is no lock in the code. Nothing is answered that is not saved.
 */
import type { Hold } from '../core/answers.js';
import type { Answers, Command, Now, WithdrawCommand } from '../core/commands.js';
import { decide } from '../core/decide.js';
import type { Change } from '../core/records.js';
import { Refusal, type Refused } from '../core/refusals.js';
import type { State } from '../core/state.js';
import type { ForeignLock } from '../lock-files/foreign.js';
import type { LockFiles } from '../lock-files/lock-files.js';
import { Stopped, type Store } from '../store/port.js';
import type { Peer } from './api.js';
import { Chores } from './chores.js';
import { afterRound, type Clock } from './clock.js';
import {
  type Draft,
  emptyDraft,
  expiriesLast,
  freesOnly,
  isTold,
  type Outcome,
  type Pending,
  storedChanges,
  thatFrees,
  toldToken,
  undo,
} from './draft.js';
import { Drafting } from './drafting.js';
import type { Feed } from './feed.js';
import { keepsTtl } from './in-flight.js';
import type { LeaseClock } from './lease-clock.js';
import type { Meters } from './meters.js';
import type { OpenCall, OpenCalls } from './open-calls.js';
import type { Storage } from './open-parts.js';
import { Saving } from './saving.js';

/** Milliseconds that chores may take at a time: little where commands wait, so that nobody notices them. */
const CHORE_SLICE_MS = 5;
const CHORE_SLICE_BESIDE_COMMANDS_MS = 0.2;

export interface TurnsOptions {
  readonly state: State;
  readonly calls: OpenCalls;
  readonly leaseClock: LeaseClock;
  readonly store: Store;
  readonly lockFiles: LockFiles;
  readonly clock: Clock;
  readonly meters: Meters;
  /** Told of what is saved when its callers are answered. */
  readonly feed: Feed;
  /** Where turns are saved, for texts. */
  readonly storage: Storage;
  /** Called once, when nobody can be answered any more. */
  readonly onStopped: (error: Stopped) => void;
  /** Called with the changes of a turn that is saved, before its callers are answered. */
  readonly onSaved: (changes: readonly Change[]) => void;
  /** Called when a turn could not be saved: what was due in it is to be tried again, and these lines be looked at. */
  readonly onNotSaved: (resources: ReadonlySet<string>) => void;
  /** Called when a grant that nobody received could not be taken back: that is to be tried again. */
  readonly onUnsavedWithdrawal: (command: WithdrawCommand) => void;
}

/** How a command comes into a turn. */
export interface SubmitOptions {
  /** Who is to be answered. */
  readonly peer?: Peer | undefined;
  /** Its place among other commands counts: it overtakes none of them. */
  readonly inSequence?: boolean | undefined;
  /** The open call that is to end. */
  readonly ends?: OpenCall | undefined;
}

export class Turns {
  #queue: Pending[] = [];
  readonly #chores = new Chores();
  readonly #drafting: Drafting;
  /** Saves what was drafted, and knows how the disk is. */
  readonly saving: Saving;
  #isRunning = false;
  #isClosed = false;
  #stopped: Stopped | undefined;
  /** The turn that is saved and will be answered as soon as the next one is being flushed, and when it was. */
  #saved: { readonly draft: Draft; readonly at: Now } | undefined;
  #whenIdle: (() => void)[] = [];
  /** What is about to be answered beside the commit in flight. */
  readonly #beside = new Set<Pending>();
  /** Tokens of grants that nobody received and that could not be taken back yet. */
  readonly #unreceived = new Set<number>();
  /** What the wall clock said at the start, less what the monotonic one did. */
  readonly #startedAt: number;

  constructor(private readonly options: TurnsOptions) {
    const { state, calls, lockFiles } = options;
    this.#startedAt = options.clock.time() - options.clock.monotonic();
    this.saving = new Saving({ ...options, table: state.table });
    const storageFull = (problem: string) => this.saving.storageFull(problem);
    const { limits } = options.store;
    this.#drafting = new Drafting({ state, calls, lockFiles, limits, storageFull });
  }

  /** Queues a command for the next turn. Rejects with `Refusal`, `BadParameter`, or `Stopped`. */
  submit<C extends Command>(
    command: C,
    { peer, inSequence, ends }: SubmitOptions = {},
  ): Promise<Answers[C['kind']]> {
    if (this.#stopped) return Promise.reject(this.#stopped);
    if (this.#isClosed) return Promise.reject(stopping());
    return new Promise((resolve, reject) => {
      // The answer to a command is of its kind.
      const pending: Pending = { command, peer, ends, resolve: resolve as (answer: unknown) => void, reject };
      if (this.saving.inFlight && !inSequence && this.#answerBesideCommit(pending)) return;
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
      const pending = this.#drafting.adoption(lock, {
        resolve: (answer) => resolve(answer === true),
        reject,
      });
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

  /** Takes no more commands; resolves when those that can be are answered, and those that wait in a line are told. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#tellWaiting();
    if (this.#isRunning) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
    // Those whose turn had come in a turn that could not be saved.
    this.#tellWaiting();
  }

  /** Ends at once: everything that was asked, and all that will be, rejects with `error`. */
  stop(error: Stopped): void {
    this.#stop(error);
  }

  /** A disk that hangs keeps nobody waiting whom the turn in flight does not concern. */
  #tellWaiting(): void {
    for (const { pending } of this.options.calls.takeAll()) pending.reject(this.#stopped ?? stopping());
  }

  #wake(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    // What else this round of the event loop reads from the sockets comes into the same turn.
    this.options.clock.nextRound(() => void this.#run());
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
    const waiting = expiriesLast(this.#queue);
    this.#queue = [];
    let draft: Draft | undefined;
    try {
      // Deciding may touch lock files (a stale one in the way of a lock is removed), which only the owner may.
      await this.options.store.mayAct();
      draft = this.#draft(waiting);
      const stored = storedChanges(draft);
      this.options.meters.turnCommands.add(waiting.length);
      this.options.meters.turnChanges.add(stored.length);
      if (stored.length === 0) return await this.#settleUnchanged(draft);
      const saving = this.saving.save(draft, stored);
      // The turn before is answered while this one is flushed.
      this.#answerSaved();
      const problem = await saving;
      if (problem) await this.#answerOneByOne(waiting, problem, stored);
      else await this.#withdrawUnreceived(draft);
    } catch (error) {
      const stopped = this.#stop(error);
      for (const pending of waiting) pending.reject(stopped);
      // Calls that waited in a line, and were to be answered by this turn.
      for (const { pending } of draft?.outcomes ?? []) pending.reject(stopped);
    }
  }

  /** Decides `waiting` in order, as many as fit into a turn; the rest goes back to the head of the queue. */
  #draft(waiting: Pending[]): Draft {
    const draft = emptyDraft();
    const now = this.#now();
    this.#keepAwaited(now);
    for (let index = 0; index < waiting.length; index += 1) {
      if (this.#drafting.isFull(draft)) {
        this.#queue = [...waiting.splice(index), ...this.#queue];
        break;
      }
      this.#drafting.add(waiting[index] as Pending, draft, now);
    }
    for (const resource of draft.unfinished) {
      const command = { kind: 'advance', resource } as const;
      this.#queue.unshift({ command, resolve: () => undefined, reject: () => undefined });
    }
    return draft;
  }

  /** Whoever asked in time to keep a lease does not lose it while it is not certain that we may answer. */
  #keepAwaited(now: Now): void {
    const { state } = this.options;
    for (const { command } of this.#beside) {
      if (command.kind === 'renew' && keepsTtl(command, state)) decide(state, command, now);
    }
  }

  /**
   * Reads the sockets once more: a hold exists only if somebody is there to receive it. The grants of callers that are gone
   * are withdrawn by the next turn, before anything else is decided.
   */
  async #withdrawUnreceived(draft: Draft): Promise<void> {
    this.#saved = { draft, at: this.#takeEffect(draft) };
    if (!draft.outcomes.some(({ grant, pending }) => grant && pending.peer)) return;
    await afterRound(this.options.clock);
    const isUnreceived = ({ grant, pending }: Outcome) =>
      grant !== undefined && pending.peer?.isGone === true && !isTold(draft, grant.hold.token);
    // Withdrawn from the last to the first, so that the first comes to the head of the line.
    for (const outcome of draft.outcomes.filter(isUnreceived)) {
      draft.outcomes.splice(draft.outcomes.indexOf(outcome), 1);
      outcome.pending.reject(
        new Refusal({ refusal: 'unavailable', details: { problem: 'The caller is gone' } }),
      );
      this.#withdraw(outcome);
    }
  }

  #withdraw({ grant }: Outcome): void {
    if (!grant) return;
    const { hold, claim } = grant;
    const { resource, client, token } = hold;
    const command = { kind: 'withdraw', resource, client, token, claim } as const;
    // A hold that nobody has would be held for ever: what cannot be saved now is tried until it is.
    const reject = () => {
      this.#unreceived.add(token);
      this.options.onUnsavedWithdrawal(command);
    };
    this.#queue.unshift({ command, resolve: () => undefined, reject });
  }

  /** Answers the turn that is saved and not yet answered, if there is one. */
  #answerSaved(): void {
    const saved = this.#saved;
    this.#saved = undefined;
    if (saved) this.#settle(saved.draft, saved.at);
  }

  /** Answers a turn that changed nothing on disk, when it is certain that we may; sockets are read before the next one. */
  async #settleUnchanged(draft: Draft): Promise<void> {
    this.#answerSaved();
    await this.options.store.confirm();
    for (const { resource, files } of draft.adopted) this.options.lockFiles.setAside(resource, files);
    if (this.options.lockFiles.hasMovedNames) {
      await this.options.lockFiles.flush();
      // A flush takes its time: another daemon may have taken over meanwhile.
      await this.options.store.mayAct();
    }
    this.#settle(draft);
    await afterRound(this.options.clock);
  }

  /**
   * What a saved turn means for the leases, at once: the next turn may be decided before this one is answered, and must not
   * end a lease that this one is about to be told of. Answers the moment from which they count.
   */
  #takeEffect(draft: Draft): Now {
    const now = this.#now();
    for (const change of draft.changes) this.options.state.leases.follow(change, now);
    for (const action of draft.whenSaved) action(now);
    return now;
  }

  #settle(draft: Draft, now = this.#takeEffect(draft)): void {
    this.options.meters.saved(draft.meter, now);
    this.options.onSaved(draft.changes);
    if (draft.stuck.size > 0) this.options.onNotSaved(draft.stuck);
    // Tells nobody before this round of the event loop is over: then all are answered.
    this.options.feed.happened(draft.turn, draft.changes);
    for (const outcome of draft.outcomes) this.#answer(outcome, now);
  }

  /**
   * After a turn that could not be saved: what changes nothing is answered, what only frees something is tried once more
   * by itself, the rest is refused. What was freed goes to those who wait later, when there may be space again.
   */
  async #answerOneByOne(
    waiting: readonly Pending[],
    problem: Refused,
    stored: readonly Change[],
  ): Promise<void> {
    for (const pending of waiting) {
      const draft = emptyDraft();
      this.#drafting.addAlone(thatFrees(pending), draft, this.#now());
      const changes = storedChanges(draft);
      let refused: Refused | undefined;
      if (!freesOnly(changes)) {
        undo(draft);
        const { command } = pending;
        // The lease is as long as ever; that its extension is used up may be saved with a later renewal.
        if (command.kind === 'renew' && keepsTtl(command, this.options.state)) {
          await this.#settleUnchanged(emptyDraft(draft.outcomes));
          continue;
        }
        refused = problem;
      } else if (changes.length > 0) {
        refused = await this.saving.save(draft, changes);
      }
      // Not the draft itself: the files of an adoption that was not saved stay where they are.
      if (refused) await this.#settleUnchanged(emptyDraft([{ pending, decision: refused }]));
      else if (changes.length === 0) await this.#settleUnchanged(draft);
      else this.#settle(draft);
    }
    this.options.onNotSaved(new Set(stored.map((change) => change.resource)));
  }

  /**
   * Answers beside the commit in flight what does not concern it and changes nothing on disk: whoever only looks, or keeps
   * a lease, does not depend on a disk that hangs. False: it has to wait for its turn.
   */
  #answerBesideCommit(pending: Pending): boolean {
    if (!this.#decideBesideCommit(pending, this.#queue)) return false;
    void this.#answerNow(pending);
    return true;
  }

  /** Undefined where it has to wait for its turn. A renewal has its effect at once: what was asked in time is in time. */
  #decideBesideCommit(pending: Pending, queue: readonly Pending[]): Outcome | undefined {
    const { command } = pending;
    const { state } = this.options;
    const { inFlight } = this.saving;
    if (inFlight && !inFlight.leavesAlone(command, queue)) return undefined;
    if (command.kind === 'renew' && !keepsTtl(command, state)) return undefined;
    const decision = decide(state, command, this.#now());
    if ('waitsOn' in decision) return undefined;
    // That an extension is used up may be saved with a later renewal: until then a restart gives it once more.
    const mayLag = command.kind === 'renew';
    if ('changes' in decision && decision.changes.length > 0 && !mayLag) return undefined;
    return { pending, decision };
  }

  /** It may take a while until it is certain that we may answer: then it is decided once more, as it is then. */
  async #answerNow(pending: Pending): Promise<void> {
    this.#beside.add(pending);
    try {
      await this.options.store.confirm();
    } catch (error) {
      pending.reject(this.#stop(error));
      return;
    } finally {
      this.#beside.delete(pending);
    }
    const outcome = this.#decideBesideCommit(pending, []);
    if (outcome) this.#answer(outcome, this.#now());
    else {
      // Another commit concerns it by now.
      this.#queue.push(pending);
      this.#wake();
    }
  }

  /** Whether nobody was told of this hold: a client that came back meanwhile and was has it, and keeps it. */
  isUnreceived(token: number): boolean {
    return this.#unreceived.has(token);
  }

  #answer({ pending, decision }: Outcome, now: Now): void {
    if ('answer' in decision) {
      const answer = decision.answerWhenSaved ? decision.answerWhenSaved(now) : decision.answer;
      if (this.#unreceived.size > 0) this.#unreceived.delete(toldToken(answer) ?? 0);
      pending.resolve(answer);
      // The answer to a command is of its kind.
      if (pending.command.kind === 'renew') this.options.feed.renewed(answer as Hold);
    } else if ('bad' in decision) {
      pending.reject(decision.bad);
    } else {
      this.options.meters.refused(decision.refusal);
      pending.reject(new Refusal(decision));
    }
  }

  /** One slice. Chores make and remove lock files, which only the owner may. */
  async #doChores(): Promise<void> {
    await this.options.store.mayAct();
    const { clock } = this.options;
    const isBusy = this.#queue.length > 0 || this.#saved !== undefined;
    const end = clock.monotonic() + (isBusy ? CHORE_SLICE_BESIDE_COMMANDS_MS : CHORE_SLICE_MS);
    this.#chores.doSlice(() => clock.monotonic() >= end);
    await afterRound(clock);
  }

  #now(): Now {
    const { clock, leaseClock } = this.options;
    const time = clock.time();
    const monotonic = clock.monotonic();
    const steady = Math.min(time, this.#startedAt + monotonic);
    return { time, monotonic, steady, lease: leaseClock.now() };
  }

  /** From here on nobody is answered. */
  #stop(error: unknown): Stopped {
    if (!this.#stopped) {
      this.#stopped = error instanceof Stopped ? error : new Stopped(describe(error), { cause: error });
      this.options.onStopped(this.#stopped);
    }
    for (const { pending } of this.#saved?.draft.outcomes.splice(0) ?? []) pending.reject(this.#stopped);
    for (const pending of this.#queue.splice(0)) pending.reject(this.#stopped);
    for (const { pending } of this.options.calls.takeAll()) pending.reject(this.#stopped);
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
