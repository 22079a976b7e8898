import * as fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { StoredRecord } from '../../src/core/records.js';
import { inspectDirectory } from '../../src/service/fsck.js';
import { Stopped } from '../../src/store/port.js';
import {
  ended,
  grant,
  hold,
  LOCK,
  lost,
  openJournal,
  put,
  segmentNames,
  temporaryDirectory,
  turn,
  waiting,
} from '../store/fixture.js';

/** Directory with three segments, each of an own start, with one turn each. */
async function threeSegments(): Promise<{ directory: string; paths: string[] }> {
  const directory = temporaryDirectory();
  for (let token = 1; token <= 3; token += 1) {
    const { store } = await openJournal(directory);
    await store.commit(grant(token), LOCK);
    await store.close();
  }
  return { directory, paths: segmentNames(directory).map((name) => join(directory, '.lockd', name)) };
}

async function texts(directory: string, level: string): Promise<string[]> {
  const { findings } = await inspectDirectory(directory);
  return findings.filter((finding) => finding.level === level).map(({ text }) => text);
}

test('counts what the journal remembers, kind by kind', async () => {
  const directory = temporaryDirectory();
  const { store } = await openJournal(directory);
  const records: StoredRecord[] = [
    hold(1),
    { ...hold(2, 'r2'), ttl: 30, lost: 'fencing', fence: { tries: 1, lastError: 'exit 1' } },
    { ...hold(3, 'r3'), lost: 'delayed' },
    waiting(1),
    waiting(2, 'r2', 'bob'),
    lost(2, 'r2'),
    ended('k1'),
    ended('k2'),
    ended('k3'),
  ];
  await store.commit(turn(9, ...records.map(put)), LOCK);
  await store.close();
  const { ok } = await inspectDirectory(directory);
  expect(ok).toBe(true);
  expect((await texts(directory, 'ok'))[0]).toBe(
    'journal-0000000001-0000000001.jsonl: a complete snapshot and 1 turns; 3 locks are held, ' +
      'lost and not free yet (being fenced, or delayed): 2, places in lines: 2, losses remembered: 1, ' +
      'used retry keys: 3, the next token is 9 or later',
  );
});

test('says nothing of kinds that there are none of', async () => {
  const { directory } = await threeSegments();
  expect((await texts(directory, 'ok'))[0]).toBe(
    'journal-0000000003-0000000001.jsonl: a complete snapshot and 1 turns; 3 locks are held, the next token is 4 or later',
  );
});

test('a resource with several holders has one lock file, and all of them miss it', async () => {
  const directory = temporaryDirectory();
  const { store } = await openJournal(directory);
  const holds = ['alice', 'bob'].map((client, n) => put({ ...hold(n + 1, 'r', client), limit: 2 }));
  await store.commit(turn(4, ...holds, put(hold(3, 'single'))), LOCK);
  await store.close();
  expect(await texts(directory, 'ok')).toContain('0 of 2 held resources have their lock file');
  expect(await texts(directory, 'note')).toEqual([
    `${directory}/r.lock is missing, but 'alice', 'bob' hold 'r'; made at the next start`,
    `${directory}/single.lock is missing, but 'alice' holds 'single'; made at the next start`,
  ]);
});

test('old segments are the history, each of them readable', async () => {
  const { directory, paths } = await threeSegments();
  const [first, second] = paths;
  expect(await texts(directory, 'ok')).toEqual(
    expect.arrayContaining([`${second}: history, readable`, `${first}: history, readable`]),
  );
  expect(await texts(directory, 'warning')).toEqual([]);
});

test('a bad line in an old segment costs its own events', async () => {
  const { directory, paths } = await threeSegments();
  const [first = ''] = paths;
  fs.writeFileSync(first, fs.readFileSync(first, 'utf8').replace('"resource":"r1"', '"resource":"x1"'));
  const { ok } = await inspectDirectory(directory);
  expect(ok).toBe(true);
  expect(await texts(directory, 'warning')).toEqual([
    `${first}, line 3: the events of this line are lost to the history; no lock is lost`,
  ]);
});

test('behind a bad head the history ends', async () => {
  const { directory, paths } = await threeSegments();
  const [first, second = ''] = paths;
  fs.writeFileSync(second, fs.readFileSync(second, 'utf8').replace('"line":"head"', '"line":"hand"'));
  expect(await texts(directory, 'warning')).toEqual([
    `${second}, line 1: what came before this segment cannot be told; no lock is lost`,
  ]);
  expect(await texts(directory, 'ok')).toContain(
    `${first}: not part of the history (no segment behind it says that it counts)`,
  );
});

test('what a deposed daemon wrote after its successor had read is no damage', async () => {
  const directory = temporaryDirectory();
  const old = await openJournal(directory);
  await old.store.commit(grant(1), LOCK);
  const [name = ''] = segmentNames(directory);
  const successor = await openJournal(directory);
  await expect(old.store.commit(grant(2), LOCK)).rejects.toThrow(Stopped);
  await successor.store.close();
  const path = join(directory, '.lockd', name);
  const begun = old.layout.segment({ epoch: 1, segment: 2 });
  fs.copyFileSync(path, begun);
  fs.appendFileSync(path, '{"line":"turn","tu');
  expect(await texts(directory, 'warning')).toEqual([]);
  const ok = await texts(directory, 'ok');
  expect(ok).toContain(`${path}: history, readable`);
  expect(ok).toContain(
    `${begun}: not part of the history (written by a daemon that had been replaced; the history goes on in ${name})`,
  );
});
