/**
 * What stands at the keys of a prefix (keys.ts), as JSON. What cannot be read was not written by lockd, or by a later one:
 * then nothing is known for certain, and nobody may be served from it.
 */
import type { Change, StoredRecord } from '../../core/records.js';
import { StartRefused } from '../../disk/start-refused.js';
import type { KeyValue } from '../../etcd/kv.js';
import { PrefixDamaged } from './errors.js';
import type { Keys } from './keys.js';

/** Of all that is written under a prefix. Who finds a greater one knows less than who wrote it. */
const FORMAT = 1;

/** The newest turn, and the token that the next grant gets. */
export interface TurnState {
  readonly turn: number;
  readonly nextToken: number;
}

export function encodeTurn({ turn, nextToken }: TurnState): string {
  return JSON.stringify({ format: FORMAT, turn, nextToken });
}

/** A prefix that is being filled with what stood elsewhere: `lockd migrate`. */
export interface Moving {
  /** Where it comes from, for people. */
  readonly from: string;
  /** Random, of one run. */
  readonly run: string;
}

export function encodeMoving(moving: Moving): string {
  return JSON.stringify({ format: FORMAT, moving });
}

/** What stands at the turn key until all is there; undefined where a turn does. Throws `PrefixDamaged`. */
export function decodeMoving({ key, value }: KeyValue): Moving | undefined {
  const { format, moving } = membersOf(key, value);
  if (format !== FORMAT || typeof moving !== 'object' || moving === null) return undefined;
  const { from, run } = moving as Record<string, unknown>;
  if (typeof from !== 'string' || typeof run !== 'string') throw unreadable(key);
  return { from, run };
}

/** Throws `PrefixDamaged`; and `StartRefused` for a prefix that is still being filled, which is over some day. */
export function decodeTurn(entry: KeyValue): TurnState {
  const { key, value } = entry;
  const moving = decodeMoving(entry);
  if (moving) {
    throw new StartRefused(
      `The locks of ${moving.from} are being moved here, and not all of them have come: wait until lockd migrate is done, ` +
        'or run it again if it was interrupted',
    );
  }
  const { format, turn, nextToken } = membersOf(key, value);
  if (typeof format === 'number' && format > FORMAT) {
    throw new PrefixDamaged(
      `${key} in etcd was written by a later lockd (format ${format}); upgrade this one`,
    );
  }
  if (format !== FORMAT || !isCount(turn) || !isCount(nextToken)) throw unreadable(key);
  return { turn, nextToken };
}

export function encodeRecord(record: StoredRecord): string {
  return JSON.stringify(record);
}

const KINDS: ReadonlySet<unknown> = new Set<StoredRecord['kind']>(['hold', 'place', 'lost', 'ended']);

/** Throws `PrefixDamaged`. */
export function decodeRecord(keys: Keys, { key, value }: KeyValue): StoredRecord {
  const members = membersOf(key, value);
  if (!KINDS.has(members.kind)) throw unreadable(key);
  // What is said twice, by the key and by the value, must be the same; the rest is as we wrote it.
  const record = members as unknown as StoredRecord;
  if (!isNamed(record) || keys.record(record) !== key) throw unreadable(key);
  return record;
}

/** The events of a turn, as the history has them. */
export interface HistoryEntry {
  /** Milliseconds since 1970, UTC, at which it was written. */
  readonly time: number;
  /** Bytes of the whole history up to this turn, itself included, dropped turns too: the difference of two is what lies between. */
  readonly bytes: number;
  /** The changes of the turn without their records, each at its place; null for one that is no event. */
  readonly changes: readonly (Change | null)[];
}

/** @param before `bytes` of the turn before. Answers what to put, and `bytes` of this one. */
export function encodeHistory(changes: readonly Change[], time: number, before: number): [string, number] {
  const events = JSON.stringify(changes.map(eventOnly));
  // With what JSON and the key take beside the events, about.
  const bytes = before + Buffer.byteLength(events) + 100;
  return [`{"time":${time},"bytes":${bytes},"changes":${events}}`, bytes];
}

function eventOnly({ put: _put, remove: _remove, ...event }: Change): Omit<Change, 'put' | 'remove'> | null {
  return event.event === undefined ? null : event;
}

/** Undefined where it cannot be read: it takes only its own events with it. */
export function decodeHistory({ key, value }: KeyValue): HistoryEntry | undefined {
  try {
    const { time, bytes, changes } = membersOf(key, value);
    if (typeof time !== 'number' || !isCount(bytes) || !Array.isArray(changes)) return undefined;
    return { time, bytes, changes: changes as (Change | null)[] };
  } catch (error) {
    if (error instanceof PrefixDamaged) return undefined;
    throw error;
  }
}

/** A change that is no event, at its place in a turn. */
const SILENT: Change = { time: 0, resource: '', client: '', token: 0 };

/** The changes as they were, but for their records. */
export function changesOf({ changes }: HistoryEntry): Change[] {
  return changes.map((change) => change ?? SILENT);
}

function membersOf(key: string, value: string): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(value);
  } catch {
    throw unreadable(key);
  }
  if (typeof parsed !== 'object' || parsed === null) throw unreadable(key);
  return parsed as Record<string, unknown>;
}

function isNamed(record: StoredRecord): boolean {
  const { resource, client } = record;
  if (typeof resource !== 'string' || typeof client !== 'string') return false;
  if (record.kind === 'hold' || record.kind === 'lost') return isCount(record.token);
  return record.kind === 'place' ? Number.isSafeInteger(record.sequence) : typeof record.request === 'string';
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function unreadable(key: string): PrefixDamaged {
  return new PrefixDamaged(
    `What stands at ${key} in etcd is not what lockd writes, so nobody knows what is locked; put back what was there, or use another prefix`,
  );
}
