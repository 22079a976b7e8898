/** `lockd run` against a real daemon: its exit statuses, what the command gets, and what others see meanwhile. */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { LockdClient } from '../../src/client/client.js';
import { LockdProcess, lockd, serve } from '../daemon.js';
import { temporaryDirectory } from '../temporary-directory.js';

/** `lockd run` of `command` with a daemon of its own. */
async function withDaemon() {
  const { url, ...daemon } = await serve();
  const holder = new LockdClient({ url, client: 'A' });
  return {
    ...daemon,
    url,
    holder,
    start: (options: readonly string[], ...command: string[]) =>
      new LockdProcess(['run', 'r', '--url', url, ...options, '--', ...command]),
    run: (options: readonly string[], ...command: string[]) =>
      lockd(['run', 'r', '--url', url, ...options, '--', ...command]),
  };
}

/** Resolves when so many wait for `r`. */
async function waiting(client: LockdClient, count: number): Promise<void> {
  await expect.poll(async () => (await client.status('r')).waiting, { timeout: 25_000 }).toBe(count);
}

describe('exit statuses', () => {
  test.each([
    ['of the command', ['sh', '-c', 'exit 0'], 0],
    ['of the command', ['sh', '-c', 'exit 7'], 7],
    ['of the command, also where it is one of ours', ['sh', '-c', 'exit 75'], 75],
    ['of a signal', ['sh', '-c', 'kill -TERM $$'], 143],
    ['of SIGKILL', ['sh', '-c', 'kill -KILL $$'], 137],
  ])('%s: %j gives %i', async (_, command, status) => {
    const { run, holder } = await withDaemon();
    expect(await run(['--conflict-exit-code', '99'], ...command)).toEqual({ status, stdout: '', stderr: '' });
    expect((await holder.status('r')).state).toBe('free');
  });

  test('127: the command was not found; 126: it cannot be run', async () => {
    const { run, holder } = await withDaemon();
    expect(await run([], 'no-such-program')).toEqual({
      status: 127,
      stdout: '',
      stderr: "'no-such-program' was not found\n",
    });
    const path = join(temporaryDirectory(), 'plain');
    writeFileSync(path, 'text');
    chmodSync(path, 0o644);
    const cannot = await run([], path);
    expect(cannot.status).toBe(126);
    expect(cannot.stderr).toContain(`'${path}' cannot be run: `);
    expect((await holder.status('r')).state).toBe('free');
  });

  test('1: refused at once; 75: gave up waiting; and what --conflict-exit-code puts there', async () => {
    const { run, holder } = await withDaemon();
    await holder.lock('r');
    const command = ['sh', '-c', 'echo ran'];
    const refused = await run(['--no-wait'], ...command);
    expect(refused).toMatchObject({ status: 1, stdout: '' });
    expect(refused.stderr).toMatch(
      /^Resource already locked by 'A'\nHeld by 'A' since .*\. To wait for as long as it takes, leave .*: lockd force-unlock r /,
    );
    expect(await run(['--wait', '300ms'], ...command)).toMatchObject({ status: 75, stdout: '' });
    expect((await run(['--no-wait', '--conflict-exit-code', '9'], ...command)).status).toBe(9);
    expect((await run(['--wait', '300ms', '--conflict-exit-code', '0'], ...command)).status).toBe(0);
    expect((await holder.status('r')).waiting).toBe(0);
  });

  test('--no-wait beats the variable, as --wait does', async () => {
    const { url, holder } = await withDaemon();
    await holder.lock('r');
    const words = (...flags: string[]) => ['run', 'r', '--url', url, ...flags, '--', 'true'];
    expect((await lockd(words('--no-wait'), { LOCKD_WAIT: '5m' })).status).toBe(1);
    expect((await lockd(words('--wait', '200ms'), { LOCKD_WAIT: '5m' })).status).toBe(75);
    expect((await lockd(words(), { LOCKD_WAIT: '200ms' })).status).toBe(75);
  });

  test('1, whatever it waits: the client holds it itself', async () => {
    const { run, holder } = await withDaemon();
    await holder.lock('r');
    const refused = await run(['--client', 'A'], 'true');
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain('That is you; to give it back: lockd unlock r A ');
  });

  test('69: no daemon answers; 2: usage', async () => {
    const { status, stderr } = await lockd(['run', 'r', '--url', 'http://127.0.0.1:1', '--', 'true']);
    expect(status).toBe(69);
    expect(stderr).toContain('No daemon answers at http://127.0.0.1:1');
    expect((await lockd(['run', 'r'])).status).toBe(2);
    expect((await lockd(['run', 'r', '--', ''])).status).toBe(2);
    const bare = await lockd(['run', 'r', 'ls', '-l']);
    expect(bare).toMatchObject({
      status: 2,
      stderr: expect.stringContaining(
        "unknown option '-l'\nWhat is to be run stands behind --, with its own options.",
      ),
    });
    expect((await lockd(['run', 'r', '--on-loss', 'cry', '--', 'true'])).status).toBe(2);
    expect((await lockd(['run', 'r', '--wait', '1s', '--no-wait', '--', 'true'])).status).toBe(2);
  });
});

describe('the command', () => {
  test('finds resource, client and token in its environment, and holds the lock', async () => {
    const { start, holder, directory } = await withDaemon();
    const options = ['--client', 'ci', '--note', 'release 7', '--limit', '3', '--ttl', '20s'];
    const running = start(
      options,
      'sh',
      '-c',
      'echo "$LOCKD_RESOURCE $LOCKD_CLIENT $LOCKD_TOKEN"; exec sleep 60',
    );
    const [, token] = await running.wrote('stdout', /^r ci (\d+)\n$/);
    const { holders, limit } = await holder.status('r');
    expect(limit).toBe(3);
    expect(holders).toMatchObject([{ client: 'ci', token, note: 'release 7', ttl: 20 }]);
    expect(readFileSync(join(directory, 'r.lock'), 'utf8')).toContain(String(token));
    running.child.kill('SIGTERM');
    expect(await running.ended).toBe(143);
    expect((await holder.status('r')).state).toBe('free');
  });

  test('is named user@host:pid-random unless told otherwise', async () => {
    const { run } = await withDaemon();
    const names = [await run([], 'printenv', 'LOCKD_CLIENT'), await run([], 'printenv', 'LOCKD_CLIENT')];
    for (const { stdout } of names) expect(stdout).toMatch(/^\S+@\S+:\d+-[0-9a-f]{6}\n$/);
    expect(names[0]?.stdout).not.toBe(names[1]?.stdout);
  });

  test('is run without a shell, with its arguments as they are', async () => {
    const { run } = await withDaemon();
    const words = ['$HOME', '--ttl', '*', 'a b', '', '--', "'"];
    const { stdout } = await run([], 'printf', '[%s]', ...words);
    expect(stdout).toBe(words.map((word) => `[${word}]`).join(''));
  });

  test('has the standard streams and no other descriptor', async () => {
    const { run } = await withDaemon();
    expect((await run([], 'sh', '-c', 'ls /proc/$$/fd')).stdout).toBe('0\n1\n2\n');
  });

  test('also when we were started with more', async () => {
    const { url } = await withDaemon();
    const running = new LockdProcess(['run', 'r', '--url', url, '--', 'sh', '-c', 'ls /proc/$$/fd'], {
      through: ['bash', '-c', 'exec 3<. 9<. 77<. 251<.; exec "$@"', 'bash'],
    });
    expect(await running.ended).toBe(0);
    expect(running.stdout).toBe('0\n1\n2\n');
  });

  test('leaves its output as it is, byte for byte, and none of ours is between, also with --json', async () => {
    const { url } = await withDaemon();
    const script = 'head -c 3000000 /dev/urandom | tee "$0"; printf "no line feed" >&2';
    for (const more of [[], ['--json']]) {
      const path = join(temporaryDirectory(), 'copy');
      const running = new LockdProcess(['run', 'r', '--url', url, ...more, '--', 'sh', '-c', script, path]);
      const chunks: Buffer[] = [];
      running.child.stdout?.on('data', (chunk) => chunks.push(chunk));
      expect(await running.ended).toBe(0);
      expect(Buffer.concat(chunks).equals(readFileSync(path))).toBe(true);
      expect(running.stderr).toBe('no line feed');
    }
  });

  test('reads our standard input', async () => {
    const { url } = await withDaemon();
    const through = ['sh', '-c', 'printf "one\\ntwo" | "$@"', 'sh'];
    const running = new LockdProcess(['run', 'r', '--url', url, '--', 'cat'], { through });
    expect(await running.ended).toBe(0);
    expect(running.stdout).toBe('one\ntwo');
  });

  test('has a session of its own without a terminal; not with --foreground', async () => {
    const { start } = await withDaemon();
    const command = ['sh', '-c', 'echo "$(cut -d" " -f5,6 /proc/$$/stat)/$$"'];
    const own = start([], ...command);
    const [, group, session, id] = await own.wrote('stdout', /^(\d+) (\d+)\/(\d+)\n$/);
    expect([group, session]).toEqual([id, id]);
    const shared = start(['--foreground'], ...command);
    const [, sharedGroup, , sharedId] = await shared.wrote('stdout', /^(\d+) (\d+)\/(\d+)\n$/);
    expect(sharedGroup).not.toBe(sharedId);
    expect(sharedGroup).not.toBe(String(shared.child.pid));
  });

  test('is run when its turn comes, under a lease that is renewed for as long as it takes', async () => {
    const { start, holder } = await withDaemon();
    const running = start(['--ttl', '3s'], 'sh', '-c', 'echo $LOCKD_TOKEN; sleep 5; exit 4');
    const [token] = await running.wrote('stdout', /\d+/);
    const other = await holder.lock('r', { wait: 20 });
    expect(await running.ended).toBe(4);
    expect(BigInt(other.token)).toBeGreaterThan(BigInt(token));
    expect(running.stderr).toBe('');
  });
});

describe('waiting', () => {
  test('for ever: says for whom, and its place, again when that changes', async () => {
    const { start, holder } = await withDaemon();
    const { token } = await holder.lock('r', { note: 'release 6' });
    const running = start(['--client', 'B'], 'echo', 'ran');
    const line =
      /^Waiting for 'r'\. Held by 'A' since .*, no lease, note: release 6\. 'B' is number 1 of 1 in the line\n$/;
    await running.wrote('stderr', line);
    await holder.unlock('r', { token });
    expect(await running.ended).toBe(0);
    expect(running.stdout).toBe('ran\n');
    expect(running.stderr).toMatch(line);
  });

  test('with --json: one object per line, on standard error', async () => {
    const { start, holder } = await withDaemon();
    await holder.lock('r');
    const running = start(['--client', 'B', '--json', '--wait', '3s'], 'echo', 'ran');
    expect(await running.ended).toBe(75);
    expect(running.stdout).toBe('');
    const [told, failure] = running.stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(told.message).toMatch(/^Waiting for 'r'\. /);
    expect(failure.error).toMatchObject({ name: 'timedOut', exitStatus: 75 });
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('%s ends it: it leaves the line at once, and nothing is run', async (signal, status) => {
    const { start, holder } = await withDaemon();
    await holder.lock('r');
    const running = start(['--client', 'B'], 'echo', 'ran');
    await waiting(holder, 1);
    running.child.kill('SIGUSR1');
    running.child.kill(signal);
    expect(await running.ended).toBe(status);
    expect(running.stdout).toBe('');
    expect(running.stderr).toMatch(new RegExp(`(^|\\n)The wait of 'B' for 'r' was ended by ${signal}\\n$`));
    expect((await holder.status('r')).waiting).toBe(0);
  });

  test('a second signal ends it as it ends everybody, also when the daemon does not answer', async () => {
    const { start, holder, daemon } = await withDaemon();
    await holder.lock('r');
    const running = start(['--client', 'B'], 'echo', 'ran');
    await waiting(holder, 1);
    daemon.child.kill('SIGSTOP');
    running.child.kill('SIGTERM');
    await pause(300);
    expect(running.child.exitCode).toBe(null);
    // Two that come while it does not get round to look are one.
    while (running.child.signalCode === null) {
      running.child.kill('SIGTERM');
      await pause(100);
    }
    expect(await running.ended).toBe('SIGTERM');
    expect(running.stdout).toBe('');
  });

  test('20 at once on one resource: their commands never overlap', async () => {
    const { start } = await withDaemon();
    const path = join(temporaryDirectory(), 'inside');
    const script = 'mkdir "$0" || exit 9; sleep 0.02; echo "$LOCKD_TOKEN"; rmdir "$0"';
    const runs = Array.from({ length: 20 }, () => start([], 'sh', '-c', script, path));
    expect(new Set(await Promise.all(runs.map((run) => run.ended)))).toEqual(new Set([0]));
    expect(new Set(runs.map((run) => run.stdout)).size).toBe(20);
  });
});

describe('signals', () => {
  test.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const)(
    '%s goes to the whole process group, once, and the status is what the command makes of it',
    async (signal) => {
      const { start, holder } = await withDaemon();
      const name = signal.slice(3);
      const child = `trap 'echo child; exit' ${name}; echo ready; i=0; while [ $((i += 1)) -lt 200 ]; do sleep 0.05; done`;
      // A shell hears of it when the program that it waits for has ended.
      const script = `trap 'echo parent' ${name}; sh -c "$0"; exit 5`;
      const running = start([], 'sh', '-c', script, child);
      await running.wrote('stdout', /ready/);
      running.child.kill(signal);
      expect(await running.ended).toBe(5);
      expect(running.stdout.split('\n').sort()).toEqual(['', 'child', 'parent', 'ready']);
      expect((await holder.status('r')).state).toBe('free');
    },
  );

  test('with --foreground, without a terminal: to the command alone', async () => {
    const { start } = await withDaemon();
    const script =
      "trap 'echo got; exit 3' INT; echo ready; i=0; while [ $((i += 1)) -lt 200 ]; do sleep 0.05; done";
    const running = start(['--foreground'], 'sh', '-c', script);
    await running.wrote('stdout', /ready/);
    running.child.kill('SIGINT');
    expect(await running.ended).toBe(3);
    expect(running.stdout).toBe('ready\ngot\n');
  });
});
