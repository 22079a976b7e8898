/** A directory in which many locks are held. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Lockd } from '../../src/index.js';

export interface ManyOptions {
  readonly directory: string;
  readonly progress: (text: string) => void;
}

/** Taken at a time. */
const BATCH = 1_000;

/** Makes it, once in a run, and answers where it is. */
export async function directoryWithMany(
  count: number,
  { directory, progress }: ManyOptions,
): Promise<string> {
  const many = join(directory, `many-${count}`);
  if (existsSync(many)) return many;
  progress(`taking ${count.toLocaleString('en')} locks`);
  const lockd = await Lockd.open(many);
  for (let first = 0; first < count; first += BATCH) {
    const names = Array.from(
      { length: Math.min(BATCH, count - first) },
      (_, index) => `host/${first + index}`,
    );
    await Promise.all(names.map((name) => lockd.lock(name, `holder-of-${name}`)));
  }
  await lockd.close();
  return many;
}

/** Seconds until a daemon that has started has renewed all lock files: only one folder of slots is left. */
export async function renewed(directory: string): Promise<number> {
  const begun = performance.now();
  const folders = () => readdirSync(join(directory, '.lockd')).filter((name) => name.startsWith('slots-'));
  while (folders().length > 1) await pause(100);
  return (performance.now() - begun) / 1_000;
}
