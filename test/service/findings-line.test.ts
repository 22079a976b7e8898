/** Histories about those who wait that a reader found: grants that nobody had, and places that were lost or never told. */
import { describe, expect, test } from 'vitest';
import { begin, crash, FULL, line, outcome, soFar } from './fixture.js';
import { rounds } from './manual-clock.js';
import { FakePeer, over } from './peer.js';

const KEY = { request: 'k' };

describe('a grant whose caller is gone, and whose withdrawal cannot be saved', () => {
  /** A is granted `r`, goes while that is flushed, and from then on the disk refuses every write. */
  async function unreceived(options: { readonly request?: string; readonly wait?: number; claim?: number }) {
    const daemon = await begin();
    const { lockd, held, disk } = daemon;
    const peer = new FakePeer();
    held.hold();
    const call = outcome(lockd.lock('r', 'A', options, over(peer)));
    await held.held();
    peer.leave();
    disk.failNext('write', FULL);
    held.release();
    expect(await call).toBe('16: The caller is gone');
    await rounds();
    return daemon;
  }

  test('is withdrawn as soon as it can be, by itself: nobody keeps the hold', async () => {
    const daemon = await unreceived({});
    const { lockd, clock, disk } = daemon;
    await clock.advance(10_000);
    expect(await lockd.status('r')).toMatchObject({ state: 'held', holders: [{ client: 'A' }] });
    disk.heal();
    await clock.advance(1_000);
    expect(await lockd.status('r')).toMatchObject({ state: 'free', holders: [] });
    expect(await (await crash(daemon)).lockd.status('r')).toMatchObject({ state: 'free' });
    expect(await lockd.lock('r', 'B')).toMatchObject({ client: 'B' });
  });

  test('of one who can come back is its place again, for its claim time', async () => {
    const daemon = await unreceived({ ...KEY, wait: 5, claim: 20 });
    const { lockd, clock, disk } = daemon;
    disk.heal();
    await clock.advance(1_000);
    expect(await lockd.status('r')).toMatchObject({ state: 'reserved', queue: [{ client: 'A' }] });
    const next = outcome(lockd.lock('r', 'B', { wait: 60 }));
    await clock.advance(18_000);
    expect(await soFar(next)).toBeUndefined();
    await clock.advance(2_000);
    expect(await next).toMatchObject({ client: 'B' });
  });

  test.each([
    ['at once', {}],
    ['from the line', { wait: 60 }],
  ])('goes to the next, who asks %s when there is space', async (_, options) => {
    const { lockd, clock, disk } = await unreceived({});
    // A keyless place is on no disk, so that a full one keeps nobody from waiting.
    const waiting = outcome(lockd.lock('r', 'B', { wait: 60 }));
    await clock.advance(5_000);
    expect(await soFar(waiting)).toBeUndefined();
    disk.heal();
    await clock.advance(2_000);
    const { token } = (await waiting) as { token: string };
    expect(await lockd.check('r', token)).toBe(true);
    await lockd.unlock('r', 'B');
    expect(await outcome(lockd.lock('r', 'C', options))).toMatchObject({ client: 'C' });
  });
});

describe('a `lock` with a key that waits, on a disk that refuses every write', () => {
  test('is told in time; its place stays for its claim time', async () => {
    const daemon = await begin();
    const { lockd, clock, disk } = daemon;
    await lockd.lock('r', 'H');
    const call = outcome(lockd.lock('r', 'A', { ...KEY, wait: 5, claim: 20 }));
    await rounds();
    disk.failNext('write', FULL);
    await clock.advance(4_999);
    expect(await soFar(call)).toBeUndefined();
    await clock.advance(1);
    expect(await soFar(call)).toBe(
      "4: Gave up after 5 s: 'r' is still locked by 'H'; 'A' was number 1 in the line",
    );
    expect(await line(daemon)).toEqual(['A']);
    disk.heal();
    await clock.advance(19_000);
    expect(await line(daemon)).toEqual(['A']);
    await clock.advance(2_000);
    expect(await line(daemon)).toEqual([]);
  });

  test('finds its place again with the same key', async () => {
    const daemon = await begin();
    const { lockd, clock, disk } = daemon;
    await lockd.lock('r', 'H');
    const call = outcome(lockd.lock('r', 'A', { ...KEY, wait: 5 }));
    const other = outcome(lockd.lock('r', 'B', { wait: 600 }));
    await rounds();
    disk.failNext('write', FULL);
    await clock.advance(5_000);
    expect(await soFar(call)).toMatch(/^4: /);
    disk.heal();
    await clock.advance(5_000);
    const again = outcome(lockd.lock('r', 'A', { ...KEY, wait: 60 }));
    await rounds();
    expect(await line(daemon)).toEqual(['A', 'B']);
    await lockd.unlock('r', 'H');
    expect(await again).toMatchObject({ client: 'A' });
    expect(await soFar(other)).toBeUndefined();
  });
});

describe('a repeat with the same key that does not wait', () => {
  test.each([
    ['by itself', { wait: 0 }, {}],
    ['without saying so', {}, {}],
    ['in sequence with other calls', { wait: 60 }, { inSequence: true }],
  ])(
    '%s: is refused while others are first, and its place stays where it is',
    async (_, options, context) => {
      const daemon = await begin();
      const { lockd, clock } = daemon;
      await lockd.lock('r', 'H');
      const b = outcome(lockd.lock('r', 'B', { wait: 600 }));
      const a = outcome(lockd.lock('r', 'A', { ...KEY, wait: 600 }));
      const c = outcome(lockd.lock('r', 'C', { wait: 600 }));
      await clock.advance(1_000);
      const repeat = outcome(
        lockd.lock('r', 'A', { ...KEY, ...options }, { from: '192.0.2.7:1', ...context }),
      );
      await clock.advance(1);
      expect(await soFar(repeat)).toMatch(/^4: Gave up after .*; 'A' was number 2 in the line$/);
      expect(await soFar(a)).toMatch(/^19: /);
      expect(await line(daemon)).toEqual(['B', 'A', 'C']);
      await lockd.unlock('r', 'H');
      expect(await b).toMatchObject({ client: 'B' });
      await lockd.unlock('r', 'B');
      expect(await lockd.status('r')).toMatchObject({ state: 'reserved', queue: [{ client: 'A' }, {}] });
      expect(await lockd.lock('r', 'A', KEY)).toMatchObject({ client: 'A' });
      expect(await soFar(c)).toBeUndefined();
    },
  );

  test('keeps the place for its claim time, and not longer', async () => {
    const daemon = await begin();
    const { lockd, clock } = daemon;
    await lockd.lock('r', 'H');
    void outcome(lockd.lock('r', 'A', { ...KEY, wait: 600, claim: 20 }));
    await rounds();
    const repeat = outcome(lockd.lock('r', 'A', { ...KEY, claim: 20 }));
    await clock.advance(1);
    expect(await soFar(repeat)).toMatch(/^4: /);
    await clock.advance(19_000);
    expect(await line(daemon)).toEqual(['A']);
    await clock.advance(2_000);
    expect(await line(daemon)).toEqual([]);
  });
});
