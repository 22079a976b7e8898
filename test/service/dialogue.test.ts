import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BadParameter, Refusal } from '../../src/core/refusals.js';
import { temporaryDirectory } from '../store/fixture.js';
import { clientIn, type Daemon, lockFiles, ManualClock, openDaemon, outcome } from './fixture.js';

/** The dialogue that every lockd since 2008 has had, word for word. */
async function haveDialogue({ lockd }: Daemon, between: () => Promise<Daemon>): Promise<void> {
  expect(await outcome(lockd.lock('resource1', 'A'))).toMatchObject({ resource: 'resource1', client: 'A' });
  const next = (await between()).lockd;
  expect(await outcome(next.lock('resource1', 'B'))).toBe("1: Resource already locked by 'A'");
  expect(await outcome(next.lock('resource1', 'A'))).toBe("1: Resource already locked by 'A'");
  expect(await outcome(next.unlock('resource1', 'B'))).toBe(
    "2: Resource locked by 'A' cannot be unlocked by 'B'",
  );
  expect(await outcome(next.unlock('resource1', 'A'))).toBe(true);
  const last = (await between()).lockd;
  expect(await outcome(last.unlock('resource1', 'A'))).toBe('3: Resource not locked');
  expect(await outcome(last.lock('resource1', 'B'))).toMatchObject({ client: 'B' });
}

describe('the dialogue of 2008', () => {
  test('in one life', async () => {
    const daemon = await openDaemon(temporaryDirectory());
    await haveDialogue(daemon, async () => daemon);
  });

  test('with a restart in between', async () => {
    const directory = temporaryDirectory();
    let daemon = await openDaemon(directory);
    await haveDialogue(daemon, async () => {
      await daemon.lockd.close();
      daemon = await openDaemon(directory);
      return daemon;
    });
  });
});

describe('a hold', () => {
  test('tells everything about itself', async () => {
    const { lockd, clock } = await openDaemon(temporaryDirectory());
    const hold = await lockd.lock('deploy/prod', 'ci', { note: 'release 7' }, { from: '10.0.0.7:4711' });
    expect(hold).toEqual({
      resource: 'deploy/prod',
      client: 'ci',
      token: String(clock.now * 1_000),
      limit: 1,
      state: 'held',
      acquired: new Date(clock.now),
      renewed: new Date(clock.now),
      from: '10.0.0.7:4711',
      waited: 0,
      note: 'release 7',
    });
  });

  test('says how long it waited, from the reading of the request on', async () => {
    const clock = new ManualClock();
    const { lockd } = await openDaemon(temporaryDirectory(), { clock });
    const received = clock.monotonic();
    await clock.advance(1_500);
    expect(await lockd.lock('r', 'A', {}, { from: 'x', received })).toMatchObject({ waited: 1.5 });
  });

  test('shows in status, list, stats and its lock file until it is given back', async () => {
    const directory = temporaryDirectory();
    const { lockd } = await openDaemon(directory);
    const file = join(directory, 'deploy%2Fprod.lock');
    const nobody = { held: 0, holders: [], waiting: 0, queue: [] };
    const free = { resource: 'deploy/prod', state: 'free', limit: 1, ...nobody, file };
    expect(await lockd.status('deploy/prod')).toEqual(free);
    const hold = await lockd.lock('deploy/prod', 'ci');
    const held = { ...free, state: 'held', held: 1, holders: [hold] };
    expect(await lockd.status('deploy/prod')).toEqual(held);
    expect(await lockd.list()).toEqual([held]);
    expect(await lockd.stats()).toMatchObject({ held: 1, grants: 1, refusals: 0, lost: 0, directory });
    expect(clientIn(directory, 'deploy%2Fprod.lock')).toBe('ci');
    await lockd.unlock('deploy/prod', 'ci');
    expect(await lockd.status('deploy/prod')).toEqual(free);
    expect(await lockd.list()).toEqual([]);
    expect(lockFiles(directory)).toEqual([]);
  });

  test('is given back by its token, and by no other', async () => {
    const { lockd } = await openDaemon(temporaryDirectory());
    const { token } = await lockd.lock('r', 'A');
    const other = String(Number(token) + 1);
    expect(await outcome(lockd.unlock('r', 'A', { token: other }))).toBe(
      `10: Token ${other} is not the hold of 'A' on 'r'`,
    );
    expect(await outcome(lockd.unlock('r', 'A', { token: `000${token}` }))).toBe(true);
  });

  test('that was forced away is explained to its victim, also after a restart, until it is granted again', async () => {
    const directory = temporaryDirectory();
    const first = await openDaemon(directory);
    const { token } = await first.lockd.lock('r', 'A');
    const by = { from: '10.0.0.9:555' };
    expect(await first.lockd.forceUnlock('r', { reason: 'host is dead' }, by)).toBe(true);
    const text = `8: 'A' lost 'r' (token ${token}) at 2026-11-21T08:15:00Z: forced by '10.0.0.9': host is dead. Stop work on it`;
    expect(await outcome(first.lockd.unlock('r', 'A'))).toBe(text);
    await first.lockd.close();
    const { lockd } = await openDaemon(directory);
    expect(await outcome(lockd.unlock('r', 'A'))).toBe(text);
    expect(await outcome(lockd.unlock('r', 'B'))).toBe('3: Resource not locked');
    await lockd.lock('r', 'A');
    expect(await outcome(lockd.unlock('r', 'A', { token }))).toBe(text);
    expect(await outcome(lockd.unlock('r', 'A'))).toBe(true);
  });

  test('that was lost is forgotten after a day, not before', async () => {
    const { lockd, clock } = await openDaemon(temporaryDirectory());
    await lockd.lock('r', 'A');
    await lockd.forceUnlock('r', { reason: 'x' });
    await clock.advance(86_400_000);
    await lockd.maintain();
    expect(await outcome(lockd.unlock('r', 'A'))).toMatch(/^8: /);
    await clock.advance(1);
    expect(await outcome(lockd.unlock('r', 'A'))).toBe('3: Resource not locked');
    await lockd.maintain();
    clock.jumpWall(-1_000);
    expect(await outcome(lockd.unlock('r', 'A'))).toBe('3: Resource not locked');
  });
});

describe('several holders of one resource', () => {
  test('as many as the limit, each for himself, also after a restart', async () => {
    const directory = temporaryDirectory();
    const first = await openDaemon(directory);
    await first.lockd.lock('pool', 'A', { limit: 2 });
    await first.lockd.lock('pool', 'B', { limit: 2 });
    expect(clientIn(directory, 'pool.lock')).toBe('A,B');
    await first.lockd.close();
    const { lockd } = await openDaemon(directory);
    expect(await outcome(lockd.lock('pool', 'C', { limit: 2 }))).toBe(
      "1: Resource already locked by 'A', 'B'",
    );
    expect(await outcome(lockd.lock('pool', 'C', { limit: 3 }))).toBe(
      "5: 'pool' is in use with limit 2, not 3; use limit 2, or wait until nobody holds or waits",
    );
    await expect(lockd.forceUnlock('pool', { reason: 'x' })).rejects.toThrow(BadParameter);
    expect(await lockd.forceUnlock('pool', { reason: 'x', client: 'A' })).toBe(true);
    expect(clientIn(directory, 'pool.lock')).toBe('B');
    expect(await outcome(lockd.lock('pool', 'C', { limit: 2 }))).toMatchObject({ client: 'C' });
    expect((await lockd.status('pool')).holders.map(({ client }) => client)).toEqual(['B', 'C']);
  });
});

describe('the list', () => {
  test('comes in pages, in order, and picks by prefix, client and state', async () => {
    const directory = temporaryDirectory();
    fs.writeFileSync(join(directory, 'torn.lock'), '');
    const { lockd } = await openDaemon(directory);
    for (const resource of ['host/b', 'host/a', 'deploy/x', 'Z', 'ä'])
      await lockd.lock(resource, `on ${resource}`);
    const names = async (options = {}) => (await lockd.list(options)).map(({ resource }) => resource);
    expect(await names()).toEqual(['Z', 'deploy/x', 'host/a', 'host/b', 'torn', 'ä']);
    expect(await names({ count: 2 })).toEqual(['Z', 'deploy/x']);
    expect(await names({ count: 2, after: 'deploy/x' })).toEqual(['host/a', 'host/b']);
    expect(await names({ after: 'zz' })).toEqual(['ä']);
    expect(await names({ prefix: 'host/' })).toEqual(['host/a', 'host/b']);
    expect(await names({ client: 'on Z' })).toEqual(['Z']);
    expect(await names({ state: 'unreadable' })).toEqual(['torn']);
    expect(await names({ state: 'held', prefix: 'd' })).toEqual(['deploy/x']);
    expect(await names({ state: 'free' })).toEqual([]);
  });
});

test('a refusal is an error with a code, a text and a name', async () => {
  const { lockd } = await openDaemon(temporaryDirectory());
  const error = await lockd.unlock('r', 'A').catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(Error);
  expect(error).toBeInstanceOf(Refusal);
  expect(error).toMatchObject({
    name: 'Refusal',
    code: 3,
    refusal: 'notLocked',
    message: 'Resource not locked',
  });
});

test('what was locked is counted at the start', async () => {
  const directory = temporaryDirectory();
  const first = await openDaemon(directory);
  expect(first.lockd.recoveredLocks).toBe(0);
  for (const resource of ['a', 'b', 'c']) await first.lockd.lock(resource, 'A');
  await first.lockd.close();
  const second = await openDaemon(directory);
  expect(second.lockd.recoveredLocks).toBe(3);
  expect(second.lockd.id).toBe(first.lockd.id);
  expect(second.lockd.directory).toBe(directory);
  await second.lockd.unlock('a', 'A');
  expect(second.lockd.recoveredLocks).toBe(3);
});
