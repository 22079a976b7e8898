/**
 * Slots: files with content, waiting for a name. A lock file is a hard link to a slot, because making and removing a link
 * is atomic and several times quicker than making and removing a file, and because nobody ever sees it half written: a
 * slot that has a name in the lock directory is never written.
 *
 * A freed slot rests before it is written again, since a reader may still have it open. (Measured without the rest: of
 * 12,496 reads 57 were empty, 5 half, and 6 showed another resource's holder.)
 */
import { type Disk, errorCode, type OpenFile, unlinkIfThere, writeWhole } from '../disk/disk.js';

/** Milliseconds: longer than a reader needs from open to read. */
const REST_MS = 250;

/** Descriptors kept open, at most: enough for 16,000 locks a second with the rest, and few beside 10,000 connections. */
export const MAX_OPEN_SLOTS = 4_096;

export interface Slot {
  readonly path: string;
  /** Absent once its descriptor was given away to a newer one. */
  file?: OpenFile;
  /** Bytes in the file. */
  length: number;
}

interface RestingSlot {
  readonly slot: Slot;
  /** Monotonic milliseconds. */
  readonly since: number;
}

export interface SlotsOptions {
  readonly disk: Disk;
  /** The folder, which is there and ours alone. */
  readonly directory: string;
  /** Monotonic milliseconds. */
  readonly monotonic: () => number;
  readonly maxOpen?: number;
}

export class Slots {
  /** Freed slots with an open descriptor, the longest-resting first. */
  readonly #resting: RestingSlot[] = [];
  #firstResting = 0;
  /** Slots in which stands what was refused. */
  #discarded: Slot[] = [];
  /** Slots in use with an open descriptor, the longest-used first. */
  readonly #open = new Set<Slot>();
  #count = 0;

  constructor(private readonly options: SlotsOptions) {}

  /** A slot with `content` in it and no other name yet. Throws the disk's error, leaving nothing. */
  fill(content: Uint8Array): Slot {
    const rested = this.#rested();
    const slot = rested ?? this.#create();
    const { file } = slot;
    if (!file) throw new Error(`slot ${slot.path} has no descriptor`);
    try {
      writeWhole(file, content, 0);
      if (slot.length > content.length) file.truncate(content.length);
      slot.length = content.length;
    } catch (error) {
      // Any part of it may have been written; a new one has had no name by which that comes to light.
      if (rested) this.discard(slot);
      else this.#remove(slot);
      throw error;
    }
    this.#open.add(slot);
    return slot;
  }

  /** What was written into it is not to come about. It is out of use until `wipe`. */
  discard(slot: Slot): void {
    this.#open.delete(slot);
    this.#discarded.push(slot);
  }

  /**
   * Empties what was discarded, durably: a power cut may bring an older name of the slot back, which must not show what was
   * refused. What the disk does not let us empty is removed instead.
   */
  async wipe(): Promise<void> {
    const discarded = this.#discarded;
    this.#discarded = [];
    for (const slot of discarded) {
      try {
        slot.file?.truncate(0);
        slot.length = 0;
        await slot.file?.sync();
        this.free(slot);
      } catch (error) {
        if (errorCode(error) === undefined) throw error;
        this.#remove(slot);
      }
    }
  }

  /** The slot has no name in the lock directory any more. */
  free(slot: Slot): void {
    this.#open.delete(slot);
    if (slot.file) this.#resting.push({ slot, since: this.options.monotonic() });
    else this.#remove(slot);
  }

  /** The slot's file has moved away from here (where there are no hard links). */
  forget(slot: Slot): void {
    this.#open.delete(slot);
    slot.file?.close();
    delete slot.file;
  }

  close(): void {
    for (const slot of [...this.#open, ...this.#discarded]) slot.file?.close();
    for (const { slot } of this.#resting.slice(this.#firstResting)) slot.file?.close();
  }

  #rested(): Slot | undefined {
    const first = this.#resting[this.#firstResting];
    if (!first || this.options.monotonic() - first.since < REST_MS) return undefined;
    const slot = this.#takeLongestResting();
    if (!slot || !this.#hasOtherName(slot)) return slot;
    this.#remove(slot);
    return this.#rested();
  }

  /** Somebody moved or linked the lock file: what it says there must not change. */
  #hasOtherName({ file }: Slot): boolean {
    return file !== undefined && file.links > 1;
  }

  #takeLongestResting(): Slot | undefined {
    const first = this.#resting[this.#firstResting];
    if (!first) return undefined;
    this.#firstResting += 1;
    if (this.#firstResting > 1_000) {
      this.#resting.splice(0, this.#firstResting);
      this.#firstResting = 0;
    }
    return first.slot;
  }

  #create(): Slot {
    const { disk, directory, maxOpen = MAX_OPEN_SLOTS } = this.options;
    const resting = this.#resting.length - this.#firstResting;
    if (this.#open.size + this.#discarded.length + resting >= maxOpen) this.#closeOne();
    this.#count += 1;
    const path = `${directory}/${String(this.#count).padStart(10, '0')}`;
    return { path, file: disk.create(path), length: 0 };
  }

  /** The longest-used slot is likely to be used for long still: it gets on without a descriptor. */
  #closeOne(): void {
    const [longestUsed] = this.#open;
    const resting = longestUsed ? undefined : this.#takeLongestResting();
    if (longestUsed) this.forget(longestUsed);
    else if (resting) this.#remove(resting);
  }

  #remove(slot: Slot): void {
    slot.file?.close();
    try {
      unlinkIfThere(this.options.disk, slot.path);
    } catch (error) {
      // The folder is cleared at the next start.
      if (errorCode(error) === undefined) throw error;
    }
  }
}
