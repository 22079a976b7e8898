/** Histories for tests of the rules: commands in order, each with the answer it must get, as one line of text. */
import { expect } from 'vitest';
import type { AdoptCommand, Command, Now } from '../../src/core/commands.js';
import { type Decision, decide } from '../../src/core/decide.js';
import type { Change } from '../../src/core/records.js';
import { REFUSALS, Refusal } from '../../src/core/refusals.js';
import { LockTable } from '../../src/core/table.js';

/** 2026-11-21T08:15:00Z, the moment at which every history begins. */
export const START = Date.UTC(2026, 10, 21, 8, 15);

export const HOUR = 3_600;
export const DAY = 24 * HOUR;

/** Time passes. */
interface Pause {
  readonly kind: 'pause';
  readonly seconds: number;
}

export type Step = Command | Pause;
export type History = readonly (readonly [step: Step, answer: string])[];

export function lock(resource: string, client: string, limit = 1, note?: string): Command {
  const noted = note === undefined ? {} : { note };
  return { kind: 'lock', resource, client, limit, from: '192.0.2.7:40000', received: 0, ...noted };
}

export function unlock(resource: string, client: string, token?: string): Command {
  return { kind: 'unlock', resource, client, ...(token === undefined ? {} : { token }) };
}

export function force(resource: string, client?: string): Command {
  const named = client === undefined ? {} : { client };
  return { kind: 'forceUnlock', resource, reason: 'host is down', by: 'ops', ...named };
}

export function adopt(resource: string, holders: AdoptCommand['holders'], limit = 1): Command {
  return { kind: 'adopt', resource, limit, holders, file: `/locks/${resource}.lock` };
}

export function status(resource: string): Command {
  return { kind: 'status', resource };
}

export function list(options: Partial<Extract<Command, { kind: 'list' }>> = {}): Command {
  return { kind: 'list', count: 1_000, after: '', ...options };
}

export function after(seconds: number): Pause {
  return { kind: 'pause', seconds };
}

/** A table with a clock that is moved by hand. */
export class World {
  readonly table = new LockTable();
  readonly changes: Change[] = [];
  #seconds = 0;

  get now(): Now {
    return { time: START + this.#seconds * 1_000, monotonic: this.#seconds * 1_000 };
  }

  pass(seconds: number): void {
    this.#seconds += seconds;
  }

  /** Decides, and applies what was decided. */
  do<C extends Command>(command: C) {
    const decision = decide(this.table, command, this.now);
    if ('changes' in decision) {
      for (const change of decision.changes) this.table.apply(change);
      this.changes.push(...decision.changes);
    }
    return decision;
  }

  /** Plays a history, and holds each answer against the one that it must be. */
  play(history: History): void {
    for (const [index, [step, answer]] of history.entries()) {
      if (step.kind === 'pause') this.pass(step.seconds);
      const got = step.kind === 'pause' ? 'later' : answerText(this.do(step));
      expect(got, `step ${index + 1}: ${JSON.stringify(step)}`).toBe(answer);
    }
  }
}

/** `token 3` for a hold, `CODE TEXT` for a refusal, else the answer itself. */
export function answerText(decision: Decision): string {
  if ('bad' in decision) return `-32602 ${decision.bad.message}`;
  if ('refusal' in decision) return `${REFUSALS[decision.refusal].code} ${new Refusal(decision).message}`;
  const { answer } = decision;
  if (typeof answer === 'object' && answer !== null && 'token' in answer) return `token ${answer.token}`;
  return JSON.stringify(answer);
}

/** Everything that a table holds, in an order of its own; not its next token, which only rises. */
export function dump(table: LockTable): unknown {
  const names = [...table.resourcesAfter('')];
  const holds = [...table.allHolds()].sort((a, b) => a.token - b.token);
  const lost = [...table.allLost()].sort((a, b) => a.token - b.token);
  const byResource = names.map((name) => [
    name,
    table.holds(name),
    table.unreadable(name),
    table.limit(name),
  ]);
  return { names, holds, lost, byResource, held: table.held, lostCount: table.lostCount };
}
