/** A turn on its way: what was asked, what was decided, what it changes, and how to take it back. */
import type { Hold } from '../core/answers.js';
import type { Command, Now } from '../core/commands.js';
import type { Decision } from '../core/decision.js';
import { type Change, type HoldRecord, storedPart } from '../core/records.js';
import type { Undo } from '../core/table.js';
import type { Peer } from './api.js';
import { TurnMeter } from './meters-turn.js';
import type { OpenCall } from './open-calls.js';

/** A command that waits for its answer. */
export interface Pending {
  readonly command: Command;
  /** For an adoption: the files that become locks. */
  readonly files?: readonly string[];
  /** Who is to be answered; absent: somebody who is always there. */
  readonly peer?: Peer | undefined;
  /** The open call that is to end; a later one on the same place is not meant. */
  readonly ends?: OpenCall | undefined;
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

/** What one caller is told when the turn is saved. */
export interface Outcome {
  readonly pending: Pending;
  readonly decision: Exclude<Decision, { readonly waitsOn: unknown }>;
  /** The hold that the caller is granted, and for how long its client's place is kept if nobody is there to receive it. */
  readonly grant?: { readonly hold: HoldRecord; readonly claim: number } | undefined;
}

export interface Draft {
  readonly outcomes: Outcome[];
  readonly changes: Change[];
  readonly undos: Undo[];
  /** Done when the turn is saved. */
  readonly whenSaved: ((now: Now) => void)[];
  /** Foreign files that have become locks by this turn. */
  readonly adopted: { readonly resource: string; readonly files: readonly string[] }[];
  /** Resources whose line could not move on: the disk does not let us look, or there are too many locks. */
  readonly stuck: Set<string>;
  /** Resources whose line can move on, for which there is no room in this turn. */
  readonly unfinished: Set<string>;
  /** How many its changes put and remove. */
  records: number;
  /** Its number, once it is saved. */
  turn?: number;
  /** What is counted when the turn is saved. */
  readonly meter: TurnMeter;
}

/** A turn of nothing yet. */
export function emptyDraft(outcomes: Outcome[] = []): Draft {
  return {
    ...{ outcomes, changes: [], undos: [], whenSaved: [], adopted: [] },
    stuck: new Set(),
    unfinished: new Set(),
    records: 0,
    meter: new TurnMeter(),
  };
}

/** Takes back all that the draft did, backwards. */
export function undo(draft: Draft): void {
  for (const takeBack of draft.undos.reverse()) takeBack();
}

/** What of a draft has to be saved. */
export function storedChanges(draft: Draft): Change[] {
  const stored: Change[] = [];
  for (const change of draft.changes) {
    const part = storedPart(change);
    if (part) stored.push(part);
  }
  return stored;
}

/** Whether nobody gets anything by these changes. */
export function freesOnly(changes: readonly Change[]): boolean {
  return changes.every((change) => !change.put?.some(({ kind }) => kind === 'hold' || kind === 'place'));
}

/** The files that lock nothing any more once the draft is saved, although nobody could read them. */
export function unreadableFiles(draft: Draft): string[] {
  const files: string[] = [];
  for (const { remove = [] } of draft.changes) {
    for (const key of remove) if (key.kind === 'unreadable') files.push(...key.files);
  }
  return files;
}

/** Whether another call of the same client is there to be answered with a hold that this very draft grants: a repeat. */
export function isTold({ outcomes }: Draft, token: number): boolean {
  return outcomes.some(({ pending, decision, grant }) => {
    if (grant || pending.peer?.isGone || !('answer' in decision)) return false;
    return toldToken(decision.answer) === token;
  });
}

/** The token of the hold that an answer tells of. */
export function toldToken(answer: unknown): number | undefined {
  if (typeof answer !== 'object' || answer === null) return undefined;
  const { token, hold } = answer as { readonly token?: string; readonly hold?: Hold };
  const told = hold?.token ?? token;
  return told === undefined ? undefined : Number(told);
}

/**
 * What can be had of a command where hardly anything can be saved: a grant that nobody received is taken back without the place
 * that it would become, and who has waited long enough is told so, while the place is left to its claim time.
 */
export function thatFrees(pending: Pending): Pending {
  const { command } = pending;
  if (command.kind === 'withdraw') return { ...pending, command: { ...command, claim: 0 } };
  if (command.kind === 'giveUp') return { ...pending, command: { ...command, comesBack: true } };
  return pending;
}

/** A renewal that comes in the same turn in which its lease would end is in time. */
export function expiriesLast(queue: Pending[]): Pending[] {
  const isExpiry = ({ command }: Pending) => command.kind === 'expire';
  if (!queue.some(isExpiry)) return queue;
  return [...queue.filter((pending) => !isExpiry(pending)), ...queue.filter(isExpiry)];
}
