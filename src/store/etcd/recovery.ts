/**
 * What a new leader finds: all records as of one revision, read page by page. Nobody else writes meanwhile, since every turn
 * compares who leads; where etcd does not keep that revision any more, reading begins again at a newer one.
 */
import type { StoredRecord } from '../../core/records.js';
import { type KeyValue, KvError, type Operation } from '../../etcd/kv.js';
import type { Pace } from '../journal/segment.js';
import { Stopped } from '../port.js';
import { RecordMap } from '../record-map.js';
import { PrefixDamaged } from './errors.js';
import { decodeRecord, decodeTurn, encodeTurn } from './format.js';
import { inOrder } from './in-order.js';
import { keyValueBytes, pagesOf } from './pages.js';
import type { SavedTurn, TurnWriterParts } from './turn-writer.js';

/** What stands under a prefix. */
export interface PrefixState {
  readonly id: string;
  /** Whether no turn was ever written here. */
  readonly isNew: boolean;
  readonly turn: SavedTurn;
  readonly records: RecordMap;
  /** Of the records, with their keys. */
  readonly bytes: number;
}

/** The first turn is to be number 1. */
const BEFORE_THE_FIRST = { turn: 0, nextToken: 1 };

/** Reads a prefix that we lead, and begins it where it is new; the lease is renewed meanwhile, whenever `pace` breathes. Throws `Stopped`, `PrefixDamaged`, or `KvError` where etcd refuses. */
export async function recoverPrefix(parts: TurnWriterParts, pace: Pace): Promise<PrefixState> {
  const { patience } = parts;
  let isNew = false;
  for (let tries = 1; ; tries += 1) {
    const head = await readHead(parts);
    if (head.turn) {
      const read = await unlessCompacted(() => readRecords(parts, head.revision, pace));
      if (read) return { id: head.id, isNew, turn: head.turn, ...read };
    } else {
      isNew = true;
      await assertEmpty(parts);
      await begin(parts);
    }
    await patience.pause(tries);
  }
}

interface Head {
  readonly id: string;
  /** Absent in a prefix that is new. */
  readonly turn: SavedTurn | undefined;
  /** As of which this was read. */
  readonly revision: number;
}

async function readHead({ kv, keys, leadership, patience }: TurnWriterParts): Promise<Head> {
  const reads = [leadership.key, keys.id, keys.turn].map((key): Operation => ({ kind: 'get', key }));
  const answer = await patience.ask((timeoutMs) => kv.transact({ compare: [], success: reads }, timeoutMs));
  const [leader, id, turn] = answer.found.map(([first]) => first);
  if (leader?.createRevision !== leadership.createRevision) {
    throw new Stopped(`The leadership (${leadership.key} in etcd) is lost`);
  }
  if (!id) throw new PrefixDamaged(`${keys.id} was removed from etcd: nobody knows what stood under it`);
  return { id: id.value, turn: turn && savedTurn(turn), revision: answer.revision };
}

function savedTurn(turn: KeyValue): SavedTurn {
  return { ...decodeTurn(turn), modRevision: turn.modRevision };
}

/** Whoever began anew where turns were before would grant tokens a second time. */
async function assertEmpty({ kv, keys, patience }: TurnWriterParts): Promise<void> {
  for (const range of [keys.allRecords, keys.allHistory]) {
    const { found } = await patience.ask((timeoutMs) => kv.range({ ...range, limit: 1 }, timeoutMs));
    if (!found[0]) continue;
    throw new PrefixDamaged(
      `${keys.turn} was removed from etcd, and ${found[0].key} is there: nobody knows which tokens were granted; ` +
        'put back what was there, or use another prefix',
    );
  }
}

/** Where this is not answered, the next look sees what became of it; a late one finds a turn, and does nothing. */
async function begin({ kv, keys, leadership, patience }: TurnWriterParts): Promise<void> {
  const compare = [
    { key: leadership.key, createRevision: leadership.createRevision },
    { key: keys.turn, modRevision: 0 },
  ];
  const success = [{ kind: 'put', key: keys.turn, value: encodeTurn(BEFORE_THE_FIRST) }] as const;
  try {
    await patience.askOnce((timeoutMs) => kv.transact({ compare, success }, timeoutMs));
  } catch (error) {
    if (!(error instanceof KvError) || error.reason !== undefined) throw error;
  }
}

async function readRecords(
  parts: TurnWriterParts,
  revision: number,
  pace: Pace,
): Promise<Pick<PrefixState, 'records' | 'bytes'>> {
  const found: StoredRecord[] = [];
  let bytes = 0;
  for await (const page of pagesOf(parts, { ...parts.keys.allRecords, revision })) {
    for (const entry of page) {
      found.push(decodeRecord(parts.keys, entry));
      bytes += keyValueBytes(entry);
    }
  }
  const records = new RecordMap();
  for (const record of await inOrder(found, ageOf, pace)) {
    records.put(record);
    if (pace.isOver()) await pace.breathe();
  }
  return { records, bytes };
}

/** Of records of one kind the older one is less: they are recovered in the order in which they came. */
function ageOf(record: StoredRecord): number {
  if (record.kind === 'hold') return record.token;
  return record.kind === 'place' ? record.sequence : record.time;
}

async function unlessCompacted<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof KvError && error.reason === 'compacted') return undefined;
    throw error;
  }
}
