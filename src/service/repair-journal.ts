/**
 * Repairing a journal that a start would refuse: what can be read of it and what the lock files say become a new segment. A
 * resource whose state is in doubt stays locked. Nothing counts before the new segment has its name: whoever is killed
 * before that leaves the damage as it was, and begins again.
 */
import { randomUUID } from 'node:crypto';
import type { HoldRecord } from '../core/records.js';
import { type Disk, errorCode, readWhole } from '../disk/disk.js';
import { Epoch } from '../disk/epoch.js';
import type { Kept } from '../disk/kept.js';
import type { Layout } from '../disk/layout.js';
import { MAX_CONTENT_BYTES, namedTokens, readContent } from '../lock-files/content.js';
import { isLockFileName, lockFileName, resourceOfLockFile } from '../lock-files/names.js';
import { toldHolds } from '../lock-files/told-holds.js';
import { beginAnew } from '../store/journal/begin-anew.js';
import type { Salvaged } from '../store/journal/salvage.js';
import { RecordMap } from '../store/record-map.js';
import type { Finding } from './finding.js';
import { type FileTale, judge, type Verdict } from './in-doubt.js';

/** What missing turns may have granted: more than a turn ever does, a second of the clock. */
const TOKENS_LEFT_OUT = 1_000_000;

export interface JournalRepair {
  readonly disk: Disk;
  readonly layout: Layout;
  readonly kept: Kept;
  readonly salvaged: Salvaged;
  /** Milliseconds since 1970, UTC. */
  readonly time: number;
}

/** Repairs it; answers what was done, and what was lost. */
export async function repairJournal(repair: JournalRepair): Promise<Finding[]> {
  const { disk, layout, kept, salvaged, time } = repair;
  const files = readLockFiles(disk, layout, salvaged.directoryId);
  const isComplete = salvaged.losses.length === 0;
  const verdicts = isComplete ? new Map<string, Verdict>() : judgeAll(salvaged, files.tales);
  const records = recordsOf(salvaged, verdicts);
  const known = new Set([...verdicts.keys()].map(lockFileName));
  const unnamed = isComplete ? [] : files.unnamed.filter((name) => !known.has(name));
  const findings = [
    ...salvaged.losses.map((text): Finding => ({ level: 'lost', text })),
    ...[...verdicts].flatMap(([resource, verdict]) => describe(resource, verdict, layout)),
    ...unnamed.map((name) => describeUnnamed(layout.lockFile(name))),
  ];
  for (const name of salvaged.damagedFiles) kept.link(layout.ownFile(name));
  for (const [resource, { by }] of verdicts) {
    if (by === 'nobodyKnows') await lockByNobody(repair, lockFileName(resource));
  }
  for (const name of unnamed) await lockByNobody(repair, name);
  await kept.write(
    'report.json',
    `${JSON.stringify({ time: new Date(time).toISOString(), findings }, null, 2)}\n`,
  );
  await kept.flush();
  const epoch = await Epoch.begin(disk, layout);
  try {
    await beginAnew({
      disk,
      layout,
      epoch: epoch.number,
      directoryId: salvaged.directoryId ?? files.directoryId ?? randomUUID(),
      time,
      records,
      nextToken: Math.max(salvaged.nextToken, files.nextToken) + (isComplete ? 0 : TOKENS_LEFT_OUT),
      nextTurn: salvaged.nextTurn,
      previous: salvaged.previous,
    });
  } finally {
    epoch.close();
  }
  // Only now: without the new segment it must not look as if these had never been.
  for (const name of salvaged.uselessFiles) kept.move(layout.ownFile(name));
  await kept.flush();
  const count = [...records.values()].filter(({ kind }) => kind === 'hold').length;
  const damaged = salvaged.damagedFiles.join(', ');
  return [
    {
      level: 'mended',
      text: `${damaged}: what could be read was written anew; locks that are held: ${count}`,
    },
    ...findings,
  ];
}

interface LockFilesRead {
  readonly tales: ReadonlyMap<string, FileTale>;
  /** Cut names with nothing readable behind them: which resource they lock cannot be told. */
  readonly unnamed: readonly string[];
  /** Above every token that they name. */
  readonly nextToken: number;
  /** The id of the directory that most of them carry. */
  readonly directoryId: string | undefined;
}

function readLockFiles(disk: Disk, layout: Layout, knownId: string | undefined): LockFilesRead {
  const contents = disk
    .list(layout.root)
    .filter(isLockFileName)
    .map((name) => ({ name, bytes: bytesOf(disk, layout.lockFile(name)) }));
  const ids = contents.flatMap(({ bytes }) => (bytes && readContent(bytes)?.directory) ?? []);
  const directoryId = knownId ?? mostFrequent(ids);
  const tales = new Map<string, FileTale>();
  const unnamed: string[] = [];
  let nextToken = 1;
  for (const { name, bytes } of contents) {
    const holds = bytes && toldHolds(bytes, directoryId ?? '', name);
    const resource = resourceOfLockFile(name) ?? holds?.[0]?.resource;
    for (const token of bytes ? namedTokens(bytes) : []) nextToken = Math.max(nextToken, token + 1);
    if (resource === undefined) unnamed.push(name);
    else if (holds && holds[0]?.resource === resource) tales.set(resource, { kind: 'told', holds });
    // What is no file was not made by a lockd, and what another one wrote is not to be read as ours.
    else tales.set(resource, { kind: bytes === undefined || readContent(bytes) ? 'foreign' : 'unreadable' });
  }
  return { tales, unnamed, nextToken, directoryId };
}

/** Undefined for what is no regular file of a size that a lockd writes, or cannot be read. */
function bytesOf(disk: Disk, path: string): Buffer | undefined {
  const entry = disk.stat(path);
  if (entry?.kind !== 'file' || entry.size > MAX_CONTENT_BYTES) return undefined;
  try {
    return readWhole(disk, path, MAX_CONTENT_BYTES);
  } catch (error) {
    if (errorCode(error) === undefined) throw error;
    return undefined;
  }
}

function mostFrequent(texts: readonly string[]): string | undefined {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0];
}

/** Every resource of which anything is known, in order. */
function judgeAll(salvaged: Salvaged, tales: ReadonlyMap<string, FileTale>): Map<string, Verdict> {
  const known = new Map<string, HoldRecord[]>();
  for (const record of salvaged.records.values()) {
    if (record.kind === 'hold') known.set(record.resource, [...(known.get(record.resource) ?? []), record]);
  }
  const resources = new Set([...known.keys(), ...tales.keys(), ...salvaged.doubted]);
  return new Map(
    [...resources].sort().map((resource) => [
      resource,
      judge({
        known: known.get(resource) ?? [],
        file: tales.get(resource) ?? { kind: 'none' },
        isDoubted: salvaged.doubted.has(resource),
        ended: salvaged.endedTokens,
      }),
    ]),
  );
}

/** The salvaged records with the holds as they were judged. Whoever turns out to hold a resource does not wait for it. */
function recordsOf({ records: salvaged }: Salvaged, verdicts: ReadonlyMap<string, Verdict>): RecordMap {
  const records = new RecordMap();
  for (const record of salvaged.values()) {
    const verdict = verdicts.get(record.resource);
    if (record.kind === 'hold' && verdict) continue;
    if (record.kind === 'place' && verdict?.holds.some(({ client }) => client === record.client)) continue;
    records.put(record);
  }
  for (const { holds } of verdicts.values()) for (const hold of holds) records.put(hold);
  return records;
}

function describe(resource: string, { holds, by }: Verdict, layout: Layout): Finding[] {
  const clients = holds.map(({ client }) => `'${client}'`).join(', ');
  switch (by) {
    case 'sure':
      return [];
    case 'byJournal': {
      const text = `'${resource}' stays locked by ${clients}; its lock file is not there or cannot be read: it may have been unlocked, or be another's`;
      return [{ level: 'lost', text: `${text}. If nobody works on it: forceUnlock` }];
    }
    case 'byFile':
      return [
        {
          level: 'lost',
          text: `'${resource}' is locked by ${clients}: its lock file says so, the journal does not`,
        },
      ];
    case 'nobodyKnows': {
      const file = layout.lockFile(lockFileName(resource));
      const text = `'${resource}' is locked by '?': nobody can tell who holds it; ${file} says so`;
      return [{ level: 'lost', text: `${text}. Make sure that nobody works on it, then forceUnlock` }];
    }
  }
}

function describeUnnamed(file: string): Finding {
  const text = `${file} cannot be read, and its name is a cut one: its resource, whichever it is, is locked by '?'`;
  return { level: 'lost', text: `${text}. Make sure that nobody works on it, then forceUnlock` };
}

/** Puts a file into the place of the lock file that is no client's name, so that it locks until `forceUnlock`. */
async function lockByNobody({ disk, layout, kept, time }: JournalRepair, name: string): Promise<void> {
  const path = layout.lockFile(name);
  const text = [
    `Locked by '?': when the journal was repaired (${new Date(time).toISOString()}), nobody could tell who holds this.`,
    `Make sure that nobody works on it, then: lockd force-unlock RESOURCE --reason '...'`,
  ].join('\n');
  const marker = await kept.write('marker', `${text}\n`);
  // At no moment is there nothing under that name; where there are no hard links, what is there is copied.
  if (disk.exists(path) && !kept.link(path)) {
    await kept.write(name, bytesOf(disk, path) ?? new Uint8Array());
  }
  disk.rename(marker, path);
}
