/** What keeps an open directory as it should be: lock files that somebody else left are adopted, ours are mended. */
import { MAX_RECORDS_OF_COMMAND } from '../core/limits.js';
import type { Disk } from '../disk/disk.js';
import type { ForeignLock } from '../lock-files/foreign.js';
import type { StoreLimits } from '../store/port.js';
import { removeFenceLeftovers } from './fence-leftovers.js';
import type { Meters } from './meters.js';
import type { Parts } from './open-parts.js';
import type { LogLevel } from './options.js';
import type { Turns } from './turns.js';

export interface UpkeepOptions {
  readonly parts: Parts;
  readonly disk: Disk;
  readonly turns: Turns;
  readonly meters: Meters;
  readonly log: (level: LogLevel, message: string) => void;
}

export class Upkeep {
  #isClosed = false;
  #running: Promise<void> | undefined;

  constructor(private readonly options: UpkeepOptions) {}

  /** Before the first answer: what foreign lock files claim becomes a lock. Lock files of ours are renewed beside the calls. */
  async adoptAtStart(): Promise<void> {
    const { parts, disk, turns, log } = this.options;
    const { lockFiles, store, table, layout } = parts;
    // Frozen since the journal was read, and taken over, we would remove a successor's lock files.
    await store.confirm();
    removeFenceLeftovers(disk, layout, table);
    const found = lockFiles.compareAtStart(table, store.recovered.nextToken);
    // A token must be above every one that was seen, also on a resource that is adopted later.
    for (const { highestToken = 0 } of found) table.nextToken = Math.max(table.nextToken, highestToken + 1);
    await Promise.all(found.map((lock) => this.#adopt(lock)));
    turns.chore(lockFiles.renewViews(table)).catch((error: Error) => {
      log('warn', `Not every lock file could be renewed (${error.message}); the next start tries again`);
    });
  }

  /** What is due once a minute, done now. What is running already is not begun a second time. */
  maintain(): Promise<void> {
    this.#running ??= this.#maintain().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Fails nobody any more. */
  close(): void {
    this.#isClosed = true;
  }

  async #maintain(): Promise<void> {
    const { parts, disk, turns, meters, log } = this.options;
    const { lockFiles, store, table, layout } = parts;
    try {
      const names = await disk.listLater(layout.root);
      const found: ForeignLock[] = [];
      await turns.chore(lockFiles.compare(names, table, (lock) => found.push(lock)));
      for (const lock of found) await this.#adopt(lock);
      await lockFiles.wipe();
      store.maintain();
      while ((await turns.submit({ kind: 'forget', atMost: forgottenAtOnce(store.limits) })) > 0);
    } catch (error) {
      if (this.#isClosed) return;
      meters.maintenanceFailures += 1;
      log('warn', `The minute's maintenance failed: ${(error as Error).message}`);
    }
  }

  async #adopt(lock: ForeignLock): Promise<void> {
    const { parts, turns, log } = this.options;
    const { resource, files, claim } = lock;
    const names = files.join(', ');
    const isKnown = parts.table.isTaken(resource);
    const isLock = await turns.adopt(lock);
    if (!isLock) {
      log(
        'warn',
        `${names} claimed '${resource}', which is held; the file was moved to ${parts.layout.adopted}`,
      );
    } else if (!isKnown && claim) {
      const clients = claim.holders.map((holder) => `'${holder.client}'`).join(', ');
      log('info', `Adopted the lock of ${clients} on '${resource}' from ${names}`);
    } else if (!isKnown) {
      log('warn', `'${resource}' is locked by '?': ${names} cannot be read. Look at it, then forceUnlock`);
    }
  }
}

/** Where a turn has room for few records, one command drops few. */
function forgottenAtOnce({ recordsPerTurn }: StoreLimits): number {
  return recordsPerTurn === Number.POSITIVE_INFINITY ? recordsPerTurn : MAX_RECORDS_OF_COMMAND;
}
