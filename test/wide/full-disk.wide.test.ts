/** Disks that are full, out of inodes, read-only, or do not let names be made: what is refused has not happened. */
import { readdirSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { call, listHolds, noted, succeeded } from '../crash/clients.js';
import { Ledger } from '../crash/ledger.js';
import { lastingLockFileProblems, lockFileProblems } from '../crash/lock-files.js';
import { type RunningDaemon, serve } from '../daemon.js';
import { Wire } from '../http/wire.js';
import { describeWith } from '../needs.js';
import { Filler } from './filler.js';
import { Disk, mountTmpfs, run } from './mounts.js';

const CLIENT = 'client';

/** Fills a file system, for certain. */
function fill(filler: Filler, mount: string): void {
  filler.fill();
  expect(statfsSync(mount).bavail).toBe(0);
}

/** Locks one resource after another until one is refused. Answers how many were locked, and the refusal. */
async function lockUntilRefused(wire: Wire, ledger: Ledger, prefix: string) {
  for (let count = 0; count < 5_000; count += 1) {
    const sent = ledger.sent({ method: 'lock', resource: `${prefix}-${count}`, client: CLIENT });
    const response = await call(wire, 'lock', sent.resource, CLIENT);
    if ('fault' in response) {
      ledger.answered(sent, { fault: response.fault.code });
      return { count, fault: response.fault };
    }
    const token = response.value instanceof Map ? response.value.get('token') : undefined;
    ledger.answered(sent, { granted: Number(token) });
  }
  throw new Error('5,000 locks, and none was refused');
}

async function unlockAll(wire: Wire, ledger: Ledger, url: string): Promise<void> {
  for (const { resource, client } of await listHolds(url)) {
    expect(await noted(ledger, wire, 'unlock', resource, client), `unlock ${resource}`).toBe('unlocked');
  }
}

/** The daemon is killed, and another one is compared with the ledger. */
async function restart({ daemon, directory }: RunningDaemon, ledger: Ledger): Promise<RunningDaemon> {
  await daemon.kill();
  const next = await serve([], directory);
  const holds = await listHolds(next.url);
  ledger.restarted(holds);
  expect(ledger.problems).toEqual([]);
  expect(await lastingLockFileProblems(directory, holds, () => listHolds(next.url))).toEqual([]);
  return next;
}

const OWN_NAMES =
  /^(?:adopted|daemon\.lock|epoch-\d{10}|guard|owner\.json|reserve|slots-\d{10}|journal-\d{10}-\d{10}\.jsonl)$/;

/** What lies about in the daemon's own directory that should not. */
function debris(directory: string): string[] {
  const own = readdirSync(join(directory, '.lockd'));
  const slots = own.filter((name) => name.startsWith('slots-'));
  return [
    ...own.filter((name) => !OWN_NAMES.test(name)),
    ...slots
      .flatMap((name) => readdirSync(join(directory, '.lockd', name)))
      .filter((name) => !/^\d+$/.test(name)),
    ...(slots.length > 1 ? slots : []),
  ];
}

async function health(url: string) {
  const response = await fetch(`${url}/healthz`);
  return { status: response.status, text: await response.text() };
}

const disks = [
  { name: 'tmpfs', make: () => mountTmpfs('size=2m') },
  { name: 'ext4', make: () => new Disk('ext4', 8).path },
];

describeWith(['root', 'mkfs.ext4'], 'a full disk', () => {
  test.each(disks)(
    '$name: locks are refused, unlocks work, and all is well again with space',
    async ({ make }) => {
      const mount = make();
      const filler = new Filler(mount);
      const ledger = new Ledger();
      let running = await serve([], join(mount, 'locks'));
      let wire = await Wire.to(running.url);
      for (let count = 0; count < 20; count += 1)
        await noted(ledger, wire, 'lock', `before-${count}`, CLIENT);
      expect(await health(running.url)).toMatchObject({ status: 200 });

      fill(filler, mount);
      const { fault } = await lockUntilRefused(wire, ledger, 'full');
      expect(fault).toEqual({ code: 15, text: `No space left in ${running.directory}; nothing was changed` });
      expect(await health(running.url)).toMatchObject({
        status: 503,
        text: expect.stringContaining('space'),
      });
      expect(lockFileProblems(running.directory, await listHolds(running.url))).toEqual([]);
      // A slot that still rested when the disk was full may serve one lock more.
      for (let count = 0, refused = 0; refused < 20; count += 1) {
        expect(count).toBeLessThan(60);
        const outcome = await noted(ledger, wire, 'lock', `more-${count}`, CLIENT);
        const isRefused = typeof outcome === 'object' && 'fault' in outcome;
        if (isRefused) expect(outcome).toEqual({ fault: 15 });
        refused = isRefused ? refused + 1 : 0;
      }
      await unlockAll(wire, ledger, running.url);
      expect(lockFileProblems(running.directory, [])).toEqual([]);

      filler.remove();
      expect(await noted(ledger, wire, 'lock', 'after', CLIENT)).toHaveProperty('granted');
      running = await restart(running, ledger);
      // An old one goes when the last lock file is renewed, beside the calls.
      await expect.poll(() => debris(running.directory)).toEqual([]);
      wire = await Wire.to(running.url);
      expect(await noted(ledger, wire, 'lock', 'at last', CLIENT)).toHaveProperty('granted');
      expect(await health(running.url)).toMatchObject({ status: 200 });
    },
  );

  test.each(disks)('$name: a start on it after kill -9 gives up the reserve', async ({ make }) => {
    const mount = make();
    const filler = new Filler(mount);
    const ledger = new Ledger();
    const first = await serve([], join(mount, 'locks'));
    const wire = await Wire.to(first.url);
    for (let count = 0; count < 20; count += 1) await noted(ledger, wire, 'lock', `before-${count}`, CLIENT);
    fill(filler, mount);
    await lockUntilRefused(wire, ledger, 'full');
    const second = await restart(first, ledger);
    expect(await health(second.url)).toMatchObject({ status: 503, text: expect.stringContaining('space') });
    await unlockAll(await Wire.to(second.url), ledger, second.url);
    filler.remove();
    const third = await restart(second, ledger);
    // An old one goes when the last lock file is renewed, beside the calls.
    await expect.poll(() => debris(third.directory)).toEqual([]);
    expect(await health(third.url)).toMatchObject({ status: 200 });
  });

  test('a start without any space says so in one line', async () => {
    const mount = mountTmpfs('size=1m');
    const first = await serve([], join(mount, 'locks'));
    await first.daemon.kill();
    rmSync(join(first.directory, '.lockd/reserve'));
    fill(new Filler(mount), mount);
    await expect(serve([], first.directory)).rejects.toThrow(
      /^it ended with 1: lockd cannot start in .*ENOSPC.*\n$/,
    );
  });

  test('no inodes left: the same', async () => {
    const mount = mountTmpfs('size=4m,nr_inodes=60');
    const ledger = new Ledger();
    const running = await serve([], join(mount, 'locks'));
    const wire = await Wire.to(running.url);
    const { count, fault } = await lockUntilRefused(wire, ledger, 'r');
    expect(count).toBeGreaterThan(10);
    expect(fault).toEqual({ code: 15, text: `No space left in ${running.directory}; nothing was changed` });
    await unlockAll(wire, ledger, running.url);
    expect(await noted(ledger, wire, 'lock', 'again', CLIENT)).toHaveProperty('granted');
    const next = await restart(running, ledger);
    // An old one goes when the last lock file is renewed, beside the calls.
    await expect.poll(() => debris(next.directory)).toEqual([]);
  });
});

describeWith(['root', 'mkfs.ext4'], 'a disk that becomes read-only', () => {
  test('what is held stays held, everything else is refused by name, and health says so', async () => {
    const disk = new Disk('ext4', 16);
    disk.unmount();
    disk.mount('errors=remount-ro');
    const ledger = new Ledger();
    const running = await serve([], join(disk.path, 'locks'));
    const wire = await Wire.to(running.url);
    await noted(ledger, wire, 'lock', 'held', CLIENT);
    await noted(ledger, wire, 'lock', 'held too', CLIENT);
    // What the kernel does by itself when the device fails.
    run('mount', '-o', 'remount,abort', disk.path);
    for (const [method, resource] of [
      ['lock', 'new'],
      ['unlock', 'held'],
      ['lock', 'new'],
    ] as const) {
      const response = await call(wire, method, resource, CLIENT);
      expect(response, method).toMatchObject({
        fault: { code: 15, text: expect.stringMatching(/cannot be written \(EROFS.*nothing was changed/) },
      });
    }
    const listed = await listHolds(running.url);
    expect(listed.map(({ resource }) => resource)).toEqual(['held', 'held too']);
    expect(await health(running.url)).toMatchObject({ status: 503, text: expect.stringContaining('EROFS') });
    // Longer than its directory lock lasts without a heartbeat, which cannot be written either.
    await sleep(16_000);
    expect(await listHolds(running.url)).toHaveLength(2);

    await running.daemon.kill();
    disk.unmount();
    disk.mount();
    const next = await serve([], running.directory);
    ledger.restarted(await listHolds(next.url));
    expect(ledger.problems).toEqual([]);
    expect(await health(next.url)).toMatchObject({ status: 200 });
  });
});

describeWith(['root', 'mkfs.ext4', 'chattr'], 'a directory in which no name can be made', () => {
  test('locks hold without their files, health says so, and a restart makes them', async () => {
    const disk = new Disk('ext4', 16);
    const running = await serve([], join(disk.path, 'locks'));
    const wire = await Wire.to(running.url);
    const ledger = new Ledger();
    await noted(ledger, wire, 'lock', 'with', CLIENT);
    run('chattr', '+i', running.directory);
    expect(await noted(ledger, wire, 'lock', 'without', CLIENT)).toHaveProperty('granted');
    expect(await noted(ledger, wire, 'unlock', 'with', CLIENT)).toBe('unlocked');
    expect(lockFileProblems(running.directory, await listHolds(running.url))).toEqual([
      'without.lock is missing',
      'with.lock is stale',
    ]);
    const said = await health(running.url);
    expect(said).toMatchObject({ status: 503 });
    expect(JSON.parse(said.text).problems).toHaveLength(2);
    run('chattr', '-i', running.directory);
    succeeded(await call(wire, 'status', 'with'));
    await restart(running, ledger);
  });
});
