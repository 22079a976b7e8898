/**
 * Moving foreign files out of the way: into `adopted/`, where a person finds them. Names that were moved must last before
 * what depends on them is answered: `flush`.
 */
import { basename } from 'node:path';
import { type Disk, errorCode } from '../disk/disk.js';
import type { Layout } from '../disk/layout.js';
import { contentOf } from './foreign.js';

/** Bytes of a name in `adopted/`, before a number: a file name has 255. */
const MAX_SET_ASIDE_BYTES = 240;

export interface AsideOptions {
  readonly disk: Disk;
  readonly layout: Layout;
  readonly directoryId: string;
  /** Contents are never torn by a power cut: what cannot be read is not ours. */
  readonly isView?: boolean;
  /** Told what an operator should know: one sentence each. */
  readonly warn: (message: string) => void;
}

/** A file that was moved away. */
export interface Move {
  readonly from: string;
  readonly to: string;
}

export class Aside {
  /** Whether names were moved that are not flushed yet. */
  hasMovedNames = false;
  /** Foreign files that are locks in the journal by now and still stand where they were, by their resource. */
  readonly #usedUp = new Map<string, readonly string[]>();

  constructor(private readonly options: AsideOptions) {}

  /** Foreign files that could not be moved away. */
  get problems(): readonly string[] {
    return [...this.#usedUp].map(
      ([resource, files]) =>
        `${files.join(', ')} cannot be moved away; '${resource}' stays locked until it is`,
    );
  }

  /** Moves a file away. Answers nothing where there is none. */
  move(from: string): Move[] {
    const { disk, layout } = this.options;
    const name = shortEnough(basename(from));
    if (!disk.exists(from)) return [];
    let to = `${layout.adopted}/${name}`;
    for (let count = 2; disk.exists(to); count += 1) to = `${layout.adopted}/${count}-${name}`;
    disk.rename(from, to);
    this.hasMovedNames = true;
    return [{ from, to }];
  }

  /** Throws no disk error: a caller would hear that nothing was changed, and a restart would find the resource free. */
  moveBack({ from, to }: Move): void {
    try {
      this.options.disk.rename(to, from);
      this.hasMovedNames = true;
    } catch (error) {
      throw new Error(`${to} could not be moved back to ${from} (${(error as Error).message})`);
    }
  }

  /** Moves away what somebody put in the place of the lock file of a held resource: the journal is the truth. */
  moveForeign(resource: string, path: string): void {
    const { disk, directoryId, isView, warn } = this.options;
    const entry = disk.stat(path);
    if (!entry) return;
    // What cannot be read at this name is ours after a power cut: contents of lock files are never flushed.
    const content = entry.kind === 'file' ? contentOf(disk, path, entry.size) : undefined;
    const isOurs = content === undefined ? !isView : content.directory === directoryId;
    if (entry.kind === 'file' && isOurs) return;
    const [move] = this.move(path);
    warn(`A foreign file stood in the place of the lock file of '${resource}'; it is now ${move?.to}`);
  }

  /** Moves foreign lock files, whose resource is a lock in the journal now, out of the way; if not now, then later. */
  setAside(resource: string, files: readonly string[]): void {
    const before = this.#usedUp.get(resource) ?? [];
    this.#usedUp.set(resource, [...new Set([...before, ...files])]);
    try {
      this.clear(resource);
    } catch (error) {
      if (errorCode(error) === undefined) throw error;
      if (before.length === 0)
        this.options.warn(`${files.join(', ')}: ${(error as Error).message}; it is tried again`);
    }
  }

  /** A foreign file that became a lock must be gone before that lock is: else the next look would adopt it again. */
  clear(resource: string): void {
    for (const path of this.#usedUp.get(resource) ?? []) this.move(path);
    this.#usedUp.delete(resource);
  }

  /** Tries once more what could not be moved away, step by step. */
  *setAsideAgain(): Generator<void> {
    for (const [resource, files] of this.#usedUp) {
      this.setAside(resource, files);
      yield;
    }
  }

  /** Makes moved names last. Resolves at once where nothing was moved. */
  async flush(): Promise<void> {
    if (!this.hasMovedNames) return;
    await this.options.disk.syncDirectory(this.options.layout.adopted);
    await this.options.disk.syncDirectory(this.options.layout.root);
    this.hasMovedNames = false;
  }
}

/** A name that still fits into a directory with a number in front. */
function shortEnough(name: string): string {
  return Buffer.byteLength(name) <= MAX_SET_ASIDE_BYTES ? name : name.slice(0, MAX_SET_ASIDE_BYTES / 4);
}
