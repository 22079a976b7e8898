/**
 * The epoch: how the daemon fences itself. Each start makes the file of the next epoch before it reads the journal.
 * Whoever still sees its own epoch as the newest, after its own flush, knows that its line was there for any
 * successor to read; who does not see it must say nothing more. Directory locks can be lost (a frozen process, a lock
 * taken over as stale); this cannot.
 */
import { type Disk, errorCode, type OpenFile, unlinkIfThere } from './disk.js';
import { type Layout, parseEpochFile, parseSegmentFile, parseSlotsDirectory } from './layout.js';

/** The highest epoch that any name in the own directory speaks of; 0 where there is none. */
function highestEpoch(names: readonly string[]): number {
  let highest = 0;
  for (const name of names) {
    const epoch = parseEpochFile(name) ?? parseSlotsDirectory(name) ?? parseSegmentFile(name)?.epoch;
    highest = Math.max(highest, epoch ?? 0);
  }
  return highest;
}

export class Epoch {
  readonly #path: string;
  readonly #nextPath: string;
  readonly #inode: bigint;

  private constructor(
    private readonly disk: Disk,
    layout: Layout,
    /** Counts the starts in this directory; the greatest is the owner. */
    readonly number: number,
    // Kept open so that no other file can get this inode while we compare it.
    private readonly file: OpenFile,
  ) {
    this.#path = layout.epoch(number);
    this.#nextPath = layout.epoch(number + 1);
    this.#inode = file.inode;
  }

  /** Makes the next epoch, durably. From here on every earlier daemon in this directory finds itself deposed. */
  static async begin(disk: Disk, layout: Layout): Promise<Epoch> {
    const epoch = Epoch.#create(disk, layout);
    const older = disk
      .list(layout.own)
      .map((name) => parseEpochFile(name) ?? epoch.number)
      .filter((number) => number < epoch.number)
      .sort((a, b) => a - b);
    // Oldest first: at no moment may an epoch stand there without a later one.
    for (const number of older) unlinkIfThere(disk, layout.epoch(number));
    await disk.syncDirectory(layout.own);
    return epoch;
  }

  static #create(disk: Disk, layout: Layout): Epoch {
    for (;;) {
      const number = highestEpoch(disk.list(layout.own)) + 1;
      try {
        const file = disk.create(layout.epoch(number));
        // Frozen since the look above, we may have made again what several successors had begun and removed.
        if (highestEpoch(disk.list(layout.own)) === number) return new Epoch(disk, layout, number, file);
        file.close();
        unlinkIfThere(disk, layout.epoch(number));
      } catch (error) {
        // Somebody else began this very epoch at this moment: begin a later one.
        if (errorCode(error) !== 'EEXIST') throw error;
      }
    }
  }

  /** Whether nobody has begun a later epoch, and our directory is still the one at its path. About 3 µs. */
  isMine(): boolean {
    return !this.disk.exists(this.#nextPath) && this.disk.stat(this.#path)?.inode === this.#inode;
  }

  close(): void {
    this.file.close();
  }
}
