/**
 * What a history says for certain about each token: since when it surely was held, and until when. Whatever may have been
 * done, or not, makes it less certain and never more: a call without an answer counts both ways.
 */
import type { Call, Happening, History } from './history.js';

type Of<Kind extends Happening['kind']> = Extract<Happening, { readonly kind: Kind }>;

/** Milliseconds of a short stop of the daemon by which leases may not be lengthened. */
const UNCOUNTED_STOP_MS = 150;

/** Milliseconds that a daemon needs from the start of a lease to the writing of its answer, or to its first words. */
const SLACK_MS = 30;

const ENDING: ReadonlySet<string> = new Set(['unlock', 'update', 'forceUnlock']);

/** One hold, as far as somebody was told of it. */
export interface Holding {
  readonly token: number;
  readonly resource: string;
  readonly client: string;
  readonly limit: number;
  /** The answers that named it. */
  readonly reports: Call[];
  /** It cannot have been granted before. */
  readonly earliest: number;
  /** It surely was held from here on, */
  readonly from: number;
  /** and up to here. */
  readonly until: number;
  /** Until here its lease surely ran. */
  readonly leaseUntil: number;
}

export class Facts {
  readonly holdings: Holding[];
  readonly byToken = new Map<number, Holding>();
  readonly aways: readonly Of<'away'>[];
  readonly starts: readonly Of<'started'>[];
  readonly #calls = new Map<string, Call[]>();
  readonly #holdings = new Map<string, Holding[]>();

  constructor(readonly history: History) {
    this.aways = this.happenings('away');
    this.starts = this.happenings('started');
    for (const call of history.calls) {
      const key = call.resource;
      const calls = this.#calls.get(key) ?? [];
      this.#calls.set(key, calls);
      calls.push(call);
    }
    // A token stands for two holds where it was forgotten in between, or by mistake.
    const reports = new Map<string, Call[]>();
    for (const call of history.calls) {
      if (call.outcome?.kind !== 'hold') continue;
      const key = JSON.stringify([call.outcome.token, call.outcome.client, call.resource]);
      reports.set(key, [...(reports.get(key) ?? []), call]);
    }
    this.holdings = [...reports.values()].map((calls) => this.#holding(calls));
    this.holdings.sort((a, b) => a.token - b.token);
    for (const holding of this.holdings) {
      this.byToken.set(holding.token, holding);
      const there = this.#holdings.get(holding.resource) ?? [];
      this.#holdings.set(holding.resource, there);
      there.push(holding);
    }
  }

  happenings<Kind extends Happening['kind']>(kind: Kind): Of<Kind>[] {
    return this.history.happenings.filter((one): one is Of<Kind> => one.kind === kind);
  }

  /** The holdings of a resource, by token. */
  on(resource: string): readonly Holding[] {
    return this.#holdings.get(resource) ?? [];
  }

  /** All calls on a resource. */
  about(resource: string): readonly Call[] {
    return this.#calls.get(resource) ?? [];
  }

  /** Whether a token that was given by `from` is known to nobody at `to`: it stood in no file when the journal was taken away. */
  isForgotten(token: number, from: number, to: number): boolean {
    return this.happenings('reset').some(
      ({ at, highestToken }) => from < at && at < to && token > highestToken,
    );
  }

  /** The calls that may have given this client a hold there. */
  causes(resource: string, client: string): Call[] {
    return this.about(resource).filter((call) => mayGrant(call, client) && mayHaveHappened(call));
  }

  /** Calls that may have ended this hold, whether they have or not. */
  endings({ token, resource, client }: Pick<Holding, 'token' | 'resource' | 'client'>): Call[] {
    return this.about(resource).filter((call) => {
      if (!ENDING.has(call.method) || !mayHaveHappened(call)) return false;
      const isMeant = call.client === client && (call.token === undefined || call.token === token);
      if (call.method === 'unlock') return isMeant;
      if (call.method === 'update') return isMeant && call.newClient !== undefined;
      return call.method === 'forceUnlock' && (call.client === '' || call.client === client);
    });
  }

  /** The moment until which a lease lasts that has so many milliseconds left at `from`: while nobody served it stood still. */
  leaseEnd(from: number, milliseconds: number): number {
    let end = from + milliseconds - SLACK_MS;
    for (const away of this.aways) {
      const begun = Math.max(from, away.from);
      if (away.to <= from || begun >= end) continue;
      const length = away.to - begun;
      // While the machine sleeps its clock stands still, so that a short stop in which it falls asleep is a short stop.
      const isLong = Math.min(length, away.awakeMs ?? length) >= 1_000;
      end += isLong ? length - SLACK_MS : Math.max(0, length - UNCOUNTED_STOP_MS);
    }
    return end;
  }

  #holding(reports: Call[]): Holding {
    const [first] = reports as [Call, ...Call[]];
    const outcome = first.outcome as Extract<NonNullable<Call['outcome']>, { kind: 'hold' }>;
    const { client, token, limit } = outcome;
    const { resource } = first;
    const from = Math.min(...reports.map((report) => answeredAt(report)));
    const known = { token, resource, client };
    const causes = this.causes(resource, client).filter(({ outcome: told }) => {
      return told?.kind !== 'hold' || told.token === token;
    });
    const earliest = Math.min(first.started, ...causes.map(({ started }) => started));
    const leaseUntil = Math.max(...reports.map((report) => this.#leaseOf(report, known)));
    const ends = this.endings(known)
      // One that was over before this hold began did not end it.
      .filter((call) => call.isDoubled || call.ended === undefined || call.ended >= earliest)
      .map(({ started }) => started);
    const resets = this.happenings('reset').filter(({ ready }) => ready >= from);
    const until = Math.min(leaseUntil, ...ends, ...resets.map(({ at }) => at));
    return { ...known, limit, reports, earliest, from, until, leaseUntil };
  }

  /**
   * Until when a lease runs of which an answer at `from` said how much is left. A stop of the daemon lengthens leases, and
   * nobody saves by how much: at the next start one begins afresh, with its ttl, unless somebody may have extended it.
   */
  #leaseLeft(
    from: number,
    { left = 0, ttl = left }: { readonly left?: number; readonly ttl?: number },
    { resource, client }: Pick<Holding, 'resource' | 'client'>,
  ): number {
    const end = this.leaseEnd(from, left * 1_000 - 1);
    const isExtended = this.about(resource).some(
      (call) => call.method === 'extend' && call.client === client,
    );
    if (left <= ttl || isExtended) return end;
    const afresh = this.starts.filter(({ ready }) => ready > from);
    return Math.min(end, ...afresh.map(({ ready }) => ready + ttl * 1_000 - SLACK_MS));
  }

  /** Until when the lease surely runs by one answer; a shorter ttl that is asked for later may end it sooner. */
  #leaseOf(
    report: Call,
    { token, resource, client }: Pick<Holding, 'token' | 'resource' | 'client'>,
  ): number {
    const { outcome } = report;
    if (outcome?.kind !== 'hold') return report.started;
    const at = answeredAt(report, 'started');
    let end =
      outcome.left === undefined
        ? Number.POSITIVE_INFINITY
        : this.#leaseLeft(at, outcome, { resource, client });
    for (const call of this.about(resource)) {
      const shortens =
        call.ttl !== undefined &&
        (call.method === 'renew' || call.method === 'update') &&
        call.client === client &&
        (call.token === undefined || call.token === token) &&
        mayHaveHappened(call) &&
        (call.isDoubled || call.ended === undefined || call.ended >= at);
      if (shortens) end = Math.min(end, Math.max(at, call.started) + (call.ttl ?? 0) * 1_000 - SLACK_MS);
    }
    return end;
  }
}

/** When the daemon wrote the answer, as closely as that is known; else its end, or its start where that is on the safe side. */
export function answeredAt(call: Call, safe: 'started' | 'ended' = 'ended'): number {
  return call.answered ?? (safe === 'started' ? call.started : (call.ended ?? Number.POSITIVE_INFINITY));
}

/** Whether a call may have done what it asks for: a refusal says no, if the call was carried once. */
export function mayHaveHappened(call: Call): boolean {
  if (call.isDoubled || call.outcome?.kind !== 'refused') return true;
  // Who waits when the daemon stops, or is taken over by a repeat, keeps the place.
  return (
    ['unavailable', 'takenOver'].includes(call.outcome.refusal) && ['lock', 'wait'].includes(call.method)
  );
}

export function isDefinite(call: Call): boolean {
  return call.outcome !== undefined && call.ended !== undefined;
}

function mayGrant(call: Call, client: string): boolean {
  if (call.method === 'update') return call.newClient === client;
  return ['lock', 'enqueue', 'wait'].includes(call.method) && call.client === client;
}
