/** `lockd run` on a terminal: its command may ask, and gets the terminal's signals once. Driven through a pseudo-terminal. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { LockdClient } from '../../src/client/client.js';
import { COUNTS, countingSignals } from '../counting-signals.js';
import { serve } from '../daemon.js';
import { describeWith } from '../needs.js';
import { temporaryDirectory } from '../temporary-directory.js';

const DRIVER = fileURLToPath(new URL('./on-terminal.py', import.meta.url));
const LOCKD = fileURLToPath(new URL('../../bin/lockd.js', import.meta.url));

type Step = readonly ['expect' | 'type', string] | readonly ['signal' | 'pause' | 'hang up', number];

interface Ran {
  readonly output: string;
  readonly status: number;
}

/** Runs a command line on a terminal of its own. */
async function onTerminal(steps: readonly Step[], ...command: string[]): Promise<Ran> {
  const words = [DRIVER, JSON.stringify(steps), ...command];
  const { stdout } = await promisify(execFile)('python3', words, { timeout: 100_000 });
  return JSON.parse(stdout);
}

/** `lockd run` with a daemon of its own. */
async function withDaemon() {
  const { url, daemon } = await serve();
  return {
    url,
    daemon,
    client: new LockdClient({ url, client: 'A' }),
    run: (options: readonly string[], ...command: string[]) => [
      process.execPath,
      LOCKD,
      'run',
      'r',
      '--url',
      url,
      ...options,
      '--',
      ...command,
    ],
  };
}

const LOOP = 'i=0; while [ $((i += 1)) -lt 200 ]; do sleep 0.05; done';

/** Says how often it was interrupted, and goes on; ends with 5 when it is asked to by `q`. */
const COUNTING = `n=0; trap 'n=$((n + 1)); echo "interrupted $n"' INT; trap 'echo quit; exit 7' QUIT; trap 'echo term; exit 6' TERM; echo ready; ${LOOP}`;

describeWith(['python3'], 'on a terminal', () => {
  test.each([
    ['from us, who lead its session', []],
    ['from its shell', ['sh', '-c', '"$@"; exit $?', 'sh']],
  ])('one that goes away: the command hears of it once, %s', async (_who, through) => {
    const { run } = await withDaemon();
    const file = join(temporaryDirectory(), 'count');
    const steps: Step[] = [
      ['expect', COUNTS.source],
      ['hang up', 0],
    ];
    await onTerminal(steps, ...through, ...run([], ...countingSignals('SIGHUP', file)));
    const count = () => existsSync(file) && readFileSync(file, 'utf8');
    await expect.poll(count, { timeout: 25_000 }).toBe('signals: 1\n');
  });

  test('the command asks, and is answered, on standard input and on the terminal itself', async () => {
    const { run, client } = await withDaemon();
    const script =
      'printf "name? "; read a; printf "password? " >/dev/tty; read b </dev/tty; echo "got $a $b"; exit 4';
    const steps: Step[] = [
      ['expect', 'name\\? $'],
      ['type', 'alice\n'],
      ['expect', 'password\\? $'],
      ['type', 'secret\n'],
    ];
    const { output, status } = await onTerminal(steps, ...run([], 'sh', '-c', script));
    expect(output).toContain('got alice secret');
    expect(status).toBe(4);
    expect((await client.status('r')).state).toBe('free');
  });

  test.each([[[]], [['--foreground']], [['--no-foreground']]])(
    '^C is delivered once, and the lock is kept until the command ends: %j',
    async (options) => {
      const { run, client } = await withDaemon();
      const steps: Step[] = [
        ['expect', 'ready'],
        ['type', '\u0003'],
        ['expect', 'interrupted 1'],
        ['pause', 0.5],
        ['type', '\u0003'],
        ['expect', 'interrupted 2'],
        ['pause', 0.5],
        ['type', '\u001c'],
      ];
      const { output, status } = await onTerminal(steps, ...run(options, 'sh', '-c', COUNTING));
      expect(output.match(/interrupted/g)).toHaveLength(2);
      expect(output).toMatch(/quit\r\n$/);
      expect(status).toBe(7);
      expect((await client.status('r')).state).toBe('free');
    },
  );

  test('^C ends a command that does not mind, and the status tells', async () => {
    const { run, client } = await withDaemon();
    const steps: Step[] = [
      ['expect', 'ready'],
      ['type', '\u0003'],
    ];
    const { status } = await onTerminal(steps, ...run([], 'sh', '-c', `echo ready; ${LOOP}`));
    expect(status).toBe(130);
    expect((await client.status('r')).state).toBe('free');
  });

  test('^C while it waits: it leaves the line', async () => {
    const { run, client } = await withDaemon();
    await client.lock('r');
    const steps: Step[] = [
      ['expect', 'number 1 of 1'],
      ['type', '\u0003'],
    ];
    const { output, status } = await onTerminal(steps, ...run([], 'echo', 'ran'));
    expect(output).not.toContain('ran');
    expect(output).toContain('was ended by SIGINT');
    expect(status).toBe(130);
    expect((await client.status('r')).waiting).toBe(0);
  });

  test('SIGTERM that is sent to it alone is passed on to the command', async () => {
    const { run } = await withDaemon();
    const steps: Step[] = [
      ['expect', 'ready'],
      ['signal', constants.signals.SIGTERM],
    ];
    const { output, status } = await onTerminal(steps, ...run([], 'sh', '-c', COUNTING));
    expect(output.match(/term/g)).toHaveLength(1);
    expect(status).toBe(6);
  });

  test('in a pipeline of a script: after a loss the script and its other programs go on', async () => {
    const { run, daemon } = await withDaemon();
    const ready = join(temporaryDirectory(), 'ready');
    const deaf = `trap '' TERM; (${LOOP}) & echo "command $$" >/dev/tty; : >${ready}; ${LOOP}`;
    const script = '"$@" | { cat; sleep 0.3; echo "other program goes on"; }; echo "script goes on"';
    const command = ['sh', '-c', script, 'sh', ...run(['--ttl', '4s'], 'sh', '-c', deaf)];
    const ran = onTerminal(
      [
        ['expect', 'command \\d+'],
        ['pause', 0.3],
        ['expect', 'script goes on'],
      ],
      ...command,
    );
    await expect.poll(() => existsSync(ready), { timeout: 20_000 }).toBe(true);
    daemon.child.kill('SIGKILL');
    const { output, status } = await ran;
    expect(output).toContain('other program goes on');
    expect(output).toContain('is ended with SIGKILL');
    expect(status).toBe(0);
  });
});
