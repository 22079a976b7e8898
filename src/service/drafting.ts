/**
 * Drafting a turn: each command is decided against the table as the ones before it left it, and what it changes is applied
 * at once, to be undone if it cannot be saved. What a command frees goes to the first in line in the same turn.
 */
import type { Command, Now } from '../core/commands.js';
import { decide } from '../core/decide.js';
import type { Answered, Decision, Grant, Waits } from '../core/decision.js';
import { DEFAULT_CLAIM_SECONDS, MAX_RECORDS_OF_COMMAND, MAX_RECORDS_OF_GRANT } from '../core/limits.js';
import type { Change, PlaceRecord } from '../core/records.js';
import type { Refused } from '../core/refusals.js';
import { holdOf } from '../core/rules/common.js';
import type { State } from '../core/state.js';
import { errorCode } from '../disk/disk.js';
import type { ForeignLock } from '../lock-files/foreign.js';
import type { LockFiles } from '../lock-files/lock-files.js';
import type { StoreLimits } from '../store/port.js';
import { type Draft, isTold, type Pending, unreadableFiles } from './draft.js';
import type { OpenCall, OpenCalls } from './open-calls.js';

export interface DraftingOptions {
  readonly state: State;
  readonly calls: OpenCalls;
  readonly lockFiles: LockFiles;
  readonly limits: StoreLimits;
  /** Makes the refusal for a disk that cannot be looked at. */
  readonly storageFull: (problem: string) => Refused;
}

const NOBODY = { resolve: () => undefined, reject: () => undefined };

export class Drafting {
  constructor(private readonly options: DraftingOptions) {}

  /** Whether a turn takes no further command. */
  isFull({ changes, records }: Draft): boolean {
    return changes.length >= this.options.limits.changesPerTurn || records >= this.#records;
  }

  /** So many, that one command more still fits, whatever it is. */
  get #records(): number {
    return this.options.limits.recordsPerTurn - MAX_RECORDS_OF_COMMAND;
  }

  /** Decides a command as part of a turn: what it frees is granted to those who wait. */
  add(pending: Pending, draft: Draft, now: Now): void {
    const { command, files } = pending;
    if (files && !this.options.lockFiles.areThere(files)) {
      // Adopted by a request in the meantime, and perhaps unlocked again: the claim is used up.
      draft.outcomes.push({ pending, decision: { answer: false, changes: [] } });
      return;
    }
    if (command.kind === 'withdraw' && isTold(draft, command.token)) {
      draft.outcomes.push({ pending, decision: { answer: true, changes: [] } });
      return;
    }
    if (command.kind === 'advance') {
      this.#advance(command.resource, draft, now);
      draft.outcomes.push({ pending, decision: { answer: true, changes: [] } });
      return;
    }
    const refused = this.#adoptInTheWay(command, draft, now);
    if (refused) {
      draft.outcomes.push({ pending, decision: refused });
      return;
    }
    this.addAlone(pending, draft, now);
    if ('resource' in command) this.#advance(command.resource, draft, now);
  }

  /** Decides a command and nothing that follows from it. */
  addAlone(pending: Pending, draft: Draft, now: Now): void {
    if (pending.ends && !this.options.calls.isOpen(pending.ends)) {
      draft.outcomes.push({ pending, decision: { answer: true, changes: [] } });
      return;
    }
    const decision: Decision = decide(this.options.state, pending.command, now);
    if ('waitsOn' in decision) {
      this.#wait(pending, decision, draft, now);
      return;
    }
    if (!('changes' in decision)) {
      draft.outcomes.push({ pending, decision });
      return;
    }
    this.#apply(decision, draft, now);
    const { granted } = decision;
    const grant = granted && { hold: granted, claim: claimOf(pending.command) };
    draft.outcomes.push({ pending, decision, grant });
    this.#noteAdoption(pending, decision, draft);
    const { command } = pending;
    if (command.kind !== 'leave') return;
    const { state, calls } = this.options;
    // A place that could not be saved is nowhere but here; one whose client is not away for long enough is looked at again.
    if (state.table.place(command.resource, command.client)) calls.watch(command);
    else calls.forget(command);
  }

  /**
   * The command that makes a foreign file a lock; none where nobody can tell whose, which locks without a record until
   * `forceUnlock`, whatever its file says later.
   */
  adoption(lock: ForeignLock, promise: Pick<Pending, 'resolve' | 'reject'>): Pending | undefined {
    const { resource, files, claim } = lock;
    const { state, lockFiles } = this.options;
    const { table } = state;
    if (!claim || table.unreadable(resource)) {
      if (!table.isTaken(resource) && lockFiles.areThere(files))
        table.load({ kind: 'unreadable', resource, files });
      return undefined;
    }
    return { command: { kind: 'adopt', resource, ...claim, file: files.join(', ') }, files, ...promise };
  }

  /** Applies what was decided, and what it means for calls that wait. */
  #apply(decision: Answered, draft: Draft, now: Now): void {
    const { calls } = this.options;
    this.#change(decision.changes, draft, now);
    if (decision.undo) draft.undos.push(decision.undo);
    if (decision.whenSaved) draft.whenSaved.push(decision.whenSaved);
    for (const grant of decision.grants ?? []) this.#grant(grant, draft);
    if (decision.ended) {
      const call = this.#take(decision.ended.place, draft);
      if (call) draft.outcomes.push({ pending: call.pending, decision: decision.ended.tells });
    }
    if (decision.heardOf) calls.heardOf(decision.heardOf, now);
  }

  #change(changes: readonly Change[], draft: Draft, now: Now): void {
    const { state, calls } = this.options;
    for (const change of changes) {
      for (const key of change.remove ?? []) {
        const place = key.kind === 'place' && state.table.place(key.resource, key.client);
        if (!place) continue;
        calls.forget(place);
        draft.undos.push(() => calls.heardOf(place, now));
      }
      draft.meter.note(change, state.table, now);
      draft.undos.push(state.table.apply(change));
      draft.changes.push(change);
      draft.records += (change.put?.length ?? 0) + (change.remove?.length ?? 0);
    }
  }

  /** The caller waits on a place; whoever waited on it before is told. */
  #wait(pending: Pending, { waitsOn, changes }: Waits, draft: Draft, now: Now): void {
    const { calls } = this.options;
    this.#change(changes, draft, now);
    const { command } = pending;
    const wait = 'wait' in command ? command.wait : 0;
    const older = calls.open({ place: waitsOn, pending, until: now.lease + wait * 1_000 });
    draft.undos.push(() => {
      calls.take(waitsOn);
      if (older) calls.open(older);
    });
    if (!older) return;
    const { request } = waitsOn;
    const details = request === undefined ? {} : { request: request.key };
    draft.outcomes.push({ pending: older.pending, decision: { refusal: 'takenOver', details } });
  }

  /** The turn of a place has come: its call is answered with the hold. */
  #grant({ place, hold }: Grant, draft: Draft): void {
    const call = this.#take(place, draft);
    if (!call) return;
    const { command } = call.pending;
    const received = 'received' in command ? command.received : undefined;
    const answer = (at: Now) => holdOf(this.options.state, hold, at, received);
    draft.outcomes.push({
      pending: call.pending,
      decision: { answer: undefined, changes: [], answerWhenSaved: answer },
      grant: { hold, claim: place.claim },
    });
  }

  #take(place: PlaceRecord, draft: Draft): OpenCall | undefined {
    const { calls } = this.options;
    const call = calls.take(place);
    if (call) draft.undos.push(() => void calls.open(call));
    return call;
  }

  /** Gives what is free on a resource to those who are first in its line. */
  #advance(resource: string, draft: Draft, now: Now): void {
    const { state } = this.options;
    if (state.table.line(resource).size === 0) return;
    const atMost = Math.max(0, Math.floor((this.#records - draft.records) / MAX_RECORDS_OF_GRANT));
    const command = { kind: 'advance', resource, atMost } as const;
    if (this.#adoptInTheWay(command, draft, now)) {
      draft.stuck.add(resource);
      return;
    }
    const decision = decide(state, command, now);
    if (!('answer' in decision)) return;
    this.#apply(decision, draft, now);
    if (decision.isHeldBack) draft.stuck.add(resource);
    if (decision.isCut) draft.unfinished.add(resource);
  }

  /**
   * A foreign file where a lock file would be made: it is a lock first, and the request meets it. Answers a refusal where
   * the disk does not let us look.
   */
  #adoptInTheWay(command: Command, draft: Draft, now: Now): Refused | undefined {
    const mayGrant = command.kind === 'lock' || command.kind === 'enqueue' || command.kind === 'advance';
    if (!mayGrant || this.options.state.table.isTaken(command.resource)) return undefined;
    let foreign: ForeignLock | undefined;
    try {
      foreign = this.options.lockFiles.look(command.resource);
    } catch (error) {
      if (errorCode(error) === undefined) throw error;
      return this.options.storageFull((error as Error).message);
    }
    // One that this very turn frees is moved away with it.
    if (!foreign || isFreed(foreign, draft)) return undefined;
    const pending = this.adoption(foreign, NOBODY);
    if (pending) this.addAlone(pending, draft, now);
    return undefined;
  }

  #noteAdoption({ command, files = [] }: Pending, decision: Answered, draft: Draft): void {
    if (command.kind !== 'adopt') return;
    // Where the resource was taken meanwhile, the file of that name is our own by now.
    const own = decision.answer === true ? undefined : this.options.lockFiles.path(command.resource);
    const moved = files.filter((file) => file !== own);
    if (moved.length > 0) draft.adopted.push({ resource: command.resource, files: moved });
  }
}

/** Seconds for which a client that is granted something at once can come back for it. */
function claimOf(command: Command): number {
  if (command.kind === 'enqueue') return command.claim ?? DEFAULT_CLAIM_SECONDS;
  const canWait = command.kind === 'lock' && command.wait > 0 && command.request !== undefined;
  return canWait ? (command.claim ?? DEFAULT_CLAIM_SECONDS) : 0;
}

function isFreed({ files }: ForeignLock, draft: Draft): boolean {
  const freed = new Set(unreadableFiles(draft));
  return files.every((file) => freed.has(file));
}
