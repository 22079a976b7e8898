/** A flush that fails, and kill -9 at every kind of system call that changes the disk. */
import { expect, test } from 'vitest';
import { callOnce, listHolds, noted, runClients, succeeded } from '../crash/clients.js';
import { Ledger } from '../crash/ledger.js';
import { lastingLockFileProblems } from '../crash/lock-files.js';
import { listening, serve, startSmallSegments } from '../daemon.js';
import { Wire } from '../http/wire.js';
import { describeWith } from '../needs.js';
import { chooseSeed, everySecond, randomFrom } from '../random.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { traced } from './strace.js';

describeWith(['root', 'strace'], 'a flush that fails', () => {
  test.each(['EIO', 'ENOSPC', 'EDQUOT'])(
    '%s: no answer, no second flush, an end, nothing lost',
    async (code) => {
      const directory = temporaryDirectory();
      // The first is that of the snapshot.
      const tracing = traced({ trace: 'fdatasync,fsync', inject: `fdatasync:error=${code}:when=4` });
      const { daemon, url } = await serve([], directory, tracing);
      const ledger = new Ledger();
      const wire = await Wire.to(url);
      await noted(ledger, wire, 'lock', 'a', 'A');
      await noted(ledger, wire, 'lock', 'b', 'B');
      const other = await Wire.to(url);
      const failing = noted(ledger, wire, 'unlock', 'a', 'A');
      const behind = noted(ledger, other, 'lock', 'c', 'C');
      expect(await Promise.all([failing, behind])).toEqual([undefined, undefined]);
      expect(await daemon.ended).toBe(1);
      expect(daemon.records.at(-1)).toMatchObject({ msg: expect.stringContaining('could not be flushed') });

      const calls = tracing.calls().filter((line) => !line.includes('resumed'));
      const failed = calls.findIndex((line) => line.includes(code));
      expect(calls.filter((line) => line.includes('fdatasync'))).toHaveLength(4);
      expect(calls.slice(failed + 1)).toEqual([]);
      ledger.restarted(await listHolds((await serve([], directory)).url));
      expect(ledger.problems).toEqual([]);
      expect(ledger.acknowledged).toBe(2);
    },
  );

  test('at the start: no daemon', async () => {
    const directory = temporaryDirectory();
    const tracing = traced({ trace: 'fdatasync', inject: 'fdatasync:error=EIO:when=1' });
    await expect(serve([], directory, tracing)).rejects.toThrow(/it ended with 1: .*EIO/s);
    const { url } = await serve([], directory);
    succeeded(await callOnce(url, 'lock', 'a', 'A'));
  });

  test('that takes long only takes long', async () => {
    const tracing = traced({ trace: 'fdatasync', inject: 'fdatasync:delay_enter=700ms:when=2' });
    const { url } = await serve([], temporaryDirectory(), tracing);
    const started = performance.now();
    succeeded(await callOnce(url, 'lock', 'a', 'A'));
    expect(performance.now() - started).toBeGreaterThan(650);
  });
});

/** Small enough that the history below fills several. */
const SEGMENT_BYTES = 1_500;
const CLIENTS = 3;
const CALLS = 25;

/** Runs a history on a daemon that dies in it, or in its start, or is killed at its end. Answers whether it died. */
async function live(directory: string, inject: string, ledger: Ledger, seed: number): Promise<boolean> {
  const tracing = traced({ trace: inject.split(':')[0] ?? '', inject });
  const daemon = startSmallSegments(SEGMENT_BYTES, directory, tracing);
  const running = await listening(daemon, directory).catch(() => undefined);
  const options = { ledger, random: randomFrom(seed), clients: CLIENTS, calls: CALLS };
  const died = !running || (await runClients({ url: running.url, ...options }));
  await daemon.kill();
  return died;
}

/** What a daemon finds after that. */
async function lookAfter(directory: string, ledger: Ledger): Promise<void> {
  const { url, daemon } = await listening(startSmallSegments(SEGMENT_BYTES, directory), directory);
  const holds = await listHolds(url);
  ledger.restarted(holds);
  ledger.problems.push(...(await lastingLockFileProblems(directory, holds, () => listHolds(url))));
  await daemon.kill();
}

/** Two lives in one directory: the first makes it, the second finds it. Answers how many ended early. */
async function dieTwice(inject: string, seed: number): Promise<number> {
  const ledger = new Ledger();
  const directory = temporaryDirectory();
  let died = 0;
  for (const life of [seed, seed + 1_000]) {
    if (await live(directory, inject, ledger, life)) died += 1;
    await lookAfter(directory, ledger);
  }
  expect(ledger.problems, inject).toEqual([]);
  return died;
}

/** At which of its calls a daemon dies: some are in its start, and most in the turns and rotations behind it. */
const CALLS_THAT_CHANGE: Readonly<Record<string, readonly number[]>> = {
  pwrite64: [1, 2, 3, 4, 5, 6, 7, 9, 12, 16, 21, 27, 34, 42, 55, 70],
  fdatasync: [1, 2, 3, 4, 5, 7, 9, 12, 16, 21, 27, 35],
  fsync: [1, 2, 3, 4, 5, 6],
  link: [1, 2, 3, 4, 5, 7, 9, 12, 16, 22],
  unlink: [1, 2, 3, 4, 5, 7, 9, 12, 16, 22],
  rename: [1, 2],
  ftruncate: [1, 2, 3, 4],
  mkdir: [1, 2, 3, 4],
  'write,writev,sendto,sendmsg': [4, 8, 12, 16, 20, 25, 30, 40, 50],
};

describeWith(['root', 'strace'], 'kill -9 at a system call', () => {
  test.each(Object.entries(CALLS_THAT_CHANGE))(
    '%s: nothing that was acknowledged is lost',
    async (name, times) => {
      let died = 0;
      const seed = chooseSeed();
      const chosen = times.length > 4 ? everySecond(seed, times) : times;
      const waiting = [...chosen];
      const worker = async () => {
        for (let when = waiting.shift(); when !== undefined; when = waiting.shift()) {
          const ends = await dieTwice(`${name}:signal=KILL:when=${when}`, when);
          died += ends;
        }
      };
      await Promise.all([worker(), worker()]);
      console.log(`${name}: ${died} of ${2 * chosen.length} daemons died there, LOCKD_TEST_SEED=${seed}`);
      expect(died).toBeGreaterThan(chosen.length);
    },
  );
});
