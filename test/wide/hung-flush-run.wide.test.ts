/** A disk that hangs while it flushes: commands that run under a lock go on, for their leases are renewed without it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Caller, storyOf } from '../crash/caller.js';
import { eventually } from '../crash/eventually.js';
import { LockdProcess, serve } from '../daemon.js';
import { describeWith } from '../needs.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { hangFlush } from './strace.js';

const RUNS = 10;
/** Seconds. The commands' leases are renewed every third of it, which a busy machine must let them. */
const TTL = 3;

/** Says when it begins and ends; ends when the file is there. */
const COMMAND = 'echo begun; until [ -e "$0" ]; do sleep 0.5; done; echo done';

describeWith(['root', 'strace'], 'a flush that hangs for 3 x ttl', () => {
  test(`${RUNS} commands that run under a lock: none is ended, none loses`, async () => {
    const { daemon, url } = await serve();
    const end = join(temporaryDirectory(), 'end');
    const runs = Array.from({ length: RUNS }, (_, number) => {
      const words = ['run', `r${number}`, '--url', url, '--ttl', `${TTL}s`, '--client', `client-${number}`];
      return new LockdProcess([...words, '--', 'sh', '-c', COMMAND, end]);
    });
    await Promise.all(runs.map((run) => run.wrote('stdout', /begun/)));
    // A connection of its own for each question: one that says nothing for seconds is closed.
    const looking = () => Caller.to(url);
    const disk = await hangFlush(daemon);
    let isGranted = false;
    const locking = (await looking()).lock('new', 'A').then(() => {
      isGranted = true;
    });
    await eventually('a flush', () => disk.calls().length > 0);
    await sleep(3 * TTL * 1_000);
    const health = await fetch(`${url}/healthz`);
    expect(health.status).toBe(503);
    expect(await (await looking()).status('r0')).toMatchObject({
      state: 'held',
      holders: [{ client: 'client-0' }],
    });
    expect(isGranted).toBe(false);
    await disk.detach();
    await locking;
    writeFileSync(end, '');
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
