/** What must hold in a cluster beside the rules of every lock daemon (test/history/check.ts). */
import { describe, type Violation } from '../history/history.js';
import type { RecordedCall } from './recorder.js';
import type { Sighting } from './watch.js';

/** An answer that only a leader may give: not that somebody else leads, or that the call makes no sense. */
export function speaksAsLeader({ outcome }: RecordedCall): boolean {
  if (!outcome) return false;
  return outcome.kind !== 'refused' || !['unavailable', 'protocol'].includes(outcome.refusal);
}

/** They are answered without anything being written. */
const UNWRITTEN: ReadonlySet<string> = new Set(['check', 'status', 'renew']);

/** Whether something was changed, and that was answered. */
export function isChange({ method, outcome }: RecordedCall): boolean {
  return !UNWRITTEN.has(method) && outcome !== undefined && outcome.kind !== 'refused';
}

/** Nobody speaks as the leader in the middle of somebody else's term. */
export function checkTerms(calls: readonly RecordedCall[], sightings: readonly Sighting[]): Violation[] {
  const violations: Violation[] = [];
  for (const { url, from, to } of terms(sightings)) {
    for (const call of calls) {
      const { daemon, started, ended = Number.POSITIVE_INFINITY } = call;
      if (daemon === url || started <= from || ended >= to || !speaksAsLeader(call)) continue;
      const text = `${daemon} answered ${describe(call)}, while ${url} led`;
      violations.push({ rule: 'leader', at: ended, text });
    }
  }
  return violations;
}

/** Terms, as far as they were seen: from the first answer that told of it to the last question. */
function terms(sightings: readonly Sighting[]): { url: string; from: number; to: number }[] {
  const found = new Map<number, { url: string; from: number; to: number }>();
  for (const { createRevision, url, asked, answered } of sightings) {
    const term = found.get(createRevision);
    if (term) term.to = asked;
    else if (createRevision > 0) found.set(createRevision, { url, from: answered, to: answered });
  }
  return [...found.values()];
}

/** Who is cut off from etcd at `from`, until `to`. */
export interface CutOff {
  readonly daemon: string;
  readonly from: number;
  readonly to: number;
}

/** Milliseconds after which a leader that hears nothing of etcd any more cannot be the leader. */
const LEASE_MS = 5_000;

/** Who has been cut off from etcd for as long as a leadership lasts answers nobody any more. */
export function checkCutOff(calls: readonly RecordedCall[], cutOff: readonly CutOff[]): Violation[] {
  return cutOff.flatMap(({ daemon, from, to }) => {
    const late = calls.filter((call) => {
      const { started, ended = Number.POSITIVE_INFINITY } = call;
      return call.daemon === daemon && started >= from + LEASE_MS && ended <= to && speaksAsLeader(call);
    });
    return late.map((call) => ({
      rule: 'minority',
      at: call.ended ?? call.started,
      text: `${daemon} answered ${describe(call)}, cut off since ${((call.started - from) / 1_000).toFixed(1)} s`,
    }));
  });
}

/** The longest time from `from` to `to` in which no change was answered that began in it. */
export function longestSilence(calls: readonly RecordedCall[], from: number, to: number): number {
  let [longest, last] = [0, from];
  const answered = calls
    .filter((call) => call.started >= from && isChange(call))
    .map(({ ended = 0 }) => Math.min(ended, to));
  for (const at of [...answered.sort((a, b) => a - b), to]) {
    longest = Math.max(longest, at - last);
    last = at;
  }
  return longest;
}
