/**
 * The lock files that we account for, one per held resource: gives them their names and takes these away. What could not
 * be done is remembered as a problem, and made good later.
 */
import type { LockTable } from '../core/table.js';
import { type Disk, errorCode, unlinkIfThere } from '../disk/disk.js';
import type { Layout } from '../disk/layout.js';
import type { Aside } from './aside.js';
import { lockFileContent } from './content.js';
import { lockFileName } from './names.js';
import { type Slot, Slots } from './slots.js';

export interface ViewsOptions {
  readonly disk: Disk;
  readonly layout: Layout;
  readonly epoch: number;
  readonly directoryId: string;
  /** A foreign file in the way of a new view is moved; else it keeps its name, and the view is not made. */
  readonly isView?: boolean;
  /** Monotonic milliseconds. */
  readonly monotonic: () => number;
  /** Told what an operator should know: one sentence each. */
  readonly warn: (message: string) => void;
  /** Descriptors that slots may keep open. */
  readonly maxOpenSlots?: number;
}

/** A lock file as it should be on disk. */
export interface View {
  readonly name: string;
  /** Absent where an earlier daemon made the file. */
  readonly slot?: Slot;
}

export class Views {
  readonly #slots: Slots;
  readonly #byResource = new Map<string, View>();
  /** The names of all views. */
  readonly #shown = new Set<string>();
  readonly #problems = new Map<string, string>();
  #hardLinks = true;

  /** Makes the slots folder of this epoch and tries whether the file system has hard links. Throws the disk's error. */
  constructor(
    private readonly options: ViewsOptions,
    private readonly aside: Aside,
  ) {
    const { disk, layout, epoch, monotonic, maxOpenSlots } = options;
    const directory = layout.slots(epoch);
    disk.makeDirectory(directory);
    this.#slots = new Slots({
      disk,
      directory,
      monotonic,
      ...(maxOpenSlots === undefined ? {} : { maxOpen: maxOpenSlots }),
    });
    this.#tryHardLinks();
  }

  has(resource: string): boolean {
    return this.#byResource.has(resource);
  }

  /** The name of the lock file of a resource, if it has one; quicker than to make it again. */
  nameOf(resource: string): string | undefined {
    return this.#byResource.get(resource)?.name;
  }

  /** Every view with its resource. Live. */
  all(): Iterable<[string, View]> {
    return this.#byResource;
  }

  /** Whether a name in the lock directory is that of a view. */
  isShown(name: string): boolean {
    return this.#shown.has(name);
  }

  /** By their resource: lock files that could not be made or removed. */
  get problems(): ReadonlyMap<string, string> {
    return this.#problems;
  }

  /** A slot with what the lock file of `resource` says. Throws the disk's error. */
  fill(resource: string, table: LockTable): Slot {
    const holds = table.listedHolds(resource);
    const content = lockFileContent(this.options.directoryId, resource, holds, table.holdCount(resource));
    return this.#slots.fill(content);
  }

  /** Takes back a slot that was not shown, and will not be. */
  discard(slot: Slot): void {
    this.#slots.discard(slot);
  }

  /** Empties what was taken back, durably. */
  wipe(): Promise<void> {
    return this.#slots.wipe();
  }

  /** Takes the lock file `name`, which an earlier daemon made, for that of `resource`. */
  takeOver(resource: string, name: string): void {
    this.#set(resource, { name });
  }

  /** Gives a slot its name: over the older view, or over what `isReplaced` says may be replaced; else over nothing. */
  show(resource: string, slot: Slot, isReplaced = false): void {
    const { disk, layout } = this.options;
    const view = this.#byResource.get(resource);
    const name = view?.name ?? lockFileName(resource);
    const path = layout.lockFile(name);
    const over = isReplaced || view !== undefined || this.#clearWay(resource, path);
    try {
      if (!this.#hardLinks) this.#moveSlot(slot, path, over);
      else if (over) this.#linkOver(slot, path);
      else disk.link(slot.path, path);
    } catch (error) {
      this.#slots.free(slot);
      throw error;
    }
    this.#set(resource, { name, slot });
    if (view?.slot) this.#slots.free(view.slot);
  }

  /** Takes the name away. */
  hide(resource: string): void {
    const view = this.#byResource.get(resource);
    if (!view) return;
    const path = this.options.layout.lockFile(view.name);
    if (!view.slot || this.#problems.has(resource)) {
      // Nobody has looked yet whether this still is what we or an earlier daemon made; foreign, it must not come back.
      this.aside.moveForeign(resource, path);
      this.aside.hasMovedNames = true;
    }
    unlinkIfThere(this.options.disk, path);
    this.#byResource.delete(resource);
    this.#shown.delete(view.name);
    if (view.slot && this.#hardLinks) this.#slots.free(view.slot);
  }

  /** Does what must not fail a turn: what fails is remembered, and what succeeds is no problem any more. */
  attempt(resource: string, work: () => void): void {
    try {
      work();
      if (this.#problems.size > 0) this.#problems.delete(resource);
    } catch (error) {
      this.report(resource, error);
    }
  }

  /** Remembers that the lock file of a resource is not as it should be. */
  report(resource: string, error: unknown): void {
    if (!(error instanceof Error)) throw error;
    const problem = `The lock file of '${resource}' is not as it should be (${error.message}); it is tried again`;
    if (!this.#problems.has(resource)) this.options.warn(problem);
    this.#problems.set(resource, problem);
  }

  close(): void {
    this.#slots.close();
  }

  /** Whether something was in the way, which may be replaced now. */
  #clearWay(resource: string, path: string): boolean {
    if (!this.options.isView || !this.options.disk.exists(path)) return false;
    this.aside.moveForeign(resource, path);
    return true;
  }

  #set(resource: string, view: View): void {
    this.#byResource.set(resource, view);
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
