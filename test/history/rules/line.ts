/** C6: grants follow the order of the line. */
import type { Facts, Holding } from '../facts.js';
import { type Call, describe, type Violation } from '../history.js';

/** A place that was acknowledged, and that its client surely had until `until`, or until it was granted. */
interface Place {
  readonly client: string;
  readonly resource: string;
  readonly queuedAt: number;
  /** It still stood in the line at this moment. */
  readonly until: number;
  readonly granted: Holding | undefined;
}

export function checkLine(facts: Facts): Violation[] {
  const violations: Violation[] = [];
  for (const place of places(facts)) {
    for (const holding of facts.on(place.resource)) {
      if (!mustComeLater(facts, holding, place)) continue;
      const isPassed = place.granted ? holding.token < place.granted.token : holding.from < place.until;
      if (!isPassed) continue;
      const text = `${holding.client} got ${place.resource} (token ${holding.token}) before ${place.client}, who had been in the line since before it asked`;
      violations.push({ rule: 'C6', at: holding.from, text });
    }
  }
  return [...violations, ...passedInSight(facts)];
}

/** Whether a grant was first asked for when the place was taken already. */
function mustComeLater(facts: Facts, holding: Holding, place: Place): boolean {
  if (holding.client === place.client || holding.limit !== 1) return false;
  if (holding.earliest <= place.queuedAt || isGivenAway(facts, holding)) return false;
  return !facts.happenings('reset').some(({ ready }) => ready >= place.queuedAt);
}

/** Holds that come about beside the line: handed over, or adopted. */
function isGivenAway(facts: Facts, { resource, client }: Holding): boolean {
  return (
    facts.about(resource).some((call) => call.newClient === client) ||
    facts.happenings('foreign').some((one) => one.client === client)
  );
}

function places(facts: Facts): Place[] {
  const found: Place[] = [];
  const { calls } = facts.history;
  for (const call of calls) {
    if (call.outcome?.kind !== 'queued' || call.ended === undefined) continue;
    const { resource, client, ended: queuedAt } = call;
    const own = facts.about(resource).filter((other) => other.client === client);
    const enqueues = own.filter(({ method }) => method === 'enqueue');
    // Of one that was sent twice, or whose answer was lost, nobody knows when its place was taken.
    if (enqueues.some((one) => one.isDoubled || one.ended === undefined || one.ended > queuedAt)) continue;
    if (own.some(({ method }) => method === 'lock')) continue;
    const waits = own.filter(({ method, outcome }) => method === 'wait' && isStillInLine(outcome));
    const until = Math.max(queuedAt, ...waits.map(({ started }) => started));
    const granted = facts.on(resource).find((holding) => holding.client === client);
    found.push({ client, resource, queuedAt, until, granted });
  }
  return found;
}

function isStillInLine(outcome: Call['outcome']): boolean {
  return outcome?.kind === 'refused' && outcome.refusal === 'timedOut';
}

/** Two who were seen one behind the other: the first of them, whose call was open all the time, comes first. */
function passedInSight(facts: Facts): Violation[] {
  const violations: Violation[] = [];
  for (const call of facts.history.calls) {
    const { outcome, started, ended } = call;
    if (outcome?.kind !== 'seen' || outcome.limit !== 1 || ended === undefined) continue;
    for (const [index, client] of outcome.line.entries()) {
      const first = waiting(facts, call.resource, client);
      if (!first || first.earliest > started) continue;
      for (const behind of outcome.line.slice(index + 1)) {
        const second = waiting(facts, call.resource, behind);
        if (!second || second.token > first.token || second.from < ended) continue;
        const text = `${behind} got token ${second.token}, ${client} only ${first.token}, and stood before it in ${describe(call)}`;
        violations.push({ rule: 'C6', at: second.from, text });
      }
    }
  }
  return violations;
}

/** The hold of a client that got it by the only call it made for it, which waited. */
function waiting(facts: Facts, resource: string, client: string): Holding | undefined {
  const asked = facts
    .about(resource)
    .filter((call) => call.client === client && ['lock', 'enqueue', 'wait'].includes(call.method));
  const [only] = asked;
  if (asked.length !== 1 || only?.method !== 'lock' || only.isDoubled || only.outcome?.kind !== 'hold')
    return undefined;
  return facts.byToken.get(only.outcome.token);
}
