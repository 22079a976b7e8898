import { Socket } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { Connection } from '../../src/http/connections.js';
import { KEEP_ALIVE_MS } from '../../src/http/limits.js';
import type { Peer } from '../../src/service/api.js';
import { eventually, type Fixture, type SeenCall, serve } from './fixture.js';
import { post, type Wire } from './wire.js';

afterEach(() => {
  vi.restoreAllMocks();
});

/** A call that waits, as a service would have it wait. */
interface Waiting {
  readonly call: SeenCall;
  readonly peer: Peer;
  /** How often it was told that its peer is gone. */
  told: number;
  readonly callOff: () => void;
}

function waitOn(call: SeenCall | undefined): Waiting {
  const peer = call?.context.peer;
  if (!call || !peer) throw new Error('no call, or no peer');
  const tell = () => {
    waiting.told += 1;
  };
  const waiting = { call, peer, told: 0, callOff: peer.onGone(tell) };
  return waiting;
}

/** Sends a call and lets it wait. */
async function startWaiting({ seen, calls }: Fixture, wire: Wire): Promise<Waiting> {
  const count = calls.length + 1;
  wire.send(post('wait'));
  await seen(count);
  return waitOn(calls[count - 1]);
}

function socketOf(peer: Peer): Socket {
  if (!(peer instanceof Connection)) throw new Error('no connection');
  return peer.socket;
}

/** Waits until everything has happened that the loop has already heard of. */
async function loopTurns(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

describe.each(['end', 'destroy', 'resetAndDestroy'] as const)('a peer that goes by %s', (way) => {
  test('is gone, and each of its waiting calls is told once', async () => {
    const fixture = await serve({ byHand: true });
    const wire = await fixture.wire();
    wire.send(post('a') + post('b'));
    await fixture.seen(2);
    const both = fixture.calls.map(waitOn);
    expect(both.map(({ peer }) => peer.isGone)).toEqual([false, false]);
    const goneWhenTold: boolean[] = [];
    both[0]?.peer.onGone(() => goneWhenTold.push(both[0]?.peer.isGone ?? false));
    wire.socket[way]();
    await eventually(() => fixture.server.connections === 0);
    expect(both.map(({ told }) => told)).toEqual([1, 1]);
    expect(goneWhenTold).toEqual([true]);
    expect(both[1]?.peer.isGone).toBe(true);
  });

  test('who called it off is not told', async () => {
    const fixture = await serve({ byHand: true });
    const wire = await fixture.wire();
    const waiting = await startWaiting(fixture, wire);
    const other = waitOn(waiting.call);
    waiting.callOff();
    waiting.callOff();
    wire.socket[way]();
    await eventually(() => fixture.server.connections === 0);
    expect([waiting.told, other.told]).toEqual([0, 1]);
  });

  test('who asks too late is told soon, not at once', async () => {
    const fixture = await serve({ byHand: true });
    const wire = await fixture.wire();
    wire.send(post('a'));
    await fixture.seen(1);
    wire.socket[way]();
    await eventually(() => fixture.server.connections === 0);
    const waiting = waitOn(fixture.calls[0]);
    const calledOff = waitOn(fixture.calls[0]);
    calledOff.callOff();
    expect(waiting.told).toBe(0);
    await loopTurns();
    expect([waiting.told, calledOff.told]).toEqual([1, 0]);
  });

  test('an answer that finds nobody harms nobody', async () => {
    const fixture = await serve({ byHand: true });
    const wire = await fixture.wire();
    const { peer, call } = await startWaiting(fixture, wire);
    peer.onGone(() => call.answer('too late'));
    wire.socket[way]();
    await eventually(() => fixture.server.connections === 0);
    await loopTurns();
    const next = await fixture.wire();
    (await startWaiting(fixture, next)).call.answer('in time');
    expect((await next.answer()).body).toBe('in time');
    expect(fixture.events).toEqual([]);
  });
});

test('a peer that has ended its sending is gone at once, before the connection is closed', async () => {
  const fixture = await serve({ byHand: true });
  const wire = await fixture.wire();
  const { peer } = await startWaiting(fixture, wire);
  const seen: boolean[] = [];
  peer.onGone(() => seen.push(peer.isGone, socketOf(peer).destroyed));
  wire.socket.end();
  await wire.closed;
  expect(seen).toEqual([true, false]);
});

test('one that calls another off while the peer goes', async () => {
  const fixture = await serve({ byHand: true });
  const wire = await fixture.wire();
  const first = await startWaiting(fixture, wire);
  const callOffs: (() => void)[] = [];
  first.peer.onGone(() => {
    for (const callOff of callOffs) callOff();
  });
  const second = waitOn(first.call);
  callOffs.push(second.callOff);
  wire.socket.end();
  await eventually(() => fixture.server.connections === 0);
  expect([first.told, second.told]).toEqual([1, 0]);
});

test('the same function may be given for two calls', async () => {
  const fixture = await serve({ byHand: true });
  const wire = await fixture.wire();
  const { peer } = await startWaiting(fixture, wire);
  let told = 0;
  const action = () => {
    told += 1;
  };
  const callOff = peer.onGone(action);
  peer.onGone(action);
  callOff();
  wire.socket.destroy();
  await eventually(() => fixture.server.connections === 0);
  expect(told).toBe(1);
});

test('a thousand waits on one connection leave nothing behind', async () => {
  const warnings: Error[] = [];
  const warn = (warning: Error) => warnings.push(warning);
  process.on('warning', warn);
  const fixture = await serve({ byHand: true });
  const wire = await fixture.wire();
  const waits: Waiting[] = [];
  const listenerCounts: number[] = [];
  for (let count = 0; count < 1_000; count += 1) {
    const waiting = await startWaiting(fixture, wire);
    const socket = socketOf(waiting.peer);
    listenerCounts.push(socket.eventNames().reduce((all, name) => all + socket.listenerCount(name), 0));
    waits.push(waiting);
    waiting.callOff();
    waiting.call.answer(`${count}`);
    expect((await wire.answer()).body).toBe(`${count}`);
  }
  process.off('warning', warn);
  expect(new Set(listenerCounts).size).toBe(1);
  expect(warnings).toEqual([]);
  wire.socket.destroy();
  await eventually(() => fixture.server.connections === 0);
  expect(waits.every(({ told }) => told === 0)).toBe(true);
});

test('TCP asks for the peer once a call waits, and for no other', async () => {
  const setKeepAlive = vi.spyOn(Socket.prototype, 'setKeepAlive');
  const fixture = await serve({ byHand: true });
  const wire = await fixture.wire();
  wire.send(post('a'));
  await fixture.seen(1);
  expect(fixture.calls[0]?.context.peer?.isGone).toBe(false);
  fixture.calls[0]?.answer('a');
  await wire.answer();
  expect(setKeepAlive).not.toHaveBeenCalled();
  for (let count = 0; count < 3; count += 1) {
    (await startWaiting(fixture, wire)).call.answer('b');
    await wire.answer();
  }
  expect(setKeepAlive.mock.calls).toEqual([[true, KEEP_ALIVE_MS]]);
});

describe('while a call waits', () => {
  const QUICK = { requestMs: 100, checkIntervalMs: 10, lingerMs: 20, idleMs: 50, answerMs: 20 };

  /** When this one is cut off, which came later, every limit has passed for the others. */
  const limitsPass = async ({ wire }: Fixture) => (await wire()).closed;

  test('no limit cuts it, and the connection is kept for the next call', async () => {
    const fixture = await serve({ byHand: true, timeouts: QUICK });
    const wire = await fixture.wire();
    const waiting = await startWaiting(fixture, wire);
    await limitsPass(fixture);
    expect([waiting.told, waiting.peer.isGone]).toEqual([0, false]);
    waiting.callOff();
    waiting.call.answer('at last');
    expect((await wire.answer()).body).toBe('at last');
    const next = await startWaiting(fixture, wire);
    await limitsPass(fixture);
    next.call.answer('next');
    expect((await wire.answer()).body).toBe('next');
  });

  test('what comes behind it is done at once and answered in its turn', async () => {
    const fixture = await serve({ byHand: true, timeouts: QUICK });
    const wire = await fixture.wire();
    const waiting = await startWaiting(fixture, wire);
    wire.send(post('x'.repeat(60_000)) + post('c'));
    await fixture.seen(3);
    fixture.calls[1]?.answer('second');
    fixture.calls[2]?.answer('third');
    await limitsPass(fixture);
    expect([waiting.told, wire.rest]).toEqual([0, '']);
    waiting.call.answer('first');
    const bodies = [await wire.answer(), await wire.answer(), await wire.answer()].map(({ body }) => body);
    expect(bodies).toEqual(['first', 'second', 'third']);
  });

  test('half a request behind it is refused behind its answer', async () => {
    const fixture = await serve({ byHand: true, timeouts: QUICK });
    const wire = await fixture.wire();
    const waiting = await startWaiting(fixture, wire);
    wire.send(post('abc').slice(0, -1));
    await limitsPass(fixture);
    expect([waiting.told, waiting.peer.isGone]).toEqual([0, false]);
    waiting.call.answer('first');
    expect((await wire.answer()).body).toBe('first');
    expect((await wire.answer()).status).toBe(408);
    await wire.closed;
  });

  test('a peer that piles up answers behind it until it is no longer heard is cut off', async () => {
    const fixture = await serve({ byHand: true });
    const wire = await fixture.wire();
    const waiting = await startWaiting(fixture, wire);
    for (let count = 2; waiting.told === 0; count += 1) {
      wire.send(post('list'));
      await Promise.race([fixture.seen(count), wire.closed]);
      fixture.calls[count - 1]?.answer('x'.repeat(20_000));
      expect(count).toBeLessThan(50);
    }
    await wire.closed;
    expect(waiting.told).toBe(1);
    expect(wire.rest).toBe('');
    expect(fixture.events).toEqual([]);
  });

  test('the server that closes leaves it to be answered', async () => {
    const fixture = await serve({ byHand: true });
    const wire = await fixture.wire();
    const waiting = await startWaiting(fixture, wire);
    const closed = fixture.server.close();
    await loopTurns();
    expect([waiting.told, waiting.peer.isGone]).toEqual([0, false]);
    waiting.call.answer('The daemon is stopping');
    const answer = await wire.answer();
    expect(answer.body).toBe('The daemon is stopping');
    expect(answer.headers.get('connection')).toBe('close');
    await closed;
  });

  test('the server that closes cuts it after a while, and says so', async () => {
    const fixture = await serve({ byHand: true, timeouts: { closeMs: 20 } });
    const wire = await fixture.wire();
    const waiting = await startWaiting(fixture, wire);
    await fixture.server.close();
    await eventually(() => waiting.told === 1);
    expect(waiting.peer.isGone).toBe(true);
  });
});
