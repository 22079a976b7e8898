/** `lockd_run`: a command under a lock, and what becomes of it when the lock cannot be kept. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { LockdClient } from '../../src/client/client.js';
import { listening, type RunningDaemon, serve, startServe } from '../daemon.js';
import { describeWith } from '../needs.js';
import {
  LOCKD_SH,
  lockdSh,
  onTerminal,
  processesIn,
  processesWith,
  Running,
  SHELLS,
  script,
  startLockdSh,
  until,
} from './shell-process.js';

function clientOf({ url }: RunningDaemon): LockdClient {
  return new LockdClient({ url, client: 'test' });
}

/** A command whose processes have `mark` in their environment: a child and a grandchild, both of which ignore TERM. */
function stubborn(mark: string): string[] {
  const loop = 'while :; do sleep 0.1; done';
  return ['env', mark, 'sh', '-c', `trap '' TERM; sh -c 'trap "" TERM; echo up; ${loop}' & ${loop}`];
}

let marks = 0;
function newMark(): string {
  marks += 1;
  return `MARK=${process.pid}-${marks}`;
}

/** Starts `lockd_run` with a stubborn command, and answers when both processes of that run. */
async function startStubborn(words: readonly string[], url: string, shell: readonly string[]) {
  const mark = newMark();
  const running = startLockdSh(['run', 'r', ...words, '--', ...stubborn(mark)], { url, shell });
  await running.wrote('stdout', /up/);
  expect(processesIn(mark).length).toBeGreaterThanOrEqual(2);
  return {
    running,
    isGone: () => processesIn(mark).length === 0,
  };
}

/** When the last renewal that was answered can have begun its lease, at the latest: seconds before now. */
async function renewedAgo(daemon: RunningDaemon): Promise<number> {
  const [hold] = (await clientOf(daemon).status('r')).holders;
  return hold?.ttl === undefined || hold.left === undefined ? Number.NaN : hold.ttl - hold.left;
}

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

  test.each([
    ...SHELLS.map((shell) => ['stopped', 'SIGSTOP', 'term', shell] as const),
    ['killed', 'SIGKILL', 'term', ['sh']],
    ['killed', 'SIGKILL', 'kill', ['sh']],
  ] as const)(
    'a daemon that is %s for good (%s, --on-loss %s, %j): all is gone before the lease is over',
    async (_what, signal, onLoss, shell) => {
      const daemon = await serve();
      const { running, isGone } = await startStubborn(
        ['--ttl', '2s', '--on-loss', onLoss],
        daemon.url,
        shell,
      );
      // Past some renewals.
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      const ago = await renewedAgo(daemon);
      const asked = performance.now();
      daemon.daemon.child.kill(signal);
      await until(isGone);
      // A renewal may have come between the question and the end, which is 50 ms at most.
      expect(ago + (performance.now() - asked) / 1_000).toBeLessThan(2.05);
      const { status, stderr } = await running.outcome;
      expect(status).toBe(76);
      expect(stderr).toMatch(/^'r' cannot be kept \(.*\): (ending|killing) the command\n/);
    },
  );

  test('a lock that was forced ends the command at once', async () => {
    const daemon = await serve();
    const { running, isGone } = await startStubborn(['--ttl', '3s'], daemon.url, ['sh']);
    await clientOf(daemon).forceUnlock('r', { reason: 'maintenance', fenced: true });
    const { status, stderr } = await running.outcome;
    expect(isGone()).toBe(true);
    expect(status).toBe(76);
    expect(stderr).toMatch(
      /^'r' cannot be kept \('.*' lost 'r' .*: forced by '.*': maintenance\. .*\): ending the command\n/,
    );
  });

  test('--on-loss keep only says it', async () => {
    const daemon = await serve();
    const running = startLockdSh(
      ['run', 'r', '--ttl', '1s', '--on-loss', 'keep', '--', 'sh', '-c', 'echo up; sleep 2; echo still'],
      {
        url: daemon.url,
      },
    );
    await running.wrote('stdout', /up/);
    await daemon.daemon.kill();
    const { status, stdout, stderr } = await running.outcome;
    expect({ status, stdout }).toEqual({ status: 76, stdout: 'up\nstill\n' });
    expect(stderr).toMatch(/the command goes on/);
  });

  test('lockd_run is killed: nobody unlocks, and the command is gone before the lease is over', async () => {
    const daemon = await serve();
    const { running, isGone } = await startStubborn(['--ttl', '2s'], daemon.url, ['sh']);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    running.child.kill('SIGKILL');
    await until(isGone);
    expect((await clientOf(daemon).status('r')).state).toBe('held');
    await until(() => processesWith(running.child.spawnargs.at(-1) ?? '').length === 0);
  });

  test('the renewer is killed: the command does not go on', async () => {
    const daemon = await serve();
    const { running, isGone } = await startStubborn(['--ttl', '2s'], daemon.url, ['sh']);
    for (const pid of childrenOf(running).slice(1, 2)) process.kill(pid, 'SIGKILL');
    await until(isGone, 1_900);
    const { status, stderr } = await running.outcome;
    expect(status).toBe(76);
    expect(stderr).toMatch(/its renewer was killed/);
  });

  test('a daemon that is restarted in the middle: the lock is kept', async () => {
    const daemon = await serve();
    const running = startLockdSh(
      ['run', 'r', '--ttl', '3s', '--', 'sh', '-c', 'echo up; sleep 4; echo done'],
      { url: daemon.url },
    );
    await running.wrote('stdout', /up/);
    const { token } = (await clientOf(daemon).status('r')).holders[0] ?? { token: '' };
    await daemon.daemon.kill();
    const port = new URL(daemon.url).port;
    const again = startServe(['--listen', `127.0.0.1:${port}`], daemon.directory);
    await listening(again, daemon.directory);
    expect(await running.outcome).toEqual({ status: 0, stdout: 'up\ndone\n', stderr: '' });
    expect((await clientOf(daemon).status('r')).state).toBe('free');
    expect(Number(token)).toBeGreaterThan(0);
  }, 20_000);

  test.each([
    ['it was not found', ['no-such-program'], 127],
    ['it cannot be run', ['/etc/passwd'], 126],
    ['a signal ended it', ['sh', '-c', 'kill -KILL $$'], 137],
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
  }, 15_000);

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
    const daemon = await serve();
    await clientOf(daemon).lock('r');
    const running = startLockdSh(['run', 'r', '--', 'echo', 'ran'], { url: daemon.url });
    await running.wrote('stderr', /number 1 in the line/);
    await daemon.daemon.kill();
    const again = startServe(['--listen', `127.0.0.1:${new URL(daemon.url).port}`], daemon.directory);
    await listening(again, daemon.directory);
    await clientOf(daemon).unlock('r');
    const { status, stdout } = await running.outcome;
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'ran\n' });
  });

  test('TERM reaches the command once', async () => {
    const { url } = await serve();
    const counting = `trap 'count=$((count + 1))' TERM; count=0; echo up; for _ in 1 2 3 4 5 6 7 8; do sleep 0.1; done; echo "terms: $count"`;
    const running = startLockdSh(['run', 'r', '--', 'sh', '-c', counting], { url });
    await running.wrote('stdout', /up/);
    running.child.kill('SIGTERM');
    expect(await running.outcome).toMatchObject({ status: 0, stdout: 'up\nterms: 1\n' });
  });

  test('a signal while it waits leaves the line', async () => {
    const daemon = await serve();
    await clientOf(daemon).lock('r');
    const running = startLockdSh(['run', 'r', '--', 'echo', 'ran'], { url: daemon.url });
    await running.wrote('stderr', /in the line/);
    running.child.kill('SIGTERM');
    expect(await running.outcome).toMatchObject({ status: 143, stdout: '' });
    expect((await clientOf(daemon).status('r')).waiting).toBe(0);
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

/** The direct children, in the order in which they were started. */
function childrenOf({ child: { pid } }: Running): number[] {
  return processesWith('')
    .filter((one) => parentOf(one) === pid)
    .sort((a, b) => a - b);
}

function parentOf(pid: number): number | undefined {
  try {
    return Number(readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ')[1]);
  } catch {
    return undefined;
  }
}

describeWith(['curl', 'flock', 'python3'], 'lockd_run on a terminal', () => {
  const run = (url: string, ...words: string[]) =>
    onTerminal(['sh', LOCKD_SH, 'run', 'r', ...words], { LOCKD_URL: url });

  test('the command may ask', async () => {
    const { url } = await serve();
    const running = run(
      url,
      '--',
      'sh',
      '-c',
      'printf "Password: " >/dev/tty; read answer </dev/tty; echo "<$answer>"',
    );
    await running.wrote('stdout', /Password: /);
    running.child.stdin?.write('secret\n');
    await running.wrote('stdout', /<secret>/);
    expect((await running.outcome).status).toBe(0);
  });

  test('Ctrl-C reaches the command once', async () => {
    const daemon = await serve();
    const counting =
      'import signal, sys, time\ncount = 0\ndef on(*_):\n global count\n count += 1\nsignal.signal(signal.SIGINT, on)\nprint("up", flush=True)\nend = time.time() + 1\nwhile time.time() < end: time.sleep(0.05)\nprint("interrupts:", count)';
    const running = run(daemon.url, '--', 'python3', '-c', counting);
    await running.wrote('stdout', /up/);
    running.child.stdin?.write('\x03');
    await running.wrote('stdout', /interrupts: 1\r/);
    expect((await running.outcome).status).toBe(0);
    expect((await clientOf(daemon).status('r')).state).toBe('free');
  });

  test('Ctrl-C ends a command that does not mind it', async () => {
    const daemon = await serve();
    const running = run(daemon.url, '--', 'sh', '-c', 'echo up; exec sleep 30');
    await running.wrote('stdout', /up/);
    running.child.stdin?.write('\x03');
    expect((await running.outcome).status).toBe(130);
    expect((await clientOf(daemon).status('r')).state).toBe('free');
  });

  test('a loss ends the command and all that it has started', async () => {
    const daemon = await serve();
    const mark = newMark();
    const running = run(daemon.url, '--ttl', '2s', '--', ...stubborn(mark));
    await running.wrote('stdout', /up/);
    await daemon.daemon.kill();
    const killed = performance.now();
    const { status } = await running.outcome;
    expect(status).toBe(76);
    expect(performance.now() - killed).toBeLessThan(2_000);
    expect(processesIn(mark)).toEqual([]);
  });
});
