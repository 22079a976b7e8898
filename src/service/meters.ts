/**
 * What is counted while the daemon works, since its start: plain numbers, added to where a thing happens and read by whoever
 * shows them. None of them has a name of a resource or client: there may be a million, and they are strangers' texts.
 */
import type { Now } from '../core/commands.js';
import type { LossCause } from '../core/records.js';
import { REFUSALS, type RefusalName } from '../core/refusals.js';
import type { Stats } from './api.js';
import { Histogram } from './meters-histogram.js';
import type { TurnMeter } from './meters-turn.js';

/** How much there is, as against how much happened. */
export interface Gauges extends Pick<Stats, 'held' | 'waiting' | 'fencing' | 'journalBytes'> {
  /** Those who are told what happens. */
  readonly eventStreams: number;
}

/** How a run of a fence command ended. `calledOff`: an operator vouched for the lost holder, or the daemon stopped. */
export type FenceEnd = 'succeeded' | 'failed' | 'calledOff';

/** Seconds: from a lock that was free and a disk that is quick, to the longest wait that one call may ask for. */
const WAIT_SECONDS = [
  ...[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5],
  ...[1, 2.5, 5, 10, 30, 60, 300, 900, 3_600],
];

/** Seconds: from a script's moment to a lease of a month. */
const HOLD_SECONDS = [0.01, 0.1, 1, 5, 10, 30, 60, 300, 900, 3_600, 14_400, 86_400, 604_800, 2_678_400];

/** Seconds: `--fence-timeout` is a minute unless it is said otherwise, an hour at most. */
const FENCE_SECONDS = [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3_600];

/** Seconds: from a disk with a cache of its own to one that hangs. */
const FLUSH_SECONDS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10,
];

/** Commands or changes of a turn: many at once, or one each. */
const TURN_SIZES = [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 4_096];

export class Meters {
  grants = 0;
  unlocks = 0;
  /** Lock files of others that became locks. */
  adoptions = 0;
  /** Times that the minute's maintenance came to no good end. */
  maintenanceFailures = 0;
  /** Holds that ended against their holder's will. */
  readonly lost: Record<LossCause, number> = { expired: 0, forced: 0, handedOver: 0 };
  readonly refusals: Record<RefusalName, number> = zeroForEach(Object.keys(REFUSALS) as RefusalName[]);
  /** From the reading of the request, or from the place in the line, to the end of the flush that saved the grant. */
  readonly waitSeconds = new Histogram(WAIT_SECONDS);
  /** From the grant to the unlock or the loss. */
  readonly holdSeconds = new Histogram(HOLD_SECONDS);
  readonly fenceSeconds: Readonly<Record<FenceEnd, Histogram>> = {
    succeeded: new Histogram(FENCE_SECONDS),
    failed: new Histogram(FENCE_SECONDS),
    calledOff: new Histogram(FENCE_SECONDS),
  };
  readonly turnCommands = new Histogram(TURN_SIZES);
  readonly turnChanges = new Histogram(TURN_SIZES);
  readonly flushSeconds = new Histogram(FLUSH_SECONDS);

  /** What `stats` tells. */
  get counts(): { readonly grants: number; readonly refusals: number; readonly lost: number } {
    return { grants: this.grants, refusals: sum(this.refusals), lost: sum(this.lost) };
  }

  /** A turn is saved; its grants count from `now` on. */
  saved(turn: TurnMeter, now: Now): void {
    this.grants += turn.requested.length;
    this.unlocks += turn.unlocks;
    this.adoptions += turn.adoptions;
    for (const at of turn.requested) this.waitSeconds.add(Math.max(0, now.monotonic - at) / 1_000);
    for (const seconds of turn.held) this.holdSeconds.add(seconds);
    for (const cause of turn.lost) this.lost[cause] += 1;
  }

  /** A call was refused. */
  refused(refusal: RefusalName): void {
    this.refusals[refusal] += 1;
  }
}

function zeroForEach<Name extends string>(names: readonly Name[]): Record<Name, number> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>;
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((all, count) => all + count, 0);
}
