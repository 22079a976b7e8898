/** Retry keys: a call that is sent twice locks once, whatever became of the first answer. */
import { describe, expect, test } from 'vitest';
import type { Hold } from '../../src/core/answers.js';
import { begin, crash, FENCE_ALL, FULL, line, outcome, soFar } from './fixture.js';
import { rounds } from './manual-clock.js';
import { FakePeer, over } from './peer.js';

const KEY = { request: 'k' };

describe('a repeat of a request whose answer was lost', () => {
  test('gets the same token: one hold, and a lease from the repeat on', async () => {
    const { lockd, clock } = await begin();
    const first = await lockd.lock('r', 'A', { ...KEY, ttl: 30 });
    await clock.advance(20_000);
    const again = await lockd.lock('r', 'A', { ...KEY, ttl: 30 });
    expect(again).toMatchObject({ token: first.token, acquired: first.acquired, left: 30, waited: 0 });
    expect(await lockd.stats()).toMatchObject({ held: 1, grants: 1 });
    await clock.advance(29_999);
    expect(await lockd.check('r', first.token)).toBe(true);
  });

  test('also where both are in one turn', async () => {
    const { lockd } = await begin();
    const [one, two] = await Promise.all([lockd.lock('r', 'A', KEY), lockd.lock('r', 'A', KEY)]);
    expect(two.token).toBe(one.token);
    expect((await lockd.status('r')).held).toBe(1);
  });

  test('also where the first is still being saved', async () => {
    const { lockd, held } = await begin();
    held.hold();
    const one = lockd.lock('r', 'A', { ...KEY, ttl: 30 });
    await held.held();
    const two = lockd.lock('r', 'A', { ...KEY, ttl: 30 });
    held.release();
    expect((await two).token).toBe((await one).token);
    expect(await two).toMatchObject({ left: 30 });
  });

  test('also after a restart, for a hold that was granted at once or from the line', async () => {
    const first = await begin();
    const one = await first.lockd.lock('r', 'A', { ...KEY, ttl: 30 });
    await first.lockd.lock('s', 'H');
    const waiting = outcome(first.lockd.lock('s', 'A', { ...KEY, wait: 60 }));
    await rounds();
    await first.lockd.unlock('s', 'H');
    const two = (await waiting) as Hold;
    const { lockd } = await crash(first);
    expect(await lockd.lock('r', 'A', { ...KEY, ttl: 30 })).toMatchObject({ token: one.token });
    expect(await lockd.lock('s', 'A', { ...KEY, wait: 60 })).toMatchObject({ token: two.token });
    expect(await lockd.stats()).toMatchObject({ held: 2, grants: 0 });
  });

  test('also where its connection was closed after the answer was handed over', async () => {
    const { lockd } = await begin();
    const peer = new FakePeer();
    const one = await lockd.lock('r', 'A', { ...KEY, wait: 5 }, over(peer));
    peer.leave();
    await rounds();
    expect(await lockd.lock('r', 'A', { ...KEY, wait: 5 })).toMatchObject({ token: one.token });
  });

  test('in the turn of the first, whose connection is closed by then, keeps the hold', async () => {
    const daemon = await begin();
    const { lockd, held } = daemon;
    const peer = new FakePeer();
    held.hold();
    const first = outcome(lockd.lock('r', 'A', { ...KEY, wait: 5 }, over(peer)));
    const again = lockd.lock('r', 'A', { ...KEY, wait: 5 }, over(new FakePeer()));
    await held.held();
    peer.leave();
    held.release();
    const { token } = await again;
    await first;
    await rounds();
    expect((await lockd.status('r')).holders).toMatchObject([{ token }]);
    expect((await (await crash(daemon)).lockd.status('r')).holders).toMatchObject([{ token }]);
  });

  test('with another `wait` is the same request; with another ttl, limit, note or claim it is refused', async () => {
    const { lockd } = await begin();
    await lockd.lock('r', 'A', { ...KEY, ttl: 30, note: 'n' });
    expect(await lockd.lock('r', 'A', { ...KEY, ttl: 30, note: 'n', wait: 5 })).toMatchObject({
      client: 'A',
    });
    const text = (names: string) =>
      `11: Request 'k' came before with other parameters (${names}); use a new one`;
    expect(await outcome(lockd.lock('r', 'A', { ...KEY, note: 'n' }))).toBe(text('ttl'));
    expect(await outcome(lockd.lock('r', 'A', { ...KEY, ttl: 31, note: 'm', limit: 2, claim: 5 }))).toBe(
      text('ttl, limit, note, claim'),
    );
    expect(await lockd.stats()).toMatchObject({ held: 1 });
  });

  test('gets the same place, which stands once in the line; the older call is told', async () => {
    const daemon = await begin();
    const { lockd } = daemon;
    await lockd.lock('r', 'H');
    const calls = Array.from({ length: 4 }, () => outcome(lockd.lock('r', 'A', { ...KEY, wait: 600 })));
    await rounds();
    expect(await line(daemon)).toEqual(['A']);
    const text = "19: Another call with request 'k' took over the waiting";
    expect(await Promise.all(calls.slice(0, 3))).toEqual([text, text, text]);
    await lockd.unlock('r', 'H');
    expect(await calls[3]).toMatchObject({ client: 'A' });
    expect((await lockd.stats()).grants).toBe(2);
  });

  test('is of its client and resource only', async () => {
    const { lockd } = await begin();
    const a = await lockd.lock('r', 'A', { ...KEY, limit: 2 });
    const b = await lockd.lock('r', 'B', { ...KEY, limit: 2 });
    const c = await lockd.lock('s', 'A', KEY);
    expect(new Set([a.token, b.token, c.token]).size).toBe(3);
  });
});

describe('a late repeat, when the hold has ended', () => {
  const UNLOCKED = "17: The hold of request 'k' ended at 2026-11-21T08:15:00Z: unlocked";

  test('locks nothing for a minute after an unlock, also after a restart', async () => {
    const first = await begin();
    await first.lockd.lock('r', 'A', KEY);
    await first.lockd.unlock('r', 'A');
    expect(await outcome(first.lockd.lock('r', 'A', KEY))).toBe(UNLOCKED);
    expect(await outcome(first.lockd.enqueue('r', 'A', KEY))).toBe(UNLOCKED);
    expect(await outcome(first.lockd.wait('r', 'A', 5, KEY))).toBe(UNLOCKED);
    const { lockd, clock } = await crash(first);
    await clock.advance(60_000);
    await lockd.maintain();
    expect(await outcome(lockd.lock('r', 'A', KEY))).toBe(UNLOCKED);
    await clock.advance(1);
    await lockd.maintain();
    expect(await outcome(lockd.lock('r', 'A', KEY))).toMatchObject({ client: 'A' });
  });

  test('locks nothing for a day after a loss, and says how that came about', async () => {
    const first = await begin();
    await first.lockd.lock('r', 'A', { ...KEY, ttl: 10 });
    await first.clock.advance(10_000);
    const text = "17: The hold of request 'k' ended at 2026-11-21T08:15:10Z: lease ended";
    expect(await outcome(first.lockd.lock('r', 'A', { ...KEY, ttl: 10 }))).toBe(text);
    const { lockd, clock } = await crash(first);
    await clock.advance(86_400_000);
    await lockd.maintain();
    expect(await outcome(lockd.lock('r', 'A', { ...KEY, ttl: 10 }))).toBe(text);
    await clock.advance(1);
    await lockd.maintain();
    expect(await outcome(lockd.lock('r', 'A', { ...KEY, ttl: 10 }))).toMatchObject({ client: 'A' });
  });

  test('says so while the lost hold is being fenced, too', async () => {
    const { lockd, clock } = await begin({ fence: FENCE_ALL });
    await lockd.lock('r', 'A', { ...KEY, ttl: 10 });
    await clock.advance(10_000);
    expect(await outcome(lockd.lock('r', 'A', { ...KEY, ttl: 10 }))).toMatch(/^17: .*: lease ended$/);
  });

  test('does not touch the next hold of the same client', async () => {
    const { lockd } = await begin();
    await lockd.lock('r', 'A', KEY);
    await lockd.unlock('r', 'A');
    const next = await lockd.lock('r', 'A', { request: 'k2' });
    expect(await outcome(lockd.lock('r', 'A', KEY))).toBe(UNLOCKED);
    expect(await lockd.check('r', next.token)).toBe(true);
  });
});

describe('a key is not used up', () => {
  test('by a request that was refused', async () => {
    const { lockd } = await begin();
    await lockd.lock('r', 'H');
    expect(await outcome(lockd.lock('r', 'A', KEY))).toMatch(/^1: /);
    await lockd.unlock('r', 'H');
    expect(await outcome(lockd.lock('r', 'A', { ...KEY, note: 'other' }))).toMatchObject({ client: 'A' });
  });

  test('by a request that could not be saved, also after a restart', async () => {
    const first = await begin();
    first.disk.failNext('write', FULL);
    expect(await outcome(first.lockd.lock('r', 'A', KEY))).toMatch(/^15: /);
    first.disk.heal();
    const { lockd } = await crash(first);
    expect(await outcome(lockd.lock('r', 'A', { ...KEY, note: 'other' }))).toMatchObject({ client: 'A' });
  });

  test('by a grant that nobody received, where the client would not have waited', async () => {
    const { lockd, held } = await begin();
    const peer = new FakePeer();
    held.hold();
    void outcome(lockd.lock('r', 'A', KEY, over(peer)));
    await held.held();
    peer.leave();
    held.release();
    await rounds();
    expect(await lockd.status('r')).toMatchObject({ state: 'free' });
    expect(await outcome(lockd.lock('r', 'A', { ...KEY, note: 'other' }))).toMatchObject({ client: 'A' });
  });

  test('by giving up: after a cancel it is a new request', async () => {
    const daemon = await begin();
    const { lockd } = daemon;
    await lockd.lock('r', 'H');
    await lockd.enqueue('r', 'A', KEY);
    await lockd.enqueue('r', 'B');
    await lockd.cancel('r', 'A');
    expect(await lockd.enqueue('r', 'A', KEY)).toMatchObject({ position: 2 });
    expect(await line(daemon)).toEqual(['B', 'A']);
  });
});

describe('calls that are decided one after another', () => {
  test('none waits: a `wait` among them counts as 0', async () => {
    const daemon = await begin();
    const { lockd, clock } = daemon;
    await lockd.lock('r', 'H');
    const context = { from: '192.0.2.7:40000', inSequence: true };
    const calls = [
      outcome(lockd.lock('r', 'A', { wait: 600 }, context)),
      outcome(lockd.lock('r', 'B', { wait: 600, ...KEY }, context)),
      outcome(lockd.enqueue('r', 'C', {}, context)),
      outcome(lockd.wait('r', 'C', 600, {}, context)),
      outcome(lockd.status('r', context)),
    ];
    await rounds();
    await clock.advance(0);
    expect(await Promise.all(calls)).toEqual([
      "1: Resource already locked by 'H'",
      "1: Resource already locked by 'H'",
      { state: 'queued', position: 1 },
      "4: Gave up after 0 s: 'r' is still locked by 'H'; 'C' was number 1 in the line",
      expect.objectContaining({ waiting: 1 }),
    ]);
    expect(await line(daemon)).toEqual(['C']);
  });

  test('none overtakes: each sees what the ones before it did, also while a commit is in flight', async () => {
    const { lockd, held } = await begin();
    const hold = await lockd.lock('r', 'A', { ttl: 30 });
    held.hold();
    const other = lockd.lock('other', 'X');
    await held.held();
    const context = { from: 'x', inSequence: true };
    const calls = [
      outcome(lockd.unlock('r', 'A', {}, context)),
      outcome(lockd.check('r', hold.token, context)),
      outcome(lockd.lock('r', 'B', {}, context)),
      outcome(lockd.renew('r', 'A', {}, context)),
    ];
    expect(await soFar(Promise.race(calls))).toBeUndefined();
    held.release();
    expect(await Promise.all(calls)).toEqual([
      true,
      false,
      expect.objectContaining({ client: 'B' }),
      "2: Resource locked by 'B' cannot be renewed by 'A'",
    ]);
    await other;
  });
});
