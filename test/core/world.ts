/**
 * The rules at work without a service: a table, leases and open calls behind clocks that are moved by hand. It does what the
 * service does around the rules (applies and undoes turns, grants to those who wait, tells calls that end, looks at what is
 * due), as plainly as that can be done.
 */
import type { Aftermath, Command, Now } from '../../src/core/commands.js';
import { decide } from '../../src/core/decide.js';
import type { Answered, Decision, Waits } from '../../src/core/decision.js';
import { Leases } from '../../src/core/leases.js';
import { DEFAULT_LIMITS, type Limits } from '../../src/core/limits.js';
import { type Change, type PlaceRecord, storedPart } from '../../src/core/records.js';
import type { Refused } from '../../src/core/refusals.js';
import { holdOf } from '../../src/core/rules/common.js';
import type { State } from '../../src/core/state.js';
import { LockTable } from '../../src/core/table.js';
import { RecordMap } from '../../src/store/record-map.js';
import { Calls } from './calls.js';

/** 2026-11-21T08:15:00Z, the moment at which every world begins. */
export const START = Date.UTC(2026, 10, 21, 8, 15);

/** Far from the other clocks, so that a rule which takes one for the other is found. */
const LEASE_START = 7_000_000_000;

/** What a caller is told; `waits` has no answer yet, `notSaved` stands for the refusal of a whole turn. */
export type Outcome =
  | { readonly answer: unknown }
  | Refused
  | { readonly bad: Error }
  | { readonly waits: PlaceRecord }
  | { readonly notSaved: true };

/** What an open call was told. */
export interface Told {
  readonly resource: string;
  readonly client: string;
  readonly outcome: Outcome;
}

/** A turn on its way. */
interface Draft {
  /** When it was drafted. */
  readonly now: Now;
  readonly outcomes: ((now: Now) => Outcome)[];
  readonly told: { readonly place: PlaceRecord; readonly outcome: (now: Now) => Outcome }[];
  readonly changes: Change[];
  readonly undos: (() => void)[];
  readonly whenSaved: ((now: Now) => void)[];
}

export class World {
  table = new LockTable();
  leases = new Leases();
  calls = new Calls();
  /** What the disk has. */
  readonly records = new RecordMap();
  storedNextToken = 1;
  /** Every saved change, also what is not stored. */
  readonly changes: Change[] = [];
  /** What open calls were told, in order. */
  readonly told: Told[] = [];
  /** What happens to the slot of a hold whose lease is over. */
  aftermath: Aftermath = 'none';
  limits: Limits = DEFAULT_LIMITS;
  #milliseconds = 0;
  #stalled = 0;
  #jumped = 0;

  get state(): State {
    return { table: this.table, leases: this.leases, calls: this.calls, limits: this.limits };
  }

  get now(): Now {
    const passed = this.#milliseconds;
    return {
      time: START + passed + this.#jumped,
      monotonic: passed,
      lease: LEASE_START + passed - this.#stalled,
    };
  }

  /** Time passes, and what is due by then happens. */
  pass(seconds: number): void {
    this.elapse(seconds);
    this.lookAtDue();
  }

  /** Time passes, and nobody looks at what is due. */
  elapse(seconds: number): void {
    this.#milliseconds += seconds * 1_000;
  }

  /** Time passes while the daemon cannot serve: the lease clock stands still. */
  stall(seconds: number): void {
    this.elapse(seconds);
    this.#stalled += seconds * 1_000;
  }

  /** Somebody sets the wall clock. */
  jump(seconds: number): void {
    this.#jumped += seconds * 1_000;
  }

  /** One command in a turn of its own, saved. */
  do(command: Command): Outcome {
    return this.turn([command])[0] as Outcome;
  }

  /** Commands that are decided one after another and saved, or refused, all together. */
  turn(commands: readonly Command[], isSaved = true): Outcome[] {
    const draft = this.draft(commands);
    return isSaved ? this.settle(draft) : this.refuse(draft);
  }

  /** Decides and applies a turn, which is neither saved nor refused yet. */
  draft(commands: readonly Command[]): Draft {
    const { now } = this;
    const undos = [this.calls.remember()];
    const draft: Draft = { now, outcomes: [], told: [], changes: [], undos, whenSaved: [] };
    for (const command of commands) {
      this.#decide(command, draft);
      if ('resource' in command) this.#advance(command.resource, draft);
    }
    return draft;
  }

  /** A turn is on disk: leases start, and everybody is answered. */
  settle(draft: Draft): Outcome[] {
    const { now } = this;
    const stored = draft.changes.flatMap((change) => storedPart(change) ?? []);
    this.records.apply(stored);
    if (stored.length > 0) this.storedNextToken = this.table.nextToken;
    for (const change of draft.changes) this.leases.follow(change, now);
    for (const action of draft.whenSaved) action(now);
    this.changes.push(...draft.changes);
    for (const { place, outcome } of draft.told) {
      this.told.push({ resource: place.resource, client: place.client, outcome: outcome(now) });
    }
    return draft.outcomes.map((outcome) => outcome(now));
  }

  /** A turn could not be saved: all of it is taken back. */
  refuse(draft: Draft): Outcome[] {
    for (const undo of draft.undos.reverse()) undo();
    return draft.outcomes.map(() => ({ notSaved: true }));
  }

  /** What leases, open calls and claim times are over by now. */
  dueCommands(): Command[] {
    const { lease } = this.now;
    const { aftermath } = this;
    const expire = this.leases
      .takeDue(lease, Number.POSITIVE_INFINITY)
      .map((holder): Command => ({ kind: 'expire', ...holder, aftermath }));
    const giveUp = this.calls
      .timedOut(lease)
      .map(({ place: { resource, client, sequence }, command }): Command => {
        return { kind: 'giveUp', resource, client, sequence, comesBack: command.kind === 'wait' };
      });
    const leave = this.calls
      .abandoned(lease)
      .filter(({ resource, client, sequence }) => this.table.place(resource, client)?.sequence === sequence)
      .map(({ resource, client, sequence }): Command => ({ kind: 'leave', resource, client, sequence }));
    return [...expire, ...giveUp, ...leave];
  }

  lookAtDue(): void {
    for (const command of this.dueCommands()) this.do(command);
  }

  /** The connection of a client that waits is closed. */
  hangUp(resource: string, client: string): Outcome | undefined {
    const call = this.calls.find(resource, client);
    if (!call) return undefined;
    call.isGone = true;
    const { sequence } = call.place;
    return this.do({ kind: 'giveUp', resource, client, sequence, comesBack: true });
  }

  /** kill -9 and a new start: what is on disk is all that is left, and leases and claim times start afresh. */
  restart(): void {
    this.table = new LockTable();
    this.leases = new Leases();
    this.calls = new Calls();
    for (const record of this.records.values()) this.table.load(record);
    this.table.nextToken = Math.max(this.table.nextToken, this.storedNextToken);
    for (const hold of this.table.allHolds()) this.leases.start(hold, this.now);
    for (const place of this.table.allPlaces()) this.calls.heardOf(place, this.now);
  }

  #decide(command: Command, draft: Draft): void {
    const decision: Decision = decide(this.state, command, draft.now);
    if ('waitsOn' in decision) this.#wait(command, decision, draft);
    else if ('changes' in decision) this.#answer(decision, draft);
    else draft.outcomes.push(() => decision);
  }

  #answer(decision: Answered, draft: Draft): void {
    this.#apply(decision, draft);
    const { answer, answerWhenSaved } = decision;
    draft.outcomes.push((now) => ({ answer: answerWhenSaved ? answerWhenSaved(now) : answer }));
  }

  #apply(decision: Answered, draft: Draft): void {
    this.#change(decision.changes, draft);
    if (decision.undo) draft.undos.push(decision.undo);
    if (decision.whenSaved) draft.whenSaved.push(decision.whenSaved);
    for (const { place, hold } of decision.grants ?? []) {
      const call = this.calls.take(place);
      if (!call) throw new Error(`${place.client} was granted ${place.resource}, and nobody was there`);
      const received = 'received' in call.command ? call.command.received : undefined;
      draft.told.push({ place, outcome: (now) => ({ answer: holdOf(this.state, hold, now, received) }) });
    }
    const { ended, heardOf } = decision;
    // Whose connection is closed cannot be told.
    if (ended && this.calls.take(ended.place)?.isGone === false) {
      draft.told.push({ place: ended.place, outcome: () => ended.tells });
    }
    if (heardOf) this.calls.heardOf(heardOf, draft.now);
  }

  #change(changes: readonly Change[], draft: Draft): void {
    for (const change of changes) {
      draft.undos.push(this.table.apply(change));
      draft.changes.push(change);
    }
  }

  #wait(command: Command, { waitsOn: place, changes }: Waits, draft: Draft): void {
    this.#change(changes, draft);
    const older = this.calls.take(place);
    const seconds = 'wait' in command ? command.wait : 0;
    this.calls.open({ place, command, until: draft.now.lease + seconds * 1_000, isGone: false });
    draft.outcomes.push(() => ({ waits: place }));
    if (!older) return;
    const details = place.request === undefined ? {} : { request: place.request.key };
    draft.told.push({ place, outcome: () => ({ refusal: 'takenOver', details }) });
  }

  #advance(resource: string, draft: Draft): void {
    if (this.table.line(resource).size === 0) return;
    const decision = decide(this.state, { kind: 'advance', resource }, draft.now);
    if ('changes' in decision && 'answer' in decision) this.#apply(decision, draft);
  }
}
