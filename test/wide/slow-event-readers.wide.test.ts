/**
 * Readers of events that take nothing, live ones and such that want all that happened before: each is cut off, the daemon's
 * memory stays bounded, calls go on, and a reader that takes what it is sent misses nothing.
 */
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { LockdClient } from '../../src/client/client.js';
import { serve } from '../daemon.js';

const READERS = 50;
const EVENTS = 20_000;
/** What all events together would take for one reader: some 25 MB. */
const REASON = 'x'.repeat(1_000);

/** Resident memory of a process in MiB. */
function megabytes(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) / 1_024;
}

/** Asks for events, and takes none of what comes. */
function takesNothing(url: string, query: string): Socket {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  // However the daemon ends it.
  socket.on('error', () => undefined).pause();
  socket.write(`GET /events${query} HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
  onTestFinished(() => void socket.destroy());
  return socket;
}

test(`${2 * READERS} readers that take nothing of ${EVENTS} events`, async () => {
  const { url, daemon } = await serve();
  const pid = daemon.child.pid as number;
  const client = new LockdClient({ url, client: 'A' });
  onTestFinished(() => client.close());
  const force = async (worker: number, count: number) => {
    for (let done = 0; done < count; done += 2) {
      await client.lock(`r${worker}`);
      await client.forceUnlock(`r${worker}`, { reason: REASON });
    }
  };
  const work = (count: number) =>
    Promise.all(Array.from({ length: 32 }, (_, worker) => force(worker, Math.ceil(count / 32))));

  const told: string[] = [];
  const abort = new AbortController();
  const reading = (async () => {
    for await (const item of client.events({ after: '0.0', signal: abort.signal })) {
      if (item.event === 'gap') told.push('gap');
      else if (item.event !== 'ready' && item.id !== undefined) told.push(item.id);
    }
  })().catch(() => undefined);

  await work(EVENTS / 2);
  const before = megabytes(pid);
  for (let reader = 0; reader < READERS; reader += 1) {
    takesNothing(url, '');
    takesNothing(url, '?lastEventId=0.0');
  }
  let most = before;
  const looking = setInterval(() => {
    most = Math.max(most, megabytes(pid));
  }, 50);
  onTestFinished(() => clearInterval(looking));
  await work(EVENTS / 2);
  const cuts = () => daemon.records.filter(({ msg }) => msg === 'Cut off a reader of events').length;
  // Those that take nothing of what happened before have 10 s, once the kernel's buffers are full too.
  for (const end = performance.now() + 60_000; cuts() < 2 * READERS && performance.now() < end; )
    await pause(100);
  clearInterval(looking);
  const cut = cuts();
  const history: string[] = [];
  for await (const { id } of client.historyAll()) history.push(id);
  for (const end = performance.now() + 20_000; told.length < history.length && performance.now() < end; )
    await pause(50);
  abort.abort();
  await reading;
  console.log(
    `${history.length} events, ${cut} of ${2 * READERS} readers cut off; ${before.toFixed(0)} MiB before, at most ` +
      `${most.toFixed(0)} MiB, ${megabytes(pid).toFixed(0)} MiB at last`,
  );
  expect(cut).toBe(2 * READERS);
  expect(told).toEqual(history.reverse());
  // What one reader may leave waiting, and what it was sent last.
  expect(most - before).toBeLessThan(2 * READERS * 2);
});
