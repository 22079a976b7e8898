/** Real processes that wait: what becomes of them when they, or the daemon, are ended; and what the flags of the daemon do. */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { LockdClient } from '../../src/client/client.js';
import { LockdProcess, lockd, serve } from '../daemon.js';
import { steadyAddress } from '../steady-address.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { stopMilliseconds } from './stop-milliseconds.js';

/** Resolves when so many wait for `r`. */
async function waiting(client: LockdClient, count: number): Promise<void> {
  await expect.poll(async () => (await client.status('r')).waiting, { timeout: 25_000 }).toBe(count);
}

describe('a stop of the daemon', () => {
  test('tells who waits, and takes less than 5 s', async () => {
    const { daemon, url } = await serve();
    const holder = new LockdClient({ url, client: 'A' });
    await holder.lock('r');
    const told = ['B', 'C', 'D'].map((client) =>
      new LockdClient({ url, client })
        .call('lock', 'r', client, { wait: 600 })
        .catch((error: Error) => error),
    );
    await waiting(holder, 3);
    daemon.child.kill('SIGTERM');
    for (const error of await Promise.all(told)) {
      expect(error).toMatchObject({ name: 'RefusedCall', code: 16, message: 'The daemon is stopping' });
    }
    expect(await daemon.ended).toBe(0);
    expect(stopMilliseconds(daemon)).toBeLessThan(5_000);
  });

  test.each(['SIGTERM', 'SIGKILL'] as const)('%s, and a start: who waits keeps its place', async (signal) => {
    const address = await steadyAddress();
    const first = await serve([], temporaryDirectory(), { address });
    const holder = new LockdClient({ url: first.url, client: 'A' });
    const { token } = await holder.lock('r');
    const waiters = ['B', 'C'].map((client) => {
      const words = ['lock', 'r', client, '--wait', '2m', '--url', first.url];
      return async () => {
        const waiter = new LockdProcess(words);
        await expect.poll(() => waiter.stderr, { timeout: 25_000 }).toContain(`'${client}' is number `);
        return waiter;
      };
    });
    const [b, c] = [await waiters[0]?.(), await waiters[1]?.()];
    first.daemon.child.kill(signal);
    await first.daemon.ended;
    await serve([], first.directory, { address });
    const { queue } = await holder.status('r');
    expect(queue.map(({ client }) => client)).toEqual(['B', 'C']);
    await holder.unlock('r', { token });
    expect(await b?.ended).toBe(0);
    expect(BigInt(b?.stdout.trim() ?? '')).toBeGreaterThan(BigInt(token));
    expect((await lockd(['unlock', 'r', 'B', '--url', first.url])).status).toBe(0);
    expect(await c?.ended).toBe(0);
  });
});

describe('a signal ends who waits', () => {
  test.each([
    { wait: '20s', signal: 'SIGINT', status: 130 },
    { wait: '1h', signal: 'SIGTERM', status: 143 },
  ] as const)('$signal during --wait $wait: it leaves the line at once', async ({ wait, signal, status }) => {
    const { url } = await serve();
    const holder = new LockdClient({ url, client: 'A' });
    await holder.lock('r');
    const waiter = new LockdProcess(['lock', 'r', 'B', '--wait', wait, '--url', url]);
    await waiting(holder, 1);
    waiter.child.kill(signal);
    expect(await waiter.ended).toBe(status);
    expect(waiter.stdout).toBe('');
    expect(waiter.stderr).toMatch(new RegExp(`(^|\\n)The wait of 'B' for 'r' was ended by ${signal}\\n$`));
    expect((await holder.status('r')).waiting).toBe(0);
  });
});

describe('flags of the daemon', () => {
  test('--default-ttl and --max-ttl bound what is granted', async () => {
    const { url } = await serve(['--default-ttl', '5m'], temporaryDirectory(), {
      variables: { LOCKD_MAX_TTL: '10m' },
    });
    const client = new LockdClient({ url, client: 'A' });
    expect(await client.lock('r')).toMatchObject({ ttl: 300 });
    await expect(client.lock('s', { ttl: 601 })).rejects.toMatchObject({ code: -32602 });
  });

  test('--lock-delay lets a lost resource rest', async () => {
    const { url } = await serve(['--lock-delay', '1h']);
    await lockd(['lock', 'r', 'A', '--url', url]);
    await lockd(['force-unlock', 'r', '--reason', 'gone', '--url', url]);
    const refused = await lockd(['lock', 'r', 'B', '--url', url]);
    expect(refused.status).toBe(75);
    expect(refused.stderr).toMatch(
      /^'r' rests: 'A' \(token \d+\) was lost .*\nLost by 'A' \(token \d+\), whose lock-delay runs\. /,
    );
  });

  test('--fence and --fence-command run for what is lost, as flags and in the file', async () => {
    const directory = temporaryDirectory();
    const script = (name: string, body: string) => {
      const path = join(directory, name);
      writeFileSync(path, `#!/bin/sh\n${body}\n`);
      chmodSync(path, 0o755);
      return path;
    };
    const seen = join(directory, 'seen');
    const fence = script('fence', `echo "$LOCKD_RESOURCE $LOCKD_CLIENT $LOCKD_REASON" >> ${seen}`);
    const broken = script('broken', 'exit 3');
    const config = join(directory, 'lockd.json');
    writeFileSync(config, JSON.stringify({ 'fence-command': fence, 'fence-timeout': '5s' }));
    const { url } = await serve(
      ['--fence', `host/*=${broken}`, '--config', config],
      join(directory, 'locks'),
    );
    const forced = async (resource: string) => {
      await lockd(['lock', resource, 'A', '--url', url]);
      await lockd(['force-unlock', resource, '--reason', 'gone', '--url', url]);
    };
    await forced('r');
    expect((await lockd(['lock', 'r', 'B', '--wait', '20s', '--url', url])).status).toBe(0);
    expect(readFileSync(seen, 'utf8')).toBe('r A forced\n');

    await forced('host/7');
    await expect
      .poll(async () => (await lockd(['status', 'host/7', '--url', url])).stdout, { timeout: 25_000 })
      .toContain('last with exit 3; runs again at ');
    const refused = await lockd(['lock', 'host/7', 'B', '--url', url]);
    expect(refused.status).toBe(75);
    const [, confirm = ''] = /for certain: lockd (confirm-fenced .*)\n$/.exec(refused.stderr) ?? [];
    expect((await lockd(confirm.replace('WHY', 'off').split(' '))).status).toBe(0);
    expect((await lockd(['lock', 'host/7', 'B', '--url', url])).status).toBe(0);
  });
});
