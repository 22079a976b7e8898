/** Processes full of connections to a daemon: `strangers.js`. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

const SCRIPT = fileURLToPath(new URL('./strangers.js', import.meta.url));

/** A process full of connections. */
export interface Strangers {
  readonly child: ChildProcess;
  /** Resolves when it has printed this. */
  said(word: 'open' | 'closed'): Promise<void>;
}

/** `count` connections in a process of their own; `kinds`, by comma: what they do. It ends with the test. */
export function strangers(url: string, count: number, kinds: string, ca?: string): Strangers {
  const words = [SCRIPT, url, String(count), kinds, ...(ca === undefined ? [] : [ca])];
  const child = spawn(process.execPath, words, { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  const said = (word: string) =>
    new Promise<void>((resolve, reject) => {
      const look = () => text.includes(`${word}\n`) && resolve();
      child.stdout.on('data', look);
      child.once('close', () => reject(new Error(`it ended without saying ${word}`)));
      look();
    });
  return { child, said };
}

/** How many descriptors a process has. */
export function descriptorsOf(id: number | undefined): number {
  return readdirSync(`/proc/${id}/fd`).length;
}
