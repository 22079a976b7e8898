/** A disk that hangs while it flushes: commands that run under a lock go on, for their leases are renewed without it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Caller, storyOf } from '../crash/caller.js';
import { LockdProcess, serve } from '../daemon.js';
import { describeWith } from '../needs.js';
import { attach } from './strace.js';

const RUNS = 10;
const TTL = 2;
const HANG_SECONDS = 3.25 * TTL;

describeWith(['root', 'strace'], 'a flush that hangs for 3 x ttl', () => {
  test(`${RUNS} commands that run under a lock: none is ended, none loses`, { timeout: 90_000 }, async () => {
    const { daemon, url } = await serve();
    const runs = Array.from({ length: RUNS }, (_, number) => {
      const words = ['run', `r${number}`, '--url', url, '--ttl', `${TTL}s`, '--client', `client-${number}`];
      return new LockdProcess([
        ...words,
        '--',
        'sh',
        '-c',
        'echo begun; sleep "$0"; echo done',
        String(HANG_SECONDS + 6),
      ]);
    });
    await Promise.all(runs.map((run) => run.wrote('stdout', /begun/)));
    // A connection of its own for each question: one that says nothing for seconds is closed.
    const looking = () => Caller.to(url);
    const inject = `fdatasync:delay_enter=${HANG_SECONDS * 1_000}ms:when=1`;
    const strace = await attach({ trace: 'fdatasync', inject }, daemon.child.pid ?? 0);
    const began = performance.now();
    const locking = (await looking()).lock('new', 'A');
    await sleep((HANG_SECONDS - 0.5) * 1_000);
    const health = await fetch(`${url}/healthz`);
    expect(health.status).toBe(503);
    expect(await (await looking()).status('r0')).toMatchObject({
      state: 'held',
      holders: [{ client: 'client-0' }],
    });
    await locking;
    expect(performance.now() - began).toBeGreaterThan(HANG_SECONDS * 1_000 - 100);
    await strace.detach();
    expect(await Promise.all(runs.map((run) => run.ended))).toEqual(runs.map(() => 0));
    for (const [number, { stdout, stderr }] of runs.entries()) {
      expect({ stdout, stderr }).toEqual({ stdout: 'begun\ndone\n', stderr: '' });
      expect(await storyOf(url, `r${number}`)).toEqual([
        `granted client-${number}`,
        `unlocked client-${number}`,
      ]);
    }
    expect(await (await looking()).stats()).toMatchObject({ lost: 0, held: 1 });
  });
});
