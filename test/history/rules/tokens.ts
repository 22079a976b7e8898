/** C1: tokens strictly rise in real-time order and are never used again, on whatever resource, over restarts. */
import type { Facts } from '../facts.js';
import type { Violation } from '../history.js';

export function checkTokens(facts: Facts): Violation[] {
  return [...reused(facts), ...fallen(facts)];
}

/** A token that stands for two holds. */
function reused(facts: Facts): Violation[] {
  const { history } = facts;
  const known = Math.min(...facts.happenings('reset').map(({ highestToken }) => highestToken));
  const owners = new Map<number, string>();
  const violations: Violation[] = [];
  const see = (token: number, resource: string, client: string, at: number) => {
    const owner = `${client} on ${resource}`;
    const before = owners.get(token) ?? owner;
    owners.set(token, before);
    // One that stood in no file when the journal was taken away is known to nobody.
    if (before !== owner && token <= known) {
      violations.push({ rule: 'C1', at, text: `token ${token} is that of ${owner}, and of ${before}` });
    }
  };
  for (const { resource, outcome, ended = 0 } of history.calls) {
    if (outcome?.kind === 'hold') see(outcome.token, resource, outcome.client, ended);
    if (outcome?.kind !== 'seen') continue;
    for (const { token, client } of outcome.holds) see(token, resource, client, ended);
  }
  return violations;
}

/** A grant that came later with a lower token. */
function fallen(facts: Facts): Violation[] {
  const violations: Violation[] = [];
  const byTime = [...facts.holdings].sort((a, b) => a.from - b.from);
  for (const later of facts.holdings) {
    for (const earlier of byTime) {
      if (earlier.from >= later.earliest) break;
      if (earlier.token < later.token || facts.isForgotten(earlier.token, earlier.from, later.from)) continue;
      const text = `${later.client} got token ${later.token} on ${later.resource}, after ${earlier.client} had ${earlier.token}`;
      violations.push({ rule: 'C1', at: later.from, text });
    }
  }
  return violations;
}
