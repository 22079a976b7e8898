/** C8: after a loss, no grant before a confirmed fence for that token; and nobody who holds is fenced. */
import type { Facts, Holding } from '../facts.js';
import type { Violation } from '../history.js';

export function checkFences(facts: Facts): Violation[] {
  const violations: Violation[] = [];
  for (const next of facts.holdings) {
    if (next.limit !== 1 || !facts.history.isFenced(next.resource)) continue;
    for (const before of facts.on(next.resource)) {
      if (before.token >= next.token || before.from > next.from || isSafe(facts, before, next)) continue;
      const text = `${next.client} got ${next.resource} by token ${next.token}, but ${before.client} (token ${before.token}) neither gave it back nor was fenced`;
      violations.push({ rule: 'C8', at: next.from, text });
    }
  }
  for (const run of facts.happenings('fenced')) {
    const holding = facts.byToken.get(run.token);
    if (!holding || run.from < holding.from || run.from >= holding.until) continue;
    const text = `token ${run.token} of ${holding.client} is fenced, who surely holds ${holding.resource}`;
    violations.push({ rule: 'C8', at: run.from, text });
  }
  return violations;
}

/** Whether the holder before gave back, was fenced, or somebody vouched for it, before the next one was told. */
function isSafe(facts: Facts, before: Holding, next: Holding): boolean {
  const { token, resource } = before;
  const isInTime = ({ started }: { readonly started: number }) => started <= next.from;
  const endings = facts.endings(before).filter(isInTime);
  if (endings.some(({ method, isVouched }) => method !== 'forceUnlock' || isVouched)) return true;
  const vouched = facts.history.calls.some(
    (call) =>
      call.method === 'confirmFenced' &&
      call.resource === resource &&
      (call.token ?? token) === token &&
      isInTime(call),
  );
  if (vouched) return true;
  if (facts.happenings('reset').some(({ ready }) => ready >= before.from && ready <= next.from)) return true;
  return facts
    .happenings('fenced')
    .some((run) => run.token === token && run.succeeded && run.to <= next.from);
}
