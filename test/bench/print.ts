/** The figures of each part as a table. */
import type { ClusterResult } from './cluster.js';
import type { Row } from './comparison.js';
import type { EventsResult } from './events.js';
import type { HeldFigures, HeldResult } from './held.js';
import type { OneCallResult } from './one-call.js';
import type { CallFigures } from './processor.js';
import type { SnapshotResult } from './snapshot.js';
import type { SoakResult, Trend } from './soak.js';
import { printTable } from './table.js';
import type { UsersResult } from './users.js';
import type { WaitersResult } from './waiters.js';

export function printPairs(rows: readonly Row[]): void {
  printTable([
    ['connections', 'server', 'pairs/s', 'p50 ms', 'p99 ms', 'its processor µs a call', 'lockd is'],
    ...rows.map((row) => [
      String(row.connections),
      row.server,
      row.pairsPerSecond.toFixed(0),
      row.p50.toFixed(2),
      row.p99.toFixed(2),
      row.microseconds.toFixed(0),
      row.server.startsWith('lockd') ? '' : `${row.ratio.toFixed(2)} times as fast`,
    ]),
  ]);
}

export function printCluster({ pairs, failovers }: ClusterResult): void {
  printPairs(pairs);
  console.log();
  printTable([
    ['the leader is killed: seconds until another has granted a lock', ''],
    ...failovers.map((seconds, index) => [`${index + 1}`, seconds.toFixed(2)]),
  ]);
}

export function printOneCall({ call, flush, echo, ratio }: OneCallResult): void {
  printTable([
    ['one caller, p50', 'ms', 'against one flush and one echo'],
    ['a call of lockd', call.toFixed(3), `${ratio.toFixed(2)} times`],
    ['a flush of the disk', flush.toFixed(3), ''],
    ['a call of the node:http echo', echo.toFixed(3), ''],
  ]);
}

export function printUsers({ open, signedIn, ratio }: UsersResult): void {
  printTable([
    ['lockd, 64 connections', 'pairs/s', 'processor µs a call', 'against an open one'],
    ['open', ...callCells(open), ''],
    ['with users', ...callCells(signedIn), `${ratio.toFixed(2)} times the processor time`],
  ]);
}

export function printEvents(events: EventsResult): void {
  printTable([
    ['lockd, 64 connections', 'pairs/s', 'processor µs a call', 'against nobody who reads events'],
    ['nobody reads events', ...callCells(events.none), ''],
    ...(['all', 'windows'] as const).map((one) => [
      `${events.readers} read ${one === 'all' ? 'all of them' : 'other ones'}`,
      ...callCells(events[one]),
      `${(one === 'all' ? events.allRatio : events.windowsRatio).toFixed(2)} times the processor time`,
    ]),
  ]);
}

export function printHeld({ count, none, many, ratio }: HeldResult): void {
  printTable([
    ['locks held', 'start s', 'memory MB', 'pairs/s, 64 connections', 'against none held'],
    ['0', ...heldCells(none), ''],
    [count.toLocaleString('en'), ...heldCells(many), `${ratio.toFixed(2)} times as fast`],
  ]);
}

export function printSnapshot(result: SnapshotResult): void {
  printTable([
    [`snapshot of ${result.held.toLocaleString('en')} held`, 'longest pause ms', 'slowest pair ms'],
    [
      `while written (${result.snapshots}, up to ${result.snapshotSeconds.toFixed(2)} s)`,
      result.pause.toFixed(1),
      result.pair.toFixed(1),
    ],
    ['at other times', result.pauseOtherwise.toFixed(1), result.pairOtherwise.toFixed(1)],
  ]);
}

export function printWaiters(results: readonly WaitersResult[]): void {
  printTable([
    ['waiting for one lock', 'hand-over p50 ms', 'p99 ms', 'measured'],
    ...results.map(({ waiters, p50, p99, handOvers }) => [
      waiters.toLocaleString('en'),
      p50.toFixed(2),
      p99.toFixed(2),
      String(handOvers),
    ]),
  ]);
}

export function printSoak({
  minutes,
  callsPerSecond,
  expired,
  heap,
  resident,
  descriptors,
}: SoakResult): void {
  const trend = ({ megabytes, slope }: Trend) => [`${megabytes.toFixed(2)} MB`, `${slope.toFixed(2)} MB`];
  const head = `${minutes} minutes, ${callsPerSecond.toFixed(0)} calls/s, ${expired} leases ran out`;
  printTable([
    [head, 'median', 'growth in 10 minutes'],
    ['heap', ...trend(heap)],
    ['resident', ...trend(resident)],
    ['descriptors', String(descriptors.last), String(descriptors.last - descriptors.first)],
  ]);
}

function callCells({ pairsPerSecond, microseconds }: CallFigures): string[] {
  return [pairsPerSecond.toFixed(0), microseconds.toFixed(1)];
}

function heldCells({ startSeconds, megabytes, pairsPerSecond }: HeldFigures): string[] {
  return [startSeconds.toFixed(2), megabytes.toFixed(0), pairsPerSecond.toFixed(0)];
}
