/**
 * The comparison of the lock directory with the table: at the start, in the background behind it, once a minute, and for
 * the one name that a new lock is about to get. Mends what is missing, removes what should not be there, and answers what
 * foreign files claim.
 */
import type { LockTable } from '../core/table.js';
import { type Disk, errorCode, unlinkIfThere } from '../disk/disk.js';
import { type Layout, parseSlotsDirectory } from '../disk/layout.js';
import { StartRefused } from '../disk/start-refused.js';
import type { Aside } from './aside.js';
import { classify, type ForeignLock, joinClaims, slotInodes } from './foreign.js';
import { isLockFileName, lockFileName, resourceOfLockFile } from './names.js';
import type { View, Views } from './views.js';

/** The next token of a journal that has given none. */
const FIRST_TOKEN = 1;

export interface ComparisonOptions {
  readonly disk: Disk;
  readonly layout: Layout;
  readonly epoch: number;
  readonly directoryId: string;
  /** No journal was there: nothing on disk counts as ours. */
  readonly isNew: boolean;
  /** Foreign files claim nothing. */
  readonly isView?: boolean;
  /** Told what an operator should know: one sentence each. */
  readonly warn: (message: string) => void;
}

export class Comparison {
  /** Names that were warned about. */
  readonly #ignored = new Set<string>();
  #slotInodes: Map<bigint, string> | undefined;

  constructor(
    private readonly options: ComparisonOptions,
    private readonly views: Views,
    private readonly aside: Aside,
  ) {}

  /**
   * Once, before the first answer; what stands in the files that are kept is checked by `renewViews`. Throws `StartRefused`
   * where the disk fails to read what nothing else knows.
   */
  atStart(table: LockTable, nextToken?: number): ForeignLock[] {
    const { disk, layout, isView } = this.options;
    const names = disk.list(layout.root);
    // The usual case of who begins to lead: then the names of all that is held need not be made in one step.
    if (isView && !names.some(isLockFileName)) return [];
    const expected = new Map<string, string>();
    for (const { resource } of table.allHolds()) expected.set(lockFileName(resource), resource);
    const foreign: ForeignLock[] = [];
    for (const name of names) {
      const resource = expected.get(name);
      if (resource !== undefined) this.views.takeOver(resource, name);
      else if (isLockFileName(name)) foreign.push(...this.#judge(name, isView ? undefined : nextToken));
    }
    // What only shows the locks can come later than the first answer.
    if (isView) return [];
    for (const resource of expected.values()) {
      if (!this.views.has(resource)) this.#mend(resource, table);
    }
    if (nextToken === FIRST_TOKEN) this.#assertRead(foreign);
    return joinClaims(foreign);
  }

  /** Beside a journal without any token the lock files are all that is known, and every later token must be above theirs. */
  #assertRead(locks: readonly ForeignLock[]): void {
    const unread = locks.find(({ failure }) => failure !== undefined);
    if (!unread) return;
    const { files, failure, resource } = unread;
    throw new StartRefused(
      `${files.join(', ')} could not be read (${failure}), and nothing else tells who holds '${resource}', and by which token. ` +
        `Start lockd again; if that does not help, move the file away, and '${resource}' is free`,
    );
  }

  /**
   * Puts our own content into every lock file that an earlier daemon made, step by step, then drops its slots; where one is
   * not as it should be, the next start drops them.
   */
  *renewViews(table: LockTable): Generator<void> {
    if (this.options.isView) yield* this.#makeMissing(table);
    for (const [resource, view] of this.views.all()) {
      if (view.slot === undefined) this.#renewView(resource, view, table);
      yield;
    }
    // What could not be renewed or removed is told from foreign files by its old slot alone, once a power cut has torn it.
    if (this.views.problems.size > 0) return;
    for (const name of this.options.disk.list(this.options.layout.own)) {
      const epoch = parseSlotsDirectory(name);
      if (epoch !== undefined && epoch < this.options.epoch) yield* this.#dropSlots(epoch);
    }
    // All that is ours now was written since the last power cut, and says so by its content.
    this.#slotInodes = new Map();
  }

  *#makeMissing(table: LockTable): Generator<void> {
    for (const { resource } of table.allHolds()) {
      if (!this.views.has(resource)) this.#mend(resource, table);
      yield;
    }
  }

  /** Once a minute, with `names` as the lock directory had them a moment ago, step by step. */
  *run(names: readonly string[], table: LockTable, adopt: (lock: ForeignLock) => void): Generator<void> {
    const { views } = this;
    const present = new Set(names);
    for (const { resource } of table.allHolds()) {
      const name = views.nameOf(resource) ?? lockFileName(resource);
      if (!present.has(name) || views.problems.has(resource)) this.#mend(resource, table);
      yield;
    }
    yield* this.aside.setAsideAgain();
    for (const resource of views.problems.keys()) {
      // Removes what could not be removed when the resource became free.
      if (!table.isTaken(resource)) views.attempt(resource, () => views.hide(resource));
      yield;
    }
    const foreign: ForeignLock[] = [];
    for (const name of names) {
      // Looked up now, not when the names were listed: turns went on since.
      if (isLockFileName(name) && !views.isShown(name)) foreign.push(...this.#judge(name));
      yield;
    }
    for (const lock of joinClaims(foreign)) adopt(lock);
  }

  /** What a foreign file claims that stands where the lock file of a free resource would be made. */
  look(resource: string): ForeignLock | undefined {
    if (this.options.isView) return undefined;
    const name = lockFileName(resource);
    const path = this.options.layout.lockFile(name);
    if (this.views.has(resource) || !this.options.disk.exists(path)) return undefined;
    const [lock] = this.#judge(name);
    // A cut name does not tell its resource: whatever stands in its place claims this one.
    return !lock || lock.resource === resource ? lock : { resource, files: [path] };
  }

  /** Makes the lock file of a held resource that is not there, or not as it should be. */
  #mend(resource: string, table: LockTable): void {
    const { disk, layout, warn } = this.options;
    const { views } = this;
    views.attempt(resource, () => {
      const path = layout.lockFile(lockFileName(resource));
      const isThere = disk.exists(path);
      if (isThere && !views.problems.has(resource)) return;
      if (isThere) this.aside.moveForeign(resource, path);
      const isMissing = !isThere && views.has(resource);
      views.show(resource, views.fill(resource, table), isThere);
      if (isMissing)
        warn(`The lock file ${path} was missing and was made again; deleting it unlocks nothing`);
    });
  }

  #renewView(resource: string, view: View, table: LockTable): void {
    const { views } = this;
    try {
      this.aside.moveForeign(resource, this.options.layout.lockFile(view.name));
      views.show(resource, views.fill(resource, table));
    } catch (error) {
      views.report(resource, error);
    }
  }

  /** What a lock file that no held resource accounts for claims. Removes it if it is our own: then it claims nothing. */
  #judge(name: string, nextToken?: number): ForeignLock[] {
    const { disk, layout, directoryId, isView, warn } = this.options;
    const path = layout.lockFile(name);
    const classified = classify(disk, layout, name, directoryId, (inode) => this.#isSlot(inode), nextToken);
    if (classified?.kind === 'ours') {
      this.#removeLeftover(name, path);
    } else if (isView) {
      return [];
    } else if (classified?.kind === 'nameless' && !this.#ignored.has(name)) {
      this.#ignored.add(name);
      warn(`${path} is ignored: no resource can have this name`);
    }
    return classified?.kind === 'foreign' ? [classified.lock] : [];
  }

  #removeLeftover(name: string, path: string): void {
    try {
      unlinkIfThere(this.options.disk, path);
    } catch (error) {
      this.views.report(resourceOfLockFile(name) ?? name, error);
    }
  }

  /** Whether a file is a second name of a slot, by looking at that very slot: inodes are used again. */
  #isSlot(inode: bigint): boolean {
    const { disk, layout, isNew } = this.options;
    this.#slotInodes ??= isNew ? new Map() : slotInodes(disk, layout);
    const path = this.#slotInodes.get(inode);
    return path !== undefined && disk.stat(path)?.inode === inode;
  }

  *#dropSlots(epoch: number): Generator<void> {
    const { disk, layout, warn } = this.options;
    const directory = layout.slots(epoch);
    try {
      for (const name of disk.list(directory)) {
        unlinkIfThere(disk, `${directory}/${name}`);
        yield;
      }
      disk.removeDirectory(directory);
    } catch (error) {
      if (errorCode(error) === undefined) throw error;
      warn(`${directory} could not be cleared (${(error as Error).message}); the next start tries again`);
    }
  }
}
