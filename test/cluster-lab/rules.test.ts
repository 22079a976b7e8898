import { expect, test } from 'vitest';
import type { Outcome } from '../history/history.js';
import type { RecordedCall } from './recorder.js';
import { checkCutOff, checkTerms, longestSilence } from './rules.js';
import type { Sighting } from './watch.js';

const [A, B] = ['http://a:1', 'http://b:1'];

const CHECKED: Outcome = { kind: 'checked', isCurrent: true };
const DONE: Outcome = { kind: 'done' };
const NOT_LEADER: Outcome = { kind: 'refused', refusal: 'unavailable', text: 'ask another' };
const HELD: Outcome = { kind: 'refused', refusal: 'held', text: 'is locked' };

let count = 0;

function call(daemon: string, started: number, ended: number | undefined, outcome?: Outcome): RecordedCall {
  count += 1;
  const method = outcome === DONE ? 'unlock' : 'check';
  const asked = { id: count, method, resource: 'a', client: 'c', daemon, started } as const;
  return { ...asked, ...(ended === undefined ? {} : { ended }), ...(outcome ? { outcome } : {}) };
}

function seen(at: number, createRevision: number, url: string): Sighting {
  return { asked: at, answered: at + 10, createRevision, url };
}

/** A leads, nobody, B, A again. */
const SIGHTINGS = [
  seen(100, 5, A),
  seen(200, 5, A),
  seen(300, 0, ''),
  seen(400, 9, B),
  seen(500, 9, B),
  seen(600, 9, B),
  seen(700, 12, A),
  seen(800, 12, A),
];

test.each<[string, RecordedCall, boolean]>([
  ['the leader itself', call(B, 420, 480, CHECKED), true],
  ['another one', call(A, 420, 480, CHECKED), false],
  ['another one, by a refusal that knows the locks', call(A, 420, 480, HELD), false],
  ['another one, that it does not lead', call(A, 420, 480, NOT_LEADER), true],
  ['another one, in vain', call(A, 420, undefined), true],
  ['another one, asked when it may have led', call(A, 405, 480, CHECKED), true],
  ['another one, that may lead again by then', call(A, 580, 605, CHECKED), true],
  ['another one, where nobody was seen to lead', call(B, 320, 380, CHECKED), true],
])('in the middle of a term answers %s: fine is %j', (_, one, isFine) => {
  expect(checkTerms([one], SIGHTINGS)).toHaveLength(isFine ? 0 : 1);
});

test.each<[string, RecordedCall, boolean]>([
  ['while its lease may last', call(A, 5_999, 6_100, CHECKED), true],
  ['afterwards', call(A, 6_000, 6_100, CHECKED), false],
  ['that it does not lead', call(A, 6_000, 6_100, NOT_LEADER), true],
  ['when it may be heard again', call(A, 6_000, 9_001, CHECKED), true],
  ['by another', call(B, 6_000, 6_100, CHECKED), true],
])('who is cut off answers %s: fine is %j', (_, one, isFine) => {
  expect(checkCutOff([one], [{ daemon: A, from: 1_000, to: 9_000 }])).toHaveLength(isFine ? 0 : 1);
});

test('silence is the longest time between two answered changes', () => {
  const calls = [
    call(A, 90, 150, DONE), // Began before.
    call(A, 100, 300, DONE),
    call(A, 400, 500, CHECKED), // No change.
    call(A, 400, undefined),
    call(A, 650, 700, DONE),
  ];
  expect(longestSilence(calls, 100, 800)).toBe(400);
  expect(longestSilence(calls, 100, 1_200)).toBe(500);
  expect(longestSilence([], 100, 1_200)).toBe(1_100);
});
