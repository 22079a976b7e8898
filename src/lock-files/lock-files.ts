/**
 * The readable view of what is held: one lock file per held resource. The journal is the truth; a view that cannot be
 * made is reported and made later, and deleting one unlocks nothing.
 *
 * Around each turn: `prepare` writes the content of new lock files into slots, so that the space is there before the
 * commit; after it `apply` gives and takes the names, and cannot fail the turn any more; a turn that was not committed is
 * taken back by `abandon`.
 */
import { basename } from 'node:path';
import type { LockTable } from '../core/table.js';
import { type Disk, errorCode, unlinkIfThere } from '../disk/disk.js';
import { type Layout, parseSlotsDirectory } from '../disk/layout.js';
import { lockFileContent } from './content.js';
import { classify, contentOf, type ForeignLock, joinClaims, slotInodes } from './foreign.js';
import { isLockFileName, lockFileName, resourceOfLockFile } from './names.js';
import { type Slot, Slots } from './slots.js';

/** Bytes of a name in `adopted/`, before a number: a file name has 255. */
const MAX_SET_ASIDE_BYTES = 240;

export interface LockFilesOptions {
  readonly disk: Disk;
  readonly layout: Layout;
  readonly epoch: number;
  readonly directoryId: string;
  /** No journal was there: nothing on disk counts as ours. */
  readonly isNew: boolean;
  /** Monotonic milliseconds. */
  readonly monotonic: () => number;
  /** Told what an operator should know: one sentence each. */
  readonly warn: (message: string) => void;
  /** Descriptors that slots may keep open. */
  readonly maxOpenSlots?: number;
}

/** A lock file as it should be on disk. */
interface View {
  readonly name: string;
  /** Absent where an earlier daemon made the file. */
  readonly slot?: Slot;
}

interface Move {
  readonly from: string;
  readonly to: string;
}

/** What `apply` will do for one turn. */
export interface Prepared {
  readonly names: readonly { readonly resource: string; readonly slot?: Slot }[];
  readonly moved: readonly Move[];
}

export class LockFiles {
  readonly #slots: Slots;
  readonly #views = new Map<string, View>();
  /** The names of all views. */
  readonly #shown = new Set<string>();
  readonly #problems = new Map<string, string>();
  /** Foreign files that are locks in the journal by now and still stand where they were, by their resource. */
  readonly #usedUp = new Map<string, readonly string[]>();
  #hardLinks = true;
  #namesMoved = false;
  /** Names that were warned about. */
  readonly #ignored = new Set<string>();
  #slotInodes: Map<bigint, string> | undefined;

  private constructor(private readonly options: LockFilesOptions) {
    const { disk, layout, epoch, monotonic, maxOpenSlots } = options;
    const directory = layout.slots(epoch);
    disk.makeDirectory(directory);
    if (!disk.exists(layout.adopted)) disk.makeDirectory(layout.adopted);
    this.#slots = new Slots({
      disk,
      directory,
      monotonic,
      ...(maxOpenSlots === undefined ? {} : { maxOpen: maxOpenSlots }),
    });
  }

  /** Makes the slots folder of this epoch and tries whether the file system has hard links. Throws the disk's error. */
  static open(options: LockFilesOptions): LockFiles {
    const files = new LockFiles(options);
    files.#tryHardLinks();
    return files;
  }

  /** Absolute path of the lock file of a resource, whether it is there or not. */
  path(resource: string): string {
    return this.options.layout.lockFile(lockFileName(resource));
  }

  /** What an operator should know: lock files that could not be made or removed. */
  get problems(): readonly string[] {
    const usedUp = [...this.#usedUp].map(
      ([resource, files]) =>
        `${files.join(', ')} cannot be moved away; '${resource}' stays locked until it is`,
    );
    return [...this.#problems.values(), ...usedUp];
  }

  /**
   * Compares the names in the lock directory with the table, once, before the first answer: removes our own that lock
   * nothing, makes missing ones, answers what foreign ones claim. What stands in the others is checked by `renewViews`.
   *
   * @param nextToken that of the journal as it was read: a file with a later one is newer than the journal.
   */
  compareAtStart(table: LockTable, nextToken?: number): ForeignLock[] {
    const { disk, layout } = this.options;
    const expected = new Map<string, string>();
    for (const { resource } of table.allHolds()) expected.set(lockFileName(resource), resource);
    const foreign: ForeignLock[] = [];
    for (const name of disk.list(layout.root)) {
      const resource = expected.get(name);
      if (resource !== undefined) this.#setView(resource, { name });
      else if (isLockFileName(name)) foreign.push(...this.#judge(name, nextToken));
    }
    for (const resource of expected.values()) {
      if (!this.#views.has(resource)) this.#mend(resource, table);
    }
    return joinClaims(foreign);
  }

  /** Puts our own content into every lock file that an earlier daemon made, step by step, then drops its slots. */
  *renewViews(table: LockTable): Generator<void> {
    for (const [resource, view] of this.#views) {
      if (view.slot === undefined) this.#renewView(resource, view, table);
      yield;
    }
    for (const name of this.options.disk.list(this.options.layout.own)) {
      const epoch = parseSlotsDirectory(name);
      if (epoch !== undefined && epoch < this.options.epoch) yield* this.#dropSlots(epoch);
    }
    // All that is ours now was written since the last power cut, and says so by its content.
    this.#slotInodes = new Map();
  }

  /**
   * Compares `names`, as the lock directory had them a moment ago, with the table, step by step: mends what is missing,
   * removes what should not be there, passes on what foreign files claim.
   */
  *compare(names: readonly string[], table: LockTable, adopt: (lock: ForeignLock) => void): Generator<void> {
    const present = new Set(names);
    for (const { resource } of table.allHolds()) {
      if (!present.has(lockFileName(resource)) || this.#problems.has(resource)) this.#mend(resource, table);
      yield;
    }
    for (const [resource, files] of this.#usedUp) {
      this.setAside(resource, files);
      yield;
    }
    for (const resource of this.#problems.keys()) {
      if (!table.has(resource)) this.#hideAgain(resource);
      yield;
    }
    const foreign: ForeignLock[] = [];
    for (const name of names) {
      // Looked up now, not when the names were listed: turns went on since.
      if (isLockFileName(name) && !this.#shown.has(name)) foreign.push(...this.#judge(name));
      yield;
    }
    for (const lock of joinClaims(foreign)) adopt(lock);
  }

  /** What a foreign file claims that stands where the lock file of a free resource would be made. About 2 µs where none does. */
  look(resource: string): ForeignLock | undefined {
    const name = lockFileName(resource);
    const path = this.options.layout.lockFile(name);
    if (this.#views.has(resource) || !this.options.disk.exists(path)) return undefined;
    const [lock] = this.#judge(name);
    // A cut name does not tell its resource: whatever stands in its place claims this one.
    return !lock || lock.resource === resource ? lock : { resource, files: [path] };
  }

  /**
   * Writes what the lock files of `resources` will say once the table is saved, and moves `unreadable` files away, which
   * no longer lock anything then. Throws the disk's error, leaving everything as it was; if `mayLag`, a content that cannot
   * be written is reported instead and made good later, so that a full disk keeps nobody from leaving.
   */
  prepare(
    resources: Iterable<string>,
    table: LockTable,
    unreadable: readonly string[] = [],
    mayLag = false,
  ): Prepared {
    const names: { resource: string; slot?: Slot }[] = [];
    const moved: Move[] = [];
    try {
      for (const resource of resources) {
        if (this.#usedUp.size > 0) this.#clearUsedUp(resource);
        if (table.holdCount(resource) > 0) {
          const slot = this.#fill(resource, table, mayLag);
          if (slot) names.push({ resource, slot });
        } else if (this.#views.has(resource)) names.push({ resource });
      }
      for (const path of unreadable) moved.push(...this.#moveAside(path));
    } catch (error) {
      this.abandon({ names, moved });
      throw error;
    }
    return { names, moved };
  }

  /** Takes back what was prepared for a turn that was not committed. */
  abandon({ names, moved }: Prepared): void {
    for (const { slot } of names) if (slot) this.#slots.free(slot);
    for (const move of moved) this.#moveBack(move);
  }

  /** Gives and takes the names, after the commit. What fails is reported and made good later. */
  apply({ names }: Prepared): void {
    for (const { resource, slot } of names) {
      try {
        if (slot) this.#show(resource, slot);
        else this.#hide(resource);
        if (this.#problems.size > 0) this.#problems.delete(resource);
      } catch (error) {
        this.#report(resource, error);
      }
    }
  }

  /** Throws no disk error: a caller would hear that nothing was changed, and a restart would find the resource free. */
  #moveBack({ from, to }: Move): void {
    try {
      this.options.disk.rename(to, from);
      this.#namesMoved = true;
    } catch (error) {
      throw new Error(`${to} could not be moved back to ${from} (${(error as Error).message})`);
    }
  }

  /** Whether any of these files, which claimed a resource a moment ago, still is there. */
  areThere(files: readonly string[]): boolean {
    return files.some((path) => this.options.disk.exists(path));
  }

  /** Moves foreign lock files, whose resource is a lock in the journal now, out of the way; if not now, then later. */
  setAside(resource: string, files: readonly string[]): void {
    const before = this.#usedUp.get(resource) ?? [];
    this.#usedUp.set(resource, [...new Set([...before, ...files])]);
    try {
      this.#clearUsedUp(resource);
    } catch (error) {
      if (errorCode(error) === undefined) throw error;
      if (before.length === 0)
        this.options.warn(`${files.join(', ')}: ${(error as Error).message}; it is tried again`);
    }
  }

  /** A foreign file that became a lock must be gone before that lock is: else the next look would adopt it again. */
  #clearUsedUp(resource: string): void {
    for (const path of this.#usedUp.get(resource) ?? []) this.#moveAside(path);
    this.#usedUp.delete(resource);
  }

  /** Whether names were moved that are not flushed yet. */
  get hasMovedNames(): boolean {
    return this.#namesMoved;
  }

  /** Makes moved names last. Resolves at once where nothing was moved. */
  async flush(): Promise<void> {
    if (!this.#namesMoved) return;
    await this.options.disk.syncDirectory(this.options.layout.adopted);
    await this.options.disk.syncDirectory(this.options.layout.root);
    this.#namesMoved = false;
  }

  close(): void {
    this.#slots.close();
  }

  #fill(resource: string, table: LockTable, mayLag: boolean): Slot | undefined {
    try {
      return this.#slots.fill(this.#content(resource, table));
    } catch (error) {
      if (!mayLag) throw error;
      this.#report(resource, error);
      return undefined;
    }
  }

  #content(resource: string, table: LockTable): Buffer {
    const holds = table.listedHolds(resource);
    return lockFileContent(this.options.directoryId, resource, holds, table.holdCount(resource));
  }

  /** Gives a slot its name: over the older view, or over what `isReplaced` says may be replaced; else over nothing. */
  #show(resource: string, slot: Slot, isReplaced = false): void {
    const { disk, layout } = this.options;
    const view = this.#views.get(resource);
    const name = view?.name ?? lockFileName(resource);
    const path = layout.lockFile(name);
    const over = isReplaced || view !== undefined;
    try {
      if (!this.#hardLinks) this.#moveSlot(slot, path, over);
      else if (over) this.#linkOver(slot, path);
      else disk.link(slot.path, path);
    } catch (error) {
      this.#slots.free(slot);
      throw error;
    }
    this.#setView(resource, { name, slot });
    if (view?.slot) this.#slots.free(view.slot);
  }

  #hide(resource: string): void {
    const view = this.#views.get(resource);
    if (!view) return;
    const path = this.options.layout.lockFile(view.name);
    if (!view.slot || this.#problems.has(resource)) {
      // Nobody has looked yet whether this still is what we or an earlier daemon made; foreign, it must not come back.
      this.#clearForeign(resource, path);
      this.#namesMoved = true;
    }
    unlinkIfThere(this.options.disk, path);
    this.#views.delete(resource);
    this.#shown.delete(view.name);
    if (view.slot && this.#hardLinks) this.#slots.free(view.slot);
  }

  /** Removes what could not be removed when the resource became free. */
  #hideAgain(resource: string): void {
    try {
      this.#hide(resource);
      this.#problems.delete(resource);
    } catch (error) {
      this.#report(resource, error);
    }
  }

  #setView(resource: string, view: View): void {
    this.#views.set(resource, view);
    this.#shown.add(view.name);
  }

  #linkOver(slot: Slot, path: string): void {
    const { disk } = this.options;
    const temporary = `${slot.path}.tmp`;
    disk.link(slot.path, temporary);
    try {
      disk.rename(temporary, path);
    } catch (error) {
      unlinkIfThere(disk, temporary);
      throw error;
    }
  }

  #moveSlot(slot: Slot, path: string, over: boolean): void {
    const { disk } = this.options;
    if (!over && disk.exists(path)) throw new Error(`a file has its name already`);
    disk.rename(slot.path, path);
    this.#slots.forget(slot);
  }

  /** Makes the lock file of a held resource that is not there, or not as it should be. */
  #mend(resource: string, table: LockTable): void {
    const { disk, layout, warn } = this.options;
    try {
      const path = layout.lockFile(lockFileName(resource));
      const isThere = disk.exists(path);
      if (isThere && !this.#problems.has(resource)) return;
      if (isThere) this.#clearForeign(resource, path);
      const isMissing = !isThere && this.#views.has(resource);
      this.#show(resource, this.#slots.fill(this.#content(resource, table)), isThere);
      if (isMissing)
        warn(`The lock file ${path} was missing and was made again; deleting it unlocks nothing`);
      this.#problems.delete(resource);
    } catch (error) {
      this.#report(resource, error);
    }
  }

  #renewView(resource: string, view: View, table: LockTable): void {
    const { layout } = this.options;
    try {
      this.#clearForeign(resource, layout.lockFile(view.name));
      this.#show(resource, this.#slots.fill(this.#content(resource, table)));
    } catch (error) {
      this.#report(resource, error);
    }
  }

  /** Moves away what somebody put in the place of the lock file of a held resource: the journal is the truth. */
  #clearForeign(resource: string, path: string): void {
    const { disk, directoryId, warn } = this.options;
    const entry = disk.stat(path);
    if (!entry) return;
    // What cannot be read at this name is ours after a power cut: contents of lock files are never flushed.
    const content = entry.kind === 'file' ? contentOf(disk, path, entry.size) : undefined;
    if (entry.kind === 'file' && (content === undefined || content.directory === directoryId)) return;
    const [move] = this.#moveAside(path);
    warn(`A foreign file stood in the place of the lock file of '${resource}'; it is now ${move?.to}`);
  }

  /** What a lock file that no held resource accounts for claims. Removes it if it is our own: then it claims nothing. */
  #judge(name: string, nextToken?: number): ForeignLock[] {
    const { disk, layout, directoryId, warn } = this.options;
    const path = layout.lockFile(name);
    const classified = classify(disk, layout, name, directoryId, (inode) => this.#isSlot(inode), nextToken);
    if (classified?.kind === 'ours') {
      this.#removeLeftover(name, path);
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
      this.#report(resourceOfLockFile(name) ?? name, error);
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

  #moveAside(from: string): Move[] {
    const { disk, layout } = this.options;
    const name = shortEnough(basename(from));
    if (!disk.exists(from)) return [];
    let to = `${layout.adopted}/${name}`;
    for (let count = 2; disk.exists(to); count += 1) to = `${layout.adopted}/${count}-${name}`;
    disk.rename(from, to);
    this.#namesMoved = true;
    return [{ from, to }];
  }

  #report(resource: string, error: unknown): void {
    if (!(error instanceof Error)) throw error;
    const problem = `The lock file of '${resource}' is not as it should be (${error.message}); it is tried again`;
    if (!this.#problems.has(resource)) this.options.warn(problem);
    this.#problems.set(resource, problem);
  }

  #tryHardLinks(): void {
    const { disk } = this.options;
    const slot = this.#slots.fill(Buffer.from('probe\n'));
    const probe = `${slot.path}.tmp`;
    try {
      disk.link(slot.path, probe);
      disk.unlink(probe);
    } catch (error) {
      if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(errorCode(error) ?? '')) throw error;
      this.#hardLinks = false;
      this.options.warn(
        `${this.options.layout.root} has no hard links; lock files are made and renamed instead`,
      );
    }
    this.#slots.free(slot);
  }
}

/** A name that still fits into a directory with a number in front. */
function shortEnough(name: string): string {
  return Buffer.byteLength(name) <= MAX_SET_ASIDE_BYTES ? name : name.slice(0, MAX_SET_ASIDE_BYTES / 4);
}
