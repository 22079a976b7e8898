/** C4: an acknowledged lock is there until it is unlocked or lost. C7: it is not lost before its lease is over. */
import type { Facts, Holding } from '../facts.js';
import { type Call, describe, describeOutcome, type Violation } from '../history.js';

/** Refusals that say: you do not hold it. */
const NOT_HELD: readonly string[] = ['notLocked', 'notOwner', 'staleToken', 'lost', 'ended'];

export function checkKept(facts: Facts): Violation[] {
  const violations: Violation[] = [];
  for (const holding of facts.holdings) {
    for (const call of facts.about(holding.resource)) {
      const { resource, outcome, started, ended } = call;
      if (resource !== holding.resource || !outcome || ended === undefined) continue;
      if (started < holding.from || !denies(call, holding)) continue;
      // What reached the daemon before the lease was over is in time, however late it is read.
      const inTime = call.arrived !== undefined && !call.isDoubled ? call.arrived : ended;
      const isExpiry = outcome.kind === 'refused' && outcome.text.includes('lease ended');
      const counts = isExpiry && call.method === 'renew' ? inTime : ended;
      if (counts >= holding.until || ended >= endingFrom(facts, holding)) continue;
      const text = `${describe(call)}: ${describeOutcome(outcome)}; but ${holding.client} held token ${holding.token}`;
      violations.push({ rule: isExpiry ? 'C7' : 'C4', at: ended, text });
    }
  }
  return [...violations, ...shortLeases(facts)];
}

/** From here on something other than the lease may have ended the hold. */
function endingFrom(facts: Facts, holding: Holding): number {
  const resets = facts.happenings('reset').map(({ at }) => at);
  return Math.min(
    Number.POSITIVE_INFINITY,
    ...facts.endings(holding).map(({ started }) => started),
    ...resets,
  );
}

/** Whether the answer says that the hold is not there. */
function denies(call: Call, { token, client }: Holding): boolean {
  const { method, outcome } = call;
  if (outcome?.kind === 'checked') return call.token === token && !outcome.isCurrent;
  if (outcome?.kind === 'seen') return !outcome.holds.some((hold) => hold.token === token && hold.isLive);
  if (outcome?.kind !== 'refused' || !NOT_HELD.includes(outcome.refusal)) return false;
  const acts = method === 'renew' || method === 'extend' || method === 'update' || method === 'unlock';
  return acts && call.client === client && call.token === token;
}

/** Whoever gets a lease, or renews it, has all of it. */
function shortLeases(facts: Facts): Violation[] {
  const violations: Violation[] = [];
  for (const call of facts.history.calls) {
    const { method, outcome, ended = 0 } = call;
    if (outcome?.kind !== 'hold' || outcome.ttl === undefined) continue;
    const { left = 0, ttl } = outcome;
    // A wait may be answered with a hold that was granted before; a repeat starts the lease anew.
    if (method === 'extend' || method === 'update' || left >= ttl - 0.01) continue;
    violations.push({
      rule: 'C7',
      at: ended,
      text: `${describe(call)}: only ${left} s of ${ttl} s are left`,
    });
  }
  return violations;
}
