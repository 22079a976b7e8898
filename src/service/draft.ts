/** A turn on its way: what was asked, what was decided, what it changes, and how to take it back. */
import type { Command } from '../core/commands.js';
import type { Decision } from '../core/decide.js';
import type { Change } from '../core/records.js';
import type { Undo } from '../core/table.js';

/** A command that waits for its answer. */
export interface Pending {
  readonly command: Command;
  /** For an adoption: the files that become locks. */
  readonly files?: readonly string[];
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

export interface Draft {
  readonly decisions: { readonly pending: Pending; readonly decision: Decision }[];
  readonly changes: Change[];
  readonly undos: Undo[];
  /** Foreign files that have become locks by this turn. */
  readonly adopted: { readonly resource: string; readonly files: readonly string[] }[];
}

/** A turn of nothing yet. */
export function emptyDraft(decisions: Draft['decisions'] = []): Draft {
  return { decisions, changes: [], undos: [], adopted: [] };
}

/** Takes back all that the draft did to the table, backwards. */
export function undo(draft: Draft): void {
  for (const takeBack of draft.undos.reverse()) takeBack();
}

/** Whether nobody gets anything by the draft. */
export function freesOnly(draft: Draft): boolean {
  return draft.changes.every((change) => !change.put?.some((record) => record.kind === 'hold'));
}

/** The files that lock nothing any more once the draft is saved, although nobody could read them. */
export function unreadableFiles(draft: Draft): string[] {
  const removed = draft.changes.flatMap((change) => change.remove ?? []);
  return removed.flatMap((key) => (key.kind === 'unreadable' ? key.files : []));
}
