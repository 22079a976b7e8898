/** A held lock on a clock that is set by hand: when it is renewed, and when it counts as lost. */
import { describe, expect, test } from 'vitest';
import { AnotherCluster, NoDaemon, NotLockd, OutcomeUnknown, RefusedCall } from '../../src/client/errors.js';
import { LockLost } from '../../src/client/lock-lost.js';
import { HOLD, heldLock, type OpenTry } from './held-lock-fixture.js';

const NOBODY = new NoDaemon('No daemon answers');
const answered = (one: OpenTry) => one.answer();
const failing = (one: OpenTry) => one.fail(NOBODY);

describe('it is renewed', () => {
  test('at a third of its ttl, again and again', async () => {
    const { lock, clock, tries, losses } = heldLock({}, answered);
    await clock.advance(35);
    expect(tries.map(({ at }) => at)).toEqual([10, 20, 30]);
    expect(lock.left).toBeCloseTo(22, 6);
    await clock.advance(3_600);
    expect(losses).toEqual([]);
    lock.check();
  });

  test.each([
    [30, 0.5, 15],
    [30, 0.8, 24],
    [2, 1 / 3, 0.667],
    [0.1, 1 / 3, 0.033],
    [2_678_400, 1 / 3, 892_800],
  ])('a ttl of %d s with ratio %d after %d s', async (ttl, ratio, due) => {
    const { clock, tries, losses } = heldLock({ ttl }, answered, ratio);
    // A day-long lease is looked at every second.
    if (ttl > 1_000) {
      clock.stall(due - 5);
      await clock.advance(6);
    } else await clock.advance(due + 0.001);
    expect(tries[0]?.at).toBeCloseTo(due, 2);
    expect(losses).toEqual([]);
  });

  test('from the start of the lease, not from the request that waited for it', async () => {
    const { lock, clock, tries } = heldLock({ waited: 8 }, undefined, 1 / 3, 8.5);
    expect(lock.left).toBe(26.5);
    await clock.advance(10);
    expect(tries.map(({ at }) => at)).toEqual([18]);
    tries[0]?.answer();
    await clock.advance(0.5);
    expect(lock.left).toBe(26);
  });

  test('what waited for longer than its answer took is not believed', async () => {
    const { lock } = heldLock({ waited: 3_600 }, undefined, 1 / 3, 2);
    expect(lock.left).toBe(27);
  });

  test('with the ttl that the answer names', async () => {
    const { lock, clock, tries } = heldLock();
    await clock.advance(10);
    tries[0]?.answer({ ttl: 60 });
    await clock.advance(0);
    expect(lock.ttl).toBe(60);
    expect(lock.left).toBe(54);
  });

  test('and without a lease there is nothing to renew, and no timer', async () => {
    const { ttl: _, ...endless } = HOLD;
    const { lock, clock, tries } = heldLock({ ...endless, ttl: undefined } as unknown as typeof HOLD);
    await clock.advance(100_000);
    expect(tries).toEqual([]);
    expect(lock.left).toBe(Number.POSITIVE_INFINITY);
    expect(clock.timers).toBe(0);
    expect(lock.isLost).toBe(false);
  });
});

describe('a failed renewal is not yet a loss', () => {
  test.each([
    ['nobody answers', NOBODY],
    ['the answer was lost', new OutcomeUnknown('lost')],
    ['a proxy answers', new NotLockd('502')],
    ['the daemon stops', new RefusedCall(16, 'The daemon is stopping')],
    ['the disk is full', new RefusedCall(15, 'No space left')],
    ['a defect of the daemon', new RefusedCall(-32603, 'internal')],
  ])('%s: tried again every tenth of the ttl', async (_, error) => {
    const { clock, tries, lock, losses } = heldLock({}, (one) => one.fail(error));
    await clock.advance(26.9);
    expect(tries.map(({ at }) => at)).toEqual([10, 13, 16, 19, 22, 25]);
    expect(lock.isLost).toBe(false);
    await clock.advance(0.1);
    expect(losses).toEqual([27]);
    expect(lock.signal.reason).toMatchObject({ name: 'LockLost', cause: error });
  });

  test('one that succeeds after many counts from its sending', async () => {
    let fails = 5;
    const { clock, lock, losses } = heldLock({}, (one) => (fails-- > 0 ? one.fail(NOBODY) : one.answer()));
    await clock.advance(26);
    expect(lock.left).toBe(26);
    await clock.advance(1_000);
    expect(losses).toEqual([]);
  });

  test('the text says what was met, and what to do', async () => {
    const { clock, lock } = heldLock({}, failing);
    await clock.advance(30);
    expect(() => lock.check()).toThrow(
      "'A' lost 'r' (token 17): its lease could not be renewed in time: No daemon answers. Stop work on it",
    );
  });
});

describe('answers that are late', () => {
  test('a connection that hangs does not eat the lease: further tries go to the next address', async () => {
    const { clock, tries } = heldLock();
    await clock.advance(20);
    expect(tries.map(({ at, one }) => [at, one.turn])).toEqual([
      [10, 0],
      [13, 1],
      [16, 2],
      [19, 3],
    ]);
    tries[3]?.answer();
    await clock.advance(0);
    expect(tries.map(({ one }) => one.signal.aborted)).toEqual([true, true, true, true]);
    await clock.advance(9);
    expect(tries[4]).toMatchObject({ at: 29, one: { turn: 0 } });
  });

  test('an answer counts from the sending of its request', async () => {
    const { clock, tries, lock, losses } = heldLock();
    await clock.advance(26);
    tries[0]?.answer();
    await clock.advance(0);
    expect(lock.left).toBe(11);
    await clock.advance(10.9);
    expect(losses).toEqual([]);
    await clock.advance(0.2);
    expect(losses).toEqual([37]);
  });

  test('each try is bounded by what is left', async () => {
    const { clock, tries } = heldLock();
    await clock.advance(26);
    expect(tries.map(({ one }) => one.seconds)).toEqual([17, 14, 11, 8, 5, 2]);
  });

  test('what comes after the loss revives nothing', async () => {
    const { clock, tries, lock, losses } = heldLock();
    await clock.advance(27);
    expect(losses).toEqual([27]);
    tries[5]?.answer();
    await clock.advance(100);
    expect(lock.isLost).toBe(true);
    expect(lock.left).toBe(0);
    expect(losses).toEqual([27]);
    expect(tries).toHaveLength(6);
    expect(clock.timers).toBe(0);
  });
});

describe('lost at once', () => {
  test.each([
    [2, 'notOwner'],
    [3, 'notLocked'],
    [8, 'lost'],
    [10, 'staleToken'],
    [17, 'ended'],
  ])('refusal %i, %s', async (code, refusal) => {
    const error = new RefusedCall(code, "'A' lost 'r' (token 17): forced by 'ops': broken. Stop work on it");
    expect(error.refusal).toBe(refusal);
    const { clock, lock, losses } = heldLock({}, (one) => one.fail(error));
    await clock.advance(10);
    expect(losses).toEqual([10]);
    expect(lock.signal.reason).toBeInstanceOf(LockLost);
    expect(lock.signal.reason).toMatchObject({
      ...{ resource: 'r', client: 'A', token: '17', cause: error },
      message: `'A' lost 'r' (token 17): the daemon says: 'A' lost 'r' (token 17): forced by 'ops': broken. Stop work on it`,
    });
  });

  test('another token in the answer', async () => {
    const { clock, lock, losses } = heldLock({}, (one) => one.answer({ token: '18' }));
    await clock.advance(10);
    expect(losses).toEqual([10]);
    expect(() => lock.check()).toThrow('the daemon answered with token 18');
  });

  test('another cluster answers', async () => {
    const { clock, losses } = heldLock({}, (one) => one.fail(new AnotherCluster('another cluster')));
    await clock.advance(10);
    expect(losses).toEqual([10]);
  });
});

describe('the clocks', () => {
  test('a machine that slept too long has lost it, whatever the monotonic clock says', async () => {
    const { clock, lock, losses, tries } = heldLock();
    await clock.advance(5);
    clock.sleep(22);
    expect(lock.left).toBe(0);
    expect(() => lock.check()).toThrow(LockLost);
    expect(losses).toEqual([5]);
    expect(tries).toEqual([]);
  });

  test('nobody has to ask: it is seen within a second of waking up', async () => {
    const { clock, losses } = heldLock();
    await clock.advance(5);
    clock.sleep(3_600);
    await clock.advance(1);
    expect(losses).toHaveLength(1);
    expect(losses[0]).toBeLessThanOrEqual(6);
  });

  test('a short sleep brings the renewal forward', async () => {
    const { clock, tries, lock } = heldLock({}, answered);
    await clock.advance(5);
    clock.sleep(6);
    await clock.advance(1);
    expect(tries).toHaveLength(1);
    expect(lock.left).toBeGreaterThan(26);
  });

  test('a process that stood still reads its sockets before it gives up', async () => {
    const { clock, tries, lock, losses } = heldLock();
    await clock.advance(10);
    clock.stall(20);
    // The timer of second 11 fires first, and then the answer to the request of second 10 is read.
    clock.after(0, () => tries[0]?.answer());
    await clock.advance(0);
    expect(losses).toEqual([]);
    expect(lock.left).toBe(7);
  });

  test('and gives up when nothing is there', async () => {
    const { clock, losses } = heldLock();
    await clock.advance(10);
    clock.stall(20);
    await clock.advance(0);
    expect(losses).toEqual([30]);
  });
});

describe('renewNow', () => {
  test('renews at once', async () => {
    const { clock, lock, tries } = heldLock({}, answered);
    await clock.advance(4);
    await lock.renewNow();
    expect(lock.left).toBe(27);
    expect(tries.map(({ at, one }) => [at, one.seconds])).toEqual([[4, 10]]);
    await clock.advance(9.9);
    expect(tries).toHaveLength(1);
  });

  test('a failure is not yet a loss', async () => {
    const { lock } = heldLock({}, failing);
    await expect(lock.renewNow()).rejects.toBe(NOBODY);
    expect(lock.isLost).toBe(false);
  });

  test.each([
    ['lost', (one: OpenTry) => one.fail(new RefusedCall(8, 'lost'))],
    ['another token', (one: OpenTry) => one.answer({ token: '18' })],
  ])('%s', async (_, renewed) => {
    const { lock, losses } = heldLock({}, renewed);
    await expect(lock.renewNow()).rejects.toBeInstanceOf(LockLost);
    expect(losses).toHaveLength(1);
    await expect(lock.renewNow()).rejects.toBeInstanceOf(LockLost);
  });
});

describe('release', () => {
  test('gives back this very hold, once, and renews no more', async () => {
    const { clock, lock, unlocks, losses, tries } = heldLock();
    await Promise.all([lock.release(), lock.release()]);
    await lock.release();
    expect(unlocks).toEqual(['17']);
    await clock.advance(100);
    expect(tries).toEqual([]);
    expect(clock.timers).toBe(0);
    expect(losses).toEqual([]);
    expect([lock.left, lock.isLost]).toEqual([0, false]);
    expect(() => lock.check()).toThrow("'A' has released 'r' (token 17)");
    await expect(lock.renewNow()).rejects.toThrow('has released');
  });

  test('by await using', async () => {
    const { lock, unlocks } = heldLock();
    {
      await using held = lock;
      held.check();
    }
    expect(unlocks).toEqual(['17']);
  });

  test('of a lost lock says so, and asks nobody', async () => {
    const { clock, lock, unlocks } = heldLock({}, failing);
    await clock.advance(27);
    await expect(lock.release()).rejects.toBe(lock.signal.reason);
    expect(unlocks).toEqual([]);
  });

  test('that finds the lock lost says so', async () => {
    const { lock, behaviour, losses } = heldLock();
    behaviour.unlock = () => Promise.reject(new RefusedCall(8, 'lost'));
    await expect(lock.release()).rejects.toBeInstanceOf(LockLost);
    expect(losses).toHaveLength(1);
    expect(lock.isLost).toBe(true);
  });

  test('that reaches nobody can be repeated', async () => {
    const { clock, lock, behaviour, unlocks, losses } = heldLock();
    behaviour.unlock = () => Promise.reject(NOBODY);
    await expect(lock.release()).rejects.toBe(NOBODY);
    behaviour.unlock = async () => true;
    await clock.advance(60);
    await lock.release();
    expect(unlocks).toEqual(['17', '17']);
    expect(losses).toEqual([]);
  });

  test('while a renewal is open', async () => {
    const { clock, lock, tries, losses } = heldLock();
    await clock.advance(10);
    await lock.release();
    expect(tries[0]?.one.signal.aborted).toBe(true);
    tries[0]?.answer({ token: '99' });
    await clock.advance(100);
    expect(losses).toEqual([]);
  });
});
