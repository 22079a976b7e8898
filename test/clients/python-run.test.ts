/** `python3 lockd.py run`: the command lives no longer than its lock. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { serve } from '../daemon.js';
import { describeWith } from '../needs.js';
import { steadyAddress } from '../steady-address.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { forceUnlock, lockAs, lockedResources, waitersOf } from './python-daemon.js';
import { lockdPy, outcome, script, startLockdPy } from './python-process.js';

function isAlive(pid: number): boolean {
  try {
    // What is dead and not yet buried does no harm.
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** Two processes of one group that end for nothing but KILL; they print their numbers. */
const STUBBORN = `trap '' TERM INT HUP
(trap '' TERM INT HUP; while :; do sleep 0.05; done) & echo $! $$
while :; do sleep 0.05; done`;

async function stubbornPids(run: ReturnType<typeof startLockdPy>): Promise<number[]> {
  const [, one, two] = await run.wrote('stdout', /(\d+) (\d+)\n/);
  return [Number(one), Number(two)];
}

/** Milliseconds until none of the processes is there any more. */
async function timeUntilGone(pids: readonly number[]): Promise<number> {
  const since = performance.now();
  while (pids.some(isAlive)) {
    if (performance.now() - since > 25_000) throw new Error(`still there after 25 s: ${pids}`);
    await pause(5);
  }
  return performance.now() - since;
}

describeWith(['python3'], 'lockd.py run', () => {
  test.each([
    ['its own', ['--', 'sh', '-c', 'exit 7'], 7],
    ['of a signal', ['--', 'sh', '-c', 'kill -KILL $$'], 137],
    ['what cannot be run', ['--', '/etc/passwd'], 126],
    ['what is not there', ['--', '/nowhere/nothing'], 127],
    ['nothing to run', [], 2],
    ['a lease that is none', ['--ttl', '0', '--', 'true'], 2],
    ['two wishes', ['--no-wait', '--wait', '5', '--', 'true'], 2],
  ])('exit status: %s', async (_, words, status) => {
    const { url } = await serve();
    const ran = await lockdPy(['run', 'r', ...words], url);
    expect(ran.status, ran.stderr).toBe(status);
    expect(await lockedResources(url)).toEqual([]);
  });

  test.each([
    [['--no-wait'], 1],
    [['--wait', '300ms'], 75],
    [['--wait', '300ms', '--conflict-exit-code', '42'], 42],
    [['--no-wait', '--conflict-exit-code', '42'], 42],
  ])('exit status where somebody else has it: %s', async (words, status) => {
    const { url } = await serve();
    await lockAs(url, 'holder', 'r', { note: 'mine' });
    const ran = await lockdPy(['run', ...words, 'r', '--', 'echo', 'ran'], url);
    expect({ status: ran.status, stdout: ran.stdout }).toEqual({ status, stdout: '' });
    expect(ran.stderr).toMatch(/'holder'[\s\S]*note: mine/);
  });

  test('exit status where no daemon is', async () => {
    const ran = await lockdPy(['run', 'r', '--', 'true'], 'http://127.0.0.1:1');
    expect(ran.status).toBe(69);
    expect(ran.stderr).toMatch(
      /^No daemon answers at http:\/\/127\.0\.0\.1:1 \(connection refused; 3 tries\)/,
    );
  });

  test('the command knows its lock, has its descriptors and none of ours', async () => {
    const { url } = await serve();
    // No pipe: a shell has it open itself for a moment.
    const look = 'cd /proc/$$/fd; echo *; echo $LOCKD_RESOURCE $LOCKD_CLIENT $LOCKD_TOKEN';
    const words = JSON.stringify(['sh', '-c', look]);
    // Whoever runs this test may have left others open, which are none of ours.
    const usual = await script(`import subprocess; subprocess.call(${words}, close_fds=False)`, url);
    const ran = await lockdPy(['run', 'r', '--client', 'me', '--', 'sh', '-c', look], url);
    expect(ran.stdout).toMatch(/^0 1 2 .*\nr me \d{16}\n$/);
    expect(ran.stdout.split('\n')[0]).toBe(usual.stdout.split('\n')[0]);
  });

  test('it is renewed for as long as the command runs, also through a restart of the daemon', async () => {
    const address = await steadyAddress();
    const first = await serve([], temporaryDirectory(), { address });
    const run = startLockdPy(
      ['run', 'r', '--ttl', '20s', '--', 'sh', '-c', 'echo begun; sleep 8; exit 3'],
      first.url,
    );
    await run.wrote('stdout', /begun/);
    await first.daemon.kill();
    await serve([], first.directory, { address });
    expect(await run.ended, run.stderr).toBe(3);
    expect(await lockedResources(first.url)).toEqual([]);
  });

  test('a daemon that is gone for good: nothing of the group is left when the lease is over', async () => {
    const { url, daemon } = await serve();
    const run = startLockdPy(['run', 'r', '--ttl', '5s', '--', 'sh', '-c', STUBBORN], url);
    const pids = await stubbornPids(run);
    await pause(2_000);
    await daemon.kill();
    // The last renewal was before that.
    expect(await timeUntilGone(pids)).toBeLessThan(5_000);
    expect((await outcome(run)).status).toBe(76);
    expect(run.stderr).toMatch(/'r' cannot be renewed \(No daemon answers .*ending the command/);
  });

  test('whoever has left the group and the session of the command goes with it', async () => {
    const { url, daemon } = await serve();
    const stubborn = "trap '' TERM; echo $$; while :; do sleep 0.05; done";
    const words = [
      'sh',
      '-c',
      `setsid sh -c "$0" & sleep 0.2; (setsid setsid sh -c "$0" &); exec sleep 20`,
      stubborn,
    ];
    const run = startLockdPy(['run', 'r', '--ttl', '5s', '--', ...words], url);
    const [, one, two] = await run.wrote('stdout', /(\d+)\n(\d+)\n/);
    await daemon.kill();
    expect(await timeUntilGone([Number(one), Number(two)])).toBeLessThan(5_000);
    expect(await run.ended).toBe(76);
  });

  test('a command that ends on TERM is told in time, and may tidy up', async () => {
    const { url, daemon } = await serve();
    const tidy = "trap 'echo tidy; exit 0' TERM; echo begun; while :; do sleep 0.05; done";
    const run = startLockdPy(['run', 'r', '--ttl', '5s', '--', 'sh', '-c', tidy], url);
    await run.wrote('stdout', /begun/);
    await daemon.kill();
    expect(await outcome(run)).toMatchObject({ status: 76, stdout: 'begun\ntidy\n' });
  });

  test('a lock that is taken away ends the command within a third of the ttl and its grace', async () => {
    const { url } = await serve();
    const run = startLockdPy(['run', 'r', '--ttl', '3s', '--', 'sh', '-c', STUBBORN], url);
    const pids = await stubbornPids(run);
    await forceUnlock(url, 'r', 'maintenance');
    expect(await timeUntilGone(pids)).toBeLessThan(2_700);
    expect((await outcome(run)).status).toBe(76);
    expect(run.stderr.match(/maintenance/g)).toHaveLength(1);
  });

  test('--on-loss keep only says it', async () => {
    const { url, daemon } = await serve();
    const told = join(temporaryDirectory(), 'told');
    const command = `echo begun; until [ -e ${told} ]; do sleep 0.05; done; echo kept`;
    const run = startLockdPy(
      ['run', 'r', '--ttl', '3s', '--on-loss', 'keep', '--', 'sh', '-c', command],
      url,
    );
    await run.wrote('stdout', /begun/);
    await daemon.kill();
    await run.wrote('stderr', /the command goes on/);
    writeFileSync(told, '');
    expect(await outcome(run)).toMatchObject({ status: 76, stdout: 'begun\nkept\n' });
  });

  test('--on-loss kill kills at once', async () => {
    const { url, daemon } = await serve();
    const loud = "trap 'echo asked' TERM; echo begun; while :; do sleep 0.05; done";
    const run = startLockdPy(['run', 'r', '--ttl', '3s', '--on-loss', 'kill', '--', 'sh', '-c', loud], url);
    await run.wrote('stdout', /begun/);
    await daemon.kill();
    expect(await outcome(run)).toMatchObject({ status: 76, stdout: 'begun\n' });
  });

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    '%s is passed on, and the lock given back',
    async (signal) => {
      const { url } = await serve();
      const catching = `trap 'echo got it; exit 5' ${signal.slice(3)}; echo begun; while :; do sleep 0.05; done`;
      const run = startLockdPy(['run', 'r', '--', 'sh', '-c', catching], url);
      await run.wrote('stdout', /begun/);
      run.child.kill(signal);
      expect(await outcome(run)).toMatchObject({ status: 5, stdout: 'begun\ngot it\n' });
      expect(await lockedResources(url)).toEqual([]);
    },
  );

  test('a signal while it waits leaves the line', async () => {
    const { url } = await serve();
    await lockAs(url, 'holder', 'r');
    const run = startLockdPy(['run', 'r', '--client', 'me', '--', 'true'], url);
    await run.wrote('stderr', /Waiting for 'r'. Held by 'holder' .*'me' is number 1 of 1 in the line/);
    run.child.kill('SIGTERM');
    expect((await outcome(run)).status).toBe(143);
    expect(run.stderr).toContain("The wait of 'me' for 'r' was ended by SIGTERM");
    expect(await waitersOf(url, 'r')).toBe(0);
  });
});
