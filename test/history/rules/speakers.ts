/** Who may speak: a daemon that was taken over answers nobody and starts nothing. And what readers of lock files see. */
import type { Facts } from '../facts.js';
import { describe, type Violation } from '../history.js';

export function checkDeposed(facts: Facts): Violation[] {
  const violations: Violation[] = [];
  const isDeposed = (daemon: string, at: number) => {
    const own = facts.starts.find((start) => start.daemon === daemon);
    // One that never served has no place in the order.
    return own !== undefined && facts.starts.some((start) => start.ready > own.ready && start.ready < at);
  };
  for (const call of facts.history.calls) {
    const { outcome, answered } = call;
    if (answered === undefined || !outcome || saysNothing(outcome)) continue;
    const visit = call.visits?.find(({ wroteAt }) => wroteAt === answered);
    if (!visit || !isDeposed(visit.daemon, answered)) continue;
    const text = `${visit.daemon} answered ${describe(call)} although another daemon had taken over`;
    violations.push({ rule: 'deposed', at: answered, text });
  }
  for (const { daemon, token, from } of facts.happenings('fenced')) {
    if (!isDeposed(daemon, from)) continue;
    violations.push({
      rule: 'deposed',
      at: from,
      text: `${daemon} fenced token ${token} although it was deposed`,
    });
  }
  return violations;
}

/** That it stops, or that nobody could do that, everybody may say. */
function saysNothing(outcome: NonNullable<Facts['history']['calls'][number]['outcome']>): boolean {
  return outcome.kind === 'refused' && ['unavailable', 'protocol'].includes(outcome.refusal);
}

export function checkReaders(facts: Facts): Violation[] {
  return facts.happenings('misread').map(({ at, text }) => ({ rule: 'readers', at, text }));
}
