/** What must hold of the table and the rules after every history whatever. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Answers, Command } from '../../src/core/commands.js';
import { decide } from '../../src/core/decide.js';
import { type Change, recordKeyText, type StoredRecord } from '../../src/core/records.js';
import { LockTable, type Undo } from '../../src/core/table.js';
import { RecordMap } from '../../src/store/record-map.js';
import { adopt, DAY, dump, force, list, lock, unlock, World } from './history.js';

const resource = fc.constantFrom('a', 'ab', 'b', '\u{1f512}', '\uffee');
const client = fc.constantFrom('A', 'B', 'C', 'D');
const limit = fc.integer({ min: 1, max: 3 });
const token = fc.option(fc.integer({ min: 0, max: 40 }), { nil: undefined });

const holder = fc.record({ client, token: fc.integer({ min: 0, max: 60 }) }, { requiredKeys: ['client'] });
const adoption = fc
  .tuple(resource, fc.uniqueArray(holder, { selector: (one) => one.client, minLength: 1, maxLength: 3 }))
  .map(([where, holders]) => adopt(where, holders, Math.max(holders.length, 2)));

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(resource, client, limit).map((given) => lock(...given)) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(resource, client, token)
      .map(([where, who, which]) => unlock(where, who, which === undefined ? undefined : String(which))),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(resource, fc.option(client, { nil: undefined })).map((given) => force(...given)),
  },
  { weight: 2, arbitrary: adoption },
  { weight: 1, arbitrary: fc.constant<Command>({ kind: 'forget' }) },
);

/** A command, and the seconds that pass before it. */
const step = fc.tuple(command, fc.oneof(fc.constant(0), fc.integer({ min: 1, max: DAY })));
const history = fc.array(step, { maxLength: 80, size: 'max' });
const turns = fc.array(fc.tuple(fc.array(step, { maxLength: 12, size: 'max' }), fc.boolean()), {
  maxLength: 10,
  size: 'max',
});

function recordsOf(table: LockTable): Map<string, StoredRecord> {
  const records = [...table.allHolds(), ...table.allLost()];
  return new Map(records.map((record) => [recordKeyText(record), record]));
}

function replay(...rounds: (readonly Change[])[]): Map<string, StoredRecord> {
  const map = new RecordMap();
  for (const changes of rounds) map.apply(changes);
  return new Map([...map.values()].map((record) => [recordKeyText(record), record]));
}

describe('undone in reverse', () => {
  test('a turn leaves no trace, and the table goes on as if it had never been', () => {
    fc.assert(
      fc.property(turns, (given) => {
        const world = new World();
        const twin = new World();
        world.table.load({ kind: 'unreadable', resource: 'b', files: ['/locks/b.lock'] });
        twin.table.load({ kind: 'unreadable', resource: 'b', files: ['/locks/b.lock'] });
        for (const [steps, isSaved] of given) {
          const before = dump(world.table);
          const undos: Undo[] = [];
          for (const [asked, seconds] of steps) {
            world.pass(seconds);
            twin.pass(seconds);
            const decision = decide(world.table, asked, world.now);
            const changes = 'changes' in decision ? decision.changes : [];
            for (const change of changes) undos.push(world.table.apply(change));
            if (isSaved) for (const change of changes) twin.table.apply(change);
          }
          if (isSaved) continue;
          for (const undo of undos.reverse()) undo();
          expect(dump(world.table)).toEqual(before);
        }
        expect(dump(world.table)).toEqual(dump(twin.table));
        expect(world.table.nextToken).toBeGreaterThanOrEqual(twin.table.nextToken);
      }),
      { numRuns: 400 },
    );
  });

  test('a change that writes over a record brings the old one back', () => {
    const table = new LockTable();
    const hold = {
      kind: 'hold',
      resource: 'a',
      client: 'A',
      token: 3,
      limit: 1,
      acquired: 0,
      from: '',
      waited: 0,
    } as const;
    table.load(hold);
    const before = dump(table);
    const undo = table.apply({
      time: 0,
      resource: 'a',
      client: 'A',
      token: 4,
      remove: [{ kind: 'hold', resource: 'nobody', client: 'A' }],
      put: [{ ...hold, token: 4 }],
    });
    expect(table.hold('a', 'A')?.token).toBe(4);
    expect(table.held).toBe(1);
    undo();
    expect(dump(table)).toEqual(before);
    expect(table.nextToken).toBe(5);
  });
});

describe('after every history', () => {
  test('tokens have only risen, also over what was undone', () => {
    fc.assert(
      fc.property(turns, (given) => {
        const world = new World();
        const { table } = world;
        let highest = 0;
        for (const [steps, isSaved] of given) {
          const undos: Undo[] = [];
          for (const [asked, seconds] of steps) {
            world.pass(seconds);
            const decision = decide(table, asked, world.now);
            for (const change of 'changes' in decision ? decision.changes : []) {
              undos.push(table.apply(change));
              if (change.event !== 'granted' && change.event !== 'adopted') continue;
              expect(change.token).toBeGreaterThan(highest);
              highest = change.token;
            }
            expect(table.nextToken).toBeGreaterThan(highest);
          }
          if (!isSaved) for (const undo of undos.reverse()) undo();
        }
      }),
      { numRuns: 400 },
    );
  });

  test('nobody shares a resource beyond its limit, and one limit stands', () => {
    fc.assert(
      fc.property(history, (steps) => {
        const world = new World();
        for (const [asked, seconds] of steps) {
          world.pass(seconds);
          world.do(asked);
          for (const name of world.table.resourcesAfter('')) {
            const holds = world.table.holds(name);
            const limits = new Set(holds.map((hold) => hold.limit));
            expect(limits.size).toBe(1);
            expect(holds.length).toBeLessThanOrEqual(world.table.limit(name) ?? 0);
            expect(new Set(holds.map((hold) => hold.client)).size).toBe(holds.length);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  test('the journal replayed gives the same records, also twice, also from the middle', () => {
    fc.assert(
      fc.property(history, fc.nat(), (steps, where) => {
        const world = new World();
        for (const [asked, seconds] of steps) {
          world.pass(seconds);
          world.do(asked);
        }
        const { changes, table } = world;
        const records = recordsOf(table);
        expect(replay(changes)).toEqual(records);
        expect(replay(changes, changes)).toEqual(records);
        const middle = changes.length === 0 ? 0 : where % changes.length;
        expect(replay(changes, changes.slice(middle))).toEqual(records);
        const again = new LockTable();
        for (const record of records.values()) again.load(record);
        expect(dump(again)).toEqual(dump(table));
      }),
      { numRuns: 300 },
    );
  });

  test('at most one lost hold of a client on a resource is told without its token', () => {
    fc.assert(
      fc.property(history, (steps) => {
        const world = new World();
        for (const [asked, seconds] of steps) {
          world.pass(seconds);
          world.do(asked);
          const current = [...world.table.allLost()].filter((lost) => !lost.superseded);
          const pairs = new Set(current.map((lost) => JSON.stringify([lost.resource, lost.client])));
          expect(pairs.size).toBe(current.length);
          for (const lost of current) expect(world.table.hold(lost.resource, lost.client)).toBeUndefined();
        }
      }),
      { numRuns: 300 },
    );
  });

  test('pages of list show every resource that is not free once, in code-unit order', () => {
    fc.assert(
      fc.property(history, fc.integer({ min: 1, max: 4 }), (steps, count) => {
        const world = new World();
        for (const [asked, seconds] of steps) {
          world.pass(seconds);
          world.do(asked);
        }
        const found: string[] = [];
        for (;;) {
          const page = pageBehind(world, found.at(-1) ?? '', count);
          found.push(...page);
          if (page.length < count) break;
        }
        const used = new Set([...world.table.allHolds()].map((hold) => hold.resource));
        expect(found).toEqual([...used].sort());
      }),
      { numRuns: 300 },
    );
  });
});

function pageBehind(world: World, after: string, count: number): string[] {
  const decision = world.do(list({ after, count }));
  return 'answer' in decision ? (decision.answer as Answers['list']).map((one) => one.resource) : [];
}
