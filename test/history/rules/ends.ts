/** C3: only the holder unlocks. C5: what has ended stays ended. */
import { type Facts, type Holding, isDefinite } from '../facts.js';
import { type Call, describe, type Violation } from '../history.js';

/** C3. */
export function checkUnlocks(facts: Facts): Violation[] {
  const violations: Violation[] = [];
  const unlocked = new Map<string, Call>();
  for (const call of facts.history.calls) {
    const { method, outcome, ended = 0, token } = call;
    if (method !== 'unlock' || outcome?.kind !== 'done') continue;
    if (!mayHold(facts, call)) {
      violations.push({
        rule: 'C3',
        at: ended,
        text: `${describe(call)} succeeded, but it cannot have held it`,
      });
    }
    if (token === undefined || call.isDoubled) continue;
    const hold = JSON.stringify([token, call.client, call.resource]);
    const before = unlocked.get(hold);
    unlocked.set(hold, call);
    if (before)
      violations.push({
        rule: 'C3',
        at: ended,
        text: `${describe(call)} succeeded after ${describe(before)}`,
      });
  }
  return violations;
}

function mayHold(facts: Facts, { resource, client, token, started, ended = 0 }: Call): boolean {
  const known = facts.holdings.filter((one) => one.token === token);
  if (known.length > 0 && !known.some((one) => one.client === client && one.resource === resource))
    return false;
  const own = facts.on(resource).filter((one) => one.client === client && (token ?? one.token) === one.token);
  if (own.some((holding) => endOf(facts, holding) >= started)) return true;
  const given = facts.happenings('foreign').some((one) => one.client === client);
  // A hold that nobody was told of.
  const untold = facts.causes(resource, client).some((call) => call.started <= ended && !isToldOf(call));
  return given || untold;
}

function isToldOf({ outcome, isDoubled }: Call): boolean {
  return outcome?.kind === 'hold' && !isDoubled;
}

/** When it was known to all that the hold has ended. */
function endOf(facts: Facts, holding: Holding): number {
  const { token, resource, client } = holding;
  let end = Number.POSITIVE_INFINITY;
  for (const call of facts.about(resource)) {
    if (!isDefinite(call) || call.ended === undefined) continue;
    if (call.started < holding.from) continue;
    const { method, outcome } = call;
    const isOwn = call.client === client && (call.token ?? token) === token;
    const isUnlocked = method === 'unlock' && isOwn && outcome?.kind === 'done';
    const isLost = call.token === token && outcome?.kind === 'refused' && outcome.refusal === 'lost';
    const isNotCurrent =
      method === 'check' && call.token === token && outcome?.kind === 'checked' && !outcome.isCurrent;
    if (isUnlocked || isLost || isNotCurrent) end = Math.min(end, call.ended);
  }
  return end;
}

/** C5. */
export function checkEnds(facts: Facts): Violation[] {
  const violations: Violation[] = [];
  for (const holding of facts.holdings) {
    const end = endOf(facts, holding);
    if (end === Number.POSITIVE_INFINITY) continue;
    for (const call of facts.about(holding.resource)) {
      if (call.started <= end || !shows(call, holding)) continue;
      if (call.method === 'check' && isAmbiguous(facts, holding, call)) continue;
      const text = `${describe(call)} shows token ${holding.token} of ${holding.client}, which had ended`;
      violations.push({ rule: 'C5', at: call.ended ?? call.started, text });
    }
  }
  return violations;
}

/** Of a token that stands for two holds, or that was forgotten and may have been given again, `check` does not say which it means. */
function isAmbiguous(facts: Facts, { token, from }: Holding, check: Call): boolean {
  const owners = facts.holdings.filter((other) => other.token === token);
  return owners.length > 1 || facts.isForgotten(token, from, check.ended ?? check.started);
}

/** Whether the answer says that this token is held. */
function shows({ outcome, token: asked }: Call, { token, client }: Holding): boolean {
  if (outcome?.kind === 'hold') return outcome.token === token && outcome.client === client;
  if (outcome?.kind === 'checked') return asked === token && outcome.isCurrent;
  return (
    outcome?.kind === 'seen' &&
    outcome.holds.some((hold) => hold.token === token && hold.client === client && hold.isLive)
  );
}
