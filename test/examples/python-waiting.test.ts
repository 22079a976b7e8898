/** A program in Python that waits for a lock keeps its place through kill -9 of the daemon. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { Caller, storyOf } from '../crash/caller.js';
import { eventually } from '../crash/eventually.js';
import { serve } from '../daemon.js';
import { describeWith } from '../needs.js';

const SCRIPT = fileURLToPath(new URL('./clients/wait.py', import.meta.url));

/** Starts to wait; resolves with what it printed. */
function startWaiting(url: string, client: string): Promise<string> {
  const python = spawn('python3', [SCRIPT, url, 'r', client], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void python.kill('SIGKILL'));
  return text(python.stdout);
}

async function waitingOn(url: string): Promise<string[]> {
  const caller = await Caller.to(url);
  const { queue } = await caller.status('r');
  caller.close();
  return queue.map(({ client }) => client);
}

describeWith(['python3'], 'two programs in Python that wait', () => {
  test('are granted in their order, although the daemon dies twice', async () => {
    let { daemon, url, directory } = await serve();
    const address = new URL(url).host;
    const { token } = await (await Caller.to(url)).lock('r', 'holder');
    const tokens: Promise<string>[] = [];
    for (const client of ['first', 'second']) {
      tokens.push(startWaiting(url, client));
      await eventually(`${client} in the line`, async () => (await waitingOn(url)).includes(client));
    }
    for (let kill = 0; kill < 2; kill += 1) {
      await daemon.kill();
      ({ daemon, url } = await serve(['--listen', address], directory));
      expect(await waitingOn(url)).toEqual(['first', 'second']);
    }
    const caller = await Caller.to(url);
    await caller.unlock('r', 'holder', { token });
    const first = (await tokens[0])?.trim() ?? '';
    expect(await waitingOn(url)).toEqual(['second']);
    await caller.unlock('r', 'first', { token: first });
    const second = (await tokens[1])?.trim() ?? '';
    expect(BigInt(first)).toBeGreaterThan(BigInt(token));
    expect(BigInt(second)).toBeGreaterThan(BigInt(first));
    expect(await storyOf(url, 'r')).toEqual([
      'granted holder',
      'queued first',
      'queued second',
      'unlocked holder',
      'granted first',
      'unlocked first',
      'granted second',
    ]);
  });
});
