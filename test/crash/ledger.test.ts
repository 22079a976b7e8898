/** The ledger accepts every history that can be, and rejects each that cannot: a checker that cannot fail is a defect. */
import { describe, expect, test } from 'vitest';
import { oneOf, randomFrom } from '../random.js';
import type { Breach } from './breaches.js';
import { type Answer, type Call, type FoundHold, Ledger, type Sent } from './ledger.js';

/** What clients and daemons did, as a list that can be changed. `id` joins a call with its answer. */
type Event =
  | { readonly sent: Call; readonly id: number }
  | { readonly answer: Answer; readonly id: number }
  | { readonly found: readonly FoundHold[] };

function problemsOf(events: readonly Event[]): string[] {
  return ledgerOf(events).problems;
}

let nextId = 0;

/** A call with its answer; without one it is lost. */
function did(method: Call['method'], client: string, answer?: Answer, resource = 'r'): Event[] {
  const id = nextId++;
  const sent: Event = { sent: { method, resource, client }, id };
  return answer === undefined ? [sent] : [sent, { answer, id }];
}

const found = (...holds: [client: string, token: number][]): Event => ({
  found: holds.map(([client, token]) => ({ resource: 'r', client, token })),
});

describe('what can be', () => {
  test.each<[string, Event[]]>([
    ['a lock that is there', [...did('lock', 'A', { granted: 1 }), found(['A', 1])]],
    [
      'an unlock that stays',
      [...did('lock', 'A', { granted: 1 }), ...did('unlock', 'A', 'unlocked'), found()],
    ],
    ['a lock without an answer, done', [...did('lock', 'A'), found(['A', 1])]],
    ['a lock without an answer, not done', [...did('lock', 'A'), found()]],
    [
      'an unlock without an answer, done',
      [...did('lock', 'A', { granted: 1 }), ...did('unlock', 'A'), found()],
    ],
    [
      'an unlock without an answer, not done',
      [...did('lock', 'A', { granted: 1 }), ...did('unlock', 'A'), found(['A', 1])],
    ],
    [
      'a hand-over, of which neither half was answered',
      [...did('lock', 'A', { granted: 1 }), ...did('unlock', 'A'), ...did('lock', 'B'), found(['B', 2])],
    ],
    [
      'a refusal while somebody held it',
      [
        ...did('lock', 'A', { granted: 1 }),
        ...did('lock', 'B', { fault: 1 }),
        ...did('unlock', 'B', { fault: 2 }),
      ],
    ],
    ['a refusal while somebody may hold it', [...did('lock', 'A'), ...did('lock', 'B', { fault: 1 })]],
    ['a second unlock', [...did('unlock', 'A', { fault: 3 })]],
    ['a full disk', [...did('lock', 'A', { fault: 15 }), found()]],
    [
      'two grants that crossed on their way',
      [
        { sent: { method: 'lock', resource: 'r', client: 'A' }, id: -1 },
        { sent: { method: 'lock', resource: 's', client: 'B' }, id: -2 },
        { answer: { granted: 2 }, id: -2 },
        { answer: { granted: 1 }, id: -1 },
      ],
    ],
  ])('%s', (_name, events) => {
    expect(problemsOf(events)).toEqual([]);
  });
});

describe('what cannot be', () => {
  test.each<[string, Event[], RegExp]>([
    ['a lock is lost', [...did('lock', 'A', { granted: 1 }), found()], /lost r \(token 1\)/],
    [
      'an unlock comes back',
      [...did('lock', 'A', { granted: 1 }), ...did('unlock', 'A', 'unlocked'), found(['A', 1])],
      /held by token 1 after the restart, but was not locked/,
    ],
    ['a lock out of nothing', [found(['A', 1])], /was not locked/],
    ['a lock that was refused', [...did('lock', 'A', { fault: 15 }), found(['A', 1])], /was not locked/],
    ['another token', [...did('lock', 'A', { granted: 1 }), found(['A', 2])], /not by 1/],
    [
      'two holders after the restart',
      [...did('lock', 'A', { granted: 1 }), ...did('lock', 'B'), found(['A', 1], ['B', 2])],
      /two holders after/,
    ],
    [
      'two holders',
      [...did('lock', 'A', { granted: 1 }), ...did('lock', 'B', { granted: 2 })],
      /granted while A holds it/,
    ],
    [
      'granted to its holder',
      [...did('lock', 'A', { granted: 1 }), ...did('lock', 'A', { granted: 2 })],
      /who holds it already/,
    ],
    [
      'a token twice',
      [...did('lock', 'A', { granted: 1 }), ...did('lock', 'B', { granted: 1 }, 's')],
      /used before/,
    ],
    [
      'a token that fell',
      [...did('lock', 'A', { granted: 2 }), ...did('lock', 'B', { granted: 1 }, 's')],
      /not above 2/,
    ],
    [
      'a token that fell behind one that was only found',
      [...did('lock', 'A'), found(['A', 7]), ...did('lock', 'B', { granted: 5 }, 's')],
      /not above 7/,
    ],
    [
      'a found token that fell',
      [...did('lock', 'A', { granted: 7 }, 's'), ...did('lock', 'A'), { found: [] }].concat([
        ...did('lock', 'A'),
        found(['A', 3]),
      ]),
      /not above 7/,
    ],
    ['no token', [...did('lock', 'A', { granted: Number.NaN })], /NaN/],
    ['refused although free', [...did('lock', 'A', { fault: 1 })], /nobody can hold it/],
    ['an unlock of nothing', [...did('unlock', 'A', 'unlocked')], /did not hold it/],
    [
      'its holder cannot unlock',
      [...did('lock', 'A', { granted: 1 }), ...did('unlock', 'A', { fault: 3 })],
      /although it holds it/,
    ],
    ['another fault', [...did('lock', 'A', { fault: -32603 })], /refused with -32603/],
  ])('%s', (_name, events, problem) => {
    expect(problemsOf(events).join('\n')).toMatch(problem);
  });
});

/** The ledger after a history. */
function ledgerOf(events: readonly Event[]): Ledger {
  const ledger = new Ledger();
  const sent = new Map<number, Sent>();
  for (const event of events) {
    if ('sent' in event) sent.set(event.id, ledger.sent(event.sent));
    else if ('found' in event) ledger.restarted(event.found);
    else ledger.answered(sent.get(event.id) as Sent, event.answer);
  }
  return ledger;
}

describe('what was broken', () => {
  const locked = did('lock', 'A', { granted: 1 });
  test.each<[Breach, string, Event[]]>([
    ['lost', 'a lock is gone', [...locked, found()]],
    ['lost', 'a lock has another token', [...locked, found(['A', 2])]],
    ['resurrected', 'an unlock came back', [...locked, ...did('unlock', 'A', 'unlocked'), found(['A', 1])]],
    ['done', 'a lock was refused for want of space', [...did('lock', 'A', { fault: 15 }), found(['A', 1])]],
    ['done', 'an unlock was refused', [...locked, ...did('unlock', 'A', { fault: 15 }), found()]],
    ['lost', 'a second lock was refused', [...locked, ...did('lock', 'A', { fault: 1 }), found()]],
    ['reused', 'a token was given twice', [...locked, ...did('lock', 'B', { granted: 1 }, 's')]],
    [
      'reused',
      'a token fell',
      [...did('lock', 'A', { granted: 2 }), ...did('lock', 'B', { granted: 1 }, 's')],
    ],
    ['other', 'a lock came out of nothing', [found(['A', 1])]],
  ])('%s: %s', (breach, _name, events) => {
    const { breaches, problems } = ledgerOf(events);
    const broken = Object.entries(breaches).filter(([, count]) => count > 0);
    expect(
      broken.map(([kind]) => kind),
      problems.join('; '),
    ).toEqual([breach]);
  });
});

/** The history of a daemon that makes no mistake, in which crashes lose some answers. */
function goodHistory(seed: number): Event[] {
  const random = randomFrom(seed);
  const held = new Map<string, { client: string; token: number }>();
  const events: Event[] = [];
  for (let count = 0; count < 200; count += 1) {
    const call: Call = {
      method: random(2) ? 'lock' : 'unlock',
      resource: oneOf(random, ['r', 's', 't']),
      client: oneOf(random, ['A', 'B', 'C']),
    };
    events.push({ sent: call, id: count });
    const crashes = random(10) === 0;
    if (!crashes || random(2)) {
      const answer = decide(held, call, count + 1);
      if (!crashes) events.push({ answer, id: count });
    }
    if (crashes) events.push({ found: [...held].map(([resource, hold]) => ({ resource, ...hold })) });
  }
  return events;
}

function decide(held: Map<string, { client: string; token: number }>, call: Call, token: number): Answer {
  const holder = held.get(call.resource);
  if (call.method === 'lock') {
    if (holder) return { fault: 1 };
    held.set(call.resource, { client: call.client, token });
    return { granted: token };
  }
  if (holder?.client !== call.client) return { fault: holder ? 2 : 3 };
  held.delete(call.resource);
  return 'unlocked';
}

/** The same history with one lie in it. */
const LIES: Readonly<Record<string, (event: Event) => Event | undefined>> = {
  'a found hold is gone': (event) =>
    'found' in event && event.found.length > 0 ? { found: event.found.slice(1) } : undefined,
  'a found token is another': (event) =>
    'found' in event && event.found[0]
      ? { found: [{ ...event.found[0], token: 0 }, ...event.found.slice(1)] }
      : undefined,
  'a refusal is a grant': (event) =>
    'answer' in event && isFault(event.answer, 1) ? { ...event, answer: { granted: 1_000 } } : undefined,
  'a grant has an old token': (event) =>
    'answer' in event &&
    typeof event.answer === 'object' &&
    'granted' in event.answer &&
    event.answer.granted > 100
      ? { ...event, answer: { granted: 1 } }
      : undefined,
  'an unlock of another succeeds': (event) =>
    'answer' in event && isFault(event.answer, 2) ? { ...event, answer: 'unlocked' } : undefined,
  'an unlock is refused': (event) =>
    'answer' in event && event.answer === 'unlocked' ? { ...event, answer: { fault: 3 } } : undefined,
};

function isFault(answer: Answer, code: number): boolean {
  return typeof answer === 'object' && 'fault' in answer && answer.fault === code;
}

test('random histories without a mistake', () => {
  for (let seed = 0; seed < 300; seed += 1) expect(problemsOf(goodHistory(seed)), `seed ${seed}`).toEqual([]);
});

test.each(Object.entries(LIES))('random histories in which %s', (_name, lie) => {
  let lies = 0;
  let caught = 0;
  for (let seed = 0; seed < 300; seed += 1) {
    const events = goodHistory(seed);
    const places = events.flatMap((event, index) => (lie(event) ? [index] : []));
    const at = places[Math.floor(places.length / 2)];
    if (at === undefined) continue;
    const changed = events.map((event, index) => (index === at ? (lie(event) as Event) : event));
    lies += 1;
    if (problemsOf(changed).length > 0) caught += 1;
  }
  expect(lies).toBeGreaterThan(100);
  // A hold that is found gone may be one whose unlock, or whose lock, was never answered: that is no lie.
  expect(caught).toBeGreaterThan(lies * (_name === 'a found hold is gone' ? 0.7 : 0.99));
});
