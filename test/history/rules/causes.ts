/** C9: every hold was asked for by a call that was not refused. And a hold that nobody was there to receive does not stay. */
import type { Facts } from '../facts.js';
import { type Call, describe, type Violation } from '../history.js';

export function checkCauses(facts: Facts): Violation[] {
  const violations: Violation[] = [];
  const foreign = facts.happenings('foreign');
  const resets = facts.happenings('reset');
  for (const call of facts.history.calls) {
    const { outcome, resource, ended = 0 } = call;
    if (outcome?.kind !== 'seen') continue;
    for (const { client, token } of outcome.holds) {
      const isAskedFor = facts.causes(resource, client).some((cause) => {
        return cause.started <= ended && mayBeOf(cause, token);
      });
      const isForeign = foreign.some(
        (one) => one.resource === resource && one.client === client && one.at <= ended,
      );
      // From lock files alone, with new tokens.
      const isAdopted = resets.some(({ at }) => at <= ended);
      if (isAskedFor || isForeign || isAdopted) continue;
      const text = `${describe(call)} shows token ${token} of ${client}, who was refused or never asked`;
      violations.push({ rule: 'C9', at: ended, text });
    }
    // A lock file that a power cut has torn says nothing, where there is no journal either.
    if (resets.some(({ at }) => at <= ended)) continue;
    if (!outcome.isUnreadable || foreign.some((one) => one.resource === resource)) continue;
    violations.push({
      rule: 'C9',
      at: ended,
      text: `${describe(call)}: ${resource} is locked by nobody known`,
    });
  }
  return violations;
}

/** Whether the call may have led to this very token. */
function mayBeOf({ outcome, isDoubled, method, newClient }: Call, token: number): boolean {
  if (isDoubled || outcome?.kind !== 'hold') return true;
  // A hand-over is answered with the new hold.
  return outcome.token === token || (method === 'update' && newClient !== undefined);
}

/** Milliseconds within which a grant that nobody received is taken back, on a disk that works. */
const TAKEN_BACK_MS = 2_000;

/** A caller that was gone before the answer was written does not keep the hold, where the daemon did not die meanwhile. */
export function checkUnreceived(facts: Facts): Violation[] {
  const violations: Violation[] = [];
  for (const call of facts.history.calls) {
    const { outcome, started, resource } = call;
    const daemon = call.visits?.find((visit) => visit.wroteAt === call.answered)?.daemon;
    if (outcome?.kind !== 'seen' || daemon === undefined) continue;
    for (const { client, token, isLive } of outcome.holds) {
      if (!isLive || facts.byToken.has(token)) continue;
      const causes = facts.causes(resource, client);
      const wasGone = ({ method, isDoubled, visits }: Call) =>
        method === 'lock' &&
        !isDoubled &&
        visits?.length === 1 &&
        visits.every((visit) => {
          const { goneAt = Number.POSITIVE_INFINITY, wroteAt } = visit;
          const isHindered = facts
            .happenings('troubled')
            .some(({ from, to }) => from < started && to > goneAt - 10_000);
          if (isHindered) return false;
          return visit.daemon === daemon && wroteAt === undefined && goneAt < started - TAKEN_BACK_MS;
        });
      if (causes.length === 0 || !causes.every(wasGone)) continue;
      const text = `${describe(call)} shows token ${token} of ${client}, who was gone before it was answered`;
      violations.push({ rule: 'unreceived', at: started, text });
    }
  }
  return violations;
}
