/** The promises that lockd makes, each held against random histories of everything, with refused turns and restarts. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Hold } from '../../src/core/answers.js';
import type { Change } from '../../src/core/records.js';
import { recordKeyText, storedPart } from '../../src/core/records.js';
import { RecordMap } from '../../src/store/record-map.js';
import { dump } from './history.js';
import { AFTERMATHS, commandOf } from './model/commands.js';
import { Driver, type Look, short } from './model/drive.js';
import { type History, history, type Step } from './model/steps.js';
import { runs } from './runs.js';
import type { Outcome, World } from './world.js';

/** Holds a promise against many histories; `watch` makes one watcher for each. */
function promise(name: string, watch: () => Look, count = 120): void {
  test(name, () => {
    fc.assert(
      fc.property(history, (steps) => new Driver().play(steps, watch())),
      runs(count),
    );
  });
}

const isRefused = (step: Step) => 'turn' in step && !step.isSaved;

/** The saved changes since the last call. */
function newChanges(): (world: World) => readonly Change[] {
  let seen = 0;
  return ({ changes }) => {
    const since = seen;
    seen = changes.length;
    return changes.slice(since);
  };
}

promise('1. Exclusion: never more holders than the limit, lost ones with a slot included', () => ({
  after({ world: { table, leases, now }, model }, step) {
    for (const resource of table.resourcesAfter('')) {
      const holds = table.holds(resource);
      expect(new Set(holds.map((hold) => hold.client)).size).toBe(holds.length);
      for (const hold of holds) expect(holds.length).toBeLessThanOrEqual(hold.limit);
      expect(new Set(holds.map((hold) => hold.limit)).size).toBeLessThanOrEqual(1);
      expect(model.holds(resource).length).toBe(holds.length);
    }
    if (!('pass' in step)) return;
    for (const hold of table.allHolds()) expect(!hold.lost && leases.isOver(hold.token, now)).toBe(false);
  },
}));

promise('2. Nothing acknowledged is lost: what is stored is what there is, replayed once or twice', () => ({
  after({ world }) {
    const { table, records, changes } = world;
    const kept = [...table.allPlaces()].filter((place) => place.claim > 0);
    const all = [...table.allHolds(), ...kept, ...table.allLost(), ...table.allEnded()];
    const there = new Map(all.map((record) => [recordKeyText(record), record]));
    expect(byKey(records)).toEqual(there);
    const stored = changes.flatMap((change) => storedPart(change) ?? []);
    const replayed = new RecordMap();
    replayed.apply(stored);
    expect(byKey(replayed)).toEqual(there);
    replayed.apply(stored);
    expect(byKey(replayed)).toEqual(there);
    replayed.apply(stored.slice(stored.length >> 1));
    expect(byKey(replayed)).toEqual(there);
  },
}));

function byKey(records: RecordMap): Map<string, unknown> {
  return new Map([...records.values()].map((record) => [recordKeyText(record), record]));
}

promise('3. Tokens only rise, over everything, also what was refused, and restarts', () => {
  const saved = newChanges();
  let highest = 0;
  let next = 0;
  return {
    after({ world }, step) {
      for (const { event, token } of saved(world)) {
        if (event !== 'granted' && event !== 'adopted') continue;
        expect(token).toBeGreaterThan(highest);
        highest = token;
      }
      expect(world.table.nextToken).toBeGreaterThan(highest);
      // A restart knows nothing of grants that were never saved, and nobody was told of them.
      if (!('restart' in step)) expect(world.table.nextToken).toBeGreaterThanOrEqual(next);
      next = world.table.nextToken;
    },
  };
});

promise('4. Owner only: a hold is given back by its own client, or never', () => {
  const saved = newChanges();
  const owners = new Map<number, string>();
  return {
    after({ world, commands }) {
      for (const { event, token, resource, client } of saved(world)) {
        if (event === 'granted' || event === 'adopted') owners.set(token, `${resource} ${client}`);
        if (event !== 'unlocked') continue;
        expect(owners.get(token)).toBe(`${resource} ${client}`);
        const asked = commands.filter(({ kind }) => kind === 'unlock' || kind === 'withdraw');
        expect(asked).toContainEqual(expect.objectContaining({ resource, client }));
      }
    },
  };
});

promise(
  '5. First come, first served: nobody who is there is passed over, and nothing free is kept from it',
  () => {
    let before: { readonly resource: string; readonly client: string; readonly sequence: number }[] = [];
    return {
      before({ world }) {
        before = [...world.table.allPlaces()];
      },
      after({ world: { table, calls } }, step) {
        for (const place of table.allPlaces()) {
          const { resource, sequence, limit } = place;
          if (!calls.has(place) || table.hold(resource, place.client)) continue;
          // A slot is free for it when fewer hold, and stand before it, than there may be.
          const ahead = [...table.line(resource)].filter(
            (other) => other.sequence < sequence && !table.hold(resource, other.client),
          );
          expect(table.holdCount(resource) + ahead.length).toBeGreaterThanOrEqual(limit);
          if (!('turn' in step) || step.turn.length > 1) continue;
          const overtaken = before.filter(
            (other) => other.resource === resource && other.sequence > sequence,
          );
          const wasThere = before.some((other) => other.sequence === sequence && other.resource === resource);
          if (!wasThere || step.turn[0]?.deed === 'adopt') continue;
          for (const { client } of overtaken) {
            const isGranted = table.hold(resource, client) && !table.place(resource, client);
            // Handed over by an operator, it did not come from the line.
            expect(isGranted && step.turn[0]?.deed !== 'update').toBeFalsy();
          }
        }
      },
    };
  },
);

describe('6. Fail closed', () => {
  promise('what could not be saved has not happened, and nobody is told', () => {
    let before: unknown;
    return {
      before({ world }) {
        before = [dump(world.table), world.calls.dump(), byKey(world.records)];
      },
      after({ world, outcomes, told }, step) {
        if (!isRefused(step)) return;
        expect([dump(world.table), world.calls.dump(), byKey(world.records)]).toEqual(before);
        expect([...new Set(outcomes.map(short)), ...told]).toEqual(['not saved']);
      },
    };
  });

  test('nobody gets what nobody can read', () => {
    fc.assert(
      fc.property(history, (steps) => neverGranted(steps)),
      runs(150),
    );
  });
});

/** A resource whose lock file cannot be read, with clients in its line, and everything that is no `forceUnlock`. */
function neverGranted(steps: History): void {
  const driver = new Driver();
  const { world } = driver;
  for (const client of ['X', 'B', 'C']) {
    const ask = { limit: 1, ...(client === 'B' ? { request: 'k', ttl: 5 } : {}) };
    driver.turn([{ resource: 'plain', client: client as 'B', deed: 'enqueue', ask }], true);
  }
  driver.turn([{ resource: 'plain', client: 'X' as 'B', deed: 'unlock', token: 'none' }], true);
  world.table.load({ kind: 'unreadable', resource: 'plain', files: ['/locks/plain.lock'] });
  for (const step of steps) {
    if ('pass' in step) world.pass(step.pass);
    else if ('hangUp' in step) world.hangUp(step.hangUp.resource, step.hangUp.client);
    else if ('turn' in step) {
      const deeds = step.turn.filter((deed) => deed.deed !== 'force' || deed.resource !== 'plain');
      world.turn(
        deeds.map((deed) => commandOf(driver.model, deed, world.now.monotonic)),
        step.isSaved,
      );
    }
    expect(world.table.holds('plain')).toEqual([]);
    expect(world.table.unreadable('plain')).toBeDefined();
  }
}

describe('7. A lease is a minimum', () => {
  promise('no lease ends before what its client was answered last', () => {
    const saved = newChanges();
    const until = new Map<string, number>();
    const note = (outcome: Outcome, isNewTtl: boolean, now: number) => {
      const hold = holdIn(outcome);
      if (hold?.left === undefined) return;
      const end = now + hold.left * 1_000;
      until.set(hold.token, isNewTtl ? end : Math.max(end, until.get(hold.token) ?? 0));
    };
    return {
      after({ world, commands, outcomes, told }) {
        const { monotonic, time } = world.now;
        for (const change of saved(world)) {
          if (change.event !== 'expired') continue;
          const promised = until.get(String(change.token));
          expect(monotonic + change.time - time).toBeGreaterThanOrEqual(promised ?? Number.NaN);
        }
        for (const [index, outcome] of outcomes.entries()) {
          const command = commands[index];
          const isNewTtl =
            (command?.kind === 'renew' || command?.kind === 'update') && command.ttl !== undefined;
          note(outcome, isNewTtl, monotonic);
        }
        for (const outcome of told) note(outcome, false, monotonic);
      },
    };
  });

  test('no jump of the wall clock changes anything', () => {
    // Only what is kept for a day or a minute is judged by that clock.
    const isTimeless = (step: Step) =>
      !('pass' in step && step.pass > 10_000) &&
      !('turn' in step && step.turn.some(({ deed }) => deed === 'forget'));
    fc.assert(
      fc.property(history, fc.integer({ min: 1, max: 3_600 }), (steps, seconds) => {
        let direction = 1;
        new Driver().play(steps.filter(isTimeless), {
          before({ world }) {
            world.jump(direction * seconds);
            direction = -direction;
          },
        });
      }),
      runs(100),
    );
  });

  test('a time in which the daemon could not serve counts for nobody', () => {
    fc.assert(
      fc.property(history, fc.integer({ min: 1, max: 100 }), (steps, seconds) => {
        new Driver().play(steps, {
          before({ world }) {
            world.stall(seconds);
            world.jump(-seconds);
          },
        });
      }),
      runs(100),
    );
  });
});

function holdIn(outcome: Outcome): Hold | undefined {
  const answer = 'answer' in outcome ? outcome.answer : undefined;
  if (typeof answer !== 'object' || answer === null) return undefined;
  if ('hold' in answer) return answer.hold as Hold;
  return 'token' in answer ? (answer as Hold) : undefined;
}

promise(
  '8. Fence before grant: a slot is free only when its lost holder is fenced, and somebody said so',
  () => {
    const saved = newChanges();
    const fencing = new Map<number, string>();
    return {
      after({ world, commands }) {
        for (const { event, token, resource, client, remove = [] } of saved(world)) {
          const isLost = event === 'expired' || event === 'forced';
          if (event === 'fencing') fencing.set(token, `${resource} ${client}`);
          if (event === 'granted') expect([...fencing.values()]).not.toContain(`${resource} ${client}`);
          if (isLost && AFTERMATHS[resource as 'plain'] === 'fence' && remove.length > 0) {
            // Without a command only where the operator vouches.
            expect(commands).toContainEqual(expect.objectContaining({ kind: 'forceUnlock', fenced: true }));
          }
          if (!fencing.has(token) || !remove.some(({ kind }) => kind === 'hold')) continue;
          expect(event).toBe('fenced');
          fencing.delete(token);
          const vouching = commands.filter(
            (command) =>
              (command.kind === 'fenced' && command.token === token) ||
              (command.kind === 'confirmFenced' && command.resource === resource) ||
              (command.kind === 'forceUnlock' && command.resource === resource && command.fenced),
          );
          expect(vouching).not.toEqual([]);
        }
        for (const [token, whose] of fencing) {
          const [resource = '', client = ''] = whose.split(' ');
          expect(world.table.hold(resource, client)).toMatchObject({ token, lost: 'fencing' });
        }
      },
    };
  },
);
