/** `lockd_run` when the lock cannot be kept: nothing that the command has started may go on. */
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { serve } from '../daemon.js';
import { describeWith } from '../needs.js';
import { temporaryDirectory } from '../temporary-directory.js';
import {
  afterRenewal,
  bereave,
  clientOf,
  LEAVING,
  newMark,
  scattered,
  scattering,
  secondsUntilGone,
  startStubborn,
} from './shell-command.js';
import { fakeDaemon, grant, hold, member } from './shell-daemon.js';
import {
  bornOf,
  busyboxPath,
  lockdSh,
  processesIn,
  processesWith,
  type Running,
  SHELLS,
  startLockdSh,
  until,
} from './shell-process.js';

describeWith(['curl', 'flock'], 'lockd_run loses its lock', () => {
  test.each([
    ...SHELLS.map((shell) => ['stopped', 'SIGSTOP', 'term', shell] as const),
    ['killed', 'SIGKILL', 'term', ['sh']],
    ['killed', 'SIGKILL', 'kill', ['sh']],
  ] as const)(
    'a daemon that is %s for good (%s, --on-loss %s, %j): all is gone before the lease is over',
    async (_what, signal, onLoss, shell) => {
      const daemon = await serve();
      const { running, mark } = await startStubborn(['--ttl', '6s', '--on-loss', onLoss], daemon.url, shell);
      // Past a renewal.
      await new Promise((resolve) => setTimeout(resolve, 2_500));
      const since = await afterRenewal(daemon, () => daemon.daemon.child.kill(signal));
      expect(await secondsUntilGone(mark, since)).toBeLessThan(6);
      const { status, stderr } = await running.outcome;
      expect(status).toBe(76);
      expect(stderr).toMatch(/^'r' cannot be kept \(.*\): (ending|killing) the command\n/);
    },
  );

  test.each([
    ...SHELLS.map((shell) => ['its programs', shell] as const),
    ...SHELLS.filter(([program]) => program === 'busybox').map(
      (shell) => ['those of busybox', shell] as const,
    ),
  ])('whatever has left its session or its environment is gone too: with %s, %j', async (programs, shell) => {
    const daemon = await serve();
    const mark = newMark();
    const running = startLockdSh(['run', 'r', '--ttl', '10s', '--', ...scattering(mark)], {
      url: daemon.url,
      shell,
      variables: programs === 'those of busybox' ? { PATH: busyboxPath() } : {},
    });
    await running.wrote('stdout', /(up\s+){6}/);
    await bereave(mark, running);
    expect(scattered(mark)).toEqual(Object.keys(LEAVING));
    const since = await afterRenewal(daemon, () => daemon.daemon.child.kill('SIGSTOP'));
    expect(await secondsUntilGone(mark, since)).toBeLessThan(10);
    expect((await running.outcome).status).toBe(76);
  });

  test('a lock that was forced ends the command at once', async () => {
    const daemon = await serve();
    const { running, mark } = await startStubborn(['--ttl', '3s'], daemon.url, ['sh']);
    await clientOf(daemon).forceUnlock('r', { reason: 'maintenance', fenced: true });
    const { status, stderr } = await running.outcome;
    expect(processesIn(mark)).toEqual([]);
    expect(status).toBe(76);
    expect(stderr).toMatch(
      /^'r' cannot be kept \('.*' lost 'r' .*: forced by '.*': maintenance\. .*\): ending the command\n/,
    );
  });

  test('a command that was stopped is ended, too', async () => {
    const daemon = await serve();
    const words = ['run', 'r', '--ttl', '2s', '--', 'sh', '-c', 'echo up $$; exec sleep 30'];
    const running = startLockdSh(words, { url: daemon.url });
    const [, pid] = await running.wrote('stdout', /up (\d+)/);
    process.kill(Number(pid), 'SIGSTOP');
    await clientOf(daemon).forceUnlock('r', { reason: 'maintenance', fenced: true });
    await running.outcome;
    expect(() => process.kill(Number(pid), 0)).toThrow('ESRCH');
  });

  test.each([404, 401])('HTTP status %i while the command runs is an outage like others', async (status) => {
    const lease = member('ttl', '<double>6.0</double>');
    const { url } = await fakeDaemon((call, at) => {
      if (call.includes('<methodName>enqueue<')) return { body: grant('7', lease) };
      return at < 3 ? { status, body: 'a proxy, and nobody behind it' } : { body: hold('7', lease) };
    });
    const words = ['run', 'r', '--client', 'A', '--ttl', '6s', '--', 'sh', '-c', 'sleep 5; exit 7'];
    expect(await lockdSh(words, { url })).toEqual({ status: 7, stdout: '', stderr: '' });
  });

  test('another cluster in its place ends the command at once', async () => {
    const lease = member('ttl', '<double>6.0</double>');
    // Whatever has its name and its token goes with the command; those of another test must not.
    const client = randomUUID();
    const { url } = await fakeDaemon((call) =>
      call.includes('<methodName>enqueue<')
        ? { headers: { 'X-Lockd-Id': 'one' }, body: grant('7', lease, client) }
        : { headers: { 'X-Lockd-Id': 'two' }, body: hold('7', lease, client) },
    );
    const words = ['run', 'r', '--client', client, '--ttl', '6s', '--', 'sleep', '60'];
    const { status, stderr } = await lockdSh(words, { url });
    expect({ status, stderr }).toEqual({
      status: 76,
      stderr: expect.stringMatching(/another lockd than the one before \(two, not one\).*ending the command/),
    });
  });

  test('a lock that is had when its lease may be over starts nothing', async () => {
    const { url } = await fakeDaemon(() => ({
      body: grant('7', member('ttl', '<double>0.1</double>')),
      delay: 300,
    }));
    const { status, stdout, stderr } = await lockdSh(['run', 'r', '--client', 'A', '--', 'echo', 'ran'], {
      url,
    });
    expect({ status, stdout, stderr }).toEqual({
      status: 76,
      stdout: '',
      stderr: "'r' was had too late: its lease may be over. The command was not started\n",
    });
  });

  test('--on-loss keep only says it', async () => {
    const daemon = await serve();
    const told = join(temporaryDirectory(), 'told');
    const command = `echo up; until [ -e ${told} ]; do sleep 0.05; done; echo still`;
    const words = ['run', 'r', '--ttl', '3s', '--on-loss', 'keep', '--', 'sh', '-c', command];
    const running = startLockdSh(words, { url: daemon.url });
    await running.wrote('stdout', /up/);
    await daemon.daemon.kill();
    await running.wrote('stderr', /the command goes on/);
    writeFileSync(told, '');
    const { status, stdout } = await running.outcome;
    expect({ status, stdout }).toEqual({ status: 76, stdout: 'up\nstill\n' });
  });

  test('lockd_run is killed: nobody unlocks, and the command is gone before the lease is over', async () => {
    const daemon = await serve();
    const { running, mark } = await startStubborn(['--ttl', '2s'], daemon.url, ['sh']);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    running.child.kill('SIGKILL');
    await secondsUntilGone(mark);
    const events = await clientOf(daemon).history({ resource: 'r' });
    expect(events.map(({ event }) => event)).not.toContain('unlocked');
    await until(() => processesWith(running.child.spawnargs.at(-1) ?? '').length === 0);
  });

  test('the renewer is killed: the command does not go on', async () => {
    const daemon = await serve();
    const { running, mark } = await startStubborn(['--ttl', '6s'], daemon.url, ['sh']);
    // The command, its renewer, and the renewer's watcher; the command may be there long before the others.
    await until(() => childrenOf(running).length === 3);
    const [, renewer = Number.NaN] = childrenOf(running);
    process.kill(renewer, 'SIGKILL');
    expect(await secondsUntilGone(mark)).toBeLessThan(6);
    const { status, stderr } = await running.outcome;
    expect(status).toBe(76);
    expect(stderr).toMatch(/its renewer was killed/);
  });
});

/** The direct children, in the order in which they were started. */
function childrenOf({ child: { pid } }: Running): number[] {
  const children = processesWith('')
    .map((one) => ({ one, ...bornOf(one) }))
    .filter(({ parent }) => parent === pid);
  return children.sort((a, b) => a.start - b.start || a.one - b.one).map(({ one }) => one);
}
