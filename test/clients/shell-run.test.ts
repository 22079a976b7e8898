/** `lockd_run`: a command under a lock. */
import { describe, expect, test } from 'vitest';
import { LockdClient } from '../../src/client/client.js';
import { serve } from '../daemon.js';
import { describeWith } from '../needs.js';
import { steadyAddress } from '../steady-address.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { clientOf } from './shell-command.js';
import { fakeDaemon, hold, response } from './shell-daemon.js';
import { lockdSh, Running, SHELLS, script, startLockdSh, until } from './shell-process.js';

describeWith(['curl', 'flock'], 'lockd_run', () => {
  describe.each(SHELLS.map((shell) => [shell]))('%j', (shell) => {
    test('the command knows its lock, reads our input, and its exit status is ours', async () => {
      const daemon = await serve();
      const running = startLockdSh(
        [
          'run',
          'deploy/prod',
          '--note',
          'a <fault> & "more"',
          '--',
          'sh',
          '-c',
          'echo "$LOCKD_RESOURCE $LOCKD_TOKEN $LOCKD_CLIENT"; cat; exit 7',
        ],
        { url: daemon.url, shell },
      );
      await running.wrote('stdout', /deploy\/prod \d+ /);
      const [hold] = (await clientOf(daemon).status('deploy/prod')).holders;
      expect(hold).toMatchObject({ ttl: 30, note: 'a <fault> & "more"' });
      running.child.stdin?.end('typed\n');
      const { status, stdout, stderr } = await running.outcome;
      expect({ status, stdout, stderr }).toEqual({
        status: 7,
        stdout: `deploy/prod ${hold?.token} ${hold?.client}\ntyped\n`,
        stderr: '',
      });
      expect(hold?.client).toMatch(/^.+@.+:\d+-[0-9a-f]+$/);
      expect((await clientOf(daemon).status('deploy/prod')).state).toBe('free');
    });

    test.each([
      ['SIGTERM', 143],
      ['SIGINT', 130],
      ['SIGHUP', 129],
      ['SIGQUIT', 131],
      ['SIGUSR1', 138],
      ['SIGUSR2', 140],
    ] as const)('%s goes on to the command', async (signal, expected) => {
      const daemon = await serve();
      const running = startLockdSh(['run', 'r', '--', 'sh', '-c', 'echo up; exec sleep 30'], {
        url: daemon.url,
        shell,
      });
      await running.wrote('stdout', /up/);
      running.child.kill(signal);
      expect(await running.outcome).toEqual({ status: expected, stdout: 'up\n', stderr: '' });
      expect((await clientOf(daemon).status('r')).state).toBe('free');
    });
  });

  test('a daemon that is restarted in the middle: the lock is kept', async () => {
    const address = await steadyAddress();
    const daemon = await serve([], temporaryDirectory(), { address });
    const running = startLockdSh(
      ['run', 'r', '--ttl', '20s', '--', 'sh', '-c', 'echo up; sleep 8; echo done'],
      { url: daemon.url },
    );
    await running.wrote('stdout', /up/);
    const { token } = (await clientOf(daemon).status('r')).holders[0] ?? { token: '' };
    await daemon.daemon.kill();
    await serve([], daemon.directory, { address });
    expect(await running.outcome).toEqual({ status: 0, stdout: 'up\ndone\n', stderr: '' });
    expect((await clientOf(daemon).status('r')).state).toBe('free');
    expect(Number(token)).toBeGreaterThan(0);
  });

  test.each([
    ['it was not found', ['no-such-program'], 127],
    ['it cannot be run', ['/etc/passwd'], 126],
    ['a signal ended it', ['sh', '-c', 'kill -KILL $$'], 137],
    ['a name like a variable', ['A=1', 'true'], 127],
    ['a name like an option', ['-i', 'true'], 127],
  ])('exit status: %s', async (_why, command, expected) => {
    const daemon = await serve();
    expect((await lockdSh(['run', 'r', '--', ...command], { url: daemon.url })).status).toBe(expected);
    expect((await clientOf(daemon).status('r')).state).toBe('free');
  });

  test('exit statuses of who does not get it', async () => {
    const { url } = await serve();
    await new LockdClient({ url, client: 'A' }).lock('r');
    const run = (...words: string[]) => lockdSh(['run', 'r', ...words, '--', 'echo', 'ran'], { url });
    const outcomes = await Promise.all([
      run('--no-wait'),
      run('--wait', '300ms'),
      run('--wait', '300ms', '--conflict-exit-code', '9'),
      run('--no-wait', '--conflict-exit-code', '9'),
      run('--wait', 'soon'),
      run('--limit', '2', '--no-wait'),
      lockdSh(['run', 'r'], { url }),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual([1, 75, 9, 9, 2, 1, 2]);
    expect(outcomes.map(({ stdout }) => stdout).join('')).toBe('');
    expect(outcomes[0]?.stderr).toMatch(/^Resource already locked by 'A'\n/);
    expect(outcomes[1]?.stderr).toMatch(/Gave up after 0\.3 s: 'r' is still locked by 'A'/);
  });

  test('no daemon: three tries in 10 s, then 69', async () => {
    const before = performance.now();
    const { status, stderr } = await lockdSh(['run', 'r', '--', 'echo', 'ran']);
    expect(status).toBe(69);
    expect(stderr).toMatch(
      /^No daemon answers enqueue \(.*127\.0\.0\.1:1: no connection\)\. Start one with: lockd serve/,
    );
    expect(performance.now() - before).toBeGreaterThan(3_900);
    expect(performance.now() - before).toBeLessThan(10_500);
  });

  test('waits for its turn, and says for whom', async () => {
    const daemon = await serve();
    const other = new LockdClient({ url: daemon.url, client: 'A' });
    await other.lock('r');
    const running = startLockdSh(['run', 'r', '--client', 'B', '--', 'echo', 'ran'], { url: daemon.url });
    await running.wrote('stderr', /^Waiting for 'r'\. .*'A' \(token \d+\).*; 'B' is number 1 in the line\n/);
    await other.unlock('r');
    expect(await running.outcome).toMatchObject({ status: 0, stdout: 'ran\n' });
  });

  test('a daemon that is restarted while it waits: it keeps its place', async () => {
    const address = await steadyAddress();
    const daemon = await serve([], temporaryDirectory(), { address });
    await clientOf(daemon).lock('r');
    const running = startLockdSh(['run', 'r', '--', 'echo', 'ran'], { url: daemon.url });
    await running.wrote('stderr', /number 1 in the line/);
    await daemon.daemon.kill();
    await serve([], daemon.directory, { address });
    await clientOf(daemon).unlock('r');
    const { status, stdout } = await running.outcome;
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'ran\n' });
  });

  test('TERM reaches the command once', async () => {
    const { url } = await serve();
    // It waits for the first, and a while for another one.
    const counting = `trap 'count=$((count + 1))' TERM; count=0 left=200; echo up
while [ $count = 0 ] && [ $((left -= 1)) -gt 0 ]; do sleep 0.1; done
for _ in 1 2 3 4 5 6 7 8; do sleep 0.1; done; echo "terms: $count"`;
    const running = startLockdSh(['run', 'r', '--', 'sh', '-c', counting], { url });
    await running.wrote('stdout', /up/);
    running.child.kill('SIGTERM');
    expect(await running.outcome).toMatchObject({ status: 0, stdout: 'up\nterms: 1\n' });
  });

  test.each([
    ['SIGTERM', 143],
    ['SIGQUIT', 131],
  ] as const)('%s while it waits leaves the line', async (signal, expected) => {
    const daemon = await serve();
    await clientOf(daemon).lock('r');
    const running = startLockdSh(['run', 'r', '--', 'echo', 'ran'], { url: daemon.url });
    await running.wrote('stderr', /in the line/);
    // These are for the command, and there is none yet.
    running.child.kill('SIGUSR1');
    running.child.kill('SIGUSR2');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect((await clientOf(daemon).status('r')).waiting).toBe(1);
    running.child.kill(signal);
    expect(await running.outcome).toMatchObject({ status: expected, stdout: '' });
    expect((await clientOf(daemon).status('r')).waiting).toBe(0);
  });

  test('a signal while it asks gives back what the daemon may have granted', async () => {
    const { url, calls } = await fakeDaemon((call) => {
      const isAsked = call.includes('<methodName>lock<');
      return {
        body: call.includes('unlock') ? response('<boolean>1</boolean>') : hold('7'),
        delay: isAsked ? 20_000 : 0,
      };
    });
    const running = startLockdSh(['run', 'r', '--no-wait', '--client', 'A', '--', 'echo', 'ran'], { url });
    await until(() => calls.length === 1);
    running.child.kill('SIGTERM');
    expect(await running.outcome).toMatchObject({ status: 143, stdout: '' });
    const methods = calls.map((call) => /<methodName>(\w+)</.exec(call)?.[1]);
    expect(methods).toEqual(['lock', 'wait', 'unlock']);
    const [key] = /<string>[0-9a-f-]{36}</.exec(calls[0] ?? '') ?? ['none'];
    expect(calls[1]).toContain(key);
    expect(calls[2]).toContain('<string>7<');
  });

  test('the command gets no descriptor of ours, and its own variables', async () => {
    const { url } = await serve();
    const command = [
      'sh',
      '-c',
      'ls /proc/self/fd | tr "\\n" " "; env | grep ^LOCKD_ | sed "s/=.*//" | sort | tr "\\n" " "',
    ];
    const alone = (await new Running(command).outcome).stdout;
    const { stdout } = await lockdSh(['run', 'r', '--', ...command], { url });
    expect(stdout).toBe(`${alone}LOCKD_CLIENT LOCKD_RESOURCE LOCKD_TOKEN LOCKD_URL `);
  });

  test('in a script: nothing of the caller is changed', async () => {
    const { url } = await serve();
    const text = `set -eu
trap 'echo own trap' TERM
url=mine token=mine status=mine
lockd_run r --ttl 5s -- echo ran
lockd_run r --ttl 5s -- sh -c 'exit 3' || echo "status $?"
echo "$url $token $status"; trap; kill -TERM $$`;
    const { status, stdout } = await script(text, { url });
    expect(status).toBe(0);
    expect(stdout.split('\n')).toEqual([
      'ran',
      'status 3',
      'mine mine mine',
      expect.stringMatching(/own trap.* (SIG)?TERM/),
      'own trap',
      '',
    ]);
  });
});
