/**
 * How the descriptors of this process are shared out, so that connections, of which anybody may open as many as he likes, never
 * take those by which locks are saved.
 */

/** Kept for the journal and its next segment, for readers of history, fence commands, and what Node has open itself. */
const RESERVED = 96;

/** The part of all that lock files may keep open. */
const SLOTS_PART = 1 / 4;

/** How many slots may stay open where a process may have `openFiles`. */
export function slotRoom(openFiles: number): number {
  return Math.floor(openFiles * SLOTS_PART);
}

/** How many connections fit beside them; where descriptors are very few, a quarter of them. */
export function connectionRoom(openFiles: number): number {
  return Math.max(openFiles - slotRoom(openFiles) - RESERVED, slotRoom(openFiles), 1);
}
