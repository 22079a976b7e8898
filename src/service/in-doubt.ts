/**
 * Who holds a resource where turns of the journal are missing: what the journal still says and what the lock file says are
 * put together, so that the resource is free only where nothing speaks against it.
 */
import type { HoldRecord } from '../core/records.js';

/** What stands under the name of the lock file. */
export type FileTale =
  | { readonly kind: 'none' }
  /** Nobody can read it. */
  | { readonly kind: 'unreadable' }
  /** Not ours: whether it locks is decided at the next start. */
  | { readonly kind: 'foreign' }
  | { readonly kind: 'told'; readonly holds: readonly HoldRecord[] };

export interface Evidence {
  /** The holds by the turns that can be read. */
  readonly known: readonly HoldRecord[];
  readonly file: FileTale;
  /** Missing turns speak of it, and no later one does. */
  readonly isDoubted: boolean;
  /** Tokens of holds that ended by a turn that can be read. */
  readonly ended: ReadonlySet<number>;
}

export interface Verdict {
  readonly holds: readonly HoldRecord[];
  /**
   * `sure`: all that is known says so. `byJournal`: only the journal does. `byFile`: the lock file says more. `nobodyKnows`:
   * it is to be locked by `?`.
   */
  readonly by: 'sure' | 'byJournal' | 'byFile' | 'nobodyKnows';
}

export function judge({ known, file, isDoubted, ended }: Evidence): Verdict {
  const told = file.kind === 'told' ? file.holds.filter(({ token }) => !ended.has(token)) : [];
  if (known.length === 0 && told.length === 0) {
    const isOpen = file.kind === 'unreadable' || (file.kind === 'none' && isDoubted);
    return { holds: [], by: isOpen ? 'nobodyKnows' : 'sure' };
  }
  if (told.length === 0) return { holds: withinLimit(known), by: 'byJournal' };
  // Of one client the later hold: a client holds a resource once.
  const byClient = new Map<string, HoldRecord>();
  for (const hold of [...told, ...known]) {
    if ((byClient.get(hold.client)?.token ?? -1) <= hold.token) byClient.set(hold.client, hold);
  }
  const holds = withinLimit([...byClient.values()], told);
  const journal = new Set(known.map(({ token }) => token));
  const isSame = holds.length === known.length && holds.every(({ token }) => journal.has(token));
  return { holds, by: isSame && told.length === known.length ? 'sure' : 'byFile' };
}

/**
 * Where there are more than may hold at once, some had ended before the latest was granted: those that the lock file leaves
 * out, if it tells of the latest; of the others the earliest.
 */
function withinLimit(holds: readonly HoldRecord[], told: readonly HoldRecord[] = []): HoldRecord[] {
  const inOrder = [...holds].sort((a, b) => a.token - b.token);
  const latest = inOrder.at(-1);
  const inFile = new Set(told.map(({ token }) => token));
  if (latest && inFile.has(latest.token)) {
    inOrder.sort((a, b) => Number(inFile.has(a.token)) - Number(inFile.has(b.token)));
  }
  return inOrder.slice(-(latest?.limit ?? 1));
}
