/**
 * Other programs read the lock files while lockd makes and removes them: whoever opens one sees a whole document of that
 * very resource and of somebody who held it, and never an older one than before.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { Lockd } from '../../src/service/lockd.js';
import { temporaryDirectory } from '../temporary-directory.js';

const PAIRS = 100_000;
const RESOURCES = Array.from({ length: 32 }, (_, index) => `resource-${index}`);
/** Of each resource; the higher its number, the longer the note in its lock file. */
const CLIENTS = 20;

const READER = fileURLToPath(new URL('./reader.js', import.meta.url));

interface Report {
  readonly found: number;
  readonly missing: number;
  readonly problems: readonly string[];
}

/** A program that reads the lock files until `stop` is called, which answers what it saw. */
function startReader(directory: string): { stop(): Promise<Report> } {
  const reader = spawn(process.execPath, [READER, directory, ...RESOURCES], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(reader, 'close');
  onTestFinished(async () => {
    reader.kill('SIGKILL');
    await ended;
  });
  const written = text(reader.stdout);
  return {
    async stop() {
      reader.stdin.end();
      return JSON.parse(await written);
    },
  };
}

/** Pairs on one resource: at times the next client takes over in the turn in which the last one leaves. */
async function lockAndUnlock(lockd: Lockd, resource: string, pairs: number): Promise<void> {
  let leaving: Promise<unknown> = Promise.resolve();
  for (let count = 0; count < pairs; count += 1) {
    const number = (count * 7) % CLIENTS;
    const client = `${resource}-client-${number}`;
    const note = `${client} `.repeat(number + 1).trim();
    if (count % 3 === 0) await leaving;
    await Promise.all([leaving, lockd.lock(resource, client, { note })]);
    leaving = lockd.unlock(resource, client);
  }
  await leaving;
}

test(`${PAIRS} locks and unlocks beside a program that reads the lock files`, async () => {
  const directory = temporaryDirectory();
  const lockd = await Lockd.open(directory);
  onTestFinished(() => lockd.close());
  const reader = startReader(directory);
  const started = performance.now();
  await Promise.all(RESOURCES.map((resource) => lockAndUnlock(lockd, resource, PAIRS / RESOURCES.length)));
  const seconds = (performance.now() - started) / 1_000;
  const { found, missing, problems } = await reader.stop();
  console.log(
    `${PAIRS} pairs in ${seconds.toFixed(1)} s; ${found} reads found a lock file, ${missing} found none`,
  );
  expect(problems).toEqual([]);
  expect(found).toBeGreaterThan(1_000);
  expect(missing).toBeGreaterThan(0);
  expect((await lockd.stats()).held).toBe(0);
});
