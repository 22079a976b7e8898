/**
 * One segment being written: a temporary file with a snapshot first, a segment with a name afterwards. Knows how to
 * make bytes last; what stands in them is decided by journal-store.ts.
 */
import type { StoredRecord } from '../../core/records.js';
import { type Disk, errorCode, type OpenFile, unlinkIfThere, writeWhole } from '../../disk/disk.js';
import { type Layout, type SegmentName, segmentFile, temporaryFile } from '../../disk/layout.js';
import { Stopped } from '../port.js';
import { encodeLine, type HeadLine } from './format.js';

/** Bytes of records in one snapshot line: few enough that no line holds up a turn. */
const SNAPSHOT_LINE_BYTES = 64 << 10;

/**
 * Bytes of line feeds written ahead of the turns. A flush that finds the file's size and blocks unchanged writes data only,
 * where the file system would else write its own journal too; an empty line means nothing to whoever reads.
 */
const ROOM_BYTES = 256 << 10;

const LINE_FEED = 0x0a;

/** Cuts long work into slices, so that turns go on meanwhile. */
export interface Pace {
  /** Whether the present slice has lasted long enough. */
  isOver(): boolean;
  /** Lets the program do everything else that is due, and begins the next slice. */
  breathe(): Promise<void>;
}

export interface SegmentOptions {
  readonly disk: Disk;
  readonly layout: Layout;
  readonly pace: Pace;
  readonly roomBytes?: number;
}

export class Segment {
  readonly #room: Buffer;
  #position = 0;
  /** Up to here the file has blocks. */
  #allocated = 0;
  #hasSnapshot = false;
  /** False once there was no space for it; somebody else may need what is left. */
  mayMakeRoom = true;
  #file: OpenFile;
  private readonly disk: Disk;
  private readonly layout: Layout;
  readonly #temporary: string;
  readonly #path: string;

  private constructor(
    { disk, layout, roomBytes = ROOM_BYTES }: SegmentOptions,
    readonly name: SegmentName,
  ) {
    this.disk = disk;
    this.layout = layout;
    this.#room = Buffer.alloc(roomBytes, '\n');
    this.#path = layout.segment(name);
    this.#temporary = layout.ownFile(temporaryFile(segmentFile(name)));
    unlinkIfThere(disk, this.#temporary);
    this.#file = disk.create(this.#temporary);
  }

  /**
   * Writes head, snapshot and end mark to a temporary file, in slices between which turns go on. `records` may change
   * meanwhile: who calls appends the turns of that time behind it. Throws the disk's error, leaving no file.
   */
  static async write(
    options: SegmentOptions,
    head: HeadLine,
    records: Iterable<StoredRecord>,
  ): Promise<Segment> {
    const segment = new Segment(options, { epoch: head.epoch, segment: head.segment });
    try {
      segment.append(encodeLine(head));
      await segment.#writeSnapshot(records, options.pace);
      segment.#makeRoom(segment.#position);
      segment.#hasSnapshot = true;
      await segment.sync();
      return segment;
    } catch (error) {
      segment.abandon();
      throw error;
    }
  }

  /** Whether the file still has a name, so that the next start will find it. */
  get hasName(): boolean {
    return this.#file.links > 0;
  }

  /** Bytes that count. */
  get bytes(): number {
    return this.#position;
  }

  /** Puts `bytes` behind the last good byte, whole, or throws the disk's error; then `cutBack` is due. Not yet flushed. */
  append(bytes: Uint8Array): void {
    const end = this.#position + bytes.length;
    if (this.#hasSnapshot && this.mayMakeRoom && end > this.#allocated) this.#makeRoom(end);
    writeWhole(this.#file, bytes, this.#position);
    this.#position = end;
  }

  /** Whether the file still takes bytes: an empty line behind the last good byte, which means nothing. */
  takesBytes(): boolean {
    try {
      return this.#file.write(this.#room.subarray(0, 1), this.#position) === this.#room.subarray(0, 1).length;
    } catch (error) {
      if (errorCode(error) === undefined) throw error;
      return false;
    }
  }

  /** Flushes what was appended, or throws the disk's error: then nobody knows what is on disk. */
  sync(): Promise<void> {
    return this.#file.sync();
  }

  /** Cuts off what a failed `append` wrote, durably, so that nothing of a refused turn is ever read. */
  async cutBack(): Promise<void> {
    try {
      if (!this.#tryCut()) return;
      await this.#file.sync();
    } catch (error) {
      throw new Stopped(
        `${this.#path} could not be cut back after a failed write (${(error as Error).message})`,
      );
    }
    this.#allocated = this.#position;
  }

  /** Answers false where nothing could be cut off, but nothing was written either, as on a disk that became read-only. */
  #tryCut(): boolean {
    try {
      this.#file.truncate(this.#position);
      return true;
    } catch (error) {
      if (this.#hasOnlyRoom()) return false;
      throw error;
    }
  }

  /** Whether there are only line feeds behind the last good byte. */
  #hasOnlyRoom(): boolean {
    const chunk = Buffer.alloc(SNAPSHOT_LINE_BYTES);
    for (let position = this.#position; ; ) {
      const length = this.#file.read(chunk, position);
      if (length === 0) return true;
      if (chunk.subarray(0, length).some((byte) => byte !== LINE_FEED)) return false;
      position += length;
    }
  }

  /**
   * Gives the flushed file its name, durably. A directory flush alone is not believed: on a shut-down XFS it says yes
   * although the link is lost, so the file is opened again by its name. Throws the disk's error when the name was not
   * made, and `Stopped` when nobody knows whether it lasts.
   */
  async publish(): Promise<void> {
    // Two descriptors that are sure to be there once the name is made: for want of one nobody could say whether it lasts.
    const [forDirectory, forFile] = this.#takeSpares();
    try {
      this.#giveName();
    } catch (error) {
      forDirectory.close();
      forFile.close();
      throw error;
    }
    try {
      forDirectory.close();
      await this.disk.syncDirectory(this.layout.own).catch((error: unknown) => {
        forFile.close();
        throw error;
      });
      // Both at once: whatever else goes on meanwhile would take the descriptor.
      forFile.close();
      const reopened = this.disk.open(this.#path, 'write');
      const isOurs = reopened.inode === this.#file.inode;
      this.#file.close();
      this.#file = reopened;
      if (!isOurs) throw new Error('another file has its name');
    } catch (error) {
      throw new Stopped(`${this.#path} may not have its name (${(error as Error).message})`);
    }
    this.#removeTemporaryName();
  }

  #takeSpares(): [OpenFile, OpenFile] {
    const first = this.disk.open(this.#temporary, 'read');
    try {
      return [first, this.disk.open(this.#temporary, 'read')];
    } catch (error) {
      first.close();
      throw error;
    }
  }

  /** Closes and removes a file that has no name yet. */
  abandon(): void {
    this.#file.close();
    unlinkIfThere(this.disk, this.#temporary);
  }

  /** Gives back what was written ahead, and closes. */
  close(): void {
    try {
      this.#closeWithoutRoom();
    } catch (error) {
      // Nothing is lost by it: what counts was flushed.
      if (errorCode(error) === undefined) throw error;
    }
  }

  #closeWithoutRoom(): void {
    try {
      this.#file.truncate(this.#position);
    } finally {
      this.#file.close();
    }
  }

  /** Writes line feeds behind `end`. On a disk without that much space, turns are appended without. */
  #makeRoom(end: number): void {
    try {
      writeWhole(this.#file, this.#room, end);
      this.#allocated = end + this.#room.length;
    } catch (error) {
      if (errorCode(error) === undefined) throw error;
      this.mayMakeRoom = false;
      this.#file.truncate(this.#position);
      this.#allocated = this.#position;
    }
  }

  #giveName(): void {
    try {
      this.#linkOrRename();
    } catch (error) {
      if (!this.#mayHaveName()) throw error;
      // Done although it failed: the next start would read this segment, so the old one must not grow on.
      throw new Stopped(`${this.#path} may have its name (${(error as Error).message})`);
    }
  }

  #linkOrRename(): void {
    try {
      this.disk.link(this.#temporary, this.#path);
    } catch (error) {
      if (!lacksHardLinks(error) || this.disk.exists(this.#path)) throw error;
      this.disk.rename(this.#temporary, this.#path);
    }
  }

  #mayHaveName(): boolean {
    try {
      return this.disk.exists(this.#path);
    } catch {
      return true;
    }
  }

  /** The segment has its own name, so that this one may as well stay until the next start. */
  #removeTemporaryName(): void {
    try {
      unlinkIfThere(this.disk, this.#temporary);
    } catch (error) {
      if (errorCode(error) === undefined) throw error;
    }
  }

  async #writeSnapshot(records: Iterable<StoredRecord>, pace: Pace): Promise<void> {
    let line: StoredRecord[] = [];
    let lineBytes = 0;
    let count = 0;
    for (const record of records) {
      line.push(record);
      lineBytes += recordBytes(record);
      count += 1;
      if (lineBytes < SNAPSHOT_LINE_BYTES) continue;
      this.append(encodeLine({ line: 'records', records: line }));
      line = [];
      lineBytes = 0;
      if (pace.isOver()) await pace.breathe();
    }
    if (line.length > 0) this.append(encodeLine({ line: 'records', records: line }));
    this.append(encodeLine({ line: 'end', records: count }));
  }
}

/** About how many bytes a record has on disk: its texts, and 120 for the rest. */
function recordBytes(record: StoredRecord): number {
  return 120 + textLength(record);
}

/** Whatever kind of record it is: the length of all texts in it. */
function textLength(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 0;
  let length = 0;
  for (const part of Object.values(value)) length += textLength(part);
  return length;
}

/** Whether a file system refused `link` because it has no hard links (and not because of this very file). */
export function lacksHardLinks(error: unknown): boolean {
  return ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(errorCode(error) ?? '');
}
