import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { MAX_LISTED_HOLDERS } from '../../src/core/limits.js';
import { nodeDisk } from '../../src/disk/node-disk.js';
import { StartRefused } from '../../src/disk/start-refused.js';
import { FaultyDisk } from '../disk/faulty-disk.js';
import { crashCopy, temporaryDirectory } from '../store/fixture.js';
import { ManualClock, openDaemon } from './fixture.js';

const NOW = Date.UTC(2026, 10, 21);

/** Opens, grants, gives back, closes; answers the token. */
async function tokenOf(directory: string, now: number): Promise<number> {
  const { lockd } = await openDaemon(directory, { clock: new ManualClock(now) });
  const { token } = await lockd.lock('r', 'A');
  await lockd.unlock('r', 'A');
  await lockd.close();
  return Number(token);
}

function expectRising(tokens: number[]): void {
  for (const [index, token] of tokens.entries()) {
    expect(Number.isSafeInteger(token)).toBe(true);
    expect(token).toBeGreaterThan(tokens[index - 1] ?? 0);
  }
}

describe('tokens rise', () => {
  test('with every grant, on whatever resource', async () => {
    const { lockd } = await openDaemon(temporaryDirectory());
    const tokens: number[] = [];
    for (const resource of ['a', 'b', 'a', 'c', 'a']) {
      tokens.push(Number((await lockd.lock(resource, 'A')).token));
      await lockd.unlock(resource, 'A');
    }
    expectRising(tokens);
  });

  test('over restarts, although the clock stands still and nothing is held', async () => {
    const directory = temporaryDirectory();
    expectRising([
      await tokenOf(directory, NOW),
      await tokenOf(directory, NOW),
      await tokenOf(directory, NOW),
    ]);
  });

  test('over a crash', async () => {
    const directory = temporaryDirectory();
    const first = await openDaemon(directory);
    const before = await first.lockd.lock('r', 'A');
    await first.lockd.unlock('r', 'A');
    const { lockd } = await openDaemon(crashCopy(directory));
    expectRising([Number(before.token), Number((await lockd.lock('r', 'B')).token)]);
  });

  test('in a new directory, because time has passed', async () => {
    expectRising([
      await tokenOf(temporaryDirectory(), NOW),
      await tokenOf(temporaryDirectory(), NOW + 1),
      await tokenOf(temporaryDirectory(), NOW + 2),
    ]);
  });

  test('in a directory that was restored from an old copy', async () => {
    const clock = new ManualClock(NOW);
    const directory = temporaryDirectory();
    const { lockd } = await openDaemon(directory, { clock });
    await lockd.lock('kept', 'A');
    const copy = crashCopy(directory);
    const tokens: number[] = [];
    for (let count = 0; count < 50; count += 1) {
      await clock.advance(1);
      tokens.push(Number((await lockd.lock('r', 'A')).token));
      await lockd.unlock('r', 'A');
    }
    await clock.advance(1);
    const restored = await openDaemon(copy, { clock });
    expect(await restored.lockd.status('kept')).toMatchObject({ state: 'held' });
    tokens.push(Number((await restored.lockd.lock('r', 'A')).token));
    expectRising(tokens);
  });

  test('without a journal, with a clock that is wrong, on a disk that reads at the third try only', async () => {
    const directory = temporaryDirectory();
    const first = await openDaemon(directory, { clock: new ManualClock(NOW) });
    const { token } = await first.lockd.lock('r', 'A');
    await first.lockd.close();
    fs.renameSync(join(directory, '.lockd'), join(directory, '.lockd.damaged'));
    const clock = new ManualClock(0);
    const faulty = new FaultyDisk(nodeDisk);
    faulty.failNext('read', { code: 'EIO', path: /r\.lock$/, times: 2 });
    for (const _ of ['first', 'second']) {
      await expect(openDaemon(directory, { clock, faulty })).rejects.toThrow(StartRefused);
    }
    const { lockd } = await openDaemon(directory, { clock, faulty });
    const [holder] = (await lockd.status('r')).holders;
    const next = await lockd.lock('other', 'B');
    expectRising([Number(token), Number(holder?.token), Number(next.token)]);
  });

  test('without a journal, with a clock that is wrong, beside a lock file that lists some of its holders only', async () => {
    const directory = temporaryDirectory();
    const first = await openDaemon(directory, { clock: new ManualClock(NOW) });
    const limit = MAX_LISTED_HOLDERS + 1;
    for (let count = 0; count < limit; count += 1) await first.lockd.lock('r', `A${count}`, { limit });
    await first.lockd.close();
    const { holders } = JSON.parse(fs.readFileSync(join(directory, 'r.lock'), 'utf8'));
    const tokens = holders.map(({ token }: { readonly token: string }) => Number(token));
    expect(tokens).toHaveLength(MAX_LISTED_HOLDERS);
    fs.renameSync(join(directory, '.lockd'), join(directory, '.lockd.damaged'));
    const { lockd } = await openDaemon(directory, { clock: new ManualClock(0) });
    expect(await lockd.status('r')).toMatchObject({ state: 'unreadable' });
    const next = await lockd.lock('other', 'B');
    expect(Number(next.token)).toBeGreaterThan(Math.max(...tokens));
  });

  test.each<[string, number[]]>([
    ['back to 1970', [NOW, 0, 1, NOW]],
    ['from 1970 on', [0, 5, NOW]],
    ['before 1970', [-1_000, -2_000, NOW]],
    ['to 2106 and back', [NOW, Date.UTC(2106, 1, 7), NOW, 0]],
    ['beyond what a token can count', [NOW, Date.UTC(2300, 0, 1), NOW, 8.64e15, NOW]],
    ['by an hour, back and forth', [NOW, NOW - 3_600_000, NOW + 3_600_000, NOW]],
  ])('while the clock is set %s', async (_, times) => {
    const directory = temporaryDirectory();
    const tokens: number[] = [];
    for (const time of times) tokens.push(await tokenOf(directory, time));
    expectRising(tokens);
  });

  test('while the clock jumps during one life, too', async () => {
    const clock = new ManualClock(NOW);
    const { lockd } = await openDaemon(temporaryDirectory(), { clock });
    const tokens: number[] = [];
    for (const [index, time] of [NOW, 0, Date.UTC(2106, 1, 7), -5, NOW].entries()) {
      clock.now = time;
      tokens.push(Number((await lockd.lock(`r${index}`, 'A')).token));
    }
    expectRising(tokens);
    expect(await lockd.list({ state: 'held' })).toHaveLength(5);
  });
});
