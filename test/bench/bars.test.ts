import { expect, test } from 'vitest';
import { barRows, barsOf, type Measured } from './bars.js';
import type { ClusterResult } from './cluster.js';
import type { Row } from './comparison.js';
import type { SnapshotResult } from './snapshot.js';
import { figuresOf, type SoakResult } from './soak.js';

function row(connections: number, server: string, ratio: number): Row {
  return { connections, server, ratio, pairsPerSecond: 1_000, p50: 1, p99: 2, microseconds: 50 };
}

function onEtcd(ratio: number, slowest: number): ClusterResult {
  return { pairs: [row(64, 'lockd --store etcd', 1), row(64, 'etcd', ratio)], failovers: [5, slowest, 6] };
}

function snapshot(pause: number): SnapshotResult {
  return {
    held: 100_000,
    snapshots: 3,
    snapshotSeconds: 1,
    pause,
    pauseOtherwise: 1,
    pair: 1,
    pairOtherwise: 1,
  };
}

function soaked(heapSlope: number, descriptors: { first: number; last: number }): SoakResult {
  const trend = { megabytes: 20, slope: heapSlope };
  return {
    minutes: 10,
    callsPerSecond: 500,
    expired: 9,
    heap: trend,
    resident: trend,
    descriptors,
    samples: [],
  };
}

/** The verdict on the bar whose name has these words. */
function verdict(measured: Measured, words: string): string | undefined {
  return barsOf(measured).find(({ name }) => name.includes(words))?.verdict;
}

const NONE = { call: 1, flush: 0.5, echo: 0.2 };

test.each<[string, Measured, string, string]>([
  ['the echo, reached', { pairs: [row(64, 'node:http echo', 0.6)] }, 'echo', 'met'],
  ['the echo, missed', { pairs: [row(64, 'node:http echo', 0.599)] }, 'echo', 'missed'],
  ['the echo on one connection', { pairs: [row(1, 'node:http echo', 0.9)] }, 'echo', 'not measured'],
  ['etcd, reached', { pairs: [row(64, 'etcd', 4)] }, 'etcd', 'met'],
  ['etcd, missed', { pairs: [row(64, 'etcd', 3.99)] }, 'etcd', 'missed'],
  ['etcd absent', { pairs: [row(64, 'node:http echo', 1)] }, 'etcd', 'not measured'],
  ['on etcd, reached', { cluster: onEtcd(1, 9.9) }, 'with --store, 64', 'met'],
  ['on etcd, missed', { cluster: onEtcd(0.99, 9.9) }, 'with --store, 64', 'missed'],
  ['failover, reached', { cluster: onEtcd(1, 9.9) }, 'leader is killed', 'met'],
  ['failover, missed once', { cluster: onEtcd(1, 10) }, 'leader is killed', 'missed'],
  ['on etcd, where there is none', {}, 'with --store, 64', 'not measured'],
  ['one call, reached', { oneCall: { ...NONE, ratio: 1.5 } }, 'one durable call', 'met'],
  ['one call, missed', { oneCall: { ...NONE, ratio: 1.51 } }, 'one durable call', 'missed'],
  ['no figure at all', { oneCall: { ...NONE, ratio: Number.NaN } }, 'one durable call', 'missed'],
  ['a short pause', { snapshot: snapshot(19.9) }, 'pause', 'met'],
  ['a pause on the bar', { snapshot: snapshot(20) }, 'pause', 'missed'],
  ['a heap that stays', { soak: soaked(0.99, { first: 9, last: 9 }) }, 'heap', 'met'],
  ['a heap that shrinks', { soak: soaked(-3, { first: 9, last: 9 }) }, 'heap', 'met'],
  ['a heap that grows', { soak: soaked(1, { first: 9, last: 9 }) }, 'heap', 'missed'],
  ['a descriptor more', { soak: soaked(0, { first: 9, last: 10 }) }, 'descriptors', 'missed'],
  ['a descriptor less', { soak: soaked(0, { first: 10, last: 9 }) }, 'descriptors', 'met'],
])('%s', (_, measured, words, expected) => {
  expect(verdict(measured, words)).toBe(expected);
});

test('the table has every bar, also those that were not measured', () => {
  const rows = barRows(barsOf({ snapshot: snapshot(12.346) }));
  expect(rows).toHaveLength(14);
  expect(rows).toContainEqual([
    'longest pause at a snapshot of 100,000 held',
    'under 20 ms',
    '12.35 ms',
    'met',
  ]);
  expect(rows.filter((cells) => cells[3] === 'not measured')).toHaveLength(12);
});

test('samples become a trend in 10 minutes and the descriptors of both ends', () => {
  const samples = [0, 150, 300, 450].map((seconds, index) => ({
    seconds,
    heapMegabytes: 20 + seconds / 100,
    residentMegabytes: 90,
    descriptors: 40 + index,
  }));
  const { heap, resident, descriptors } = figuresOf(samples);
  expect(heap.slope).toBeCloseTo(6, 10);
  expect(resident).toEqual({ megabytes: 90, slope: 0 });
  expect(descriptors).toEqual({ first: 40, last: 43 });
});
