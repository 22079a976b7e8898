/** `lockd run` when its daemon is gone for good, comes back, or says that the lock is lost: with real processes and leases. */
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { LockdClient } from '../../src/client/client.js';
import { LockdProcess, serve } from '../daemon.js';
import { steadyAddress } from '../steady-address.js';
import { temporaryDirectory } from '../temporary-directory.js';

/** Writes its name and the time (seconds since 1970) to standard output, 20 times per second, for a minute; `$1` is its name. */
const BEAT = 'i=0; while [ $((i += 1)) -lt 1200 ]; do echo "$1 $(date +%s.%N)"; sleep 0.05; done';

const DEAF = "trap '' TERM HUP INT;";

/** The seconds at which a process with this name was last heard of. */
function lastBeat(output: string, name: string): number {
  const [, seconds] = [...output.matchAll(new RegExp(`^${name} ([\\d.]+)$`, 'gm'))].at(-1) ?? [];
  return Number(seconds);
}

/** A way to a daemon on which it is seen when the last request was sent that was answered. */
async function watchedWay(url: string) {
  const seen = { answeredRequest: 0 };
  const server = createServer((client) => {
    const daemon = connect(Number(new URL(url).port), '127.0.0.1');
    let requested = 0;
    client.on('data', (chunk) => {
      requested = Date.now() / 1_000;
      daemon.write(chunk);
    });
    daemon.on('data', (chunk) => {
      seen.answeredRequest = requested;
      client.write(chunk);
    });
    for (const [one, other] of [
      [client, daemon],
      [daemon, client],
    ] as const) {
      one.on('error', () => undefined);
      one.on('close', () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, seen };
}

/** A word that no other process has in its command line. */
function wordOf(): string {
  return `w${randomBytes(8).toString('hex')}`;
}

/** Processes that have `word` in their command line. */
function alive(word: string): string[] {
  return readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) return false;
    try {
      const isZombie = /\) [ZX]/.test(readFileSync(`/proc/${name}/stat`, 'latin1'));
      return !isZombie && readFileSync(`/proc/${name}/cmdline`, 'latin1').includes(word);
    } catch {
      return false;
    }
  });
}

/** A command of many processes, all deaf to SIGTERM, each of which beats under its own name. */
function manyProcesses(word: string) {
  const directory = temporaryDirectory();
  const beat = join(directory, `beat-${word}`);
  writeFileSync(beat, `${DEAF} ${BEAT}`);
  const start = join(directory, `start-${word}`);
  const lines = [
    DEAF,
    `sh ${beat} background &`,
    // Its parent ends at once: an orphan.
    `sh -c 'sh ${beat} orphan &'`,
    `setsid sh ${beat} session &`,
    `sh -c 'setsid sh ${beat} daemon &'`,
    `exec sh ${beat} leader`,
  ];
  writeFileSync(start, lines.join('\n'));
  return start;
}

const NAMES = ['leader', 'background', 'orphan', 'session', 'daemon'];

describe('a daemon that is gone for good', () => {
  test.each([
    ['stopped', 'SIGSTOP', []],
    ['killed', 'SIGKILL', []],
    ['killed, with --on-loss kill', 'SIGKILL', ['--on-loss', 'kill']],
    ['stopped, with --foreground', 'SIGSTOP', ['--foreground']],
  ] as const)(
    '%s: every process is gone within the ttl of 8 s since the last renewal',
    async (_, signal, options) => {
      const { url, daemon } = await serve();
      const word = wordOf();
      const way = await watchedWay(url);
      const words = [
        'run',
        'r',
        '--url',
        way.url,
        '--ttl',
        '8s',
        ...options,
        '--',
        'sh',
        manyProcesses(word),
      ];
      const running = new LockdProcess(words);
      for (const name of NAMES) await running.wrote('stdout', new RegExp(`^${name} `, 'm'));
      await pause(3_500);
      daemon.child.kill(signal);
      expect(await running.ended).toBe(76);
      expect(alive(word)).toEqual([]);
      for (const name of NAMES) {
        const seconds = lastBeat(running.stdout, name) - way.seen.answeredRequest;
        expect(seconds, name).toBeLessThan(8);
        expect(seconds, name).toBeGreaterThan(5.6);
      }
      if (options[0] !== '--on-loss') {
        expect(running.stderr).toMatch(
          /^'\S+' cannot renew its lease of 'r' \(token \d+\): 'sh' gets SIGTERM, /,
        );
      }
      expect(running.stderr).toContain("'sh' and all that it started is ended with SIGKILL");
    },
  );

  test.each(['--foreground', '--no-foreground'])(
    '%s: of a command that forks all the time nothing is left',
    async (mode) => {
      const { url, daemon } = await serve();
      const word = wordOf();
      const directory = temporaryDirectory();
      const child = join(directory, `child-${word}`);
      writeFileSync(child, `${DEAF} sleep 20; :`);
      const parent = join(directory, `parent-${word}`);
      const loop = `while [ $((i += 1)) -lt 500 ]; do (setsid sh ${child} & sh ${child} & exit) & sleep 0.01; done`;
      writeFileSync(parent, `${DEAF} echo ready; i=0; ${loop}`);
      const running = new LockdProcess(['run', 'r', '--url', url, '--ttl', '2s', mode, '--', 'sh', parent]);
      await running.wrote('stdout', /ready/);
      daemon.child.kill('SIGKILL');
      expect(await running.ended).toBe(76);
      expect(alive(word)).toEqual([]);
    },
  );

  test('a command that heeds SIGTERM has time to clean up; its status does not count', async () => {
    const { url, daemon } = await serve();
    const script = `trap 'echo cleaning; sleep 0.1; echo clean; exit 0' TERM; ${BEAT}`;
    const running = new LockdProcess([
      'run',
      'r',
      '--url',
      url,
      '--ttl',
      '15s',
      '--',
      'sh',
      '-c',
      script,
      'sh',
      'x',
    ]);
    await running.wrote('stdout', /^x /m);
    daemon.child.kill('SIGKILL');
    expect(await running.ended).toBe(76);
    expect(running.stdout).toMatch(/cleaning\nclean\n$/);
    expect(running.stderr).toMatch(/'r' \(token \d+\) was not unlocked by '\S+'; its lease ends at /);
  });

  test('--on-loss keep: says so, lets it end, and exits with 76', async () => {
    const { url, daemon } = await serve();
    const words = ['run', 'r', '--url', url, '--ttl', '3s', '--client', 'B', '--on-loss', 'keep', '--'];
    const told = join(temporaryDirectory(), 'told');
    const command = `echo ready; until [ -e ${told} ]; do sleep 0.05; done; echo done`;
    const running = new LockdProcess([...words, 'sh', '-c', command]);
    await running.wrote('stdout', /ready/);
    daemon.child.kill('SIGKILL');
    await running.wrote('stderr', /goes on/);
    writeFileSync(told, '');
    expect(await running.ended).toBe(76);
    expect(running.stdout).toBe('ready\ndone\n');
    expect(running.stderr).toMatch(
      /^'B' lost 'r' \(token \d+\): its lease could not be renewed in time.*'sh' goes on\n$/,
    );
  });

  test('a command that has ended before keeps its status; one line says when the lock ends', async () => {
    const { url, daemon } = await serve();
    const words = [
      'run',
      'r',
      '--url',
      url,
      '--client',
      'B',
      '--',
      'sh',
      '-c',
      'echo ready; sleep 0.5; exit 3',
    ];
    const running = new LockdProcess(words);
    await running.wrote('stdout', /ready/);
    daemon.child.kill('SIGKILL');
    expect(await running.ended).toBe(3);
    expect(running.stderr).toMatch(
      /^'r' \(token \d+\) was not unlocked by 'B'; its lease ends at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\. No daemon answers .*\n$/,
    );
  });

  test('standard error that nobody reads holds nothing up', async () => {
    const { url, daemon } = await serve();
    const word = wordOf();
    const flood = join(temporaryDirectory(), `flood-${word}`);
    writeFileSync(flood, `${DEAF} echo ready; while :; do echo flood flood flood flood >&2; done`);
    const running = new LockdProcess(['run', 'r', '--url', url, '--ttl', '2s', '--', 'sh', flood]);
    running.child.stderr?.pause();
    await running.wrote('stdout', /ready/);
    await pause(300);
    daemon.child.kill('SIGKILL');
    await expect.poll(() => alive(flood).length, { timeout: 20_000 }).toBe(1);
    running.child.stderr?.resume();
    expect(await running.ended).toBe(76);
  });
});

describe('a daemon that comes back', () => {
  test.each(['SIGTERM', 'SIGKILL'] as const)(
    '%s, and a start: it carries on with the same token',
    async (signal) => {
      const address = await steadyAddress();
      const first = await serve([], temporaryDirectory(), { address });
      const end = join(temporaryDirectory(), 'end');
      const script = `echo ready $LOCKD_TOKEN; until [ -e ${end} ]; do sleep 0.05; done; echo done; exit 3`;
      const words = ['run', 'r', '--url', first.url, '--ttl', '15s', '--', 'sh', '-c', script];
      const running = new LockdProcess(words);
      const [, token] = await running.wrote('stdout', /ready (\d+)/);
      first.daemon.child.kill(signal);
      await first.daemon.ended;
      await serve([], first.directory, { address });
      const restarted = Date.now();
      const client = new LockdClient({ url: first.url, client: 'reader' });
      const renewed = async () => Number((await client.status('r')).holders[0]?.renewed);
      await expect.poll(renewed, { timeout: 20_000 }).toBeGreaterThan(restarted);
      expect((await client.status('r')).holders).toMatchObject([{ token, state: 'held' }]);
      writeFileSync(end, '');
      expect(await running.ended).toBe(3);
      expect(running.stdout).toMatch(/done\n$/);
      expect(running.stderr).toBe('');
      expect((await client.status('r')).state).toBe('free');
    },
  );

  test('while somebody waits for it: they get it in turn', async () => {
    const address = await steadyAddress();
    const first = await serve([], temporaryDirectory(), { address });
    const holder = new LockdClient({ url: first.url, client: 'A' });
    const { token } = await holder.lock('r');
    const running = new LockdProcess(['run', 'r', '--url', first.url, '--', 'echo', 'ran']);
    await running.wrote('stderr', /number 1 of 1/);
    first.daemon.child.kill('SIGKILL');
    await first.daemon.ended;
    await serve([], first.directory, { address });
    await holder.unlock('r', { token });
    expect(await running.ended).toBe(0);
    expect(running.stdout).toBe('ran\n');
  });
});

describe('a daemon that says so', () => {
  test('forced: the command is ended at once, with 76', async () => {
    const { url } = await serve();
    const words = ['run', 'r', '--url', url, '--ttl', '15s', '--client', 'B', '--'];
    const running = new LockdProcess([
      ...words,
      'sh',
      '-c',
      `trap 'echo told; exit' TERM; ${BEAT}`,
      'sh',
      'x',
    ]);
    await running.wrote('stdout', /^x /m);
    await new LockdClient({ url }).forceUnlock('r', { reason: 'gone' });
    const forced = performance.now();
    expect(await running.ended).toBe(76);
    // It is heard of with the next renewal, after a third of the ttl; nobody told would be ended after 0.7 of it.
    expect(performance.now() - forced).toBeLessThan(10_500);
    expect(running.stdout).toMatch(/told\n$/);
    expect(running.stderr).toMatch(
      /(^|\n)'B' lost 'r' \(token \d+\): the daemon says: .*forced.*Stop work on it\n'sh' gets SIGTERM, and SIGKILL in 3\.0 s\n/,
    );
  });

  test('forced, and the command has ended before it was noticed: 76', async () => {
    const { url } = await serve();
    const running = new LockdProcess(['run', 'r', '--url', url, '--', 'sh', '-c', 'echo ready; sleep 3']);
    await running.wrote('stdout', /ready/);
    await new LockdClient({ url }).forceUnlock('r', { reason: 'gone' });
    expect(await running.ended).toBe(76);
    expect(running.stderr).toMatch(/^'\S+' lost 'r' \(token \d+\): the daemon says: /);
  });

  test('a run that was stopped for longer than its lease ends its command when it goes on', async () => {
    const { url } = await serve();
    const running = new LockdProcess([
      'run',
      'r',
      '--url',
      url,
      '--ttl',
      '3s',
      '--',
      'sh',
      '-c',
      `${DEAF} ${BEAT}`,
      'sh',
      'x',
    ]);
    onTestFinished(() => void running.child.kill('SIGCONT'));
    await running.wrote('stdout', /^x /m);
    running.child.kill('SIGSTOP');
    const other = new LockdClient({ url, client: 'A' });
    await other.lock('r', { wait: 20 });
    running.child.kill('SIGCONT');
    const resumed = performance.now();
    expect(await running.ended).toBe(76);
    expect(performance.now() - resumed).toBeLessThan(3_000);
    expect((await other.status('r')).holders).toMatchObject([{ client: 'A' }]);
  });
});
