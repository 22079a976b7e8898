/**
 * What a history of a lock daemon must be like.
 *
 * C1 tokens strictly rise in real-time order and are never used again. C2 never more than `limit` holds at once. C3 only the
 * holder unlocks. C4 an acknowledged lock is there, also after a crash, until it is unlocked or lost. C5 what has ended stays
 * ended. C6 grants follow the order of the line. C7 a lease never ends before its ttl, nor while the daemon is not there.
 * C8 after a loss, no grant before a confirmed fence for that token. C9 what was refused, or never asked for, has not happened;
 * a call without an answer may have, or not.
 */
import { Facts } from './facts.js';
import type { History, Violation } from './history.js';
import { checkCauses, checkUnreceived } from './rules/causes.js';
import { checkEnds, checkUnlocks } from './rules/ends.js';
import { checkFences } from './rules/fences.js';
import { checkKept } from './rules/kept.js';
import { checkLimits, checkWork } from './rules/limits.js';
import { checkLine } from './rules/line.js';
import { checkDeposed, checkReaders } from './rules/speakers.js';
import { checkTokens } from './rules/tokens.js';

const RULES = [
  checkTokens,
  checkLimits,
  checkWork,
  checkUnlocks,
  checkKept,
  checkEnds,
  checkLine,
  checkFences,
  checkCauses,
  checkUnreceived,
  checkDeposed,
  checkReaders,
];

/** What the history breaks, in the order of time. */
export function check(history: History): Violation[] {
  const facts = new Facts(history);
  return RULES.flatMap((rule) => rule(facts)).sort((a, b) => a.at - b.at);
}
