/**
 * The readable view of what is held: one lock file per held resource. The journal is the truth; a view that cannot be
 * made is reported and made later, and deleting one unlocks nothing.
 *
 * Around each turn: `prepare` writes the content of new lock files into slots, so that the space is there before the
 * commit; after it `apply` gives and takes the names, and cannot fail the turn any more; a turn that was not committed is
 * taken back by `abandon`.
 *
 * Where the turns are saved elsewhere (`isView`), the files are nothing but a view: no foreign one is adopted, one that stands
 * in the way of ours is moved, and what the disk refuses fails no turn.
 */
import type { LockTable } from '../core/table.js';
import { Aside, type Move } from './aside.js';
import { Comparison, type ComparisonOptions } from './comparison.js';
import type { ForeignLock } from './foreign.js';
import { lockFileName } from './names.js';
import type { Slot } from './slots.js';
import { Views, type ViewsOptions } from './views.js';

export interface LockFilesOptions extends ViewsOptions, ComparisonOptions {}

/** What `apply` will do for one turn. */
export interface Prepared {
  readonly names: readonly { readonly resource: string; readonly slot?: Slot }[];
  readonly moved: readonly Move[];
}

export class LockFiles {
  readonly #aside: Aside;
  readonly #views: Views;
  readonly #comparison: Comparison;

  private constructor(private readonly options: LockFilesOptions) {
    const { disk, layout } = options;
    if (!disk.exists(layout.adopted)) disk.makeDirectory(layout.adopted);
    this.#aside = new Aside(options);
    this.#views = new Views(options, this.#aside);
    this.#comparison = new Comparison(options, this.#views, this.#aside);
  }

  /** Makes the slots folder of this epoch and tries whether the file system has hard links. Throws the disk's error. */
  static open(options: LockFilesOptions): LockFiles {
    return new LockFiles(options);
  }

  /** Absolute path of the lock file of a resource, whether it is there or not. */
  path(resource: string): string {
    return this.options.layout.lockFile(lockFileName(resource));
  }

  /** What an operator should know: lock files that could not be made or removed. */
  get problems(): readonly string[] {
    return [...this.#views.problems.values(), ...this.#aside.problems];
  }

  /**
   * Compares the names in the lock directory with the table, once, before the first answer: removes our own that lock
   * nothing, makes missing ones (unless they are nothing but a view), answers what foreign ones claim. What stands in the others is checked by `renewViews`.
   *
   * @param nextToken that of the journal as it was read: a file with a later one is newer than the journal.
   */
  compareAtStart(table: LockTable, nextToken?: number): ForeignLock[] {
    return this.#comparison.atStart(table, nextToken);
  }

  /**
   * Puts our own content into every lock file that an earlier daemon made, step by step, then drops its slots. Where they are
   * nothing but a view, it makes the missing ones too.
   */
  renewViews(table: LockTable): Generator<void> {
    return this.#comparison.renewViews(table);
  }

  /**
   * Compares `names`, as the lock directory had them a moment ago, with the table, step by step: mends what is missing,
   * removes what should not be there, passes on what foreign files claim.
   */
  compare(names: readonly string[], table: LockTable, adopt: (lock: ForeignLock) => void): Generator<void> {
    return this.#comparison.run(names, table, adopt);
  }

  /** What a foreign file claims that stands where the lock file of a free resource would be made. About 2 µs where none does. */
  look(resource: string): ForeignLock | undefined {
    return this.#comparison.look(resource);
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
        this.#aside.clear(resource);
        if (table.holdCount(resource) > 0) {
          const slot = this.#fill(resource, table, mayLag || this.options.isView === true);
          if (slot) names.push({ resource, slot });
        } else if (this.#views.has(resource)) names.push({ resource });
      }
      for (const path of unreadable) moved.push(...this.#aside.move(path));
    } catch (error) {
      this.abandon({ names, moved });
      throw error;
    }
    return { names, moved };
  }

  /** Takes back what was prepared for a turn that was not committed; `wipe` makes that last. */
  abandon({ names, moved }: Prepared): void {
    for (const { slot } of names) if (slot) this.#views.discard(slot);
    for (const move of moved) this.#aside.moveBack(move);
  }

  /** To be awaited before a refusal is told: nothing that was written for it comes to light again, whatever the power does. */
  wipe(): Promise<void> {
    return this.#views.wipe();
  }

  /** Gives and takes the names, after the commit. What fails is reported and made good later. */
  apply({ names }: Prepared): void {
    const views = this.#views;
    for (const { resource, slot } of names) {
      views.attempt(resource, () => (slot ? views.show(resource, slot) : views.hide(resource)));
    }
  }

  /** Whether any of these files, which claimed a resource a moment ago, still is there. */
  areThere(files: readonly string[]): boolean {
    return files.some((path) => this.options.disk.exists(path));
  }

  /** Moves foreign lock files, whose resource is a lock in the journal now, out of the way; if not now, then later. */
  setAside(resource: string, files: readonly string[]): void {
    this.#aside.setAside(resource, files);
  }

  /** Whether names were moved that are not flushed yet. */
  get hasMovedNames(): boolean {
    // No answer depends on where a file lies that was never a lock.
    return this.#aside.hasMovedNames && !this.options.isView;
  }

  /** Makes moved names last. Resolves at once where nothing was moved. */
  flush(): Promise<void> {
    return this.#aside.flush();
  }

  close(): void {
    this.#views.close();
  }

  #fill(resource: string, table: LockTable, mayLag: boolean): Slot | undefined {
    try {
      return this.#views.fill(resource, table);
    } catch (error) {
      if (!mayLag) throw error;
      this.#views.report(resource, error);
      return undefined;
    }
  }
}
