/** Fencing: whoever lost a lock is made harmless, with success confirmed, before anybody else gets its slot. */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { recovered } from '../store/fixture.js';
import {
  begin,
  crash,
  type DaemonOptions,
  FENCE_ALL,
  FENCE_COMMAND,
  FULL,
  outcome,
  soFar,
  type TimedDaemon,
} from './fixture.js';
import { rounds } from './manual-clock.js';

const FENCED = { fence: FENCE_ALL } as const;

/** A daemon whose `r` was lost by A to its lease, and B waits. */
async function lostByA(options: DaemonOptions = FENCED) {
  const daemon = await begin(options);
  const { lockd, clock } = daemon;
  const { token } = await lockd.lock('r', 'A', { ttl: 10 });
  const next = outcome(lockd.lock('r', 'B', { wait: 3_600 }));
  await clock.advance(10_000);
  return { ...daemon, token, next };
}

async function fenceOf({ lockd }: Pick<TimedDaemon, 'lockd'>): Promise<unknown> {
  return (await lockd.status('r')).fence;
}

describe('a holder whose lease is over', () => {
  test('is fenced, and only when that has succeeded the next is granted, with a higher token', async () => {
    const daemon = await lostByA();
    const { lockd, runner, token, next, clock } = daemon;
    expect(runner.runs).toEqual([
      {
        command: FENCE_COMMAND,
        hold: { resource: 'r', client: 'A', token: Number(token), cause: 'expired' },
      },
    ]);
    expect(await lockd.status('r')).toMatchObject({
      state: 'fencing',
      held: 1,
      holders: [{ state: 'fencing' }],
    });
    expect(await fenceOf(daemon)).toEqual([{ client: 'A', token, tries: 0 }]);
    expect(await lockd.check('r', token)).toBe(false);
    expect(await outcome(lockd.lock('r', 'C'))).toBe(
      `9: 'r' is being fenced: 'A' (token ${token}) was lost 0 s ago; the fence command has not succeeded yet; ` +
        'it waits for success or confirmFenced',
    );
    await clock.advance(600_000);
    expect(await soFar(next)).toBeUndefined();
    runner.succeed(token);
    const hold = (await next) as { token: string };
    expect(Number(hold.token)).toBeGreaterThan(Number(token));
    expect(runner.forgotten).toEqual([Number(token)]);
    expect(runner.runs).toHaveLength(1);
  });

  test('its loss is saved before the command starts', async () => {
    const daemon = await begin(FENCED);
    const { lockd, clock, held, runner, directory } = daemon;
    const { token } = await lockd.lock('r', 'A', { ttl: 10 });
    await clock.advance(9_999);
    held.hold();
    await clock.advance(1);
    await held.held();
    expect(runner.runs).toEqual([]);
    held.release();
    await rounds();
    expect(runner.running).toEqual([Number(token)]);
    expect(recovered(directory).records).toMatchObject([
      { kind: 'hold', lost: 'fencing' },
      { kind: 'lost', cause: 'expired' },
    ]);
  });

  test('whose renewal comes while it is fenced is told that it is lost, and not revived', async () => {
    const { lockd, runner, token, next } = await lostByA();
    expect(await outcome(lockd.renew('r', 'A', { token }))).toMatch(/^8: 'A' lost 'r'/);
    expect(await outcome(lockd.unlock('r', 'A'))).toMatch(/^8: /);
    runner.succeed(token);
    expect(await next).toMatchObject({ client: 'B' });
  });

  test('gets nothing there until it is fenced itself, and keeps nobody else waiting', async () => {
    const daemon = await begin(FENCED);
    const { lockd, clock, runner } = daemon;
    const { token } = await lockd.lock('r', 'A', { ttl: 10, limit: 2 });
    await lockd.lock('r', 'B', { limit: 2 });
    await clock.advance(10_000);
    expect(await outcome(lockd.lock('r', 'A', { limit: 2 }))).toMatch(/^9: 'r' is being fenced: 'A'/);
    const a = outcome(lockd.lock('r', 'A', { limit: 2, wait: 100 }));
    const c = outcome(lockd.lock('r', 'C', { limit: 2, wait: 100 }));
    await rounds();
    await lockd.unlock('r', 'B');
    expect(await c).toMatchObject({ client: 'C' });
    expect(await soFar(a)).toBeUndefined();
    runner.succeed(token);
    expect(await a).toMatchObject({ client: 'A' });
  });
});

describe('a fence command that fails', () => {
  test('twice and then succeeds: tried again after 1 s and 2 s, shown meanwhile, then the next is granted', async () => {
    const daemon = await lostByA();
    const { lockd, runner, token, next, clock } = daemon;
    runner.fail(token, 'exit 1');
    await rounds();
    const first = new Date(clock.now + 1_000);
    expect(await fenceOf(daemon)).toEqual([
      { client: 'A', token, tries: 1, lastError: 'exit 1', nextTry: first },
    ]);
    await clock.advance(999);
    expect(runner.runs).toHaveLength(1);
    await clock.advance(1);
    expect(runner.runs).toHaveLength(2);
    expect(await fenceOf(daemon)).toEqual([{ client: 'A', token, tries: 1, lastError: 'exit 1' }]);

    runner.fail(token, 'no end within 60 s');
    await rounds();
    const second = new Date(clock.now + 2_000);
    expect(await fenceOf(daemon)).toEqual([
      { client: 'A', token, tries: 2, lastError: 'no end within 60 s', nextTry: second },
    ]);
    expect(await outcome(lockd.lock('r', 'C'))).toMatch(
      /the fence command failed 2 times, last with no end within 60 s; it waits for success or confirmFenced$/,
    );
    await clock.advance(1_999);
    expect(runner.runs).toHaveLength(2);
    await clock.advance(1);
    expect(runner.runs).toHaveLength(3);
    expect(await soFar(next)).toBeUndefined();
    runner.succeed(token);
    const hold = (await next) as { token: string };
    expect(Number(hold.token)).toBeGreaterThan(Number(token));
  });

  test('for ever is tried for ever, never more than a minute apart', async () => {
    const { runner, token, next, clock } = await lostByA();
    const pauses: number[] = [];
    for (let round = 0; round < 9; round += 1) {
      runner.fail(token);
      const runs = runner.runs.length;
      let seconds = 0;
      await rounds();
      for (; runner.runs.length === runs; seconds += 1) await clock.advance(1_000);
      pauses.push(seconds);
    }
    expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
    expect(await soFar(next)).toBeUndefined();
  });

  test('how often it failed is still known after a restart, where it runs again at once', async () => {
    const first = await lostByA();
    first.runner.fail(first.token, 'exit 7');
    await rounds();
    const second = await crash(first, FENCED);
    expect(second.runner.running).toEqual([Number(first.token)]);
    expect(await fenceOf(second)).toEqual([
      { client: 'A', token: first.token, tries: 1, lastError: 'exit 7' },
    ]);
  });
});

describe('the daemon is killed while a fence command runs', () => {
  test('it runs again after the start, before any grant', async () => {
    const first = await lostByA();
    const second = await crash(first, FENCED);
    const { lockd, runner, clock } = second;
    expect(runner.running).toEqual([Number(first.token)]);
    expect(await lockd.status('r')).toMatchObject({ state: 'fencing' });
    const next = outcome(lockd.lock('r', 'C', { wait: 600 }));
    await clock.advance(100_000);
    expect(await soFar(next)).toBeUndefined();
    runner.succeed(first.token);
    const hold = (await next) as { token: string };
    expect(Number(hold.token)).toBeGreaterThan(Number(first.token));
    expect(await outcome(lockd.renew('r', 'A'))).toMatch(/^8: /);
  });

  test('also where the loss is on disk and the command had not started yet', async () => {
    const daemon = await begin(FENCED);
    const { lockd, clock, held } = daemon;
    const { token } = await lockd.lock('r', 'A', { ttl: 10 });
    await clock.advance(9_999);
    held.hold();
    await clock.advance(1);
    await held.held();
    const next = await crash(daemon, FENCED);
    expect(daemon.runner.runs).toEqual([]);
    expect(next.runner.running).toEqual([Number(token)]);
    held.release();
  });

  test('and whose success was saved is not fenced again', async () => {
    const first = await lostByA();
    first.runner.succeed(first.token);
    await first.next;
    const second = await crash(first, FENCED);
    expect(second.runner.runs).toEqual([]);
    expect(await second.lockd.status('r')).toMatchObject({ state: 'held', holders: [{ client: 'B' }] });
  });

  test('with a rule that does not apply any more: it stays locked, and says so', async () => {
    const first = await lostByA();
    const { lockd, runner, clock } = await crash(first);
    await clock.advance(5_000);
    expect(runner.runs).toEqual([]);
    const [fence] = (await lockd.status('r')).fence ?? [];
    expect(fence).toMatchObject({ client: 'A', lastError: 'no fence command applies any more (--fence)' });
    expect(fence?.tries).toBeGreaterThan(0);
    expect(await outcome(lockd.lock('r', 'C'))).toMatch(/^9: .*last with no fence command applies any more/);
    expect(await lockd.confirmFenced('r', { reason: 'the host is gone' })).toBe(true);
    expect(await outcome(lockd.lock('r', 'C'))).toMatchObject({ client: 'C' });
  });

  test('a stop ends the command, and the next start runs it again', async () => {
    const { lockd, runner, token, directory, next } = await lostByA();
    await lockd.close();
    expect(runner.isClosed).toBe(true);
    expect(runner.running).toEqual([]);
    expect(await next).toBe('16: The daemon is stopping');
    const second = await begin({ directory, ...FENCED });
    expect(second.runner.running).toEqual([Number(token)]);
  });
});

describe('an operator', () => {
  test('who forces a hold away has it fenced, with the cause; the victim is told by whom and why', async () => {
    const { lockd, runner } = await begin(FENCED);
    const { token } = await lockd.lock('r', 'A');
    expect(await lockd.forceUnlock('r', { reason: 'host is down' }, { from: '192.0.2.9:5' })).toBe(true);
    expect(runner.runs).toMatchObject([{ hold: { token: Number(token), cause: 'forced' } }]);
    expect(await lockd.status('r')).toMatchObject({ state: 'fencing' });
    expect(await outcome(lockd.renew('r', 'A'))).toMatch(
      /forced by '192.0.2.9': host is down. Stop work on it$/,
    );
    expect(await outcome(lockd.forceUnlock('r', { reason: 'again' }))).toMatch(/^9: /);
    runner.succeed(token);
    await rounds();
    expect(await lockd.status('r')).toMatchObject({ state: 'free' });
  });

  test('who forces and vouches for the holder has no command run, and the next is granted at once', async () => {
    const { lockd, runner } = await begin(FENCED);
    await lockd.lock('r', 'A');
    const next = outcome(lockd.lock('r', 'B', { wait: 60 }));
    await rounds();
    expect(await lockd.forceUnlock('r', { reason: 'unplugged', fenced: true })).toBe(true);
    expect(await next).toMatchObject({ client: 'B' });
    expect(runner.runs).toEqual([]);
  });

  test('who forces and vouches while the lease ends: nothing runs for a hold that is fenced', async () => {
    const { lockd, runner, clock } = await begin(FENCED);
    await lockd.lock('r', 'A', { ttl: 10 });
    await clock.advance(9_999);
    clock.freeze(1);
    clock.fireOverdue();
    const forced = await new Promise((resolve) => {
      setImmediate(() => resolve(outcome(lockd.forceUnlock('r', { reason: 'off', fenced: true }))));
    });
    expect(forced).toBe(true);
    await rounds();
    expect(runner.running).toEqual([]);
    expect(await lockd.status('r')).toMatchObject({ state: 'free' });
  });

  test('who vouches while the loss is being saved: what is started then ends', async () => {
    const { lockd, runner, clock, held } = await begin(FENCED);
    const { token } = await lockd.lock('r', 'A', { ttl: 10 });
    await clock.advance(9_999);
    held.hold();
    await clock.advance(1);
    await held.held();
    const forced = outcome(lockd.forceUnlock('r', { reason: 'off', fenced: true }));
    await rounds();
    held.release();
    expect(await forced).toBe(true);
    await rounds();
    expect(runner.running).toEqual([]);
    expect(runner.forgotten).toEqual([Number(token)]);
    expect(await lockd.status('r')).toMatchObject({ state: 'free' });
  });

  test.each([
    ['confirmFenced', ({ lockd }: TimedDaemon) => lockd.confirmFenced('r', { reason: 'unplugged' })],
    [
      'forceUnlock with fenced',
      ({ lockd }: TimedDaemon) => lockd.forceUnlock('r', { reason: 'x', fenced: true }),
    ],
  ])('%s while the command runs ends that first, and then the next is granted', async (_, vouch) => {
    const daemon = await lostByA();
    const { runner, token, next } = daemon;
    expect(await vouch(daemon)).toBe(true);
    expect(runner.ended).toEqual([Number(token)]);
    expect(runner.running).toEqual([]);
    expect(await next).toMatchObject({ client: 'B' });
    await daemon.clock.advance(100_000);
    expect(runner.runs).toHaveLength(1);
  });

  test('confirmFenced between two tries: no further one', async () => {
    const daemon = await lostByA();
    const { lockd, runner, token, next, clock } = daemon;
    runner.fail(token);
    await rounds();
    expect(await lockd.confirmFenced('r', { reason: 'unplugged', token })).toBe(true);
    expect(await next).toMatchObject({ client: 'B' });
    await clock.advance(100_000);
    expect(runner.runs).toHaveLength(1);
  });

  test('whose word is refused lets it go on', async () => {
    const daemon = await lostByA();
    const { lockd, runner, token, next, disk } = daemon;
    expect(await outcome(lockd.confirmFenced('r', { reason: 'x', token: '5' }))).toMatch(
      /^parameter 'token' is 5, which is not being fenced on 'r'; being fenced: /,
    );
    expect(runner.runs).toHaveLength(1);
    disk.failNext('write', FULL);
    expect(await outcome(lockd.confirmFenced('r', { reason: 'x', token }))).toMatch(/^15: /);
    disk.heal();
    await rounds();
    expect(runner.running).toEqual([Number(token)]);
    expect(await soFar(next)).toBeUndefined();
    runner.succeed(token);
    expect(await next).toMatchObject({ client: 'B' });
  });

  test('who vouches for one of several holds leaves the fencing of the others alone', async () => {
    const { lockd, runner, clock } = await begin(FENCED);
    const a = await lockd.lock('r', 'A', { limit: 2, ttl: 10 });
    await lockd.lock('r', 'B', { limit: 2 });
    await clock.advance(10_000);
    expect(await lockd.forceUnlock('r', { reason: 'off', client: 'B', fenced: true })).toBe(true);
    expect(runner.running).toEqual([Number(a.token)]);
    runner.succeed(a.token);
    await rounds();
    expect(await lockd.status('r')).toMatchObject({ state: 'free' });
  });

  test('who vouches for another hold than the one that is being fenced leaves its fencing alone', async () => {
    const { lockd, runner, clock } = await begin(FENCED);
    const { token } = await lockd.lock('r', 'A', { ttl: 10 });
    await clock.advance(10_000);
    const earlier = String(Number(token) - 1);
    const force = (named: string) =>
      outcome(lockd.forceUnlock('r', { reason: 'off', client: 'A', token: named, fenced: true }));
    expect(await force(earlier)).toBe(`10: Token ${earlier} is not the hold of 'A' on 'r'`);
    expect(runner.running).toEqual([Number(token)]);
    expect(runner.runs).toHaveLength(1);
    expect(await force(token)).toBe(true);
    expect(runner.running).toEqual([]);
  });

  test('who hands a hold over has nobody fenced: the victim is told, the new holder has a new token', async () => {
    const { lockd, runner } = await begin(FENCED);
    const { token } = await lockd.lock('r', 'A', { ttl: 10 });
    const hold = await lockd.update('r', 'A', { newClient: 'B' }, { from: '192.0.2.9:5' });
    expect(hold).toMatchObject({ client: 'B', ttl: 10, left: 10 });
    expect(Number(hold.token)).toBeGreaterThan(Number(token));
    expect(await lockd.check('r', token)).toBe(false);
    expect(await outcome(lockd.unlock('r', 'A'))).toMatch(/^8: .*handed over by '192.0.2.9': to 'B'/);
    expect(runner.runs).toEqual([]);
  });
});

describe('fencing on a full disk', () => {
  test('a success that cannot be saved is no success yet: the command runs again until it is', async () => {
    const { runner, token, next, clock, disk, log } = await lostByA();
    disk.failNext('write', FULL);
    runner.succeed(token);
    await rounds();
    expect(await soFar(next)).toBeUndefined();
    expect(log.at(-1)).toMatch(/^warn: Fencing 'A' on 'r' \(token \d+\): No space left in /);
    await clock.advance(1_000);
    expect(runner.running).toEqual([Number(token)]);
    disk.heal();
    runner.succeed(token);
    await clock.advance(1_000);
    expect(await next).toMatchObject({ client: 'B' });
  });

  test('a failure that cannot be saved is tried again too', async () => {
    const { runner, token, next, clock, disk } = await lostByA();
    disk.failNext('write', FULL);
    runner.fail(token);
    await clock.advance(1_000);
    expect(runner.runs).toHaveLength(2);
    disk.heal();
    runner.succeed(token);
    await clock.advance(1_000);
    expect(await next).toMatchObject({ client: 'B' });
  });
});

describe('a daemon that another one took over', () => {
  test('starts no fence command', async () => {
    const daemon = await begin(FENCED);
    const { lockd, clock, layout, runner } = daemon;
    await lockd.lock('r', 'A', { ttl: 10 });
    await clock.advance(9_000);
    fs.writeFileSync(layout.epoch(2), '');
    clock.stall(60_000);
    await clock.advance(60_000);
    expect(runner.runs).toEqual([]);
    expect((await lockd.failed).name).toBe('Stopped');
  });

  test('while a command was to be tried again: does not start it', async () => {
    const { clock, layout, runner, token } = await lostByA();
    runner.fail(token);
    await rounds();
    fs.writeFileSync(layout.epoch(2), '');
    await clock.advance(60_000);
    expect(runner.runs).toHaveLength(1);
  });
});

describe('the rules', () => {
  test('the first that matches counts, and what matches none is not fenced', async () => {
    const { lockd, runner, clock } = await begin({ fence: [`host/*=${FENCE_COMMAND}`] });
    const host = await lockd.lock('host/a', 'A', { ttl: 10 });
    await lockd.lock('deploy', 'A', { ttl: 10 });
    await clock.advance(10_000);
    expect(runner.running).toEqual([Number(host.token)]);
    expect(await lockd.status('deploy')).toMatchObject({ state: 'free' });
  });
});

describe('a lock-delay', () => {
  test('passes after a loss before the next grant, and not after an unlock', async () => {
    const daemon = await begin({ lockDelay: 15 });
    const { lockd, clock } = daemon;
    await lockd.lock('r', 'A', { ttl: 10 });
    const next = outcome(lockd.lock('r', 'B', { wait: 600 }));
    await clock.advance(10_000);
    expect(await lockd.status('r')).toMatchObject({ state: 'delayed', holders: [{ state: 'delayed' }] });
    expect(await outcome(lockd.lock('r', 'C'))).toMatch(
      /^9: 'r' rests: 'A' \(token \d+\) was lost 0 s ago; it is free again when the lock-delay is over$/,
    );
    await clock.advance(14_999);
    expect(await soFar(next)).toBeUndefined();
    await clock.advance(1);
    expect(await soFar(next)).toMatchObject({ client: 'B' });
    const third = outcome(lockd.lock('r', 'C', { wait: 600 }));
    await rounds();
    await lockd.unlock('r', 'B');
    expect(await soFar(third)).toMatchObject({ client: 'C' });
  });

  test('starts afresh with the daemon, and an operator can end it', async () => {
    const first = await begin({ lockDelay: 15 });
    await first.lockd.lock('r', 'A');
    await first.lockd.forceUnlock('r', { reason: 'x' });
    await first.clock.advance(10_000);
    const { lockd, clock } = await crash(first, { lockDelay: 15 });
    await clock.advance(14_999);
    expect(await lockd.status('r')).toMatchObject({ state: 'delayed' });
    await clock.advance(1);
    expect(await lockd.status('r')).toMatchObject({ state: 'free' });
    await lockd.lock('r', 'B');
    await lockd.forceUnlock('r', { reason: 'x' });
    expect(await lockd.confirmFenced('r', { reason: 'looked' })).toBe(true);
    expect(await lockd.status('r')).toMatchObject({ state: 'free' });
  });

  test('that cannot be ended for want of space ends as soon as there is some', async () => {
    const { lockd, clock, disk } = await begin({ lockDelay: 15 });
    await lockd.lock('r', 'A', { ttl: 10 });
    await clock.advance(20_000);
    disk.failNext('write', FULL);
    await clock.advance(10_000);
    expect(await lockd.status('r')).toMatchObject({ state: 'delayed' });
    disk.heal();
    await clock.advance(2_000);
    expect(await lockd.status('r')).toMatchObject({ state: 'free' });
  });

  test('does not apply where a fence command does', async () => {
    const { lockd, runner, token, next } = await lostByA({ ...FENCED, lockDelay: 15 });
    expect(await lockd.status('r')).toMatchObject({ state: 'fencing' });
    runner.succeed(token);
    expect(await soFar(next)).toMatchObject({ client: 'B' });
  });
});

describe('a semaphore', () => {
  test('a lost hold keeps its slot until it is fenced, the other slots go on', async () => {
    const daemon = await begin(FENCED);
    const { lockd, clock, runner } = daemon;
    const lost = await lockd.lock('r', 'A', { limit: 2, ttl: 10 });
    await lockd.lock('r', 'B', { limit: 2 });
    const [c, d] = ['C', 'D'].map((client) => outcome(lockd.lock('r', client, { limit: 2, wait: 600 })));
    await clock.advance(10_000);
    expect(await lockd.status('r')).toMatchObject({ state: 'fencing', held: 2, waiting: 2 });
    await lockd.unlock('r', 'B');
    expect(await c).toMatchObject({ client: 'C' });
    await lockd.unlock('r', 'C');
    expect(await d).toMatchObject({ client: 'D' });
    expect(await outcome(lockd.lock('r', 'E', { limit: 2 }))).toBe("1: Resource already locked by 'D'");
    runner.succeed(lost.token);
    await rounds();
    expect(await lockd.lock('r', 'E', { limit: 2 })).toMatchObject({ client: 'E' });
    expect(await lockd.status('r')).toMatchObject({ state: 'held', held: 2 });
  });

  test('never has more holders than its limit, whoever is lost, fenced, unlocked or waits', async () => {
    const { lockd, clock, runner } = await begin(FENCED);
    const clients = Array.from({ length: 12 }, (_, index) => `c${index}`);
    const calls = clients.map((client, index) =>
      outcome(lockd.lock('r', client, { limit: 3, wait: 3_600, ttl: index % 2 ? 5 : 7 })),
    );
    let most = 0;
    for (let round = 0; round < 60; round += 1) {
      await clock.advance(1_000);
      const { held, holders } = await lockd.status('r');
      most = Math.max(most, held);
      expect(held).toBeLessThanOrEqual(3);
      for (const { token } of holders.filter(({ state }) => state === 'fencing')) {
        if (runner.running.includes(Number(token)) && round % 2) runner.succeed(token);
      }
    }
    expect(most).toBe(3);
    const tokens = (await Promise.all(calls)).map((hold) => Number((hold as { token: string }).token));
    expect(tokens).toEqual([...tokens].sort((x, y) => x - y));
    expect(new Set(tokens).size).toBe(12);
  });

  test('each slot is fenced by itself, and an operator names the token where there are several', async () => {
    const { lockd, clock, runner } = await begin(FENCED);
    const a = await lockd.lock('r', 'A', { limit: 2, ttl: 10 });
    const b = await lockd.lock('r', 'B', { limit: 2, ttl: 10 });
    await clock.advance(10_000);
    expect(runner.running).toEqual([Number(a.token), Number(b.token)]);
    expect(await outcome(lockd.confirmFenced('r', { reason: 'x' }))).toMatch(/^parameter 'token' is needed/);
    expect(runner.running.sort()).toEqual([Number(a.token), Number(b.token)]);
    expect(await lockd.confirmFenced('r', { reason: 'x', token: b.token })).toBe(true);
    expect(runner.running).toEqual([Number(a.token)]);
    expect(await lockd.status('r')).toMatchObject({ held: 1, holders: [{ client: 'A', state: 'fencing' }] });
  });
});

describe('lock files', () => {
  test('of a hold that is being fenced stays and says so, until it is free', async () => {
    const daemon = await lostByA();
    const { directory, runner, token, next, lockd } = daemon;
    const path = join(directory, 'r.lock');
    const read = () => JSON.parse(fs.readFileSync(path, 'utf8')) as { holders: object[] };
    expect(read().holders).toMatchObject([{ client: 'A', token, state: 'fencing' }]);
    runner.succeed(token);
    await next;
    expect(read().holders).toEqual([expect.not.objectContaining({ state: 'fencing' })]);
    expect(read().holders).toMatchObject([{ client: 'B' }]);
    await lockd.unlock('r', 'B');
    expect(fs.existsSync(path)).toBe(false);
  });
});
