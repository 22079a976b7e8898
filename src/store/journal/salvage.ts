/**
 * What can still be read of a damaged journal: the newest complete snapshot, and behind it every turn that is whole, in the
 * order of their numbers. Guesses nothing: where turns are missing it says so, and which resources the missing lines seem
 * to speak of. Changes nothing on disk.
 */
import type { StoredRecord } from '../../core/records.js';
import { type Disk, errorCode, type OpenFile } from '../../disk/disk.js';
import {
  compareSegments,
  type Layout,
  parseSegmentFile,
  type SegmentName,
  segmentFile,
} from '../../disk/layout.js';
import { StartRefused } from '../../disk/start-refused.js';
import { RecordMap } from '../record-map.js';
import { BadTail } from './bad-tail.js';
import { FORMAT, type HeadLine, type Line, type Previous, type TurnLine } from './format.js';
import { type ReadLine, readLines } from './read-lines.js';

/** Bytes of a bad line that are searched for names. */
const MAX_SEARCHED_BYTES = 4 << 20;

/** A turn tells the resource of each change; of the records in a snapshot only holds matter. */
const IN_TURN = /"resource":("(?:[^"\\]|\\.){1,3072}")/g;
const IN_SNAPSHOT = /"kind":"hold","resource":("(?:[^"\\]|\\.){1,3072}")/g;

export interface Salvaged {
  /** Undefined where no head can be read. */
  readonly directoryId: string | undefined;
  readonly records: RecordMap;
  readonly nextToken: number;
  readonly nextTurn: number;
  /** What history goes on from; undefined where no segment's head can be read. */
  readonly previous: Previous | undefined;
  /** Segments that are not as they were written. */
  readonly damagedFiles: readonly string[];
  /** Of those, the ones that are no part of the history either. */
  readonly uselessFiles: readonly string[];
  /** One sentence each; empty where nothing that was acknowledged is missing. */
  readonly losses: readonly string[];
  /** Resources that the missing lines speak of, and no later one does. */
  readonly doubted: ReadonlySet<string>;
  /** Tokens of holds that ended by a turn that can be read. */
  readonly endedTokens: ReadonlySet<number>;
}

/** Reads what can be read. Undefined where there is no journal. Throws `StartRefused` for one of a newer lockd. */
export function salvageJournal(disk: Disk, layout: Layout): Salvaged | undefined {
  const segments = segmentsInOrder(disk, layout);
  if (segments.length === 0) return undefined;
  const names = segments.map(({ name }) => name);
  const base = names.findLastIndex((name) => hasWholeSnapshot(disk, layout.ownFile(name)));
  const reading = new Reading(layout);
  for (const { name, place } of segments) if (segmentFile(place) !== name) reading.renamed(name, place);
  for (let index = Math.max(base, 0); index < names.length; index += 1) {
    const name = names[index] as string;
    const next = names[index + 1];
    const head = next === undefined ? undefined : headOf(disk, layout.ownFile(next));
    reading.segment(disk, name, {
      // Where no snapshot is whole, what can be read of each is better than nothing.
      isState: index === base || base < 0,
      isLast: next === undefined,
      bytes: bytesThatCount(name, head),
    });
  }
  return reading.finish();
}

/** As their heads say; by their names where that cannot be read. */
function segmentsInOrder(disk: Disk, layout: Layout): { name: string; place: SegmentName }[] {
  return disk
    .list(layout.own)
    .flatMap((name) => {
      const named = parseSegmentFile(name);
      return named ? [{ name, place: headOf(disk, layout.ownFile(name)) ?? named }] : [];
    })
    .sort((a, b) => compareSegments(a.place, b.place));
}

/** Up to where a segment counts, as the next one says: what a later epoch does not name is a deposed owner's. */
function bytesThatCount(name: string, next: HeadLine | undefined): number {
  const isDeposed = next?.previous?.name === name && parseSegmentFile(name)?.epoch !== next.epoch;
  return isDeposed ? (next?.previous?.bytes ?? 0) : Number.POSITIVE_INFINITY;
}

interface Part {
  /** Its snapshot is the state to go on from. */
  readonly isState: boolean;
  readonly isLast: boolean;
  /** Later bytes count nowhere. */
  readonly bytes: number;
}

class Reading {
  readonly #records = new RecordMap();
  readonly #damaged: string[] = [];
  readonly #useless: string[] = [];
  readonly #losses: string[] = [];
  readonly #doubted = new Set<string>();
  readonly #ended = new Set<number>();
  /** Names in bad lines of which it is not certain yet that anything is missing. */
  #pending = new Set<string>();
  #directoryId: string | undefined;
  #nextToken = 1;
  #nextTurn: number | undefined;
  #previous: Previous | undefined;

  constructor(private readonly layout: Layout) {}

  /** Another segment has the name `name`. */
  renamed(name: string, place: SegmentName): void {
    this.#damaged.push(name);
    this.#losses.push(
      `${this.layout.ownFile(name)} is what was ${segmentFile(place)}: what ${name} was cannot be told`,
    );
  }

  segment(disk: Disk, name: string, part: Part): void {
    const path = this.layout.ownFile(name);
    let isDamaged = false;
    let head: HeadLine | undefined;
    let snapshot = new Snapshot();
    let goodBytes = 0;
    let from = 0;
    let isFirst = true;
    let tail = new BadTail();
    const turnBefore = this.#nextTurn;
    for (const read of linesOf(disk, path)) {
      const { end, line, problem, file } = read;
      if (problem !== undefined) {
        isDamaged = true;
        this.#losses.push(
          `${path} cannot be read any further (${problem}): what turns are missing cannot be told`,
        );
        break;
      }
      if (end > part.bytes) break;
      if (!line) {
        isDamaged = true;
        const isTurn = !part.isState || snapshot.isWhole;
        const names = namesIn(file, from, end, isTurn ? IN_TURN : IN_SNAPSHOT);
        for (const found of names) (isTurn ? this.#pending : this.#doubted).add(found);
        if (isTurn) tail.add(read, names);
      } else {
        if (isFirst && line.line === 'head') head = this.#readHead(path, line, part.isState);
        else if (line.line === 'turn') this.#readTurn(path, line);
        else snapshot = this.#readSnapshot(line, snapshot, part.isState);
        goodBytes = end;
        isFirst = false;
        tail = new BadTail();
      }
      from = end;
    }
    if (part.isLast) this.#missIn(path, tail);
    // What a newer snapshot has is only missed where the turns up to it are not all there.
    if (part.isLast && head && head.turn > (this.#nextTurn ?? 0)) this.#miss(path, head.turn);
    if (!head || !snapshot.isWhole) {
      isDamaged = true;
      const hasTurns = this.#nextTurn !== turnBefore;
      this.#blame(path, part, head !== undefined || hasTurns);
    }
    // The last one is what a start would not take, whatever is wrong with it.
    if ((isDamaged || part.isLast) && !this.#damaged.includes(name)) this.#damaged.push(name);
    if (head) this.#previous = { name, bytes: goodBytes };
    else this.#useless.push(name);
  }

  finish(): Salvaged {
    return {
      directoryId: this.#directoryId,
      records: this.#records,
      nextToken: this.#nextToken,
      nextTurn: this.#nextTurn ?? 1,
      previous: this.#previous,
      damagedFiles: this.#damaged,
      uselessFiles: this.#useless,
      losses: this.#losses,
      doubted: this.#doubted,
      endedTokens: this.#ended,
    };
  }

  #readHead(path: string, head: HeadLine, isState: boolean): HeadLine {
    if (head.format > FORMAT) {
      throw new StartRefused(
        `${path} was written by a newer lockd (format ${head.format}); use the fsck of that version, or a later one`,
      );
    }
    this.#directoryId ??= head.directory;
    this.#nextToken = Math.max(this.#nextToken, head.nextToken);
    if (isState) this.#nextTurn = Math.max(this.#nextTurn ?? 0, head.turn);
    return head;
  }

  #readSnapshot(line: Line, snapshot: Snapshot, isState: boolean): Snapshot {
    if (line.line === 'records') {
      // A later snapshot says nothing that the turns up to it do not say.
      if (isState) for (const record of line.records) this.#putFromSnapshot(record);
      snapshot.count += line.records.length;
    } else if (line.line === 'end') {
      snapshot.isWhole = line.records === snapshot.count;
    }
    return snapshot;
  }

  /** Its token was given, whatever has become of the head, which says what the next one is. */
  #putFromSnapshot(record: StoredRecord): void {
    this.#records.put(record);
    if ('token' in record) this.#nextToken = Math.max(this.#nextToken, record.token + 1);
  }

  #readTurn(path: string, { turn, nextToken, changes }: TurnLine): void {
    this.#nextToken = Math.max(this.#nextToken, nextToken);
    // A turn of the time in which a new segment was begun stands in both.
    if (this.#nextTurn !== undefined && turn < this.#nextTurn) return;
    if (this.#nextTurn !== undefined && turn > this.#nextTurn) this.#miss(path, turn);
    this.#pending.clear();
    this.#records.apply(changes);
    this.#nextTurn = turn + 1;
    for (const { resource, token, put = [], remove = [] } of changes) {
      const endsHold = remove.some(({ kind }) => kind === 'hold');
      if (endsHold) this.#ended.add(token);
      if (endsHold || put.some(({ kind }) => kind === 'hold')) this.#doubted.delete(resource);
    }
  }

  /** Turns before `turn` are missing. */
  #miss(path: string, turn: number): void {
    const first = this.#nextTurn ?? turn;
    const which = turn - first === 1 ? `turn ${first} is` : `turns ${first} to ${turn - 1} are`;
    this.#losses.push(`${path}: ${which} missing, and what was locked and unlocked in it`);
    for (const name of this.#pending) this.#doubted.add(name);
    this.#pending.clear();
    this.#nextTurn = turn;
  }

  /** Turns behind the last good one are missing; where a good one follows, the gap before it says so. */
  #missIn(path: string, { firstLine, acknowledged, further }: BadTail): void {
    if (!acknowledged) return;
    const what =
      further === 1
        ? 'a turn is not whole, and what was locked and unlocked in it is missing'
        : `${further} turns are not whole, and what was locked and unlocked in them is missing`;
    this.#losses.push(`${path}, line ${firstLine}: ${what}`);
    for (const name of acknowledged) this.#doubted.add(name);
    // Whoever follows the events has seen their numbers: they are given to no others.
    this.#nextTurn = (this.#nextTurn ?? 0) + further;
  }

  /** A segment without a head or a whole snapshot: what it lacks is missed where nothing else tells it. */
  #blame(path: string, { isState, isLast }: Part, tellsItsTurns: boolean): void {
    if (isState) {
      this.#losses.push(`${path}: the snapshot is not whole: what else was locked cannot be told`);
    } else if (isLast && !tellsItsTurns) {
      this.#losses.push(`${path}: nothing in it can be read: which turns are missing cannot be told`);
    } else {
      return;
    }
    for (const name of this.#pending) this.#doubted.add(name);
    this.#pending.clear();
  }
}

/** The resources that a bad line seems to speak of. */
function namesIn(file: OpenFile, from: number, end: number, pattern: RegExp): string[] {
  const bytes = Buffer.alloc(Math.min(end - from, MAX_SEARCHED_BYTES));
  let length = 0;
  try {
    length = file.read(bytes, from);
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
  }
  const found = [...bytes.toString('utf8', 0, length).matchAll(pattern)];
  return found.flatMap(([, json = '']) => parsedText(json) ?? []);
}

class Snapshot {
  count = 0;
  isWhole = false;
}

interface LineOrProblem extends ReadLine {
  readonly file: OpenFile;
  /** Why nothing more can be read. */
  readonly problem?: string;
}

/** The lines of a segment, and last why there are no more, where the disk does not let us read them. */
function* linesOf(disk: Disk, path: string): Generator<LineOrProblem> {
  let file: OpenFile | undefined;
  try {
    file = disk.open(path, 'read');
    for (const read of readLines(file)) yield { ...read, file };
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    const nothing = { number: 0, end: 0, line: undefined, turnAt: -1 };
    yield { ...nothing, file: file as OpenFile, problem: (error as Error).message };
  } finally {
    file?.close();
  }
}

function headOf(disk: Disk, path: string): HeadLine | undefined {
  for (const { line } of linesOf(disk, path)) return line?.line === 'head' ? line : undefined;
  return undefined;
}

function hasWholeSnapshot(disk: Disk, path: string): boolean {
  let records = 0;
  let isFirst = true;
  for (const { line } of linesOf(disk, path)) {
    if (!line || isFirst !== (line.line === 'head')) return false;
    isFirst = false;
    if (line.line === 'records') records += line.records.length;
    if (line.line === 'end') return line.records === records;
  }
  return false;
}

function parsedText(json: string): string | undefined {
  try {
    return JSON.parse(json) as string;
  } catch {
    return undefined;
  }
}
