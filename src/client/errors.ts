/**
 * How a call to a daemon can fail. The classes differ in what the caller knows afterwards: refused and nothing changed;
 * nobody there; not let in; perhaps done; not understood; somebody else's locks.
 */
import { REFUSALS, type RefusalName } from '../core/refusals.js';

const NAMES = new Map(
  (Object.entries(REFUSALS) as [RefusalName, { code: number }][]).map(([name, row]) => [row.code, name]),
);

/** The daemon says no, and nothing has changed. `message` is its text. */
export class RefusedCall extends Error {
  override readonly name = 'RefusedCall';
  /** The name of the refusal; undefined for protocol faults (-32xxx) and for what only a newer lockd knows. */
  readonly refusal: RefusalName | undefined;

  constructor(
    /** The XML-RPC fault code. */
    readonly code: number,
    text: string,
    /** Whether the same call was sent before, with an answer that was lost: it may have been carried out then. */
    readonly isRepeat = false,
    /** Where the leader of the cluster is, as a member says that is none itself, and knows. */
    readonly leader?: string | undefined,
  ) {
    super(text);
    this.refusal = NAMES.get(code);
  }
}

/** Nobody answered, and nothing has changed: the call was not sent, or only asks. */
export class NoDaemon extends Error {
  override readonly name = 'NoDaemon';
}

/** The call was sent and its answer was lost: it may have been carried out, now or soon, or not. */
export class OutcomeUnknown extends Error {
  override readonly name = 'OutcomeUnknown';
}

/**
 * The daemon lets nobody in who does not show who it is: no user was named, or not with the right secret, or no
 * certificate was shown. Nothing has changed, and nothing is tried again.
 */
export class Unauthorized extends Error {
  override readonly name = 'Unauthorized';
}

/** Something answered, but not as a lockd of this version does. */
export class NotLockd extends Error {
  override readonly name = 'NotLockd';
}

/**
 * The addresses lead to daemons with different lock directories, which would grant one lock twice. Nothing is repeated;
 * what the call asked of the other daemon may have been done there.
 */
export class AnotherCluster extends Error {
  override readonly name = 'AnotherCluster';
}
