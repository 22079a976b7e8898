/** `/metrics`, `/healthz` and `/readyz` of the process itself: every figure moves when the thing happens, and is read from outside. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startDaemon } from '../../src/cli/daemon.js';
import { LockdClient } from '../../src/client/client.js';
import { RefusedCall } from '../../src/client/errors.js';
import type { Disk } from '../../src/disk/disk.js';
import { nodeDisk } from '../../src/disk/node-disk.js';
import { parseListenAddress } from '../../src/http/addresses.js';
import { eventually } from '../crash/eventually.js';
import { serve } from '../daemon.js';
import { FaultyDisk } from '../disk/faulty-disk.js';
import { request, Wire } from '../http/wire.js';
import { changed, metricsText, type Samples, samplesIn, scrape } from '../scrape.js';
import { HeldDisk } from '../store/held-disk.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { run } from './world.js';

/** A fence command that fails until a file is there. */
function failsUntil(): { readonly command: string; readonly succeed: () => void } {
  const directory = temporaryDirectory();
  const command = join(directory, 'fence');
  const flag = join(directory, 'flag');
  writeFileSync(command, `#!/bin/sh\ntest -e ${flag}\n`, { mode: 0o755 });
  return { command, succeed: () => writeFileSync(flag, '') };
}

/** Scrapes until it is so. */
async function until(url: string, what: string, isSo: (samples: Samples) => boolean): Promise<Samples> {
  let samples: Samples = new Map();
  await eventually(what, async () => {
    samples = await scrape(url);
    return isSo(samples);
  });
  return samples;
}

/** A daemon, and clients by their names. */
async function served(...words: string[]) {
  const running = await serve(words);
  return { ...running, as: (client: string) => new LockdClient({ url: running.url, client }) };
}

/** How a call was refused. */
async function refused(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    if (error instanceof RefusedCall) return error.refusal ?? '';
    throw error;
  }
  throw new Error('it was not refused');
}

/** The changes of what counts locks; not those of time, memory and the loop, which never stand still. */
function ofLocks(before: Samples, after: Samples): Record<string, number> {
  const named = /^lockd_(?:held|waiting|fencing|grants|unlocks|lost|adoptions|refusals|refused_requests)/;
  return Object.fromEntries(Object.entries(changed(before, after)).filter(([name]) => named.test(name)));
}

describe('every figure moves', () => {
  test('held, refused, unlocked', async () => {
    const { url, as } = await served();
    const [a, b] = [as('A'), as('B')];
    const start = await scrape(url);
    expect(start.get('lockd_held')).toBe(0);
    expect(start.get('lockd_ready')).toBe(1);
    expect(start.get('lockd_problems')).toBe(0);
    const { token } = await a.lock('r');
    expect(await refused(b.lock('r'))).toBe('held');
    expect(await refused(b.unlock('r'))).toBe('notOwner');
    const locked = await scrape(url);
    expect(ofLocks(start, locked)).toEqual({
      lockd_held: 1,
      lockd_grants_total: 1,
      'lockd_refusals_total{refusal="held"}': 1,
      'lockd_refusals_total{refusal="notOwner"}': 1,
    });
    await a.unlock('r', { token });
    const unlocked = await scrape(url);
    expect(ofLocks(locked, unlocked)).toEqual({ lockd_held: -1, lockd_unlocks_total: 1 });
    const { lockd_hold_seconds_sum: held = 0, ...moved } = changed(start, unlocked);
    expect(held).toBeGreaterThan(0);
    expect(held).toBeLessThan(60);
    expect(moved).toMatchObject({
      lockd_wait_seconds_count: 1,
      'lockd_wait_seconds_bucket{le="+Inf"}': 1,
      lockd_hold_seconds_count: 1,
      lockd_flush_seconds_count: 2,
    });
    for (const name of [
      ...['lockd_wait_seconds_sum', 'lockd_flush_seconds_sum', 'lockd_turn_commands_sum'],
      ...['lockd_turn_changes_sum', 'lockd_journal_bytes', 'process_cpu_seconds_total'],
      'lockd_event_loop_active_seconds_total',
    ]) {
      expect(moved[name], name).toBeGreaterThan(0);
    }
  });

  test('waiting in line, and how long', async () => {
    const { url, as } = await served();
    const [a, b] = [as('A'), as('B')];
    const { token } = await a.lock('r');
    const start = await scrape(url);
    const waits = b.lock('r', { wait: 60 });
    const waiting = await until(url, 'B waits', (samples) => samples.get('lockd_waiting') === 1);
    await sleep(300);
    await a.unlock('r', { token });
    await waits;
    const granted = await scrape(url);
    expect(ofLocks(waiting, granted)).toEqual({
      lockd_waiting: -1,
      lockd_grants_total: 1,
      lockd_unlocks_total: 1,
    });
    const { lockd_wait_seconds_sum: waited = 0 } = changed(start, granted);
    expect(waited).toBeGreaterThanOrEqual(0.3);
  });

  test('lost to a lease and fenced; handed over; forced', async () => {
    const { command, succeed } = failsUntil();
    const { url, as } = await served('--fence', `fenced/*=${command}`);
    const [a, b] = [as('A'), as('B')];
    const runs = (outcome: string) => `lockd_fence_run_seconds_count{outcome="${outcome}"}`;
    const start = await scrape(url);
    await a.lock('fenced/x', { ttl: 0.2 });
    const fencing = await until(url, 'a run', (samples) => (samples.get(runs('failed')) ?? 0) > 0);
    expect(ofLocks(start, fencing)).toEqual({
      lockd_held: 1,
      lockd_fencing: 1,
      lockd_grants_total: 1,
      'lockd_lost_total{reason="expired"}': 1,
    });
    expect(fencing.get(runs('succeeded'))).toBe(0);
    succeed();
    const fenced = await until(
      url,
      'the end of the fencing',
      (samples) => samples.get('lockd_fencing') === 0,
    );
    expect(ofLocks(fencing, fenced)).toEqual({ lockd_held: -1, lockd_fencing: -1 });
    expect(fenced.get(runs('succeeded'))).toBe(1);
    expect(fenced.get('lockd_fence_run_seconds_sum{outcome="succeeded"}')).toBeGreaterThan(0);
    await a.lock('r');
    await a.update('r', { newClient: 'B' });
    await b.forceUnlock('r', { reason: 'x' });
    expect(ofLocks(fenced, await scrape(url))).toEqual({
      lockd_grants_total: 2,
      'lockd_lost_total{reason="forced"}': 1,
      'lockd_lost_total{reason="handedOver"}': 1,
    });
  });

  test('connections, and requests that were no calls', async () => {
    const { url } = await served('--max-connections', '40');
    const start = await scrape(url);
    expect(start.get('lockd_connections_limit')).toBe(40);
    const wires = await Promise.all(Array.from({ length: 20 }, () => Wire.to(url)));
    onTestFinished(() => wires.forEach((wire) => void wire.socket.destroy()));
    await until(url, 'they are there', (samples) => (samples.get('lockd_connections') ?? 0) >= 20);
    for (const wire of wires) wire.socket.destroy();
    await until(url, 'they are gone', (samples) => (samples.get('lockd_connections') ?? 0) < 20);
    expect((await fetch(new URL('/nothing', url))).status).toBe(404);
    expect(ofLocks(start, await scrape(url))).toEqual({ 'lockd_refused_requests_total{status="404"}': 1 });
  });

  test('streams of events', async () => {
    const { url } = await served();
    const leave = new AbortController();
    const stream = await fetch(new URL('/events', url), { signal: leave.signal });
    expect(stream.status).toBe(200);
    await until(url, 'one listens', (samples) => samples.get('lockd_event_streams') === 1);
    leave.abort();
    const left = await until(url, 'nobody listens', (samples) => samples.get('lockd_event_streams') === 0);
    expect(left.get('lockd_event_streams_cut_total')).toBe(0);
  });

  test('the loop is looked at from the first scrape on', async () => {
    const { url } = await served();
    const start = await scrape(url);
    expect(start.get('lockd_event_loop_delay_seconds_count')).toBe(0);
    await until(url, 'ten looks', (samples) => {
      return (changed(start, samples).lockd_event_loop_delay_seconds_count ?? 0) >= 10;
    });
  });

  test('what the process is', async () => {
    const { url } = await served('--max-locks', '77');
    const samples = await scrape(url);
    expect(samples.get('lockd_held_limit')).toBe(77);
    const started = samples.get('process_start_time_seconds') ?? 0;
    expect(Math.abs(Date.now() / 1_000 - started)).toBeLessThan(60);
    expect(samples.get('process_resident_memory_bytes')).toBeGreaterThan(1e7);
    expect(samples.get('nodejs_heap_size_used_bytes')).toBeGreaterThan(1e6);
    expect(samples.get('nodejs_external_memory_bytes')).toBeGreaterThan(0);
    const { version } = await new LockdClient({ url }).stats();
    expect(samples.get(`lockd_build_info{version="${version}",node="${process.versions.node}"}`)).toBe(1);
  });
});

test('no name that a caller chose stands in it, and it grows with nothing', async () => {
  const { url, as } = await served();
  const before = await metricsText(url);
  const names = [
    '<script>',
    'a"b',
    'back\\slash',
    'מנעול',
    ...Array.from({ length: 50 }, (_, n) => `secret/${n}`),
  ];
  for (const name of names) {
    await as(`client of ${name}`).lock(name, { note: `note on ${name}` });
    await refused(as('somebody else').lock(name));
  }
  const after = await metricsText(url);
  expect(samplesIn(after).get('lockd_held')).toBe(names.length);
  expect([...samplesIn(after).keys()]).toEqual([...samplesIn(before).keys()]);
  for (const name of ['script', 'a"b', 'slash', 'מנעול', 'secret', 'client of', 'note on', 'somebody']) {
    expect(after).not.toContain(name);
  }
});

test('every metric that the example of alerts looks at is there', async () => {
  const { url } = await served();
  const rules = readFileSync(new URL('../../examples/prometheus-rules.yml', import.meta.url), 'utf8');
  const named = [...rules.matchAll(/^ +expr: (?:>-\n)?((?:.*\n)(?: {10}.*\n)*)/gm)].flatMap(
    ([, expression = '']) => [...expression.matchAll(/\b(?:lockd|nodejs|process)_\w+(?:\{[^}]*\})?/g)],
  );
  expect(named.length).toBeGreaterThan(10);
  const there = [...(await scrape(url)).keys()];
  for (const [metric] of named) {
    const [, name = '', labels = ''] = /^(\w+)(.*)$/.exec(metric.replace('{job="lockd"}', '')) ?? [];
    const isThere = there.some((one) => one.startsWith(name) && one.includes(labels.slice(1, -1)));
    expect(isThere, metric).toBe(true);
  }
});

describe('users', () => {
  async function guarded() {
    const file = join(temporaryDirectory(), 'users.json');
    const add = async (name: string, ...flags: string[]) =>
      (await run(['user', 'add', name, '--users', file, ...flags])).stdout.trim();
    const viewer = await add('eve', '--role', 'viewer');
    const client = await add('ci', '--role', 'client', '--allow', 'deploy/*');
    const { url } = await serve(['--users', file]);
    return { url, viewer: basic('eve', viewer), client: basic('ci', client), clientSecret: client };
  }
  const basic = (name: string, secret: string) => ({
    Authorization: `Basic ${Buffer.from(`${name}:${secret}`).toString('base64')}`,
  });

  test('a viewer reads it, a stranger does not; the health and the readiness are everybody’s', async () => {
    const { url, viewer } = await guarded();
    expect((await scrape(url, viewer)).get('lockd_ready')).toBe(1);
    for (const headers of [{}, basic('eve', 'wrong')]) {
      const answer = await fetch(new URL('/metrics', url), { headers });
      expect(answer.status).toBe(401);
      expect(await answer.text()).not.toContain('lockd_');
    }
    for (const path of ['/healthz', '/readyz']) {
      expect((await fetch(new URL(path, url))).status).toBe(200);
    }
    expect((await scrape(url, viewer)).get('lockd_refused_requests_total{status="401"}')).toBe(2);
  });

  test('what a user may not do is refused too', async () => {
    const { url, viewer, clientSecret } = await guarded();
    const ci = new LockdClient({ url, user: 'ci', secret: clientSecret });
    expect(await refused(ci.lock('db/x'))).toBe('denied');
    expect((await scrape(url, viewer)).get('lockd_refusals_total{refusal="denied"}')).toBe(1);
  });
});

describe('/readyz, /healthz and their figures', () => {
  /** A daemon on this disk, in this process; ends with the test, after `heal`. */
  async function onDisk(disk: Disk, heal: () => void): Promise<string> {
    const addresses = [parseListenAddress('127.0.0.1:0')];
    const options = { directory: temporaryDirectory(), disk, roomBytes: 0, log: () => undefined };
    const daemon = await startDaemon({ ...options, addresses });
    onTestFinished(async () => {
      heal();
      await daemon.close();
    });
    return daemon.urls[0] ?? '';
  }

  /** A daemon on a disk that fails when it is told to. */
  async function onFaultyDisk() {
    const disk = new FaultyDisk(nodeDisk);
    const url = await onDisk(disk, () => disk.heal());
    const look = async (path: string) => {
      const answer = await fetch(new URL(path, url));
      return { status: answer.status, told: await answer.json() };
    };
    const figures = async () => {
      const samples = await scrape(url);
      return { ready: samples.get('lockd_ready'), problems: samples.get('lockd_problems') };
    };
    return { url, disk, look, figures, client: new LockdClient({ url, client: 'A' }) };
  }

  const READY = { status: 200, told: { status: 'ready', problems: [] } };
  const HEALTHY = { status: 200, told: { status: 'ok', problems: [] } };

  test('a full disk: neither ready nor well, until there is room', async () => {
    const { disk, look, figures, client } = await onFaultyDisk();
    expect([await look('/readyz'), await look('/healthz')]).toEqual([READY, HEALTHY]);
    disk.failNext('write', { code: 'ENOSPC', path: /jsonl/, times: Number.POSITIVE_INFINITY });
    expect(await refused(client.lock('r'))).toBe('storageFull');
    const problems = [expect.stringMatching(/^A change was refused: No space left in /)];
    expect(await look('/readyz')).toEqual({ status: 503, told: { status: 'notReady', problems } });
    expect(await look('/healthz')).toEqual({ status: 503, told: { status: 'degraded', problems } });
    expect(await figures()).toEqual({ ready: 0, problems: 1 });
    disk.heal();
    expect([await look('/readyz'), await look('/healthz')]).toEqual([READY, HEALTHY]);
    expect(await figures()).toEqual({ ready: 1, problems: 0 });
    await client.lock('r');
  });

  test('a lock file that cannot be made: ready, but not well', async () => {
    const { disk, look, figures, client } = await onFaultyDisk();
    disk.failNext('link', { code: 'EIO', path: /r\.lock$/, times: Number.POSITIVE_INFINITY });
    await client.lock('r');
    expect(await look('/readyz')).toEqual(READY);
    expect(await look('/healthz')).toMatchObject({ status: 503, told: { status: 'degraded' } });
    expect(await figures()).toEqual({ ready: 1, problems: 1 });
  });

  test('while the disk hangs all three are answered, with what waits for it', async () => {
    const held = new HeldDisk(nodeDisk);
    const url = await onDisk(held.disk, () => held.release());
    const start = await scrape(url);
    held.hold();
    const lock = new LockdClient({ url, client: 'A' }).lock('r');
    await held.held();
    expect(ofLocks(start, await scrape(url))).toEqual({ lockd_held: 1 });
    for (const path of ['/readyz', '/healthz']) expect((await fetch(new URL(path, url))).status).toBe(200);
    held.release();
    await lock;
    expect(ofLocks(start, await scrape(url))).toEqual({ lockd_held: 1, lockd_grants_total: 1 });
  });

  test('a daemon that stops lets in nobody who asks', async () => {
    const { url, daemon } = await serve();
    const idle = await Wire.to(url);
    expect((await idle.send(request('GET /readyz')).answer()).status).toBe(200);
    daemon.child.kill('SIGTERM');
    await idle.closed;
    await expect(fetch(new URL('/readyz', url))).rejects.toThrow();
    expect(await daemon.ended).toBe(0);
  });
});
