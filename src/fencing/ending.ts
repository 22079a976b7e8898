/** How a fence command ends, and what is said of it. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { errorCode } from '../disk/disk.js';

/** How the command itself ended: by itself, not before it was stopped, or not even begun. */
export type Ending =
  | { readonly kind: 'exited'; readonly status: number }
  | { readonly kind: 'killed'; readonly signal: NodeJS.Signals }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'notRun'; readonly reason: string };

/** Completes "the fence command failed, last with ...". */
export const ENDED_BY_LOCKD = 'a run that lockd ended before it was done';

/** Waits for the end of a command, or for `stop`. To be called in the turn that started it; never rejects. */
export async function endingOf(child: ChildProcess, stop: AbortSignal): Promise<Ending> {
  // Also when nobody waits any more: an error without a listener would end the daemon.
  child.on('error', () => undefined);
  try {
    const [status, signal] = await once(child, 'exit', { signal: stop });
    return signal === null ? { kind: 'exited', status } : { kind: 'killed', signal };
  } catch (error) {
    if (stop.aborted) return { kind: 'stopped' };
    return { kind: 'notRun', reason: errorCode(error) ?? String(error) };
  }
}

/** What went wrong with a run, or undefined. `hadRemains`: what the command left behind had to be ended. */
export function failureOf(
  ending: Ending,
  hadRemains: boolean,
  overdueMs: number | undefined,
): string | undefined {
  const limit = overdueMs === undefined ? undefined : `within ${overdueMs / 1_000} s`;
  switch (ending.kind) {
    case 'notRun':
      return `cannot be run: ${ending.reason}`;
    case 'stopped':
      return limit === undefined ? ENDED_BY_LOCKD : `no end ${limit}`;
    case 'killed':
      return `killed by ${ending.signal}`;
    case 'exited':
      if (ending.status !== 0) return `exit ${ending.status}`;
      if (!hadRemains) return undefined;
      return limit === undefined ? ENDED_BY_LOCKD : `exit 0, but no end of its background processes ${limit}`;
  }
}

/** With its group; only while it has not been waited for: until then nobody else can have its number. */
export function killUnlessEnded({ pid, exitCode, signalCode }: ChildProcess): void {
  if (pid === undefined || exitCode !== null || signalCode !== null) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It ends at this moment.
  }
}
