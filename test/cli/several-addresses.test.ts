/** Several addresses of one cluster on the command line: tried in turn, also by what goes on for long. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { proxyTo } from '../client/proxy.js';
import { deadUrl } from '../client/servers.js';
import { Caller, storyOf } from '../crash/caller.js';
import { LockdProcess, serve } from '../daemon.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { realDaemon, run } from './world.js';

/** A daemon with two addresses, the first of which can go down. */
async function twoAddresses() {
  const { url, daemon } = await serve();
  const first = await proxyTo(url);
  return { url, daemon, first, urls: `${first.url},${url}` };
}

describe('are named', () => {
  test.each<[string, (one: string, other: string) => [string[], Record<string, string>]]>([
    ['in one flag', (one, other) => [['--url', `${one},${other}`], {}]],
    ['in one flag each', (one, other) => [['--url', one, '--url', other], {}]],
    ['in the variable', (one, other) => [[], { LOCKD_URL: `${one}, ${other}` }]],
    [
      'in the file of --config',
      (one, other) => {
        const path = join(temporaryDirectory(), 'lockd.json');
        writeFileSync(path, JSON.stringify({ url: [one, other] }));
        return [['--config', path], {}];
      },
    ],
  ])('%s; commands to copy name all of them', async (_, given) => {
    const { url } = await realDaemon();
    const dead = await deadUrl();
    const [words, environment] = given(dead, url);
    const locked = await run(['lock', 'r', 'A', ...words], { environment });
    expect(locked).toMatchObject({ status: 0, stdout: expect.stringMatching(/^\d+\n$/) });
    expect(locked.stderr).toMatch(`To unlock: lockd unlock r A --url ${dead},${url} --token `);
    const refused = await run(['lock', 'r', 'B', ...words], { environment });
    expect(refused.stderr).toMatch(`lockd lock r B --url ${dead},${url} --wait 1m`);
    const pinged = await run(['ping', ...words, '--json'], { environment });
    expect(JSON.parse(pinged.stdout)).toMatchObject({ url });
  });

  test.each([
    ['http://a:1,', "--url must be like http://127.0.0.1:7420, not ''"],
    ['http://a:1,b:2', "--url must be like http://127.0.0.1:7420, not 'b:2'"],
    ['http://a:1,open://', '--url must not name open:// beside other addresses'],
  ])('%s makes no sense', async (given, says) => {
    expect(await run(['ping', '--url', given])).toEqual({
      status: 2,
      stdout: '',
      stderr: `error: ${says}\n`,
    });
  });

  test('nobody answers at any of them: 69, and all are told', async () => {
    const [one, other] = [await deadUrl(), await deadUrl()];
    const ran = await run(['ping', '--url', one, '--url', other]);
    expect(ran.status).toBe(69);
    // For as long as one of several could still take over.
    const tries = /\(connection refused; (\d+) tries\)/.exec(ran.stderr)?.[1];
    expect(ran.stderr).toContain(
      `No daemon answers at ${one} or ${other} (connection refused; ${tries} tries)`,
    );
    expect(Number(tries)).toBeGreaterThan(3);
  });
});

describe('the first address goes down', () => {
  test('while a command runs under a lock: it is renewed and given back at the other one', async () => {
    const { first, url, urls } = await twoAddresses();
    const words = ['run', 'r', '--url', urls, '--ttl', '3s', '--client', 'A', '--'];
    const running = new LockdProcess([...words, 'sh', '-c', 'echo begun; sleep 4; echo done']);
    await running.wrote('stdout', /begun/);
    expect(first.connections).toBeGreaterThan(0);
    first.down();
    expect(await running.ended).toBe(0);
    expect(running).toMatchObject({ stdout: 'begun\ndone\n', stderr: '' });
    expect(await storyOf(url, 'r')).toEqual(['granted A', 'unlocked A']);
  });

  test.each([
    ['a command', (urls: string) => ['run', 'r', '--url', urls, '--client', 'B', '--', 'echo', 'ran']],
    ['a lock', (urls: string) => ['lock', 'r', 'B', '--url', urls, '--wait', '1m']],
    ['a lock of one call', (urls: string) => ['lock', 'r', 'B', '--url', urls, '--wait', '20s']],
  ])('while %s waits in the line: it gets its turn at the other one', async (_, words) => {
    const { first, url, urls } = await twoAddresses();
    const holder = await Caller.to(url);
    const { token } = await holder.lock('r', 'A');
    const waiting = new LockdProcess(words(urls));
    await waiting.wrote('stderr', /'B' is number 1 of 1 in the line/);
    first.down();
    await expect.poll(async () => (await holder.status('r')).queue).toMatchObject([{ client: 'B' }]);
    await holder.unlock('r', 'A', { token });
    expect(await waiting.ended).toBe(0);
    expect(waiting.stdout).toMatch(/^(?:ran|\d+)\n$/);
    expect((await storyOf(url, 'r')).filter((line) => line.startsWith('granted'))).toEqual([
      'granted A',
      'granted B',
    ]);
  });

  test('while it is watched: said by nobody, for the other one answers', async () => {
    const { first, url, urls } = await twoAddresses();
    const caller = await Caller.to(url);
    await caller.lock('r', 'A');
    const watch = new LockdProcess(['watch', '--url', urls, '--interval', '100ms']);
    await watch.wrote('stdout', /\tr\theld/);
    first.down();
    await caller.unlock('r', 'A');
    await watch.wrote('stdout', /\tr\tfree/);
    expect(watch.stderr).toBe('');
  });
});

describe('addresses of two daemons', () => {
  test.each([
    ['a watch', (urls: string) => ['watch', '--url', urls, '--interval', '100ms'], /\tr\theld/],
    [
      'a run, whose command is ended before the lock can be',
      (urls: string) => [
        'run',
        's',
        '--url',
        urls,
        '--ttl',
        '2s',
        '--',
        'sh',
        '-c',
        'echo held; exec sleep 30',
      ],
      /held/,
    ],
  ])('%s ends when the other one answers', async (_, words, begun) => {
    const [one, other] = [await serve(), await serve()];
    await (await Caller.to(one.url)).lock('r', 'A');
    const running = new LockdProcess(words(`${one.url},${other.url}`));
    await running.wrote('stdout', begun);
    await one.daemon.kill();
    expect([69, 76]).toContain(await running.ended);
    expect(running.stderr).toMatch(`${other.url} belongs to another cluster (`);
  });
});
