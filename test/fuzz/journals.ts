/** Journals as the store writes them, with what each of their turns made of the state: what mutations begin with. */
import type { Change, StoredRecord } from '../../src/core/records.js';
import { recordKeyText } from '../../src/core/records.js';
import { Epoch } from '../../src/disk/epoch.js';
import { Layout, segmentFile } from '../../src/disk/layout.js';
import { JournalStore } from '../../src/store/journal/journal-store.js';
import { oneOf, type Random, randomFrom } from '../random.js';
import { MemoryDisk } from './memory-disk.js';
import { name, text } from './texts.js';

export const LAYOUT = new Layout('/locks');

export interface Journal {
  readonly file: string;
  readonly bytes: Buffer;
  /** How many bytes there are before the first turn, and behind each. */
  readonly ends: readonly number[];
  /** The state before the first turn, and behind each. */
  readonly states: readonly string[];
  /** Each turn as it stands in the file, without its line feed. */
  readonly turns: readonly string[];
}

/** Everything that a journal says, as text. */
export function stateText(records: Iterable<StoredRecord>, nextToken: number): string {
  const sorted = [...records].map((record) => [recordKeyText(record), record] as const);
  sorted.sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([nextToken, sorted]);
}

/** Opens the journal that lies on a disk, as a starting daemon does. */
export async function openStore(
  disk: MemoryDisk,
  options: Partial<{ roomBytes: number }> = {},
): Promise<JournalStore> {
  const epoch = await Epoch.begin(disk, LAYOUT);
  return JournalStore.open({
    disk,
    layout: LAYOUT,
    epoch,
    retention: { historyDays: 30, historyBytes: 1 << 30 },
    pace: { isOver: () => false, breathe: () => Promise.resolve() },
    time: () => 1_000,
    makeId: () => 'directory-1',
    warn: () => undefined,
    roomBytes: 0,
    ...options,
  });
}

export function emptyDisk(): MemoryDisk {
  const disk = new MemoryDisk();
  disk.put(`${LAYOUT.own}/guard`, Buffer.alloc(0));
  return disk;
}

/** Journals of different lengths; each the same in every run. */
export async function makeJournals(count: number): Promise<Journal[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => makeJournal(randomFrom(index))));
}

const MOST_TURNS = 12;

async function makeJournal(random: Random): Promise<Journal> {
  const disk = emptyDisk();
  const made = new Turns(random);
  // Some begin with a snapshot of what an earlier daemon left.
  for (let starts = random(3); starts > 0; starts -= 1) {
    const earlier = await openStore(disk);
    for (let turns = random(MOST_TURNS); turns > 0; turns -= 1) await made.commit(earlier);
    await earlier.close();
  }
  // Room that is written ahead is part of what can go wrong.
  const store = await openStore(disk, { roomBytes: random(2) * 256 });
  const file =
    disk
      .list(LAYOUT.own)
      .filter((one) => one.endsWith('.jsonl'))
      .sort()
      .at(-1) ?? '';
  const path = LAYOUT.ownFile(file);
  const ends = [endOf(disk, path)];
  const states = [stateText(store.recovered.records, store.recovered.nextToken)];
  for (let turns = 1 + random(MOST_TURNS); turns > 0; turns -= 1) {
    await made.commit(store);
    ends.push(endOf(disk, path));
    states.push(stateText(store.recovered.records, store.recovered.nextToken));
  }
  await store.close();
  const bytes = Buffer.from(disk.bytes(path) ?? []);
  const turns = ends.slice(1).map((end, index) => bytes.toString('utf8', ends[index], end - 1));
  return { file, bytes, ends, states, turns };
}

/** Behind the last line that says something: room that was written ahead is line feeds. */
function endOf(disk: MemoryDisk, path: string): number {
  const bytes = disk.bytes(path) ?? Buffer.alloc(0);
  let end = bytes.length;
  while (end > 1 && bytes[end - 1] === 0x0a && bytes[end - 2] === 0x0a) end -= 1;
  return end;
}

/** Turns as a busy daemon saves them. */
class Turns {
  #token = 0;
  readonly #records: StoredRecord[] = [];

  constructor(private readonly random: Random) {}

  async commit(store: JournalStore): Promise<void> {
    const changes = Array.from({ length: 1 + this.random(3) }, () => this.#change());
    await store.commit({ changes, nextToken: this.#token + 1 }, { onlyFrees: false });
  }

  #change(): Change {
    const { random } = this;
    const gone =
      this.#records.length > 0 && random(3) === 0
        ? this.#records.splice(random(this.#records.length), 1)
        : [];
    if (gone.length > 0) {
      const [{ resource, client } = { resource: '', client: '' }] = gone;
      return { event: 'unlocked', time: 1_000, resource, client, token: 0, remove: gone };
    }
    const record = this.#record();
    this.#records.push(record);
    const { resource, client } = record;
    return { event: 'granted', time: 1_000, resource, client, token: this.#token, put: [record] };
  }

  #record(): StoredRecord {
    const { random } = this;
    const [resource, client, note] = [name(random), name(random), text(random)];
    this.#token += 1;
    const token = this.#token;
    return oneOf<StoredRecord>(random, [
      { kind: 'hold', resource, client, token, limit: 1, acquired: 1_000, from: 'x', waited: 0, note },
      {
        kind: 'place',
        resource,
        client,
        sequence: token,
        limit: 1,
        since: 1_000,
        from: 'x',
        claim: 30,
        note,
      },
      { kind: 'lost', resource, client, token, time: 2_000, cause: 'forced', by: 'ops', reason: note },
      { kind: 'ended', resource, client, request: note, time: 2_000 },
    ]);
  }
}

/** A disk with one segment of a journal. */
export function diskWith(file: string, bytes: Uint8Array): MemoryDisk {
  const disk = emptyDisk();
  disk.put(LAYOUT.ownFile(file), bytes);
  return disk;
}

/** The name of a segment that another one was. */
export function otherFile(random: Random): string {
  return segmentFile({ epoch: 1 + random(4), segment: 1 + random(3) });
}
