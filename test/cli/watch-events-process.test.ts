/** `lockd watch --events` as a process, before a real daemon. */
import { describe, expect, test } from 'vitest';
import { TIMEOUTS } from '../../src/http/limits.js';
import { proxyTo } from '../client/proxy.js';
import { callOnce, succeeded } from '../crash/clients.js';
import { LockdProcess, lockd, serve } from '../daemon.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { stopMilliseconds } from './stop-milliseconds.js';
import { run } from './world.js';

/** A watch that stands: it has told of a first lock. */
async function watching(url: string, ...words: string[]): Promise<LockdProcess> {
  const watch = new LockdProcess(['watch', '--events', ...words, '--url', url]);
  // How long it takes to stand nobody says: it goes on from the beginning.
  succeeded(await callOnce(url, 'lock', 'deploy/first', 'A'));
  await watch.wrote('stdout', /deploy\/first/);
  return watch;
}

/** From the first event on, also what happened before the watch began. */
const FROM_THE_BEGINNING = ['--after', '0.0'];

/** Lines without their times and tokens. */
function lines({ stdout }: LockdProcess): string[] {
  return stdout
    .split('\n')
    .slice(0, -1)
    .map((line) =>
      line.replace(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\t/, '').replace(/\t\d{16}\t/, '\tTOKEN\t'),
    );
}

test('tells each event, as history has it', async () => {
  const { url } = await serve();
  const watch = await watching(url, ...FROM_THE_BEGINNING);
  await lockd(['force-unlock', 'deploy/first', '--reason', 'gone', '--url', url]);
  succeeded(await callOnce(url, 'enqueue', 'r', 'B'));
  await watch.wrote('stdout', /granted\tr/);
  expect(lines(watch)).toEqual([
    'granted\tdeploy/first\tA\tTOKEN\t\t',
    'forced\tdeploy/first\tA\tTOKEN\t127.0.0.1\tgone',
    'granted\tr\tB\tTOKEN\t\t',
  ]);
  expect(watch.stderr).toBe('');
});

test('--json: one object per line, with what history has', async () => {
  const { url } = await serve();
  const watch = await watching(url, '--json', ...FROM_THE_BEGINNING);
  succeeded(await callOnce(url, 'unlock', 'deploy/first', 'A'));
  await watch.wrote('stdout', /unlocked.*\n/);
  const told = watch.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const { stdout } = await lockd(['history', '--json', '--url', url]);
  const seconds = (event: { time: string }) => ({ ...event, time: event.time.slice(0, 19) });
  expect(told.map(seconds)).toEqual(JSON.parse(stdout).reverse().map(seconds));
  expect(told).toHaveLength(2);
});

test('only what is asked for', async () => {
  const { url } = await serve();
  const watch = await watching(
    url,
    'deploy/',
    '--holder',
    'A',
    '--include',
    'renewed',
    ...FROM_THE_BEGINNING,
  );
  for (const [resource, client] of [
    ['other', 'A'],
    ['deploy/b', 'B'],
    ['deploy/c', 'A'],
  ] as const) {
    succeeded(await callOnce(url, 'lock', resource, client));
  }
  await lockd(['renew', 'deploy/c', 'A', '--ttl', '60', '--url', url]);
  await watch.wrote('stdout', /renewed/);
  expect(lines(watch).map((line) => line.split('\t').slice(0, 3).join(' '))).toEqual([
    'granted deploy/first A',
    'granted deploy/c A',
    'updated deploy/c A',
    'renewed deploy/c A',
  ]);
});

describe('a stream that is cut', () => {
  test('is said, once, and that it stands again; nothing is missed, also through kill -9', async () => {
    const directory = temporaryDirectory();
    const first = await serve([], directory);
    const proxy = await proxyTo(first.url);
    const watch = new LockdProcess(['watch', '--events', ...FROM_THE_BEGINNING, '--url', proxy.url]);
    succeeded(await callOnce(first.url, 'lock', 'a', 'A'));
    await watch.wrote('stdout', /\ta\t/);
    proxy.down();
    await watch.wrote('stderr', /goes on/);
    succeeded(await callOnce(first.url, 'lock', 'b', 'A'));
    await first.daemon.kill();
    const second = await serve([], directory);
    succeeded(await callOnce(second.url, 'lock', 'c', 'A'));
    proxy.target = second.url;
    await watch.wrote('stdout', /\tc\t/);
    expect(lines(watch).map((line) => line.split('\t')[1])).toEqual(['a', 'b', 'c']);
    await watch.wrote('stderr', /again\n/);
    expect(watch.stderr).toBe(
      `The daemon at ${proxy.url} tells no events any more (the connection was cut). ` +
        'The watch goes on behind the last event when it answers again\nThe daemon tells events again\n',
    );
  });

  test('and what is not kept any more is said', async () => {
    const { url } = await serve();
    const watch = new LockdProcess(['watch', '--events', '--after', '77.0', '--url', url]);
    await watch.wrote('stderr', /\n/);
    expect(watch.stderr).toBe(
      'Events are missing behind 77.0: nothing has happened here so far that has such an id. ' +
        'Look at everything anew: lockd list\n',
    );
    const json = new LockdProcess(['watch', '--events', '--json', '--after', '77.0', '--url', url]);
    await json.wrote('stdout', /\n/);
    expect(JSON.parse(json.stdout)).toMatchObject({ event: 'gap', after: '77.0' });
  });
});

describe('the end', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('%s ends it with 0 and without a word', async (signal) => {
    const { url } = await serve();
    const watch = await watching(url, ...FROM_THE_BEGINNING);
    watch.child.kill(signal);
    expect(await watch.ended).toBe(0);
    expect(watch.stderr).toBe('');
  });

  test('nobody reads any more: it ends quietly at the next event', async () => {
    const { url } = await serve();
    const watch = await watching(url, ...FROM_THE_BEGINNING);
    watch.child.stdout?.destroy();
    succeeded(await callOnce(url, 'lock', 'r', 'A'));
    expect(await watch.ended).toBe(0);
    expect(watch.stderr).toBe('');
  });

  test('of the daemon is waited through, in good order', async () => {
    const { url, daemon } = await serve();
    const watch = await watching(url, ...FROM_THE_BEGINNING);
    daemon.child.kill('SIGTERM');
    expect(await daemon.ended).toBe(0);
    // It did not wait for who reads.
    expect(stopMilliseconds(daemon)).toBeLessThan(TIMEOUTS.closeMs);
    await watch.wrote('stderr', /tells no events any more \(it stops\)/);
  });

  test('no daemon: said as by every command', async () => {
    const { status, stderr } = await run(['watch', '--events', '--url', 'http://127.0.0.1:1']);
    expect(status).toBe(69);
    expect(stderr).toMatch(/^No daemon answers at http:\/\/127\.0\.0\.1:1 /);
  });
});

test.each([
  [['--holder', 'A'], '--holder goes with --events'],
  [['--after', '1.0'], '--after goes with --events'],
  [['--include', 'renewed'], '--include goes with --events'],
  [['--events', '--include', 'all'], '--include must be renewed, queued'],
])('watch %j is no command line', async (words, problem) => {
  const { status, stderr, stdout } = await run(['watch', ...words]);
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(stderr).toContain(problem);
});
