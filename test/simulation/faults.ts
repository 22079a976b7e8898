/** How a simulated disk fails. */

export type Operation =
  | 'list'
  | 'stat'
  | 'makeDirectory'
  | 'removeDirectory'
  | 'create'
  | 'open'
  | 'link'
  | 'rename'
  | 'unlink'
  | 'syncDirectory'
  | 'write'
  | 'read'
  | 'truncate'
  | 'sync';

/** Something is wrong with the disk for a while. */
export interface Fault {
  readonly code: string;
  /** Absent: all. */
  readonly operations?: readonly Operation[];
  /** It strikes once in so many calls. */
  readonly oneIn: number;
  /** Absent: whatever they are about. */
  readonly path?: RegExp;
  /** The call does its work all the same. */
  readonly isDone?: boolean;
  /** Told when it strikes. */
  readonly onStrike?: () => void;
  /** Strikes so many times at most. */
  times?: number;
}
