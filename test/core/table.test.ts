/** What must hold of the table itself, whatever the rules do with it. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Status } from '../../src/core/answers.js';
import type { HoldRecord, PlaceRecord, StoredRecord } from '../../src/core/records.js';
import { LockTable } from '../../src/core/table.js';
import { dump, list } from './history.js';
import { Driver } from './model/drive.js';
import { history } from './model/steps.js';
import { runs } from './runs.js';

const hold: HoldRecord = {
  kind: 'hold',
  resource: 'a',
  client: 'A',
  token: 3,
  limit: 1,
  acquired: 0,
  from: '',
  waited: 0,
};
const place: PlaceRecord = {
  kind: 'place',
  resource: 'a',
  client: 'B',
  sequence: 7,
  limit: 1,
  since: 0,
  from: '',
  claim: 30,
};
const about = { time: 0, resource: 'a', client: 'A', token: 4 };

describe('a change that is taken back', () => {
  const table = () => {
    const made = new LockTable();
    const lost: StoredRecord = {
      kind: 'lost',
      resource: 'a',
      client: 'A',
      token: 1,
      time: 0,
      cause: 'expired',
    };
    const ended: StoredRecord = { kind: 'ended', resource: 'a', client: 'A', request: 'k', time: 0 };
    for (const record of [hold, place, lost, ended]) made.load(record);
    return made;
  };
  const changes: Record<string, readonly StoredRecord[]> = {
    'another hold of the client': [{ ...hold, token: 4 }],
    'the hold, lost': [{ ...hold, lost: 'fencing', fence: { tries: 1 } }],
    'another place of the client': [{ ...place, sequence: 9, claim: 0 }],
    'a place in front': [{ ...place, client: 'C', sequence: 6 }],
    'a loss and a key again': [
      { kind: 'lost', resource: 'a', client: 'A', token: 1, time: 5, cause: 'forced' },
      { kind: 'ended', resource: 'a', client: 'A', request: 'k', time: 5 },
    ],
    'something on a resource that was free': [{ ...hold, resource: 'b', token: 9 }],
  };

  test.each(Object.entries(changes))('put: %s', (_, put) => {
    const changed = table();
    const before = dump(changed);
    const undo = changed.apply({ ...about, put });
    expect(dump(changed)).not.toEqual(before);
    undo();
    expect(dump(changed)).toEqual(before);
  });

  test('removed: everything, and what was never there', () => {
    const changed = table();
    const before = dump(changed);
    const undo = changed.apply({
      ...about,
      remove: [
        hold,
        place,
        { kind: 'lost', resource: 'a', client: 'A', token: 1 },
        { kind: 'ended', resource: 'a', client: 'A', request: 'k' },
        { kind: 'hold', resource: 'nobody', client: 'A' },
        { kind: 'place', resource: 'a', client: 'nobody', claim: 0 },
        { kind: 'lost', resource: 'a', client: 'A', token: 2 },
        { kind: 'ended', resource: 'a', client: 'A', request: 'other' },
        { kind: 'unreadable', resource: 'a', files: [] },
      ],
    });
    expect(dump(changed)).toEqual(dump(new LockTable()));
    undo();
    expect(dump(changed)).toEqual(before);
  });

  test('removed and put in one change', () => {
    const changed = table();
    const before = dump(changed);
    const undo = changed.apply({
      ...about,
      remove: [hold, place],
      put: [{ ...hold, client: 'B', token: 4 }],
    });
    expect(changed.hold('a', 'B')?.token).toBe(4);
    expect([changed.held, changed.waiting]).toEqual([1, 0]);
    undo();
    expect(dump(changed)).toEqual(before);
  });

  test('leaves the next token and sequence where they are', () => {
    const changed = table();
    changed.apply({
      ...about,
      put: [
        { ...hold, token: 4 },
        { ...place, sequence: 20 },
      ],
    })();
    expect([changed.nextToken, changed.nextSequence]).toEqual([5, 21]);
  });
});

test('the oldest ended keys come first, whoever had one before', () => {
  const table = new LockTable();
  const keys = ['A 1', 'B 1', 'A 2', 'B 2', 'A 3'];
  for (const [time, key] of keys.entries()) {
    const [client = '', request = ''] = key.split(' ');
    table.load({ kind: 'ended', resource: 'a', client, request, time });
  }
  expect([...table.allEnded()].map(({ client, request }) => `${client} ${request}`)).toEqual(keys);
});

describe('after every history', () => {
  test('at most one lost hold of a client on a resource is told without its token', () => {
    fc.assert(
      fc.property(history, (steps) => {
        new Driver().play(steps, {
          after({ world: { table } }) {
            const current = [...table.allLost()].filter((lost) => !lost.superseded);
            const pairs = new Set(current.map((lost) => `${lost.resource} ${lost.client}`));
            expect(pairs.size).toBe(current.length);
            for (const { resource, client, token } of current) {
              const held = table.hold(resource, client);
              expect(held === undefined || (held.lost !== undefined && held.token === token)).toBe(true);
            }
          },
        });
      }),
      runs(60),
    );
  });

  test('the records that are stored make the same table again', () => {
    fc.assert(
      fc.property(history, (steps) => {
        const { world } = play(steps);
        for (const one of world.table.allPlaces()) {
          if (one.claim === 0) world.table.apply({ ...about, remove: [one] });
        }
        const again = new LockTable();
        for (const record of world.records.values()) again.load(record);
        expect(dump(again)).toEqual(dump(world.table));
      }),
      runs(60),
    );
  });

  test('pages of list show every resource that is not free once, in code-unit order', () => {
    fc.assert(
      fc.property(history, fc.integer({ min: 1, max: 3 }), (steps, count) => {
        const { world } = play(steps);
        const found: string[] = [];
        for (;;) {
          const { answer } = world.do(list({ after: found.at(-1) ?? '', count })) as { answer: Status[] };
          found.push(...answer.map((one) => one.resource));
          if (answer.length < count) break;
        }
        const used = [...world.table.allHolds(), ...world.table.allPlaces()].map((one) => one.resource);
        expect(found).toEqual([...new Set(used)].sort());
      }),
      runs(60),
    );
  });
});

function play(steps: Parameters<Driver['play']>[0]): Driver {
  const driver = new Driver();
  driver.play(steps);
  return driver;
}
