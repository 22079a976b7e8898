/**
 * The store: makes turns last. A port that a journal in a directory, a map in memory, and a cluster can stand behind;
 * one contract suite (test/store/contract.ts) runs against each.
 *
 * Promises of every implementation:
 * - A turn is there whole or not at all, after whatever crash.
 * - `saved` means: on stable storage, and this process was still the owner after it was.
 * - `notSaved` means for certain: nothing of the turn will ever be seen, not after a restart either.
 * - Everything else is `Stopped`, thrown: nobody knows what is stored. Whoever gets it must answer nobody and end.
 * - Turns are committed one at a time, in order, and numbered so: 1 is the first ever, each further one is one more, after
 *   whatever restart. The number of a turn that was not saved goes to the next one.
 */
import type { EventName, StoredRecord, Turn } from '../core/records.js';

/** What the store remembers. */
export interface Recovered {
  /** Live: to be read before the first commit. */
  readonly records: Iterable<StoredRecord>;
  /** Greater than every token ever granted here, as far as the store knows. */
  readonly nextToken: number;
  /** The number of the newest saved turn; 0 where there is none. */
  readonly lastTurn: number;
}

/** How much one turn may hold; turns are cut accordingly, and one command alone never exceeds it. */
export interface StoreLimits {
  readonly changesPerTurn: number;
  /** Records that the changes put and remove, each time counted. */
  readonly recordsPerTurn: number;
}

export type CommitOutcome =
  /** The event of the turn's change at place I, counted from 0, has the id `TURN.I` from now on. */
  | { readonly saved: true; readonly turn: number }
  /** `problem` is the system's error where it is anything but a full disk. */
  | { readonly saved: false; readonly problem?: string };

export interface CommitOptions {
  /** The turn only frees something: space that is kept back for this may be used. */
  readonly onlyFrees: boolean;
}

/** What happened, as the store remembers it. */
export interface StoredEvent {
  /** Names the event for ever: `TURN.INDEX`, decimal digits, the turn's number and the place in the turn. */
  readonly id: string;
  /** Milliseconds since 1970, UTC. */
  readonly time: number;
  readonly event: EventName;
  readonly resource: string;
  readonly client: string;
  /** 0 where there is none. */
  readonly token: number;
  readonly by?: string;
  readonly reason?: string;
}

/** Which events; those that fit all that is given. */
export interface HistoryQuery {
  readonly resource?: string;
  readonly client?: string;
  /** At most so many. */
  readonly count: number;
  /** Only events before the one with this id; none of that id needs to exist. */
  readonly before?: string;
}

/** Some events in the order in which they happened. */
export interface EventPage {
  /** Oldest first; perhaps none although there are more: their number and bytes are bounded, not their sparseness. */
  readonly events: readonly StoredEvent[];
  /** All that is kept up to here was told: what comes next is after this id. */
  readonly position: string;
  /** Something between the position before this page and its first event is not kept any more, or never was here: why. */
  readonly gap?: string;
  /** Whether these were the last that were saved when the page was asked for. */
  readonly isLast: boolean;
}

/** Reads events forward. One page after the other; asked again after the last one, it reads what was saved since. */
export interface EventReader {
  /** Rejects with the disk's error, or with `Stopped`; it may be asked again. */
  next(): Promise<EventPage>;
}

export interface Store {
  readonly recovered: Recovered;
  readonly limits: StoreLimits;
  /** Makes a turn last. Throws `Stopped` when the outcome is unknown or another daemon took over. */
  commit(turn: Turn, options: CommitOptions): Promise<CommitOutcome>;
  /** Resolves if this process may still speak for the store, for answers that changed nothing; else throws `Stopped`. */
  confirm(): Promise<void>;
  /**
   * The same for what this process does in its own places without answering anybody, such as to its lock files: what is known
   * without asking others is enough.
   */
  mayAct(): Promise<void>;
  /** The events of saved turns that are still kept, newest first. Turns go on meanwhile. Rejects with the disk's error. */
  history(query: HistoryQuery): Promise<StoredEvent[]>;
  /**
   * Reads the events after the one with this id (none of that id needs to exist), oldest first, each once. Turns go on
   * meanwhile. Throws a RangeError where `id` can be no event's. Once `isWanted` says no, nothing more is read for it, and
   * `next` may reject with `Stopped`.
   */
  eventsAfter(id: string, isWanted?: () => boolean): EventReader;
  /** Bytes on stable storage. */
  readonly bytes: number;
  /** What an operator should know of the store's state, one sentence each; none when all is well. */
  readonly problems: readonly string[];
  /** Ends cleanly. Nothing may be committed afterwards. */
  close(): Promise<void>;
}

/** What a daemon serves from: a store that has a name for ever, and can say how it is. */
export interface DaemonStore extends Store {
  /** Random, made with the store; the lock files and every answer carry it. */
  readonly id: string;
  /** Whether there was nothing, so that nothing is known of what was locked here before. */
  readonly isNew: boolean;
  /** Settles when nothing can be committed any more, also if nobody asks. */
  readonly stopped: Promise<Stopped>;
  /** Those of the problems that keep every new lock from being saved. */
  readonly obstacles: readonly string[];
  /** Whether a turn could be written at this moment, as far as that can be known without asking anybody; changes nothing that is kept. */
  takesTurns(): boolean;
  /** What is due once a minute or so: drops old history. Never throws; what fails is a problem. */
  maintain(): void;
}

/** Nobody knows any more what is stored, or another daemon owns it now: answer nobody, and end. */
export class Stopped extends Error {
  override readonly name = 'Stopped';
}
