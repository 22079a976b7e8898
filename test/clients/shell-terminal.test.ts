/** `lockd_run` on a terminal. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { COUNTS, countingSignals } from '../counting-signals.js';
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
  stubborn,
} from './shell-command.js';
import { LOCKD_SH, onTerminal } from './shell-process.js';

function readIfThere(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
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

  test.each([
    ['Ctrl-C', '\x03', 'SIGINT'],
    ['Ctrl-\\', '\x1c', 'SIGQUIT'],
  ] as const)('%s reaches the command once', async (_key, typed, signal) => {
    const daemon = await serve();
    const running = run(daemon.url, '--', ...countingSignals(signal));
    await running.wrote('stdout', COUNTS);
    running.child.stdin?.write(typed);
    await running.wrote('stdout', /signals: 1\r/);
    expect((await running.outcome).status).toBe(0);
    expect((await clientOf(daemon).status('r')).state).toBe('free');
  });

  test.each(['SIGTERM', 'SIGUSR1'] as const)('%s reaches the command once', async (signal) => {
    const { url } = await serve();
    const running = run(url, '--', ...countingSignals(signal));
    const [, shell] = await running.wrote('stdout', COUNTS);
    process.kill(Number(shell), signal);
    await running.wrote('stdout', /signals: 1\r/);
    expect((await running.outcome).status).toBe(0);
  });

  test.each([
    ['from us, who lead its session', []],
    ['from its shell', ['sh', '-c', '"$@"; exit $?', 'sh']],
  ])('a terminal that goes away: the command hears of it once, %s', async (_who, through) => {
    const { url } = await serve();
    const file = join(temporaryDirectory(), 'count');
    const words = ['sh', LOCKD_SH, 'run', 'r', '--', ...countingSignals('SIGHUP', file)];
    const running = onTerminal([...through, ...words], { LOCKD_URL: url });
    await running.wrote('stdout', COUNTS);
    running.child.kill('SIGKILL');
    await expect.poll(() => readIfThere(file), { timeout: 25_000 }).toBe('signals: 1\n');
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
    const running = run(daemon.url, '--ttl', '6s', '--', ...stubborn(mark));
    await running.wrote('stdout', /up/);
    const since = await afterRenewal(daemon, () => daemon.daemon.child.kill('SIGKILL'));
    expect(await secondsUntilGone(mark, since)).toBeLessThan(6);
    expect((await running.outcome).status).toBe(76);
  });

  test('whatever has left the terminal or its environment is gone too', async () => {
    const daemon = await serve();
    const mark = newMark();
    const running = run(daemon.url, '--ttl', '10s', '--', ...scattering(mark));
    await running.wrote('stdout', /(up\s+){6}/);
    await bereave(mark, running);
    expect(scattered(mark)).toEqual(Object.keys(LEAVING));
    const since = await afterRenewal(daemon, () => daemon.daemon.child.kill('SIGKILL'));
    expect(await secondsUntilGone(mark, since)).toBeLessThan(10);
    expect((await running.outcome).status).toBe(76);
  });
});
