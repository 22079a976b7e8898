/** What a held lock means for the process that holds it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { LockdClient } from '../../src/client/client.js';
import { realDaemon } from '../cli/world.js';

const LIBRARY = new URL('../../dist/index.js', import.meta.url).href;

/** Runs a program that has the library, and answers its exit status and what it wrote. */
async function program(body: string): Promise<{ status: number; stdout: string }> {
  const text = `import { LockdClient, LockLost, RefusedCall } from '${LIBRARY}';\n${body}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', text], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 20_000,
  });
  let stdout = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  const [status] = await once(child, 'close');
  return { status, stdout };
}

test('it keeps no process alive: the hold is left to its lease', async () => {
  const { url } = await realDaemon();
  const started = performance.now();
  const { status, stdout } = await program(`
    const client = new LockdClient({ url: '${url}', client: 'A' });
    console.log((await client.acquire('r', { ttl: 3600 })).token);`);
  expect(status).toBe(0);
  expect(performance.now() - started).toBeLessThan(15_000);
  const { holders } = await new LockdClient({ url }).status('r');
  expect(holders).toMatchObject([{ client: 'A', token: stdout.trim() }]);
});

test('while there is work to do, it is renewed', async () => {
  const { url } = await realDaemon();
  const { status, stdout } = await program(`
    const client = new LockdClient({ url: '${url}', client: 'A' });
    await client.withLock('r', { ttl: 3 }, async (hold) => {
      await new Promise((resolve) => setTimeout(resolve, 4_000));
      hold.check();
      console.log(await client.check('r', hold.token));
    });
    console.log((await client.status('r')).state);`);
  expect({ status, stdout }).toEqual({ status: 0, stdout: 'true\nfree\n' });
});

test('Symbol.asyncDispose gives it back', async () => {
  const { url } = await realDaemon();
  const { status } = await program(`
    const client = new LockdClient({ url: '${url}', client: 'A' });
    const hold = await client.acquire('r');
    await hold[Symbol.asyncDispose]();
    if ((await client.status('r')).state !== 'free') process.exit(1);`);
  expect(status).toBe(0);
});
