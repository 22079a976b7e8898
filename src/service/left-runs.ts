/** Fence commands of an earlier process that outlived it: whoever leads now runs its own, and may have granted the slot since. */
import type { Disk } from '../disk/disk.js';
import { type Layout, parseFenceFile } from '../disk/layout.js';
import { CommandRunner } from '../fencing/command-runner.js';
import { earlierGuardianGone } from '../fencing/guardian.js';
import type { FenceRunner } from '../fencing/port.js';
import type { LogLevel } from './options.js';

export interface LeftRunsOptions {
  readonly disk: Disk;
  /** Absent: as processes of this machine. */
  readonly makeFenceRunner?: () => FenceRunner;
}

/** Ends them, without a moment to end in good order. What cannot be ended is logged. Throws `StartRefused`. */
export async function endLeftRuns(
  { disk, makeFenceRunner }: LeftRunsOptions,
  layout: Layout,
  log: (level: LogLevel, message: string) => void,
): Promise<void> {
  const tokens = disk
    .list(layout.own)
    .map(parseFenceFile)
    .filter((token) => token !== undefined);
  if (tokens.length === 0) return;
  if (disk.exists(layout.guardian)) await earlierGuardianGone(layout.guardian);
  const runner = makeFenceRunner?.() ?? CommandRunner.open({ layout, log, graceMs: 0 });
  const end = async (token: number) => {
    try {
      await runner.end(token);
      runner.forget(token);
    } catch (error) {
      log('error', `The fence command of token ${token} could not be ended: ${(error as Error).message}`);
    }
  };
  await Promise.all(tokens.map(end));
  await runner.close();
}
