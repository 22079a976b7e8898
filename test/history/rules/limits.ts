/** C2: never more than `limit` holds at once, by what is surely held, by what is seen, and by who works. */
import type { Facts, Holding } from '../facts.js';
import { describe, type Violation } from '../history.js';

export function checkLimits(facts: Facts): Violation[] {
  const violations: Violation[] = [];
  for (const holding of facts.holdings) {
    const { resource, from, limit } = holding;
    const others = facts
      .on(resource)
      .filter((other) => other !== holding && other.from <= from && other.until > from);
    if (others.length < limit) continue;
    const names = others.map(({ client, token }) => `${client} (${token})`).join(', ');
    const text = `${holding.client} holds ${resource} by token ${holding.token} while ${names} surely holds it`;
    violations.push({ rule: 'C2', at: from, text });
  }
  for (const call of facts.history.calls) {
    const { outcome, ended = 0 } = call;
    if (outcome?.kind !== 'seen' || outcome.holds.length <= outcome.limit) continue;
    violations.push({ rule: 'C2', at: ended, text: `${describe(call)} shows ${outcome.holds.length} holds` });
  }
  return violations;
}

/** Whoever believes to hold a lock works; nobody else may have been granted it by then. */
export function checkWork(facts: Facts): Violation[] {
  const violations: Violation[] = [];
  for (const { resource, client, token, at } of facts.happenings('worked')) {
    // By its client too: a token that was forgotten and given again stands for two holds.
    const own = facts.on(resource).find((one) => one.token === token && one.client === client);
    if (own?.limit !== 1 || isEndedByOperator(facts, own, at)) continue;
    const later = facts
      .on(resource)
      .find((other) => other.token > token && other.from >= own.from && other.from <= at);
    if (!later) continue;
    const text = `${client} works on ${resource} by token ${token}, after ${later.client} got ${later.token}`;
    violations.push({ rule: 'C2', at, text });
  }
  return violations;
}

function isEndedByOperator(facts: Facts, holding: Holding, at: number): boolean {
  const ended = facts.endings(holding).some(({ method, started }) => method !== 'unlock' && started <= at);
  return ended || facts.happenings('reset').some((reset) => reset.at <= at && reset.ready >= holding.from);
}
