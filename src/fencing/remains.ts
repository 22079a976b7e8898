/** What may still be alive of the runs for one token, and how it is ended. */
import { setTimeout as delay } from 'node:timers/promises';
import type { FenceLock } from './fence-lock.js';
import { groupIsAlive, lockHolders, wasStartedWith } from './processes.js';

/** Milliseconds until what was killed must be gone; only a process that hangs inside the kernel takes longer. */
const KILL_PATIENCE_MS = 5_000;

/** Milliseconds between two looks for processes to kill: they may make new ones meanwhile. */
const KILL_INTERVAL_MS = 100;

/** Milliseconds between two looks at a group: at first, and at most. */
const LOOK_MS = { least: 5, most: 200 };

/** Something of a run is alive, and nothing that lockd may do ends it. */
export class RunGoesOn extends Error {
  override readonly name = 'RunGoesOn';

  constructor(path: string, ids: readonly number[]) {
    const who =
      ids.length > 0
        ? `process ${ids.join(', ')}, which SIGKILL does not end`
        : 'a process which lockd may not look at';
    super(`a run that still has ${path} locked: ${who}; end it as root (fuser ${path} shows it)`);
  }
}

/**
 * The runs are recognised by the kernel lock, also those of an earlier daemon. A process that closed its descriptors has
 * no lock any more: there, the process group is the second look, of this daemon's own run and of all that have the lock.
 */
export class Remains {
  /** This daemon's own run, and those that were found to have the lock. */
  readonly #groups = new Set<number>();

  constructor(
    private readonly token: number,
    private readonly lock: FenceLock,
    group: number | undefined,
  ) {
    if (group !== undefined) this.#groups.add(group);
  }

  /** Waits until nothing is alive, and has the lock then; false when `until` came first. */
  async gone(until: AbortSignal): Promise<boolean> {
    if (!(await this.lock.take(until))) return false;
    for (
      let pause = LOOK_MS.least;
      await this.#anyGroupIsAlive();
      pause = Math.min(2 * pause, LOOK_MS.most)
    ) {
      if (until.aborted) return false;
      await delay(pause);
    }
    return true;
  }

  /**
   * Ends all that is alive: SIGTERM, and SIGKILL after `graceMs`. Answers whether there was anything, and has the lock then.
   * Throws `RunGoesOn` when something withstands.
   */
  async end(graceMs: number): Promise<boolean> {
    if (await this.gone(AbortSignal.abort())) return false;
    await this.#signal('SIGTERM');
    if (await this.gone(AbortSignal.timeout(graceMs))) return true;
    const giveUpAt = performance.now() + KILL_PATIENCE_MS;
    do {
      await this.#signal('SIGKILL');
      if (await this.gone(AbortSignal.timeout(KILL_INTERVAL_MS))) return true;
    } while (performance.now() < giveUpAt);
    const ids: number[] = [];
    for await (const { id } of lockHolders(this.lock.path)) ids.push(id);
    throw new RunGoesOn(this.lock.path, ids);
  }

  /**
   * Kills what shows that it is of a run, for whoever goes on beside the daemon that ends it: that has the lock now and then
   * too, and is not touched. May overlook what is made meanwhile.
   */
  async kill(): Promise<void> {
    await this.#signal('SIGKILL', true);
  }

  async #signal(name: NodeJS.Signals, onlyRuns = false): Promise<void> {
    for (const group of this.#groups) if (await groupIsAlive(group)) send(-group, name);
    for await (const { id, group } of lockHolders(this.lock.path)) {
      // At once for each that is found, so that no number can have passed to another process by then. By its group only where
      // that is a run's: another daemon, frozen while it started a command, has the lock too, and innocents in its group.
      const isRun = group > 1 && wasStartedWith(id, `LOCKD_TOKEN=${this.token}`);
      if (isRun) this.#groups.add(group);
      else if (onlyRuns) continue;
      send(isRun ? -group : id, name);
    }
  }

  async #anyGroupIsAlive(): Promise<boolean> {
    for (const group of this.#groups) if (await groupIsAlive(group)) return true;
    return false;
  }
}

/** To a process, or to a group as kill(2) names it: by its negative number. */
function send(id: number, name: NodeJS.Signals): void {
  try {
    process.kill(id, name);
  } catch {
    // Gone already, or not ours to signal: the lock tells.
  }
}
