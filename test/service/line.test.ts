/** The line: who comes first, who leaves, who can come back, and what a crash makes of it. */
import { describe, expect, test } from 'vitest';
import { begin, crash, FULL, line, outcome, soFar, type TimedDaemon } from './fixture.js';
import { rounds } from './manual-clock.js';
import { FakePeer, over } from './peer.js';

const WAIT = { wait: 600 };

/** The resource held by H, and those who wait for it, each on a connection of its own. */
async function heldWith(daemon: TimedDaemon, clients: readonly string[], options: object = {}) {
  const { lockd } = daemon;
  await lockd.lock('r', 'H');
  const calls = new Map<string, { peer: FakePeer; told: Promise<unknown> }>();
  for (const client of clients) {
    const peer = new FakePeer();
    const told = outcome(lockd.lock('r', client, { ...WAIT, ...options }, over(peer)));
    calls.set(client, { peer, told });
    await rounds();
  }
  const of = (client: string) => calls.get(client) as { peer: FakePeer; told: Promise<unknown> };
  return { told: (client: string) => of(client).told, peer: (client: string) => of(client).peer };
}

/** Who holds `r`. */
async function holders({ lockd }: TimedDaemon): Promise<string[]> {
  return (await lockd.status('r')).holders.map(({ client }) => client);
}

describe('first come, first served', () => {
  test('waiters are granted in the order in which they were queued, each with a higher token', async () => {
    const daemon = await begin();
    const { lockd } = daemon;
    const clients = Array.from({ length: 20 }, (_, index) => `c${index}`);
    const { told } = await heldWith(daemon, clients);
    expect(await line(daemon)).toEqual(clients);
    let before = 0;
    let holder = 'H';
    for (const client of clients) {
      await lockd.unlock('r', holder);
      const hold = (await told(client)) as { client: string; token: string };
      expect(hold.client).toBe(client);
      expect(Number(hold.token)).toBeGreaterThan(before);
      before = Number(hold.token);
      holder = client;
    }
    expect(await line(daemon)).toEqual([]);
  });

  test('positions are told, 1 is next, and status shows who waits since when and why', async () => {
    const daemon = await begin();
    const { lockd, clock } = daemon;
    await lockd.lock('r', 'H');
    expect(await lockd.enqueue('r', 'A', { note: 'release 7' })).toEqual({ state: 'queued', position: 1 });
    const since = new Date(clock.now);
    await clock.advance(1_000);
    expect(await lockd.enqueue('r', 'B')).toEqual({ state: 'queued', position: 2 });
    expect(await lockd.enqueue('s', 'B')).toMatchObject({
      state: 'granted',
      position: 0,
      hold: { client: 'B' },
    });
    expect((await lockd.status('r')).queue).toEqual([
      { client: 'A', position: 1, since, note: 'release 7' },
      { client: 'B', position: 2, since: new Date(clock.now) },
    ]);
    expect(await lockd.stats()).toMatchObject({ waiting: 2 });
    expect((await lockd.list({ client: 'A' })).map(({ resource }) => resource)).toEqual(['r']);
  });

  test('who comes while somebody waits does not overtake, with `wait` or without', async () => {
    const daemon = await begin();
    const { lockd } = daemon;
    const { told } = await heldWith(daemon, ['A']);
    const [unlocked, late] = await Promise.all([
      outcome(lockd.unlock('r', 'H')),
      outcome(lockd.lock('r', 'X')),
    ]);
    expect(unlocked).toBe(true);
    expect(late).toBe("1: Resource already locked by 'A'");
    expect(await told('A')).toMatchObject({ client: 'A' });
  });

  test('what one call of a turn frees is granted in the same turn, with one flush', async () => {
    const daemon = await begin();
    const { lockd, disk } = daemon;
    const { told } = await heldWith(daemon, ['A']);
    const before = disk.count('write', /journal/);
    await lockd.unlock('r', 'H');
    await told('A');
    expect(disk.count('write', /journal/) - before).toBe(1);
  });

  test('whose holder loses its lease, the next is granted at that moment', async () => {
    const daemon = await begin();
    const { lockd, clock } = daemon;
    await lockd.lock('r', 'H', { ttl: 30 });
    const waiting = outcome(lockd.lock('r', 'A', WAIT));
    await clock.advance(29_999);
    expect(await soFar(waiting)).toBeUndefined();
    await clock.advance(1);
    expect(await soFar(waiting)).toMatchObject({ client: 'A', waited: 30 });
  });

  test('a hold that is forced away goes to the next', async () => {
    const daemon = await begin();
    const { told } = await heldWith(daemon, ['A', 'B']);
    await daemon.lockd.forceUnlock('r', { reason: 'host is down' });
    expect(await told('A')).toMatchObject({ client: 'A' });
    expect(await holders(daemon)).toEqual(['A']);
  });

  test('the lease of a waiter runs from its grant, not from its asking', async () => {
    const daemon = await begin();
    const { lockd, clock } = daemon;
    const { told } = await heldWith(daemon, ['A'], { ttl: 30 });
    await clock.advance(100_000);
    await lockd.unlock('r', 'H');
    expect(await told('A')).toMatchObject({ left: 30, waited: 100 });
  });
});

describe('a call that has waited long enough', () => {
  test('is told who is in the way and where it stood, and leaves the line', async () => {
    const daemon = await begin();
    const { lockd, clock } = daemon;
    await lockd.lock('r', 'H');
    const first = outcome(lockd.lock('r', 'A', { wait: 60 }));
    const second = outcome(lockd.lock('r', 'B', { wait: 10 }));
    await clock.advance(9_999);
    expect(await soFar(second)).toBeUndefined();
    await clock.advance(1);
    expect(await soFar(second)).toBe(
      "4: Gave up after 10 s: 'r' is still locked by 'H'; 'B' was number 2 in the line",
    );
    expect(await line(daemon)).toEqual(['A']);
    await clock.advance(50_000);
    expect(await first).toBe(
      "4: Gave up after 60 s: 'r' is still locked by 'H'; 'A' was number 1 in the line",
    );
    expect(await lockd.stats()).toMatchObject({ waiting: 0 });
  });

  test('with a key too: a request that timed out leaves no key', async () => {
    const daemon = await begin();
    const { lockd, clock } = daemon;
    await lockd.lock('r', 'H');
    const waiting = outcome(lockd.lock('r', 'A', { wait: 10, request: 'k' }));
    await clock.advance(10_000);
    expect(await waiting).toMatch(/^4: /);
    expect(await line(daemon)).toEqual([]);
    expect(await lockd.unlock('r', 'H')).toBe(true);
    expect(await lockd.lock('r', 'A', { request: 'k', note: 'other parameters' })).toMatchObject({
      client: 'A',
    });
  });

  test('of one resource does not disturb the others, however many end at once', async () => {
    const daemon = await begin();
    const { lockd, clock } = daemon;
    await lockd.lock('r', 'H');
    const short = Array.from({ length: 1_100 }, (_, index) =>
      outcome(lockd.lock('r', `s${index}`, { wait: 5 })),
    );
    const long = outcome(lockd.lock('r', 'L', { wait: 60 }));
    await clock.advance(5_000);
    for (const told of await Promise.all(short)) expect(told).toMatch(/^4: /);
    await lockd.unlock('r', 'H');
    expect(await long).toMatchObject({ client: 'L' });
  });
});

describe('a client that waits and goes away', () => {
  test('leaves the line with its connection, where it cannot come back', async () => {
    const daemon = await begin();
    const { told, peer } = await heldWith(daemon, ['A', 'B', 'C']);
    peer('A').leave();
    peer('B').leave();
    await rounds();
    expect(await line(daemon)).toEqual(['C']);
    await daemon.lockd.unlock('r', 'H');
    expect(await told('C')).toMatchObject({ client: 'C' });
    expect(peer('A').watchers).toBe(0);
  });

  test('before its call is decided: it is not waited for', async () => {
    const daemon = await begin();
    await daemon.lockd.lock('r', 'H');
    const peer = new FakePeer();
    peer.leave();
    void outcome(daemon.lockd.lock('r', 'A', WAIT, over(peer)));
    await rounds();
    expect(await line(daemon)).toEqual([]);
  });

  test('in the very turn of its grant: it gets nothing, the next does', async () => {
    const daemon = await begin();
    const { told, peer } = await heldWith(daemon, ['A', 'B']);
    const unlocked = daemon.lockd.unlock('r', 'H');
    peer('A').leave();
    await unlocked;
    expect(await told('B')).toMatchObject({ client: 'B' });
    expect(await holders(daemon)).toEqual(['B']);
  });

  test('while its grant is being saved: that is withdrawn, saved, and the next is granted', async () => {
    const daemon = await begin();
    const { lockd, held } = daemon;
    const { told, peer } = await heldWith(daemon, ['A', 'B']);
    held.hold();
    const unlocked = lockd.unlock('r', 'H');
    await held.held();
    peer('A').leave();
    held.release();
    await unlocked;
    const granted = (await told('B')) as { token: string };
    expect(granted).toMatchObject({ client: 'B' });
    const next = await crash(daemon);
    expect((await next.lockd.status('r')).holders).toMatchObject([{ client: 'B', token: granted.token }]);
  });

  test('and the end of its connection is read only with the last look at the sockets: withdrawn too', async () => {
    const daemon = await begin();
    const { lockd, held } = daemon;
    const { told, peer } = await heldWith(daemon, ['A', 'B']);
    held.hold();
    const unlocked = lockd.unlock('r', 'H');
    await held.held();
    held.release();
    peer('A').leaveUnnoticed();
    await unlocked;
    expect(await told('B')).toMatchObject({ client: 'B' });
    expect(await holders(daemon)).toEqual(['B']);
  });

  test('after its answer was handed over: the grant stands', async () => {
    const daemon = await begin();
    const { lockd } = daemon;
    const { told, peer } = await heldWith(daemon, ['A', 'B']);
    await lockd.unlock('r', 'H');
    expect(await told('A')).toMatchObject({ client: 'A' });
    peer('A').leave();
    await rounds();
    expect(await holders(daemon)).toEqual(['A']);
    expect(await soFar(told('B'))).toBeUndefined();
  });

  test('who is granted at once and is gone by then holds nothing', async () => {
    const daemon = await begin();
    const { lockd, held } = daemon;
    const peer = new FakePeer();
    held.hold();
    void outcome(lockd.lock('r', 'A', {}, over(peer)));
    await held.held();
    peer.leave();
    held.release();
    await rounds();
    expect(await lockd.status('r')).toMatchObject({ state: 'free' });
    const next = await crash(daemon);
    expect(await next.lockd.status('r')).toMatchObject({ state: 'free' });
  });

  test('a grant that nobody received is withdrawn on a full disk too, and goes to the next when there is space', async () => {
    const daemon = await begin();
    const { lockd, held, disk, clock } = daemon;
    const { told, peer } = await heldWith(daemon, ['A', 'B'], { request: 'k' });
    held.hold();
    const unlocked = lockd.unlock('r', 'H');
    await held.held();
    peer('A').leave();
    // The reserve is what is left.
    disk.failNext('write', { code: 'ENOSPC', path: /journal/, times: 2 });
    held.release();
    await unlocked;
    await clock.advance(2_000);
    expect(await told('B')).toMatchObject({ client: 'B' });
    expect(await holders(daemon)).toEqual(['B']);
  });
});

describe('a client that can come back', () => {
  test.each([
    ['with a key', { request: 'k' }],
    ['with a key and a claim time', { request: 'k', claim: 10 }],
  ])(
    '%s keeps its place for its claim time, and no longer',
    async (_, options: { request: string; claim?: number }) => {
      const daemon = await begin();
      const { clock } = daemon;
      const { peer } = await heldWith(daemon, ['A'], options);
      const claim = (options.claim ?? 30) * 1_000;
      peer('A').leave();
      await rounds();
      await clock.advance(claim - 1);
      expect(await line(daemon)).toEqual(['A']);
      await clock.advance(1);
      expect(await line(daemon)).toEqual([]);
    },
  );

  test('finds its place from another connection, and is granted there', async () => {
    const daemon = await begin();
    const { lockd, clock } = daemon;
    const { peer } = await heldWith(daemon, ['A', 'B'], { request: 'k' });
    peer('A').leave();
    await clock.advance(29_000);
    const again = outcome(lockd.lock('r', 'A', { ...WAIT, request: 'k' }));
    await clock.advance(100_000);
    expect(await line(daemon)).toEqual(['A', 'B']);
    await lockd.unlock('r', 'H');
    expect(await again).toMatchObject({ client: 'A' });
  });

  test('whose turn comes while it is away: reserved, nothing is granted, others are refused', async () => {
    const daemon = await begin();
    const { lockd, clock } = daemon;
    const { peer, told } = await heldWith(daemon, ['A', 'B'], { request: 'k' });
    peer('A').leave();
    await rounds();
    await lockd.unlock('r', 'H');
    await clock.advance(10_000);
    expect(await lockd.status('r')).toMatchObject({ state: 'reserved', held: 0, waiting: 2 });
    expect(await outcome(lockd.lock('r', 'X'))).toBe("1: Resource already locked by 'A'");
    expect(await soFar(told('B'))).toBeUndefined();
    const again = await lockd.lock('r', 'A', { ...WAIT, request: 'k' });
    expect(again).toMatchObject({ client: 'A', state: 'held' });
    expect(await holders(daemon)).toEqual(['A']);
  });

  test('and does not in its claim time: its turn goes on to the next', async () => {
    const daemon = await begin();
    const { lockd, clock } = daemon;
    const { peer, told } = await heldWith(daemon, ['A', 'B'], { request: 'k' });
    peer('A').leave();
    await rounds();
    await lockd.unlock('r', 'H');
    await clock.advance(29_999);
    expect(await soFar(told('B'))).toBeUndefined();
    await clock.advance(1);
    expect(await soFar(told('B'))).toMatchObject({ client: 'B' });
    expect(await outcome(lockd.wait('r', 'A', 1, { request: 'k' }))).toMatch(
      /^6: 'A' is not in the line for 'r'/,
    );
  });

  test('whose connection closed before its grant was answered comes first in line again', async () => {
    const daemon = await begin();
    const { lockd, held, clock } = daemon;
    const { peer, told } = await heldWith(daemon, ['A', 'B'], { request: 'k', ttl: 30 });
    held.hold();
    const unlocked = lockd.unlock('r', 'H');
    await held.held();
    peer('A').leave();
    held.release();
    await unlocked;
    await rounds();
    expect(await lockd.status('r')).toMatchObject({ state: 'reserved', held: 0 });
    expect(await line(daemon)).toEqual(['A', 'B']);
    expect(await outcome(lockd.lock('r', 'X'))).toBe("1: Resource already locked by 'A'");
    const next = await crash(daemon);
    expect(await line(next)).toEqual(['A', 'B']);
    await clock.advance(30_000);
    expect(await soFar(told('B'))).toMatchObject({ client: 'B', left: 30 });
  });

  test('and comes back to the grant that it missed: one hold, and a lease from now on', async () => {
    const daemon = await begin();
    const { lockd, held, clock } = daemon;
    const { peer } = await heldWith(daemon, ['A', 'B'], { request: 'k', ttl: 30 });
    held.hold();
    const unlocked = lockd.unlock('r', 'H');
    await held.held();
    peer('A').leave();
    held.release();
    await unlocked;
    await clock.advance(20_000);
    const hold = await lockd.lock('r', 'A', { ...WAIT, request: 'k', ttl: 30 });
    expect(hold).toMatchObject({ client: 'A', left: 30 });
    expect(await line(daemon)).toEqual(['B']);
  });

  test('in time for the commit of its withdrawal: its repeat is behind it, and gets the hold', async () => {
    const daemon = await begin();
    const { lockd, held } = daemon;
    const { peer } = await heldWith(daemon, ['A', 'B'], { request: 'k' });
    held.hold();
    const unlocked = lockd.unlock('r', 'H');
    await held.held();
    peer('A').leave();
    const again = outcome(lockd.lock('r', 'A', { ...WAIT, request: 'k' }));
    held.release();
    await unlocked;
    expect(await again).toMatchObject({ client: 'A' });
    expect(await holders(daemon)).toEqual(['A']);
    expect(await line(daemon)).toEqual(['B']);
  });

  test('several whose grants are withdrawn keep their order among themselves', async () => {
    const daemon = await begin();
    const { lockd, held, clock } = daemon;
    await lockd.lock('r', 'H', { limit: 3, ttl: 30 });
    await lockd.lock('r', 'I', { limit: 3, ttl: 30 });
    await lockd.lock('r', 'J', { limit: 3, ttl: 30 });
    const peers = ['A', 'B', 'C', 'D'].map((client) => {
      const peer = new FakePeer();
      void outcome(lockd.lock('r', client, { ...WAIT, limit: 3, request: 'k' }, over(peer)));
      return peer;
    });
    await rounds();
    held.hold();
    const unlocked = ['H', 'I', 'J'].map((client) => lockd.unlock('r', client));
    await held.held();
    for (const peer of peers.slice(0, 3)) peer.leave();
    held.release();
    await Promise.all(unlocked);
    await rounds();
    expect(await line(daemon)).toEqual(['A', 'B', 'C', 'D']);
    await clock.advance(1);
    const next = await crash(daemon);
    expect(await line(next)).toEqual(['A', 'B', 'C', 'D']);
  });

  test('whose old connection ends only when it is back already: the new call goes on waiting', async () => {
    const daemon = await begin();
    const { lockd } = daemon;
    const { peer, told } = await heldWith(daemon, ['A'], { request: 'k' });
    peer('A').leave();
    // In the same round of the event loop, before anything was decided.
    const again = outcome(lockd.lock('r', 'A', { ...WAIT, request: 'k' }));
    await rounds();
    expect(await told('A')).toBe("19: Another call with request 'k' took over the waiting");
    expect(await soFar(again)).toBeUndefined();
    await lockd.unlock('r', 'H');
    expect(await again).toMatchObject({ client: 'A' });
  });

  test('whose old call times out in the turn in which it comes back: the new call goes on waiting', async () => {
    const daemon = await begin();
    const { lockd, clock } = daemon;
    await lockd.lock('r', 'H');
    const first = outcome(lockd.lock('r', 'A', { wait: 10, request: 'k' }));
    await clock.advance(9_999);
    clock.freeze(1);
    const again = outcome(lockd.lock('r', 'A', { wait: 10, request: 'k' }));
    clock.fireOverdue();
    await rounds();
    expect(await first).toBe("19: Another call with request 'k' took over the waiting");
    await clock.advance(9_000);
    expect(await soFar(again)).toBeUndefined();
    await clock.advance(1_000);
    expect(await again).toMatch(/^4: /);
  });

  test('stays in a line that is looked at while the disk hangs, and leaves it when its time is over', async () => {
    const daemon = await begin();
    const { lockd, clock, held } = daemon;
    const { peer, told } = await heldWith(daemon, ['A', 'B'], { request: 'k' });
    peer('A').leave();
    await rounds();
    await lockd.unlock('r', 'H');
    await clock.advance(25_000);
    held.hold();
    const other = lockd.lock('other', 'X');
    await held.held();
    await clock.advance(9_000);
    held.release();
    await other;
    // The time in which the daemon could not have answered does not count.
    expect(await line(daemon)).toEqual(['A', 'B']);
    await clock.advance(5_000);
    expect(await soFar(told('B'))).toMatchObject({ client: 'B' });
  });
});

describe('the daemon is killed while clients wait', () => {
  test('a place with a key is still there, its client finds it, keyless ones come behind it in order', async () => {
    const first = await begin();
    await heldWith(first, ['A', 'keyless'], {});
    void outcome(first.lockd.lock('r', 'K', { ...WAIT, request: 'k' }));
    await rounds();
    expect(await line(first)).toEqual(['A', 'keyless', 'K']);

    const second = await crash(first);
    const { lockd } = second;
    expect(await line(second)).toEqual(['K']);
    const keyless = outcome(lockd.lock('r', 'keyless', WAIT));
    await rounds();
    const other = outcome(lockd.lock('r', 'other', WAIT));
    await rounds();
    const again = outcome(lockd.lock('r', 'K', { ...WAIT, request: 'k' }));
    await rounds();
    expect(await line(second)).toEqual(['K', 'keyless', 'other']);
    await lockd.unlock('r', 'H');
    expect(await again).toMatchObject({ client: 'K' });
    await lockd.unlock('r', 'K');
    expect(await keyless).toMatchObject({ client: 'keyless' });
    await lockd.unlock('r', 'keyless');
    expect(await other).toMatchObject({ client: 'other' });
  });

  test('a place has its whole claim time from the start on', async () => {
    const first = await begin();
    await first.lockd.lock('r', 'H');
    await first.lockd.enqueue('r', 'A', { claim: 10 });
    await first.clock.advance(9_000);
    const second = await crash(first);
    await second.clock.advance(9_999);
    expect(await line(second)).toEqual(['A']);
    await second.clock.advance(1);
    expect(await line(second)).toEqual([]);
  });

  test('the order of the line is that of the queueing, also over several lives', async () => {
    let daemon = await begin();
    await daemon.lockd.lock('r', 'H');
    const expected: string[] = [];
    for (let life = 0; life < 4; life += 1) {
      for (const client of [`z${life}`, `a${life}`]) {
        await daemon.lockd.enqueue('r', client);
        expected.push(client);
      }
      daemon = await crash(daemon);
      expect(await line(daemon)).toEqual(expected);
    }
  });

  test('a resource that was reserved stays reserved', async () => {
    const first = await begin();
    await first.lockd.lock('r', 'H');
    await first.lockd.enqueue('r', 'A');
    await first.lockd.unlock('r', 'H');
    const { lockd, clock } = await crash(first);
    expect(await lockd.status('r')).toMatchObject({ state: 'reserved' });
    const waiting = outcome(lockd.lock('r', 'B', WAIT));
    await clock.advance(29_999);
    expect(await soFar(waiting)).toBeUndefined();
    await clock.advance(1);
    expect(await waiting).toMatchObject({ client: 'B' });
  });

  test('whoever left the line is not in it again', async () => {
    const first = await begin();
    await first.lockd.lock('r', 'H');
    for (const client of ['A', 'B', 'C']) await first.lockd.enqueue('r', client);
    await first.lockd.cancel('r', 'A');
    await first.clock.advance(20_000);
    const heardOf = outcome(first.lockd.wait('r', 'C', 0.1));
    await first.clock.advance(100);
    expect(await heardOf).toMatch(/^4: /);
    await first.clock.advance(10_000);
    expect(await line(await crash(first))).toEqual(['C']);
  });
});

describe('a lock in two steps', () => {
  test('enqueue, then wait until it is granted', async () => {
    const daemon = await begin();
    const { lockd } = daemon;
    await lockd.lock('r', 'H');
    expect(await lockd.enqueue('r', 'A', { ttl: 30, note: 'mine' })).toMatchObject({ state: 'queued' });
    const waiting = outcome(lockd.wait('r', 'A', 600));
    await rounds();
    await lockd.unlock('r', 'H');
    expect(await waiting).toMatchObject({ client: 'A', ttl: 30, left: 30, note: 'mine' });
  });

  test('a wait that is too short keeps the place, again and again', async () => {
    const daemon = await begin();
    const { lockd, clock } = daemon;
    await lockd.lock('r', 'H');
    await lockd.enqueue('r', 'A');
    await lockd.enqueue('r', 'B');
    for (let round = 0; round < 5; round += 1) {
      const waiting = outcome(lockd.wait('r', 'A', 25));
      await clock.advance(25_000);
      expect(await waiting).toMatch(/^4: Gave up after .*'A' was number 1 in the line$/);
      const heardOf = outcome(lockd.wait('r', 'B', 0));
      await clock.advance(4_000);
      expect(await heardOf).toMatch(/^4: /);
    }
    expect(await line(daemon)).toEqual(['A', 'B']);
  });

  test('a repeated enqueue keeps the place too, with its key', async () => {
    const daemon = await begin();
    const { lockd, clock } = daemon;
    await lockd.lock('r', 'H');
    for (let round = 0; round < 5; round += 1) {
      expect(await lockd.enqueue('r', 'A', { request: 'k' })).toEqual({ state: 'queued', position: 1 });
      await clock.advance(29_000);
    }
    await clock.advance(1_000);
    expect(await line(daemon)).toEqual([]);
  });

  test('whose turn comes while nobody listens is reserved until the next wait, which gets it at once', async () => {
    const daemon = await begin();
    const { lockd, clock } = daemon;
    await lockd.lock('r', 'H');
    await lockd.enqueue('r', 'A', { ttl: 30 });
    await lockd.unlock('r', 'H');
    await clock.advance(20_000);
    expect(await lockd.status('r')).toMatchObject({ state: 'reserved', held: 0 });
    expect(await lockd.wait('r', 'A', 600)).toMatchObject({ client: 'A', left: 30 });
  });

  test('that nobody takes within the claim time goes on to the next', async () => {
    const daemon = await begin();
    const { lockd, clock } = daemon;
    await lockd.lock('r', 'H');
    await lockd.enqueue('r', 'A', { claim: 5 });
    await lockd.enqueue('r', 'B');
    const waiting = outcome(lockd.wait('r', 'B', 600));
    await rounds();
    await lockd.unlock('r', 'H');
    await clock.advance(4_999);
    expect(await soFar(waiting)).toBeUndefined();
    await clock.advance(1);
    expect(await waiting).toMatchObject({ client: 'B' });
    expect(await outcome(lockd.wait('r', 'A', 1))).toBe(
      "6: 'A' is not in the line for 'r' (never queued, or away for more than 30 s); call enqueue",
    );
  });

  test('a wait behind the grant answers the hold, as often as it is asked', async () => {
    const { lockd, clock } = await begin();
    const { hold } = await lockd.enqueue('r', 'A', { ttl: 30 });
    await clock.advance(10_000);
    expect(await lockd.wait('r', 'A', 10)).toMatchObject({ token: hold?.token, left: 30 });
    expect(await lockd.wait('r', 'A', 10)).toMatchObject({ token: hold?.token });
  });

  test('cancel leaves the line, and the call that waits is told', async () => {
    const daemon = await begin();
    const { lockd } = daemon;
    await lockd.lock('r', 'H');
    await lockd.enqueue('r', 'A');
    const waiting = outcome(lockd.wait('r', 'A', 600));
    await rounds();
    expect(await lockd.cancel('r', 'A')).toBe(true);
    expect(await waiting).toMatch(/^6: 'A' is not in the line for 'r'/);
    expect(await outcome(lockd.cancel('r', 'A'))).toMatch(/^6: /);
    expect(await line(daemon)).toEqual([]);
    await lockd.unlock('r', 'H');
    expect(await lockd.status('r')).toMatchObject({ state: 'free' });
  });

  test('a second call on one place takes over; the first is told', async () => {
    const daemon = await begin();
    const { lockd } = daemon;
    await lockd.lock('r', 'H');
    await lockd.enqueue('r', 'A');
    const first = outcome(lockd.wait('r', 'A', 600));
    const second = outcome(lockd.wait('r', 'A', 600));
    expect(await first).toBe('19: Another call took over the waiting');
    await lockd.unlock('r', 'H');
    expect(await second).toMatchObject({ client: 'A' });
  });

  test('a second place, without a key or with another one, is refused', async () => {
    const { lockd } = await begin();
    await lockd.lock('r', 'H');
    await lockd.enqueue('r', 'A', { request: 'k' });
    const text = "18: 'A' is already number 1 in the line for 'r'";
    expect(await outcome(lockd.enqueue('r', 'A'))).toBe(text);
    expect(await outcome(lockd.lock('r', 'A', WAIT))).toBe(text);
    expect(await outcome(lockd.lock('r', 'A', { ...WAIT, request: 'other' }))).toBe(text);
    expect(await outcome(lockd.lock('r', 'H', WAIT))).toBe("1: Resource already locked by 'H'");
  });
});

describe('10,000 waiters on one resource', () => {
  /** Milliseconds of a hand-over, the median of many. */
  async function handOver(waiters: number): Promise<number> {
    const daemon = await begin();
    const { lockd } = daemon;
    let holder = 'H';
    await lockd.lock('r', holder);
    const calls = Array.from({ length: waiters }, (_, index) => ({
      client: `c${index}`,
      told: outcome(lockd.lock('r', `c${index}`, { wait: 3_600 }, over(new FakePeer()))),
    }));
    await rounds(60);
    const times: number[] = [];
    for (const { client, told } of calls.slice(0, Math.min(waiters, 200))) {
      const start = performance.now();
      await lockd.unlock('r', holder);
      expect(await told).toMatchObject({ client });
      times.push(performance.now() - start);
      holder = client;
    }
    await lockd.close();
    return times.sort((a, b) => a - b)[times.length >>> 1] as number;
  }

  test('the hand-over costs what it costs with ten', async () => {
    await handOver(200);
    const few = Math.max(...[await handOver(10), await handOver(10), await handOver(10)]);
    expect(await handOver(9_999)).toBeLessThan(5 * few + 1);
  });

  test('one more is refused, and told that the line is full', async () => {
    const { lockd } = await begin();
    await lockd.lock('r', 'H');
    const calls = Array.from({ length: 10_000 }, (_, index) => outcome(lockd.lock('r', `c${index}`, WAIT)));
    await rounds(60);
    expect(await outcome(lockd.lock('r', 'X', WAIT))).toBe(
      "7: The line for 'r' is full (10,000), the most allowed (--max-waiters)",
    );
    expect(await lockd.stats()).toMatchObject({ waiting: 10_000 });
    await lockd.close();
    expect(new Set(await Promise.all(calls))).toEqual(new Set(['16: The daemon is stopping']));
  });
});

test('whoever waits when the daemon stops is told so', async () => {
  const daemon = await begin();
  const { told } = await heldWith(daemon, ['A', 'B']);
  await daemon.lockd.enqueue('r', 'C');
  const waiting = outcome(daemon.lockd.wait('r', 'C', 600));
  await rounds();
  await daemon.lockd.close();
  expect(await Promise.all([told('A'), told('B'), waiting])).toEqual([
    '16: The daemon is stopping',
    '16: The daemon is stopping',
    '16: The daemon is stopping',
  ]);
  expect(daemon.clock.timers).toBe(0);
});

test('whoever waits when the daemon loses its directory is told nothing that could be wrong', async () => {
  const daemon = await begin();
  const { told } = await heldWith(daemon, ['A'], { request: 'k' });
  daemon.disk.failNext('sync', { code: 'EIO', path: /journal/ });
  expect(await outcome(daemon.lockd.unlock('r', 'H'))).toBe('Stopped');
  expect(await told('A')).toBe('Stopped');
});

describe('on a full disk', () => {
  test('an unlock is saved, the next is not granted until there is space, and then within a second', async () => {
    const daemon = await begin();
    const { lockd, clock, disk, directory } = daemon;
    const { told } = await heldWith(daemon, ['A', 'B']);
    disk.failNext('write', { ...FULL, times: 2 });
    disk.failNext('create', { code: 'ENOSPC', path: /reserve/, times: Number.POSITIVE_INFINITY });
    expect(await outcome(lockd.unlock('r', 'H'))).toBe(true);
    expect(await lockd.status('r')).toMatchObject({ state: 'reserved', held: 0 });
    await clock.advance(5_000);
    expect(await soFar(told('A'))).toBeUndefined();
    expect(await line(daemon)).toEqual(['A', 'B']);
    expect(await outcome(lockd.lock('other', 'X'))).toBe(
      `15: No space left in ${directory}; nothing was changed`,
    );
    expect(await line(await crash(daemon))).toEqual([]);
    disk.heal();
    await clock.advance(1_000);
    expect(await soFar(told('A'))).toMatchObject({ client: 'A' });
    expect(await line(daemon)).toEqual(['B']);
  });

  test('whoever only waits goes on waiting, and whoever needs a place on disk is refused', async () => {
    const daemon = await begin();
    const { lockd, disk, clock } = daemon;
    const { told } = await heldWith(daemon, ['A']);
    disk.failNext('write', FULL);
    const keyless = outcome(lockd.lock('r', 'B', { wait: 3 }));
    const keyed = outcome(lockd.lock('r', 'C', { wait: 3, request: 'k' }));
    expect(await keyed).toMatch(/^15: /);
    expect(await outcome(lockd.enqueue('r', 'D'))).toMatch(/^15: /);
    expect(await line(daemon)).toEqual(['A', 'B']);
    expect(await soFar(told('A'))).toBeUndefined();
    await clock.advance(3_000);
    expect(await keyless).toMatch(/^4: /);
    disk.heal();
    await lockd.unlock('r', 'H');
    expect(await told('A')).toMatchObject({ client: 'A' });
  });

  test('whoever takes over a place in a turn that fails still waits on it', async () => {
    const daemon = await begin();
    const { lockd, disk } = daemon;
    await lockd.lock('r', 'H');
    await lockd.enqueue('r', 'A', { request: 'k' });
    const older = outcome(lockd.wait('r', 'A', 600));
    await rounds();
    disk.failNext('write', FULL);
    const [refused, newer] = [outcome(lockd.lock('other', 'X')), outcome(lockd.wait('r', 'A', 600))];
    expect(await refused).toMatch(/^15: /);
    expect(await older).toBe("19: Another call with request 'k' took over the waiting");
    disk.heal();
    await lockd.unlock('r', 'H');
    expect(await newer).toMatchObject({ client: 'A' });
  });
});
