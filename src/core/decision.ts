/** What the rules answer: a decision on one command. */
import type { Now } from './commands.js';
import type { Change, HoldRecord, PlaceRecord } from './records.js';
import type { BadParameter, Refused } from './refusals.js';

/** A place whose turn has come: its open call is answered with the hold. */
export interface Grant {
  readonly place: PlaceRecord;
  readonly hold: HoldRecord;
}

/** Changes, and the answer that they make true. */
export interface Answered<Answer = unknown> {
  readonly answer: Answer;
  readonly changes: readonly Change[];
  /** Answered instead, where the answer has to be made when the changes are saved: a lease starts then. */
  readonly answerWhenSaved?: (now: Now) => Answer;
  /** Done when the changes are saved. */
  readonly whenSaved?: (now: Now) => void;
  /** Takes back what was done besides the changes, where they could not be saved. */
  readonly undo?: () => void;
  /** Places whose turn has come. */
  readonly grants?: readonly Grant[];
  /** The line could not move on, because as many locks are held as are allowed: it has to be looked at again. */
  readonly isHeldBack?: true;
  /** There was more to grant than was allowed: the line has to be looked at again, at once. */
  readonly isCut?: true;
  /** The hold that the caller itself is granted, to be withdrawn if nobody is there to receive it. */
  readonly granted?: HoldRecord;
  /** The place of a caller that was heard of: its claim time starts anew. */
  readonly heardOf?: PlaceRecord;
  /** The place that the open call of a client does not wait on any more, and what the call is told. */
  readonly ended?: { readonly place: PlaceRecord; readonly tells: Refused };
}

/** Neither answer nor refusal yet: the call waits on this place; an older call on it is told that it was taken over. */
export interface Waits {
  readonly waitsOn: PlaceRecord;
  readonly changes: readonly Change[];
}

/** The outcome of one command; a refusal changes nothing. */
export type Decision<Answer = unknown> = Answered<Answer> | Waits | Refused | { readonly bad: BadParameter };

/** For answers that change nothing. */
export const NOTHING: readonly Change[] = [];
