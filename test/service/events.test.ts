/** What is told while it happens: histories, by a clock set by hand. Reading what happened before: events-resumed.test.ts. */
import { describe, expect, test } from 'vitest';
import type { EventNotice, EventsOptions, LockEvent } from '../../src/service/api.js';
import type { EventStream } from '../../src/service/event-stream.js';
import type { Lockd } from '../../src/service/lockd.js';
import { begin, FENCE_ALL, FULL, soFar, type TimedDaemon } from './fixture.js';
import { rounds } from './manual-clock.js';
import { FakePeer, over } from './peer.js';

type Item = EventNotice | LockEvent;

/** That of the minute's maintenance. */
const TIMERS_AT_REST = 1;

/** Gathers what a stream tells, as lines. */
class Reading {
  readonly items: Item[] = [];
  error: unknown;
  isOver = false;

  constructor(readonly stream: EventStream) {
    void this.#read();
  }

  async #read(): Promise<void> {
    try {
      for await (const item of this.stream) this.items.push(item);
    } catch (error) {
      this.error = error;
    }
    this.isOver = true;
  }

  /** What came since it was asked last: `ID EVENT RESOURCE CLIENT`. */
  get lines(): string[] {
    return this.items.splice(0).map((item) => {
      if (item.event === 'ready') return `ready ${item.id}`;
      if (item.event === 'gap') return `gap ${item.after}`;
      return [item.id ?? '-', item.event, item.resource, item.client].join(' ');
    });
  }
}

function reading(lockd: Lockd, options: EventsOptions = {}): Reading {
  return new Reading(lockd.events(options));
}

/** A daemon, and somebody who has begun to listen. */
async function listening(options: EventsOptions = {}): Promise<TimedDaemon & { heard: Reading }> {
  const daemon = await begin();
  const heard = reading(daemon.lockd, options);
  await rounds();
  expect(heard.lines).toEqual(['ready 0.999999']);
  return { ...daemon, heard };
}

describe('what happens is told', () => {
  test('with all that the history has of it, under the same ids', async () => {
    const { lockd, clock, heard } = await listening();
    await lockd.lock('r', 'A', { ttl: 10, note: 'n' });
    await lockd.update('r', 'A', { note: 'other' });
    await lockd.forceUnlock('r', { reason: 'gone' }, { from: '192.0.2.1:7' });
    await lockd.enqueue('r', 'B', { ttl: 1 });
    await clock.advance(2_000);
    const history = await lockd.history();
    expect(heard.items).toEqual(history.toReversed());
    expect(heard.lines).toEqual([
      '1.0 granted r A',
      '2.0 updated r A',
      '3.0 forced r A',
      '4.0 granted r B',
      '5.0 expired r B',
    ]);
  });

  test('only when it is saved, and after its caller was answered', async () => {
    const { lockd, clock, held, heard } = await listening();
    held.hold();
    const call = lockd.lock('r', 'A');
    await held.held();
    await clock.advance(1_000);
    expect(heard.lines).toEqual([]);
    held.release();
    await call;
    expect(heard.lines).toEqual([]);
    await clock.advance(0);
    expect(heard.lines).toEqual(['1.0 granted r A']);
  });

  test('nothing of what was refused, or could not be saved', async () => {
    const { lockd, clock, disk, heard } = await listening();
    await lockd.lock('r', 'A');
    disk.failNext('write', FULL);
    await expect(lockd.lock('s', 'A')).rejects.toThrow('No space left');
    await expect(lockd.lock('r', 'B')).rejects.toThrow("already locked by 'A'");
    disk.heal();
    await lockd.unlock('r', 'A');
    await clock.advance(100);
    expect(heard.lines).toEqual(['1.0 granted r A', '2.0 unlocked r A']);
  });

  test('at once after a pause, and then collected for 100 ms', async () => {
    const { lockd, clock, heard } = await listening();
    await lockd.lock('a', 'A');
    await clock.advance(0);
    expect(heard.lines).toEqual(['1.0 granted a A']);
    await lockd.lock('b', 'A');
    await clock.advance(99);
    await lockd.lock('c', 'A');
    expect(heard.lines).toEqual([]);
    await clock.advance(1);
    expect(heard.lines).toEqual(['2.0 granted b A', '3.0 granted c A']);
    expect(clock.timers).toBe(TIMERS_AT_REST);
  });

  test('in the order in which it happened, also what is fenced and granted on', async () => {
    const daemon = await begin({ fence: FENCE_ALL });
    const { lockd, clock, runner } = daemon;
    const heard = reading(lockd);
    await lockd.lock('r', 'A', { ttl: 1 });
    const waits = lockd.lock('r', 'B', { wait: 60, request: 'k' });
    await clock.advance(1_500);
    expect(heard.lines).toEqual([
      'ready 0.999999',
      '1.0 granted r A',
      '2.0 queued r B',
      '3.0 expired r A',
      '3.1 fencing r A',
    ]);
    runner.succeed(runner.running[0] ?? 0);
    await waits;
    await clock.advance(100);
    expect(heard.lines).toEqual(['4.0 fenced r A', '4.1 granted r B']);
  });
});

describe('what is no history is told on request', () => {
  test('renewals', async () => {
    const { lockd, clock, heard } = await listening({ include: ['renewed'] });
    const { token } = await lockd.lock('r', 'A', { ttl: 10 });
    await clock.advance(3_000);
    await lockd.renew('r', 'A');
    await clock.advance(100);
    expect(heard.items.at(-1)).toEqual({
      time: new Date(clock.now - 100),
      event: 'renewed',
      resource: 'r',
      client: 'A',
      token,
    });
    expect(heard.lines).toEqual(['1.0 granted r A', '- renewed r A']);
  });

  test('those that a disk which hangs does not concern', async () => {
    const { lockd, clock, held, heard } = await listening({ include: ['renewed'] });
    await lockd.lock('r', 'A', { ttl: 10 });
    held.hold();
    const stuck = lockd.lock('s', 'A');
    await held.held();
    await lockd.renew('r', 'A');
    await clock.advance(100);
    expect(heard.lines).toEqual(['1.0 granted r A', '- renewed r A']);
    held.release();
    await stuck;
  });

  test('not those that are refused', async () => {
    const { lockd, clock, heard } = await listening({ include: ['renewed'] });
    await expect(lockd.renew('r', 'A')).rejects.toThrow('not locked');
    await clock.advance(100);
    expect(heard.lines).toEqual([]);
  });

  test('waiters who cannot come back', async () => {
    const { lockd, clock, heard } = await listening({ include: ['queued'] });
    const others = reading(lockd);
    await lockd.lock('r', 'A');
    const peer = new FakePeer();
    const waits = soFar(lockd.lock('r', 'B', { wait: 60 }, over(peer)).catch(() => 'gone'));
    await waits;
    await clock.advance(100);
    peer.leave();
    await clock.advance(100);
    await lockd.unlock('r', 'A');
    await clock.advance(100);
    expect(heard.lines).toEqual(['1.0 granted r A', '- queued r B', '- left r B', '2.0 unlocked r A']);
    expect(others.lines).toEqual(['ready 0.999999', '1.0 granted r A', '2.0 unlocked r A']);
  });

  test('a grant to one of them has its id', async () => {
    const { lockd, clock, heard } = await listening({ include: ['queued', 'renewed'] });
    await lockd.lock('r', 'A');
    const waits = lockd.lock('r', 'B', { wait: 60 });
    await rounds();
    await Promise.all([lockd.unlock('r', 'A'), lockd.lock('s', 'A'), waits]);
    await clock.advance(100);
    const history = (await lockd.history()).toReversed();
    const told = heard.items.filter((item) => 'id' in item);
    expect(told).toEqual(history);
    expect(told).toHaveLength(4);
  });

  test('what is saved in the same turn as what is not has its id', async () => {
    const { lockd, clock, heard } = await listening({ include: ['queued'] });
    await lockd.lock('r', 'A');
    void lockd.lock('r', 'B', { wait: 60 }).catch(() => 'gone');
    await lockd.lock('s', 'A');
    await clock.advance(100);
    const history = (await lockd.history()).map(({ id }) => id);
    expect(history).toEqual(['2.0', '1.0']);
    expect(heard.lines).toEqual(['1.0 granted r A', '- queued r B', '2.0 granted s A']);
  });
});

describe('who listens', () => {
  test('gets what it asked for, each its own', async () => {
    const { lockd } = await begin();
    const all = reading(lockd);
    const ofA = reading(lockd, { client: 'A' });
    const deploys = reading(lockd, { prefix: 'deploy/' });
    const window = reading(lockd, { from: 'deploy/b', to: 'x' });
    await rounds();
    await lockd.lock('deploy/a', 'A');
    await lockd.lock('deploy/b', 'B');
    await lockd.lock('x', 'A');
    await lockd.close();
    await rounds();
    const granted = ['1.0 granted deploy/a A', '2.0 granted deploy/b B', '3.0 granted x A'];
    expect(all.lines.slice(1)).toEqual(granted);
    expect(ofA.lines.slice(1)).toEqual([granted[0], granted[2]]);
    expect(deploys.lines.slice(1)).toEqual(granted.slice(0, 2));
    expect(window.lines.slice(1)).toEqual(granted.slice(1));
  });

  test('is told only of what comes after `ready`', async () => {
    const { lockd, clock } = await begin();
    const first = reading(lockd);
    await rounds();
    await lockd.lock('a', 'A');
    const second = reading(lockd);
    await rounds();
    await lockd.lock('b', 'A');
    await clock.advance(100);
    expect(first.lines).toEqual(['ready 0.999999', '1.0 granted a A', '2.0 granted b A']);
    expect(second.lines).toEqual(['ready 1.999999', '2.0 granted b A']);
  });

  test('and stops costs nothing any more', async () => {
    const { lockd, clock, heard } = await listening();
    await heard.stream.return();
    await lockd.lock('a', 'A');
    expect(clock.timers).toBe(TIMERS_AT_REST);
    await rounds();
    expect(heard.isOver).toBe(true);
    expect(heard.lines).toEqual([]);
    expect(await heard.stream.next()).toEqual({ done: true, value: undefined });
  });

  test('and asks ahead gets each event once, in order, and the end', async () => {
    const { lockd, clock } = await begin();
    const stream = lockd.events();
    const answers = Array.from({ length: 4 }, () => stream.next());
    await rounds();
    await Promise.all([lockd.lock('a', 'A'), lockd.lock('b', 'A')]);
    await clock.advance(100);
    expect((await Promise.all(answers.slice(0, 3))).map(({ value }) => value?.event)).toEqual([
      ...['ready', 'granted', 'granted'],
    ]);
    await stream.return();
    expect(await answers[3]).toEqual({ done: true, value: undefined });
  });

  test('and breaks off its loop has ended it', async () => {
    const { lockd, clock } = await begin();
    for await (const { event } of lockd.events()) if (event === 'ready') break;
    await lockd.lock('a', 'A');
    expect(clock.timers).toBe(TIMERS_AT_REST);
  });

  test('is told all, and that it is over, when the daemon stops', async () => {
    const { lockd, heard } = await listening();
    await lockd.lock('a', 'A');
    await lockd.close();
    await rounds();
    expect(heard.lines).toEqual(['1.0 granted a A']);
    expect(heard.isOver).toBe(true);
    expect(heard.error).toBeUndefined();
  });

  test('after the stop is told nothing', async () => {
    const { lockd } = await begin();
    await lockd.close();
    const heard = reading(lockd);
    await rounds();
    expect(heard.isOver).toBe(true);
  });

  test('gets nothing any more from a daemon that lost its directory', async () => {
    const { lockd, disk, heard } = await listening();
    disk.failNext('sync', { code: 'EIO', path: /journal/ });
    await expect(lockd.lock('a', 'A')).rejects.toThrow('could not be flushed');
    await rounds();
    expect(heard.lines).toEqual([]);
    expect(heard.isOver).toBe(true);
  });

  test('and reads too slowly is told so, and with which id to go on', async () => {
    const { lockd, clock } = await begin();
    await lockd.lock('r', 'A');
    const stream = lockd.events();
    expect(await stream.next()).toMatchObject({ value: { event: 'ready', id: '1.999999' } });
    for (let round = 0; round < 11; round += 1) {
      await Promise.all(Array.from({ length: 1_000 }, (_, n) => lockd.update('r', 'A', { note: `${n}` })));
      await clock.advance(100);
    }
    const error = await stream.next().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'FellBehind', after: '1.999999' });
    expect(String(error)).toContain('More than 10,000 events wait to be read');
    expect(String(error)).toContain("go on with after: '1.999999'");
    const ids = new Set<string | undefined>();
    for await (const { id } of lockd.events({ after: '1.999999' }) as AsyncIterable<{ id?: string }>) {
      if (ids.add(id).size === 11_001) break;
    }
    expect([...ids].slice(0, 2)).toEqual(['1.999999', '2.0']);
    expect(ids.has('13.0')).toBe(false);
  });

  test.each([
    [{ prefix: 7 }, "parameter 'prefix' must be a string"],
    [{ after: 'x' }, "parameter 'after' is 'x', which is no id of an event"],
  ])('asks for what makes no sense: %j', async (options, problem) => {
    const { lockd } = await begin();
    expect(() => lockd.events(options as EventsOptions)).toThrow(problem);
  });
});
