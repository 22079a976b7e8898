/**
 * How the daemon is. `health` is for operators: whatever is not as it should be, also where nobody is kept from anything.
 * `readiness` is for those who send it work: whether a lock can be had at this moment. A lock file that could not be mended
 * is a matter of health alone; a disk that takes nothing is one of both.
 */
import type { Disk } from '../disk/disk.js';
import { takesFiles } from '../disk/probe.js';
import type { Health, Readiness } from './api.js';
import type { Parts } from './open-parts.js';
import type { Turns } from './turns.js';

export interface ConditionOptions {
  readonly parts: Parts;
  readonly disk: Disk;
  readonly turns: Turns;
  readonly isClosing: () => boolean;
  /** Why nobody can be answered any more; undefined while calls are. */
  readonly failure: () => Error | undefined;
}

export class Condition {
  constructor(private readonly options: ConditionOptions) {}

  health(): Health {
    const { store, lockFiles } = this.options.parts;
    const problems = this.#deposed() ?? [...this.#storage(), ...store.problems, ...lockFiles.problems];
    return { status: problems.length > 0 ? 'degraded' : 'ok', problems };
  }

  readiness(): Readiness {
    const problems = this.#over() ??
      this.#deposed() ?? [...this.#storage(), ...this.options.parts.store.obstacles];
    return { status: problems.length > 0 ? 'notReady' : 'ready', problems };
  }

  #over(): readonly string[] | undefined {
    const { failure, isClosing } = this.options;
    const error = failure();
    if (error) return [error.message];
    return isClosing() ? ['The daemon is stopping'] : undefined;
  }

  /** Whoever lost the directory learns it here too, and ends: this look at the epoch fails the next turn. */
  #deposed(): readonly string[] | undefined {
    const { turns, parts, isClosing } = this.options;
    const { layout, isView } = parts;
    turns.submit({ kind: 'count' }).catch(() => undefined);
    if (isClosing() || this.#isMine()) return undefined;
    return [`Another lockd took over ${layout.root}${isView ? '' : ', or its journal was removed'}`];
  }

  #isMine(): boolean {
    try {
      return this.options.parts.epoch.isMine();
    } catch {
      // What cannot be looked at is told by the store.
      return true;
    }
  }

  /** What is known of the last change. What was seen then is past; what counts is whether the disk would do the same again. */
  #storage(): readonly string[] {
    const { saving } = this.options.turns;
    const { store } = this.options.parts;
    if ((saving.hasRefused || store.obstacles.length > 0) && this.#takesChanges()) saving.forgetProblems();
    return saving.problems;
  }

  /** Whether the disk takes all that a turn writes: a line of the journal, a slot, and a file beside them. */
  #takesChanges(): boolean {
    const { parts, disk } = this.options;
    const { store, layout, epoch, isView } = parts;
    // What the disk refuses keeps no turn from being saved elsewhere.
    if (isView) return store.takesTurns();
    const folders = [layout.own, layout.slots(epoch.number)];
    return store.takesTurns() && folders.every((folder) => takesFiles(disk, folder));
  }
}
