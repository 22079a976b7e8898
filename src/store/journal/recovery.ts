/**
 * What the journal says: the newest segment's snapshot, then its turns. Changes nothing on disk; `lockd fsck` reads the
 * same way.
 *
 * A segment gets its name only after its snapshot was flushed, so that the newest one is complete. A last turn that is
 * not whole was never acknowledged and is ignored, in however many lines it is torn. Anything else that can be seen not to
 * be as it was written means that the disk lost something that may have been acknowledged: then nothing is guessed, and
 * the start is refused.
 */
import { basename } from 'node:path';
import { type Disk, errorCode } from '../../disk/disk.js';
import { compareSegments, type Layout, parseSegmentFile, segmentFile } from '../../disk/layout.js';
import { StartRefused } from '../../disk/start-refused.js';
import { RecordMap } from '../record-map.js';
import { BadTail } from './bad-tail.js';
import { FORMAT, type HeadLine, type Line, type Previous } from './format.js';
import { type ReadLine, readLines } from './read-lines.js';

export interface RecoveredJournal {
  readonly directoryId: string;
  readonly records: RecordMap;
  readonly nextToken: number;
  readonly nextTurn: number;
  /** The segment that was read, and up to where it is good. */
  readonly previous: Previous;
  /** Turns read behind the snapshot. */
  readonly turns: number;
  readonly warnings: readonly string[];
}

/** The journal is not what was written. `file` and `line` say where; the message also says how to go on. */
export class JournalDamaged extends StartRefused {
  constructor(
    layout: Layout,
    readonly file: string,
    readonly line: number,
    readonly damage: string,
  ) {
    super(
      `The journal is damaged: ${file}, line ${line}: ${damage}. Nothing was changed. ` +
        `Look at it with: lockd fsck ${layout.root}. ` +
        `To go on without this journal: mv ${layout.own} ${layout.own}.damaged ` +
        '(every lock file becomes a lock again; lines, keys and history of that journal are gone)',
    );
  }
}

/** Reads the newest segment. Undefined where there is no journal at all. Throws `JournalDamaged`. */
export function recoverJournal(disk: Disk, layout: Layout): RecoveredJournal | undefined {
  const names = disk
    .list(layout.own)
    .map(parseSegmentFile)
    .filter((name) => name !== undefined)
    .sort(compareSegments);
  const newest = names.at(-1);
  if (!newest) return undefined;
  const path = layout.segment(newest);
  try {
    return readSegment(disk, layout, path);
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    throw new StartRefused(
      `${path} cannot be read (${(error as Error).message}); mend that, then start again`,
    );
  }
}

function readSegment(disk: Disk, layout: Layout, path: string): RecoveredJournal {
  const file = disk.open(path, 'read');
  try {
    const reading = new SegmentReading(layout, path);
    for (const read of readLines(file)) {
      if (read.line === undefined) reading.bad(read);
      else reading.good(read.number, read.end, read.line);
    }
    return reading.finish();
  } finally {
    file.close();
  }
}

/** Replays one segment, line by line. */
class SegmentReading {
  readonly #records = new RecordMap();
  #head: HeadLine | undefined;
  #snapshotComplete = false;
  #snapshotRecords = 0;
  #nextToken = 0;
  #nextTurn = 0;
  #turns = 0;
  #goodBytes = 0;
  readonly #bad = new BadTail();
  #lastNumber = 0;

  constructor(
    private readonly layout: Layout,
    private readonly path: string,
  ) {}

  bad(read: ReadLine): void {
    this.#bad.add(read);
    this.#lastNumber = read.number;
    if (!this.#bad.acknowledged) return;
    throw this.#damaged(
      this.#bad.firstLine ?? read.number,
      'the line is not whole, but a further turn was begun behind it',
    );
  }

  good(number: number, end: number, line: Line): void {
    this.#lastNumber = number;
    if (this.#bad.firstLine !== undefined) {
      throw this.#damaged(this.#bad.firstLine, `the line is not whole, but line ${number} behind it is good`);
    }
    if (!this.#head) this.#readHead(number, line);
    else if (!this.#snapshotComplete) this.#readSnapshot(number, line);
    else this.#readTurn(number, line);
    this.#goodBytes = end;
  }

  finish(): RecoveredJournal {
    if (!this.#head || !this.#snapshotComplete) {
      throw this.#damaged(this.#bad.firstLine ?? this.#lastNumber + 1, 'the snapshot is not complete');
    }
    const ignored =
      this.#bad.firstLine === undefined
        ? []
        : [`${this.path}, line ${this.#bad.firstLine}: a turn that was never acknowledged is ignored`];
    giveCauses(this.#records);
    return {
      directoryId: this.#head.directory,
      records: this.#records,
      nextToken: this.#nextToken,
      nextTurn: this.#nextTurn,
      previous: { name: basename(this.path), bytes: this.#goodBytes },
      turns: this.#turns,
      warnings: ignored,
    };
  }

  #readHead(number: number, line: Line): void {
    if (line.line !== 'head') throw this.#damaged(number, 'the head is missing');
    if (line.format > FORMAT) {
      throw new StartRefused(
        `${this.path} was written by a newer lockd (format ${line.format}); start that version, or a later one`,
      );
    }
    if (segmentFile(line) !== basename(this.path)) {
      throw this.#damaged(number, `the head is that of ${segmentFile(line)}: one took the other's place`);
    }
    this.#head = line;
    this.#nextToken = line.nextToken;
    this.#nextTurn = line.turn;
  }

  #readSnapshot(number: number, line: Line): void {
    if (line.line === 'records') {
      for (const record of line.records) this.#records.put(record);
      this.#snapshotRecords += line.records.length;
      return;
    }
    if (line.line !== 'end')
      throw this.#damaged(number, `a line of kind "${line.line}" stands in the snapshot`);
    if (line.records !== this.#snapshotRecords) {
      throw this.#damaged(number, `the snapshot has ${this.#snapshotRecords} of ${line.records} records`);
    }
    this.#snapshotComplete = true;
  }

  #readTurn(number: number, line: Line): void {
    if (line.line !== 'turn')
      throw this.#damaged(number, `a line of kind "${line.line}" stands among the turns`);
    if (line.turn !== this.#nextTurn) {
      throw this.#damaged(number, `turn ${this.#nextTurn} is missing; turn ${line.turn} stands in its place`);
    }
    this.#records.apply(line.changes);
    this.#nextToken = Math.max(this.#nextToken, line.nextToken);
    this.#nextTurn += 1;
    this.#turns += 1;
  }

  #damaged(number: number, damage: string): JournalDamaged {
    return new JournalDamaged(this.layout, this.path, number, damage);
  }
}

/** lockd 0.1 wrote down no cause: the only way to lose a hold was to have it forced. */
function giveCauses(records: RecordMap): void {
  for (const record of records.values()) {
    if (record.kind === 'lost' && record.cause === undefined) records.put({ ...record, cause: 'forced' });
  }
}
