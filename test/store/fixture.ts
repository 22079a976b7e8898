/** A journal in a directory of its own, with a disk that can fail, a clock set by hand, and turns in few words. */
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import {
  type Change,
  type EndedRecord,
  type HoldRecord,
  type LostRecord,
  type PlaceRecord,
  recordKeyText,
  type StoredRecord,
  type Turn,
} from '../../src/core/records.js';
import { Epoch } from '../../src/disk/epoch.js';
import { Layout } from '../../src/disk/layout.js';
import { nodeDisk } from '../../src/disk/node-disk.js';
import { type JournalOptions, JournalStore } from '../../src/store/journal/journal-store.js';
import { recoverJournal } from '../../src/store/journal/recovery.js';
import { FaultyDisk } from '../disk/faulty-disk.js';

/** A new directory that is gone when the test is over. */
export function temporaryDirectory(): string {
  const path = fs.mkdtempSync(join(fs.realpathSync(tmpdir()), 'lockd-test-'));
  onTestFinished(() => fs.rmSync(path, { recursive: true, force: true }));
  return path;
}

/** What a crash at this moment leaves: a copy with all names, links and contents. */
export function crashCopy(directory: string): string {
  const copy = temporaryDirectory();
  execFileSync('cp', ['-a', `${directory}/.`, copy]);
  return copy;
}

export interface Opened {
  readonly store: JournalStore;
  readonly disk: FaultyDisk;
  readonly layout: Layout;
  readonly epoch: Epoch;
  readonly warnings: string[];
}

export interface OpenOptions extends Partial<JournalOptions> {
  /** To fail calls already while the journal is opened. */
  readonly faulty?: FaultyDisk;
}

/** Opens the journal in `directory` as a starting daemon would. */
export async function openJournal(directory: string, options: OpenOptions = {}): Promise<Opened> {
  const { faulty: disk = new FaultyDisk(nodeDisk), ...given } = options;
  const layout = new Layout(directory);
  if (!disk.exists(layout.own)) disk.makeDirectory(layout.own);
  const epoch = await Epoch.begin(disk, layout);
  const warnings: string[] = [];
  const store = await JournalStore.open({
    disk,
    layout,
    epoch,
    retention: { historyDays: 30, historyBytes: 1 << 30 },
    pace: { isOver: () => false, breathe: () => Promise.resolve() },
    time: () => 1_000,
    makeId: () => 'directory-1',
    warn: (message) => warnings.push(message),
    // Nothing written ahead, so that every write and every length is the turn's own; journal-room.test.ts has the rest.
    roomBytes: 0,
    ...given,
  });
  onTestFinished(async () => {
    disk.heal();
    await store.close();
    epoch.close();
  });
  return { store, disk, layout, epoch, warnings };
}

/** What a daemon that starts now would find; nothing is changed. */
export function recovered(directory: string) {
  const journal = recoverJournal(nodeDisk, new Layout(directory));
  if (!journal) throw new Error(`no journal in ${directory}`);
  return { ...journal, records: inOrder(journal.records.values()) };
}

/** Records in an order of their own, to compare them. */
export function inOrder(records: Iterable<StoredRecord>): StoredRecord[] {
  return [...records].sort((a, b) => (recordKeyText(a) < recordKeyText(b) ? -1 : 1));
}

/** The names of the segments, oldest first. */
export function segmentNames(directory: string): string[] {
  return fs
    .readdirSync(new Layout(directory).own)
    .filter((name) => name.endsWith('.jsonl'))
    .sort();
}

/** The path of the newest segment. */
export function newestSegment(directory: string): string {
  return join(new Layout(directory).own, segmentNames(directory).at(-1) ?? '');
}

export function hold(token: number, resource = 'r1', client = 'alice', note?: string): HoldRecord {
  return {
    kind: 'hold',
    resource,
    client,
    token,
    limit: 1,
    acquired: 1_000,
    from: 'process',
    waited: 0,
    ...(note === undefined ? {} : { note }),
  };
}

export function lost(token: number, resource = 'r1', client = 'alice', reason = 'why'): LostRecord {
  return { kind: 'lost', resource, client, token, time: 2_000, cause: 'forced', by: 'ops', reason };
}

/** A place in the line. */
export function waiting(sequence: number, resource = 'r1', client = 'alice', note = 'soon'): PlaceRecord {
  const request = { key: `key ${sequence}`, ttl: 30, note };
  return {
    kind: 'place',
    resource,
    client,
    sequence,
    limit: 1,
    since: 1_000,
    from: 'process',
    claim: 30,
    note,
    ttl: 30,
    request,
  };
}

export function ended(request: string, resource = 'r1', client = 'alice'): EndedRecord {
  return { kind: 'ended', resource, client, request, time: 2_000 };
}

/** A change that puts a record. */
export function put(record: StoredRecord): Change {
  return { event: 'granted', time: 1_000, ...namesOf(record), put: [record] };
}

/** A change that removes a record. */
export function remove(record: StoredRecord): Change {
  return { event: 'unlocked', time: 1_000, ...namesOf(record), remove: [record] };
}

function namesOf(record: StoredRecord): { resource: string; client: string; token: number } {
  const { resource, client } = record;
  return { resource, client, token: 'token' in record ? record.token : 0 };
}

export function turn(nextToken: number, ...changes: Change[]): Turn {
  return { changes, nextToken };
}

/** A turn that grants `token`. */
export function grant(token: number, resource = `r${token}`, note?: string): Turn {
  return turn(token + 1, put(hold(token, resource, 'alice', note)));
}

/** A turn that takes back what `grant` gave. */
export function unlock(token: number, nextToken: number, resource = `r${token}`): Turn {
  return turn(nextToken, remove(hold(token, resource)));
}

export const LOCK = { onlyFrees: false } as const;
export const FREE = { onlyFrees: true } as const;

/** Resolves as soon as `condition` holds: looked at in each round of the event loop. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
