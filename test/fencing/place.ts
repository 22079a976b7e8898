/** A lock directory with fence commands, and runners on it whose runs end with the test. */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { Layout } from '../../src/disk/layout.js';
import { CommandRunner, type CommandRunnerOptions } from '../../src/fencing/command-runner.js';
import type { LostHold } from '../../src/fencing/port.js';
import { temporaryDirectory } from '../temporary-directory.js';

export const HOLD: LostHold = {
  resource: 'host/db 1',
  client: "ci's",
  token: 7_000_000_007,
  cause: 'expired',
};

export interface Place {
  readonly directory: string;
  readonly layout: Layout;
  /** What was logged, `level message`. */
  readonly logged: string[];
  /** Makes an executable: a shell script, unless it names its own interpreter. */
  script(body: string): string;
  /** A line of a script: it fails where any process of another such script is alive. The kernel tells, by a lock of its own. */
  alone(): string;
  runner(options?: Partial<CommandRunnerOptions>): CommandRunner;
  /** A path for a script to write to. */
  path(name: string): string;
  /** The lines of a file that a script wrote, none where it is not there. */
  lines(name: string): string[];
}

export function place(): Place {
  const directory = temporaryDirectory();
  const layout = new Layout(directory);
  fs.mkdirSync(layout.own, { mode: 0o700 });
  const logged: string[] = [];
  const path = (name: string) => join(directory, name);
  let scripts = 0;
  return {
    directory,
    layout,
    logged,
    path,
    script(body) {
      const file = path(`script-${++scripts}`);
      fs.writeFileSync(file, body.startsWith('#!') ? body : `#!/bin/sh\n${body}\n`, { mode: 0o755 });
      return file;
    },
    alone: () => `exec 9>>${path('alone')}; flock -n 9 || { echo overlap >> ${path('overlaps')}; exit 9; }`,
    runner(options = {}) {
      const runner = CommandRunner.open({
        layout,
        log: (level, message) => logged.push(`${level} ${message}`),
        timeoutMs: 20_000,
        graceMs: 100,
        ...options,
      });
      onTestFinished(() => runner.close());
      return runner;
    },
    lines(name) {
      if (!fs.existsSync(path(name))) return [];
      return fs.readFileSync(path(name), 'utf8').split('\n').slice(0, -1);
    },
  };
}

/** Whether a process runs; a zombie does not. */
export function isAlive(id: number | string): boolean {
  try {
    const stat = fs.readFileSync(`/proc/${id}/stat`, 'latin1');
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
  } catch {
    return false;
  }
}
