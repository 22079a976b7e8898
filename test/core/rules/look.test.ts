/** What there is to see: rules/look.ts. */
import { describe, expect, test } from 'vitest';
import type { ResourceState, Status } from '../../../src/core/answers.js';
import type { Command } from '../../../src/core/commands.js';
import { enqueue, force, list, lock, play, status, unlock } from '../history.js';
import { START, World } from '../world.js';

function statusOf(world: World, resource: string): Status {
  return (world.do(status(resource)) as { answer: Status }).answer;
}

const free = { resource: 'host', state: 'free', limit: 1, held: 0, holders: [], waiting: 0, queue: [] };
const three = { limit: 3 };
const held: Command[] = [lock('host', 'A', three), lock('host', 'B', three), lock('host', 'C', three)];
const lose = (client: string, aftermath: 'fence' | 'delay') => force('host', client, { aftermath });

describe('the state is the worst that applies', () => {
  const rows: readonly (readonly [ResourceState, readonly Command[]])[] = [
    ['free', []],
    ['free', [lock('host', 'A'), unlock('host', 'A')]],
    ['held', [lock('host', 'A', three)]],
    ['held', [...held, enqueue('host', 'D', three)]],
    ['reserved', [...held, enqueue('host', 'D', three), unlock('host', 'A')]],
    ['reserved', [lock('host', 'A'), enqueue('host', 'D'), unlock('host', 'A')]],
    ['delayed', [...held, lose('B', 'delay')]],
    ['delayed', [...held, lose('B', 'delay'), enqueue('host', 'D', three), unlock('host', 'A')]],
    ['fencing', [...held, lose('B', 'delay'), lose('C', 'fence')]],
    ['fencing', [...held, lose('B', 'fence'), lose('C', 'delay')]],
  ];
  test.each(rows)('%s', (state, commands) => {
    const world = new World();
    for (const command of commands) world.do(command);
    expect(statusOf(world, 'host').state).toBe(state);
    expect((world.do(list({ state })) as { answer: Status[] }).answer).toHaveLength(state === 'free' ? 0 : 1);
  });

  test('unreadable', () => {
    const world = new World();
    const files = ['/locks/host.lock', '/locks/host.resource.lock'];
    world.table.load({ kind: 'unreadable', resource: 'host', files });
    expect(world.do(status('host'))).toEqual({
      answer: { ...free, state: 'unreadable', unreadableFiles: files },
    });
  });
});

describe('a status', () => {
  test('of a free resource', () => {
    expect(new World().do(status('host'))).toEqual({ answer: free });
  });

  test('names the first 100 holders in the order of their grants, and counts all', () => {
    const world = new World();
    const many = { limit: 200 };
    for (let number = 1; number <= 101; number += 1) world.do(lock('db', `c${number}`, many));
    world.do(unlock('db', 'c1'));
    world.do(lock('db', 'c1', many));
    const { held: count, holders, limit } = statusOf(world, 'db');
    expect({ count, limit, named: holders.length }).toEqual({ count: 101, limit: 200, named: 100 });
    expect(holders.map((hold) => Number(hold.token))).toEqual(Array.from({ length: 100 }, (_, i) => i + 2));
  });

  test('names all that are being fenced, also behind the first 100 holders', () => {
    const world = new World();
    for (let number = 1; number <= 120; number += 1) world.do(lock('db', `c${number}`, { limit: 200 }));
    world.do(force('db', 'c120', { aftermath: 'fence' }));
    expect(statusOf(world, 'db')).toMatchObject({ state: 'fencing', fence: [{ client: 'c120', tries: 0 }] });
  });

  test('names the first 100 places in order, and counts all', () => {
    const world = new World();
    world.do(lock('host', 'A'));
    for (let number = 1; number <= 101; number += 1) world.do(enqueue('host', `c${number}`));
    world.do({ kind: 'cancel', resource: 'host', client: 'c2' });
    world.do(enqueue('host', 'noted', { note: 'me too' }));
    const { waiting, queue } = statusOf(world, 'host');
    expect({ waiting, named: queue.length }).toEqual({ waiting: 101, named: 100 });
    expect(queue[0]).toEqual({ client: 'c1', position: 1, since: new Date(START) });
    expect(queue[1]).toEqual({ client: 'c3', position: 2, since: new Date(START) });
    world.do({ kind: 'cancel', resource: 'host', client: 'c1' });
    expect(statusOf(world, 'host').queue[99]).toMatchObject({
      client: 'noted',
      position: 100,
      note: 'me too',
    });
  });

  test('tells what is left of a lease, and nothing of one that ended', () => {
    const world = new World();
    world.do(lock('host', 'A', { ttl: 10 }));
    world.pass(4);
    expect(statusOf(world, 'host').holders).toMatchObject([
      { ttl: 10, left: 6, expires: new Date(START + 10_000), renewed: new Date(START) },
    ]);
    world.do(force('host', 'A', { aftermath: 'fence' }));
    const [hold] = statusOf(world, 'host').holders;
    expect(hold).toMatchObject({ state: 'fencing', ttl: 10 });
    expect(hold).not.toHaveProperty('left');
    expect(hold).not.toHaveProperty('expires');
  });

  test('tells a lease by the clocks as they are: the wall clock may jump', () => {
    const world = new World();
    world.do(lock('host', 'A', { ttl: 10 }));
    world.pass(4);
    world.jump(-3_600);
    expect(statusOf(world, 'host').holders).toMatchObject([
      { left: 6, expires: new Date(START - 3_600_000 + 10_000) },
    ]);
  });
});

test('a question changes nothing', () => {
  const world = new World();
  world.do(lock('host', 'A'));
  const before = world.changes.length;
  for (const command of [status('host'), list(), lock('host', 'B'), unlock('host', 'B')]) world.do(command);
  expect(world.do({ kind: 'count' })).toEqual({ answer: { held: 1, waiting: 0, fencing: 0 } });
  expect(world.changes.length).toBe(before);
});

test('count tells holds, places and fencings', () => {
  const world = new World();
  for (const command of [...held, lose('A', 'fence'), lose('B', 'delay'), enqueue('host', 'D', three)]) {
    world.do(command);
  }
  expect(world.do({ kind: 'count' })).toEqual({ answer: { held: 3, waiting: 1, fencing: 1 } });
});

describe('list', () => {
  const world = new World();
  for (const [resource, client] of [
    ['b/2', 'A'],
    ['a/1', 'A'],
    ['b/1', 'B'],
    ['B', 'A'],
    ['é', 'A'],
    ['\u{1f512}', 'B'],
    ['\uffee', 'A'],
  ] as const) {
    world.do(lock(resource, client));
  }
  world.table.load({ kind: 'unreadable', resource: 'b/0', files: ['/locks/b%2F0.lock'] });
  world.do(lock('free', 'A'));
  world.do(unlock('free', 'A'));
  world.do(enqueue('a/1', 'waiter'));

  const all = ['B', 'a/1', 'b/0', 'b/1', 'b/2', 'é', '\u{1f512}', '\uffee'];
  test.each([
    ['everything that is not free, in code-unit order', {}, all],
    ['a prefix', { prefix: 'b/' }, ['b/0', 'b/1', 'b/2']],
    ['an empty prefix', { prefix: '' }, all],
    ['a client', { client: 'B' }, ['b/1', '\u{1f512}']],
    ['a client that waits', { client: 'waiter' }, ['a/1']],
    ['held ones', { state: 'held' }, all.filter((name) => name !== 'b/0')],
    ['unreadable ones', { state: 'unreadable' }, ['b/0']],
    ['free ones: nobody knows their names', { state: 'free' }, []],
    ['all of it together', { prefix: 'b/', client: 'A', state: 'held', after: 'b/1' }, ['b/2']],
    ['behind a name', { after: 'b/0' }, all.slice(3)],
    ['behind a name that is not there', { after: 'b/00' }, all.slice(3)],
    ['behind the last', { after: '\uffee' }, []],
    ['as many as asked for', { count: 2 }, all.slice(0, 2)],
    ['as many of the matching ones', { count: 2, client: 'A' }, ['B', 'a/1']],
    ['exactly as many as there are', { count: 8 }, all],
  ] as const)('%s', (_, options, names) => {
    const { answer } = world.do(list(options)) as { answer: Status[] };
    expect(answer.map((one) => one.resource)).toEqual(names);
  });

  test('has what is only waited for', () => {
    const reserved = new World();
    play(reserved, [
      [lock('host', 'A'), 'token 1'],
      [enqueue('host', 'B'), 'queued 1'],
      [unlock('host', 'A'), 'true'],
    ]);
    const { answer } = reserved.do(list()) as { answer: Status[] };
    expect(answer).toMatchObject([{ resource: 'host', state: 'reserved', held: 0, waiting: 1 }]);
  });
});
