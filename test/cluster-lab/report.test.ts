import { expect, test } from 'vitest';
import { FAULTS } from './faults.js';
import type { RecordedCall } from './recorder.js';
import { Totals } from './report.js';
import { checkSilence, type Event, storyOf } from './stories.js';

const [A, B] = ['http://10.0.0.1:1', 'http://10.0.0.2:1'];

function event(name: string, more: Partial<Event> = {}): Event {
  const fault = FAULTS.find((one) => one.name === name);
  if (!fault) throw new Error(`there is no fault '${name}'`);
  const who = { target: A, leader: A, hitLeader: true, hitEtcdLeader: false };
  return { fault, ...who, began: 10_000, ended: 20_000, over: 21_000, ...more };
}

function unlock(daemon: string, started: number, ended: number): RecordedCall {
  const asked = { id: started, method: 'unlock', resource: 'a', client: 'c' } as const;
  return { ...asked, daemon, started, ended, outcome: { kind: 'done' } };
}

/** The old leader answers once more, then the new one. */
const CALLS = [
  unlock(A, 9_000, 9_010),
  unlock(A, 10_000, 10_100),
  unlock(B, 15_900, 16_000),
  unlock(B, 20_000, 20_900),
];

test('a failover lasts from the fault to the first change at another daemon', () => {
  const story = storyOf(event('kill -9 of a daemon'), CALLS);
  expect(story).toMatchObject({ failoverMs: 6_000, silenceMs: 5_900 });
  expect(checkSilence(story)).toEqual([]);
  expect(storyOf(event('kill -9 of a daemon', { leader: B }), CALLS)).toMatchObject({ failoverMs: 100 });
  expect(storyOf(event('kill -9 of a daemon'), CALLS.slice(0, 2))).not.toHaveProperty('failoverMs');
});

test('silence is found where a majority lives, and later where none does', () => {
  const silent = (name: string, over: number) =>
    checkSilence(storyOf(event(name, { over }), CALLS.slice(0, 2)));
  expect(silent('kill -9 of a daemon', 21_000)).toMatchObject([{ rule: 'silence', at: 20_900 }]);
  expect(silent('kill -9 of two members', 21_000)).toEqual([]);
  expect(silent('kill -9 of two members', 51_000)).toMatchObject([{ rule: 'silence' }]);
});

test('totals say what happened, in seconds, and what was answered', () => {
  const stories = [
    storyOf(event('kill -9 of a daemon'), CALLS),
    storyOf(event('kill -9 of a daemon', { hitLeader: false, leader: B }), CALLS),
    storyOf(event('compaction', { leader: undefined }), []),
  ];
  const totals = new Totals();
  totals.add({ stories, violations: [], calls: CALLS, fences: 2 });
  totals.add({ stories: [], violations: [{ rule: 'C1', at: 1, text: 'x' }], calls: CALLS, fences: 1 });
  expect(String(totals).split('\n').slice(2)).toEqual([
    '| compaction | 1 | 1 |  |  | 11.0 s |',
    '| kill -9 of a daemon | 2 | 1 | 6.0 s | 6.0 s | 5.9 s |',
    '',
    '8 calls: unlock: done 8',
    '',
    '3 fence commands',
    '',
    'findings: 1 (C1)',
  ]);
});
