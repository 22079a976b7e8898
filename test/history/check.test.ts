/** Each rule accepts a history that can be, and rejects the same history with one thing changed that cannot. */
import { describe, expect, test } from 'vitest';
import { check } from './check.js';
import type { Call, Happening, History, Method, Outcome } from './history.js';

type Given = Partial<Omit<Call, 'id' | 'method' | 'started' | 'ended' | 'outcome'>>;

let nextId = 0;

/** A call from `started` to `ended` (seconds); without an outcome its answer was lost. */
function call(method: Method, client: string, started: number, outcome?: Outcome, given: Given = {}): Call {
  nextId += 1;
  const times = outcome ? { ended: started * 1_000 + 100, answered: started * 1_000 + 50, outcome } : {};
  return { id: nextId, method, resource: 'r', client, started: started * 1_000, ...times, ...given };
}

function hold(client: string, token: number, left?: number): Outcome {
  return { kind: 'hold', client, token, limit: 1, ...(left === undefined ? {} : { ttl: left, left }) };
}

function seen(holds: readonly [client: string, token: number][], line: readonly string[] = []): Outcome {
  const shown = holds.map(([client, token]) => ({ client, token, isLive: true }));
  return { kind: 'seen', limit: 1, holds: shown, line, isUnreadable: false };
}

const DONE: Outcome = { kind: 'done' };
const LOST: Outcome = { kind: 'refused', refusal: 'lost', text: "'A' lost 'r' (token 1): lease ended" };
const REFUSED: Outcome = { kind: 'refused', refusal: 'storageFull', text: 'No space left' };
const TIMED_OUT: Outcome = { kind: 'refused', refusal: 'timedOut', text: 'Gave up' };
const QUEUED: Outcome = { kind: 'queued', position: 1 };

function history(calls: readonly Call[], happenings: readonly Happening[] = [], isFenced = false): History {
  return { calls, happenings, isFenced: () => isFenced };
}

function rulesBroken(given: History): string[] {
  return [...new Set(check(given).map(({ rule }) => rule))];
}

function away(from: number, to: number, awake = to - from): Happening {
  return { kind: 'away', from: from * 1_000, to: to * 1_000, awakeMs: awake * 1_000 };
}

function started(ready: number): Happening {
  return { kind: 'started', daemon: `d${ready}`, from: ready * 1_000 - 100, ready: ready * 1_000 };
}

function reset(at: number, highestToken: number): Happening {
  return { kind: 'reset', at: at * 1_000, ready: at * 1_000 + 100, highestToken };
}

function fenced(token: number, from: number, succeeded: boolean): Happening {
  const times = { from: from * 1_000, to: from * 1_000 + 100 };
  return { kind: 'fenced', daemon: 'd1', resource: 'r', token, ...times, succeeded };
}

function worked(client: string, token: number, at: number): Happening {
  return { kind: 'worked', resource: 'r', client, token, at: at * 1_000 };
}

const lockA = call('lock', 'A', 1, hold('A', 1));
const leaseA = call('lock', 'A', 1, hold('A', 1, 10));
/** Of its 10 s 16 are left. */
const lengthenedA = call('renew', 'A', 1, { ...hold('A', 1, 10), left: 16 } as Outcome);
const extendA = call('extend', 'A', 0.5, undefined, { token: 1 });
const currentA = call('check', '', 9, { kind: 'checked', isCurrent: true }, { token: 1 });
const unlockA = call('unlock', 'A', 3, DONE, { token: 1 });
const lockB = call('lock', 'B', 5, hold('B', 2));
/** After A's token was forgotten with the journal, B has it, and gives it back before C comes. */
const tokenAgain = [
  lockA,
  call('lock', 'B', 5, hold('B', 1)),
  call('unlock', 'B', 6, DONE, { token: 1 }),
  call('lock', 'C', 7, hold('C', 2)),
];

interface Pair {
  readonly rule: string;
  readonly what: string;
  readonly good: History;
  readonly bad: History;
}

const PAIRS: readonly Pair[] = [
  {
    rule: 'C1',
    what: 'a later grant has a lower token',
    good: history([lockA, call('lock', 'B', 5, hold('B', 2), { resource: 's' })]),
    bad: history([call('lock', 'A', 1, hold('A', 3)), call('lock', 'B', 5, hold('B', 2), { resource: 's' })]),
  },
  {
    rule: 'C1',
    what: 'a token is given twice, on two resources, over a restart',
    good: history([lockA, unlockA, lockB], [away(3, 4)]),
    bad: history([lockA, unlockA, call('lock', 'B', 5, hold('B', 1), { resource: 's' })], [away(3, 4)]),
  },
  {
    rule: 'C2',
    what: 'two hold what one may hold',
    good: history([lockA, unlockA, lockB]),
    bad: history([lockA, lockB]),
  },
  {
    rule: 'C2',
    what: 'somebody works although the next one was told',
    good: history([leaseA, call('lock', 'B', 20, hold('B', 2))], [worked('A', 1, 9)]),
    bad: history([leaseA, call('lock', 'B', 20, hold('B', 2))], [worked('A', 1, 21)]),
  },
  {
    rule: 'C2',
    what: 'of two with one token, not who lost it with the journal works on, but who gave it back',
    good: history(tokenAgain, [reset(3, 0), worked('A', 1, 8)]),
    bad: history(tokenAgain, [reset(3, 0), worked('B', 1, 8)]),
  },
  {
    rule: 'C3',
    what: 'somebody else unlocks',
    good: history([lockA, call('unlock', 'A', 3, DONE, { token: 1 })]),
    bad: history([lockA, call('unlock', 'B', 3, DONE)]),
  },
  {
    rule: 'C3',
    what: 'a hold is unlocked twice',
    good: history([lockA, unlockA]),
    bad: history([lockA, unlockA, call('unlock', 'A', 4, DONE, { token: 1 })]),
  },
  {
    rule: 'C4',
    what: 'an acknowledged lock is gone after a crash',
    good: history([lockA, call('status', '', 9, seen([['A', 1]]))], [away(3, 4)]),
    bad: history([lockA, call('status', '', 9, seen([]))], [away(3, 4)]),
  },
  {
    rule: 'C5',
    what: 'an acknowledged unlock is undone by a crash',
    good: history([lockA, unlockA, call('status', '', 9, seen([]))], [away(4, 5)]),
    bad: history([lockA, unlockA, call('status', '', 9, seen([['A', 1]]))], [away(4, 5)]),
  },
  {
    rule: 'C5',
    what: 'a hold that was lost comes back by a renewal',
    good: history([
      leaseA,
      call('renew', 'A', 30, LOST, { token: 1 }),
      call('renew', 'A', 31, LOST, { token: 1 }),
    ]),
    bad: history([
      leaseA,
      call('renew', 'A', 30, LOST, { token: 1 }),
      call('renew', 'A', 31, hold('A', 1, 10), { token: 1 }),
    ]),
  },
  {
    rule: 'C5',
    what: 'a token that was not forgotten with the journal is current again',
    good: history([lockA, unlockA, currentA], [reset(5, 0)]),
    bad: history([lockA, unlockA, currentA], [reset(5, 1)]),
  },
  {
    rule: 'C6',
    what: 'a later one is granted before somebody who waits',
    good: history([
      call('enqueue', 'P', 1, QUEUED, { request: 'p' }),
      call('wait', 'P', 2, hold('P', 1)),
      call('unlock', 'P', 4, DONE, { token: 1 }),
      call('lock', 'Q', 5, hold('Q', 2)),
    ]),
    bad: history([
      call('enqueue', 'P', 1, QUEUED, { request: 'p' }),
      call('lock', 'Q', 5, hold('Q', 1)),
      call('wait', 'P', 7, TIMED_OUT),
    ]),
  },
  {
    rule: 'C7',
    what: 'a lease ends before its ttl',
    good: history([leaseA, call('renew', 'A', 12, LOST, { token: 1 })]),
    bad: history([leaseA, call('renew', 'A', 9, LOST, { token: 1 })]),
  },
  {
    rule: 'C7',
    what: 'a lease ends while the daemon is not there',
    good: history([leaseA, call('renew', 'A', 22, LOST, { token: 1 })], [away(5, 15)]),
    bad: history([leaseA, call('renew', 'A', 18, LOST, { token: 1 })], [away(5, 15)]),
  },
  {
    rule: 'C7',
    what: 'a long stop counts as if the machine had slept through most of it',
    good: history([leaseA, call('renew', 'A', 13.8, LOST, { token: 1 })], [away(5, 8, 0.3)]),
    bad: history([leaseA, call('renew', 'A', 13.8, LOST, { token: 1 })], [away(5, 8)]),
  },
  {
    rule: 'C7',
    what: 'a lease that a stop has lengthened ends before that, and no start in between',
    good: history([lengthenedA, call('renew', 'A', 15.5, LOST, { token: 1 })], [started(5)]),
    bad: history([lengthenedA, call('renew', 'A', 15.5, LOST, { token: 1 })]),
  },
  {
    rule: 'C7',
    what: 'a lease that somebody has extended is shortened by a start',
    good: history([lengthenedA, call('renew', 'A', 15.5, LOST, { token: 1 })], [started(5)]),
    bad: history([extendA, lengthenedA, call('renew', 'A', 15.5, LOST, { token: 1 })], [started(5)]),
  },
  {
    rule: 'C7',
    what: 'a lease ends before its ttl after a start',
    good: history([leaseA, call('renew', 'A', 12, LOST, { token: 1 })], [started(5)]),
    bad: history([lengthenedA, call('renew', 'A', 13, LOST, { token: 1 })], [started(5)]),
  },
  {
    rule: 'C8',
    what: 'the next one is granted after a fence command that failed',
    good: history([leaseA, call('lock', 'B', 20, hold('B', 2))], [fenced(1, 14, true)], true),
    bad: history([leaseA, call('lock', 'B', 20, hold('B', 2))], [fenced(1, 14, false)], true),
  },
  {
    rule: 'C8',
    what: 'a living holder is fenced',
    good: history([leaseA], [fenced(1, 14, true)], true),
    bad: history([leaseA], [fenced(1, 4, true)], true),
  },
  {
    rule: 'C9',
    what: 'what was refused has happened after all',
    good: history([call('lock', 'A', 1), call('status', '', 9, seen([['A', 1]]))]),
    bad: history([call('lock', 'A', 1, REFUSED), call('status', '', 9, seen([['A', 1]]))]),
  },
  {
    rule: 'C9',
    what: 'a lost call is done before it was sent',
    good: history([call('lock', 'A', 7), call('status', '', 9, seen([['A', 1]]))]),
    bad: history([call('lock', 'A', 10), call('status', '', 9, seen([['A', 1]]))]),
  },
];

describe.each(PAIRS)('$rule: $what', ({ rule, good, bad }) => {
  test('accepts the history without it', () => {
    expect(check(good)).toEqual([]);
  });

  test('rejects the history with it', () => {
    expect(rulesBroken(bad)).toContain(rule);
  });
});

describe('an outcome that nobody knows counts both ways', () => {
  const lostUnlock = call('unlock', 'A', 3, undefined, { token: 1 });

  test.each<[string, Outcome]>([
    ['done', seen([])],
    ['not done', seen([['A', 1]])],
  ])('an unlock may have been %s', (_, outcome) => {
    expect(check(history([lockA, lostUnlock, call('status', '', 9, outcome)]))).toEqual([]);
  });

  test.each<[string, Outcome]>([
    ['done', seen([['A', 1]])],
    ['not done', seen([])],
  ])('a lock may have been %s', (_, outcome) => {
    expect(check(history([call('lock', 'A', 1), call('status', '', 9, outcome)]))).toEqual([]);
  });

  test('a call that was carried twice may have been done although one answer refused it', () => {
    const doubled = call('lock', 'A', 1, REFUSED, { isDoubled: true });
    expect(check(history([doubled, call('status', '', 9, seen([['A', 1]]))]))).toEqual([]);
  });
});
