/** What the figures must reach, in one table: a reader sees at once whether they do. */
import type { ClusterResult } from './cluster.js';
import { ECHO, ETCD, type Row } from './comparison.js';
import type { HeldResult } from './held.js';
import type { OneCallResult } from './one-call.js';
import type { SnapshotResult } from './snapshot.js';
import type { SoakResult } from './soak.js';
import { CALLS_PER_SECOND } from './soak-load.js';

export interface Bar {
  readonly name: string;
  readonly bar: string;
  /** Absent where it was not measured. */
  readonly measured?: number;
  readonly unit: string;
  readonly verdict: 'met' | 'missed' | 'not measured';
}

/** What was measured. */
export interface Measured {
  readonly pairs?: readonly Row[];
  readonly cluster?: ClusterResult;
  readonly oneCall?: OneCallResult;
  readonly held?: HeldResult;
  readonly snapshot?: SnapshotResult;
  readonly soak?: SoakResult;
}

/** A daemon with many locks may be as slow as this: two runs of the same daemon differ by as much. */
const AS_FAST = 0.9;

/** The steady load counts as what it says from this on. */
const ENOUGH_CALLS_PER_SECOND = 0.98 * CALLS_PER_SECOND;

export function barsOf({ pairs, cluster, oneCall, held, snapshot, soak }: Measured): Bar[] {
  const ratioOf = (rows: readonly Row[] | undefined, name: string) =>
    rows?.find(({ connections, server }) => connections === 64 && server === name)?.ratio;
  const against = (name: string) => ratioOf(pairs, name);
  const count = (held?.count ?? snapshot?.held ?? 100_000).toLocaleString('en');
  return [
    atLeast(0.6, 'times', 'pairs/s, 64 connections, of those of the bare node:http echo', against(ECHO)),
    atLeast(
      4,
      'times',
      "pairs/s, 64 connections, of those of etcd's put-if-absent and delete",
      against(ETCD),
    ),
    atLeast(
      1,
      'times',
      'pairs/s with --store, 64 connections, of those of the same etcd',
      ratioOf(cluster?.pairs, ETCD),
    ),
    under(
      10,
      's',
      'with --store: no lock when the leader is killed',
      cluster && Math.max(...cluster.failovers),
    ),
    atMost(1.5, 'times', 'one durable call, p50, of one flush and one echo', oneCall?.ratio),
    under(400, 'MB', `memory with ${count} held`, held?.many.megabytes),
    under(3, 's', `start with ${count} held`, held?.many.startSeconds),
    atLeast(AS_FAST, 'times', `pairs/s with ${count} held, of those with none`, held?.ratio),
    under(20, 'ms', `longest pause at a snapshot of ${count} held`, snapshot?.pause),
    atLeast(ENOUGH_CALLS_PER_SECOND, 'calls/s', 'soak: mixed calls', soak?.callsPerSecond),
    under(1, 'MB', 'soak: growth of the heap in 10 minutes', soak?.heap.slope),
    under(1, 'MB', 'soak: growth of the resident memory in 10 minutes', soak?.resident.slope),
    atMost(
      0,
      '',
      'soak: growth of the open descriptors',
      soak && soak.descriptors.last - soak.descriptors.first,
    ),
  ];
}

/** The table's cells, heads first. */
export function barRows(bars: readonly Bar[]): string[][] {
  return [
    ['what', 'bar', 'measured', ''],
    ...bars.map(({ name, bar, measured, unit, verdict }) => [
      name,
      bar,
      measured === undefined ? '' : withUnit(measured.toFixed(2), unit),
      verdict,
    ]),
  ];
}

function atLeast(limit: number, unit: string, name: string, measured: number | undefined): Bar {
  return judged(name, `at least ${withUnit(limit, unit)}`, unit, measured, (value) => value >= limit);
}

function atMost(limit: number, unit: string, name: string, measured: number | undefined): Bar {
  return judged(name, `at most ${withUnit(limit, unit)}`, unit, measured, (value) => value <= limit);
}

function under(limit: number, unit: string, name: string, measured: number | undefined): Bar {
  return judged(name, `under ${withUnit(limit, unit)}`, unit, measured, (value) => value < limit);
}

function judged(
  name: string,
  bar: string,
  unit: string,
  measured: number | undefined,
  isMet: (value: number) => boolean,
): Bar {
  if (measured === undefined) return { name, bar, unit, verdict: 'not measured' };
  return { name, bar, measured, unit, verdict: isMet(measured) ? 'met' : 'missed' };
}

function withUnit(figure: number | string, unit: string): string {
  return `${figure} ${unit}`.trim();
}
