/**
 * The lines of a journal segment: JSON, one object a line, the last member a checksum over what stands before it. So a
 * line is there whole or not at all, and a person can read it (`jq . journal-*.jsonl`).
 *
 * A segment is a head, a complete snapshot in lines of records, an end mark, and then one line per turn.
 */
import { crc32 } from 'node:zlib';
import type { Change, StoredRecord } from '../../core/records.js';

/** Raised when an older lockd could not read what a newer one writes. */
export const FORMAT = 1;

/** Names the segment before this one, and the byte up to which it counts: later ones are a deposed owner's. */
export interface Previous {
  readonly name: string;
  readonly bytes: number;
}

export interface HeadLine {
  readonly line: 'head';
  readonly format: number;
  /** Random, made with the directory: lock files carry it. */
  readonly directory: string;
  readonly epoch: number;
  readonly segment: number;
  /** Milliseconds since 1970, UTC. */
  readonly time: number;
  /** Number of the first turn behind the snapshot. */
  readonly turn: number;
  readonly nextToken: number;
  readonly previous?: Previous;
}

export interface RecordsLine {
  readonly line: 'records';
  readonly records: readonly StoredRecord[];
}

/** The snapshot is complete; `records` counts them. */
export interface EndLine {
  readonly line: 'end';
  readonly records: number;
}

export interface TurnLine {
  readonly line: 'turn';
  /** Without gaps, over all segments. */
  readonly turn: number;
  readonly nextToken: number;
  readonly changes: readonly Change[];
}

export type Line = HeadLine | RecordsLine | EndLine | TurnLine;

const CHECKSUM_LENGTH = ',"crc":"01234567"}'.length;
const CHECKSUM = /^,"crc":"([0-9a-f]{8})"\}$/;

/** The bytes of a line, with its line feed. */
export function encodeLine(line: Line): Buffer {
  const body = JSON.stringify(line);
  const length = Buffer.byteLength(body);
  const bytes = Buffer.allocUnsafe(length + CHECKSUM_LENGTH);
  bytes.write(body);
  const checksum = crc32(bytes.subarray(0, length)).toString(16).padStart(8, '0');
  // In the place of the last brace.
  bytes.write(`,"crc":"${checksum}"}\n`, length - 1);
  return bytes;
}

/** The line that `text` (without its line feed) stands for, or undefined where it is not what was written. */
export function decodeLine(text: string): Line | undefined {
  const match = CHECKSUM.exec(text.slice(-CHECKSUM_LENGTH));
  if (!match) return undefined;
  const body = `${text.slice(0, -CHECKSUM_LENGTH)}}`;
  if (crc32(body) !== Number.parseInt(match[1] as string, 16)) return undefined;
  try {
    // What carries our checksum was written by encodeLine.
    return JSON.parse(body) as Line;
  } catch {
    return undefined;
  }
}
