import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { StoredRecord, Turn } from '../../src/core/records.js';
import { Layout } from '../../src/disk/layout.js';
import { nodeDisk } from '../../src/disk/node-disk.js';
import { Stopped } from '../../src/store/port.js';
import { type Call, FaultyDisk, type Operation } from '../disk/faulty-disk.js';
import { applyToModel } from './contract.js';
import {
  crashCopy,
  FREE,
  grant,
  hold,
  inOrder,
  LOCK,
  newestSegment,
  openJournal,
  put,
  recovered,
  remove,
  segmentNames,
  temporaryDirectory,
  turn,
  until,
} from './fixture.js';
import { HeldDisk } from './held-disk.js';

/** Lets a snapshot go on one step at a time. */
class SteppedPace {
  #goOn: (() => void) | undefined;
  #isFree = false;

  isOver(): boolean {
    return true;
  }

  breathe(): Promise<void> {
    if (this.#isFree) return Promise.resolve();
    return new Promise((resolve) => {
      this.#goOn = resolve;
    });
  }

  /** Whether a snapshot waits to go on. */
  get isWaiting(): boolean {
    return this.#goOn !== undefined;
  }

  step(): void {
    const goOn = this.#goOn;
    this.#goOn = undefined;
    goOn?.();
  }

  free(): void {
    this.#isFree = true;
    this.step();
  }
}

/** So many that a snapshot of them takes several lines. */
const BIG = Array.from({ length: 300 }, (_, index) => hold(index + 1, `big${index}`, 'c', 'n'.repeat(1_000)));

function padding(token: number): Turn {
  return turn(token + 1, put(hold(token, 'padding', 'c', 'p'.repeat(1_000))));
}

describe('a new segment begins', () => {
  test('when the turns outgrow both the limit and the snapshot, not before', async () => {
    const directory = temporaryDirectory();
    const { store, layout } = await openJournal(directory, { segmentBytes: 10_000 });
    const limit = store.bytes + 10_000;
    for (let token = 1; store.bytes <= limit; token += 1) {
      expect(fs.readdirSync(layout.own).filter((name) => name.includes('-0000000002'))).toEqual([]);
      await store.commit(padding(token), LOCK);
    }
    await until(() => segmentNames(directory).length > 1);
    await store.close();
    expect(segmentNames(directory)).toEqual([
      'journal-0000000001-0000000001.jsonl',
      'journal-0000000001-0000000002.jsonl',
    ]);
  });

  test('never as long as the snapshot is larger than the turns', async () => {
    const directory = temporaryDirectory();
    const first = await openJournal(directory);
    await first.store.commit(turn(301, ...BIG.map(put)), LOCK);
    await first.store.close();
    const { store } = await openJournal(directory, { segmentBytes: 1 });
    for (let token = 301; token < 400; token += 1) await store.commit(padding(token), LOCK);
    await store.close();
    expect(segmentNames(directory)).toHaveLength(2);
  });

  test('again and again, with a chain of heads and numbers without gaps', async () => {
    const directory = temporaryDirectory();
    const { store } = await openJournal(directory, { segmentBytes: 1 });
    const model = new Map<string, StoredRecord>();
    for (let token = 1; token <= 200; token += 1) {
      const one = token % 3 === 0 ? turn(token + 1, remove(hold(token, `r${token - 1}`))) : grant(token);
      await store.commit(one, LOCK);
      applyToModel(model, one);
    }
    await store.close();
    expect(recovered(directory).records).toEqual(inOrder(model.values()));
    expect(recovered(directory).nextToken).toBe(201);
    const names = segmentNames(directory);
    expect(names.length).toBeGreaterThan(3);
    let turns = 0;
    for (const [index, name] of names.entries()) {
      const path = join(new Layout(directory).own, name);
      const lines = fs.readFileSync(path, 'utf8').trimEnd().split('\n');
      const head = JSON.parse(lines[0] ?? '') as { previous?: { name: string; bytes: number }; turn: number };
      expect(head.turn).toBe(turns + 1);
      expect(head.previous?.name).toBe(names[index - 1]);
      const next = names[index + 1];
      // What stands behind this byte stands in the next segment, too.
      const counts = next === undefined ? undefined : previousBytes(directory, next);
      const counted = fs.readFileSync(path).subarray(0, counts).toString('utf8').split('\n');
      turns += counted.filter((line) => line.startsWith('{"line":"turn"')).length;
    }
    expect(turns).toBe(200);
  });

  test('`bytes` counts all segments', async () => {
    const directory = temporaryDirectory();
    const { store, layout } = await openJournal(directory, { segmentBytes: 1 });
    for (let token = 1; token <= 50; token += 1) await store.commit(grant(token), LOCK);
    await store.commit(grant(51), LOCK);
    await store.close();
    const sizes = segmentNames(directory).map((name) => fs.statSync(join(layout.own, name)).size);
    expect(sizes.length).toBeGreaterThan(1);
    expect(store.bytes).toBe(sizes.reduce((sum, size) => sum + size, 0));
  });

  test('`bytes` counts no segment twice when the store is closed before the switch', async () => {
    const directory = temporaryDirectory();
    const pace = new SteppedPace();
    const { store, layout } = await openJournal(directory, { pace, segmentBytes: 300_000 });
    await store.commit(turn(301, ...BIG.map(put)), LOCK);
    expect(pace.isWaiting).toBe(true);
    const closed = store.close();
    pace.free();
    await closed;
    const [only, ...more] = segmentNames(directory);
    expect(more).toEqual([]);
    expect(store.bytes).toBe(fs.statSync(join(layout.own, only as string)).size);
  });
});

describe('turns while the snapshot is written', () => {
  /** A store in the midst of a rotation, with all of BIG and `padding`. */
  async function midRotation() {
    const directory = temporaryDirectory();
    const pace = new SteppedPace();
    const held = new HeldDisk(nodeDisk);
    const { store } = await openJournal(directory, { disk: held.disk, pace, segmentBytes: 300_000 });
    await store.commit(turn(301, ...BIG.map(put)), LOCK);
    expect(pace.isWaiting).toBe(true);
    const model = new Map<string, StoredRecord>();
    applyToModel(model, turn(301, ...BIG.map(put)));
    const commit = async (one: Turn) => {
      expect(await store.commit(one, LOCK)).toMatchObject({ saved: true });
      applyToModel(model, one);
    };
    const expected = () => inOrder(model.values());
    return { directory, pace, held, store, commit, expected };
  }

  /** Changes to what the snapshot has and has not yet met, to its first and its last records. */
  const MEANWHILE: Turn[] = [
    turn(302, remove(hold(1, 'big0', 'c')), put(hold(301, 'new1'))),
    turn(303, remove(hold(300, 'big299', 'c')), put(hold(302, 'big0', 'c'))),
    turn(304, remove(hold(301, 'new1')), put(hold(303, 'big299', 'c'))),
    turn(305, remove(hold(302, 'big0', 'c')), put(hold(304, 'new1'))),
  ];

  test('are there after a crash in the middle of it', async () => {
    const { directory, pace, commit, expected } = await midRotation();
    for (const one of MEANWHILE) {
      await commit(one);
      pace.step();
      expect(recovered(crashCopy(directory)).records).toEqual(expected());
    }
    expect(segmentNames(directory)).toHaveLength(1);
    pace.free();
  });

  test.each([0, 1, 2, 3, 4])('are there when %i of them came before the switch', async (before) => {
    const { directory, pace, store, commit, expected } = await midRotation();
    for (const one of MEANWHILE.slice(0, before)) {
      await commit(one);
      pace.step();
    }
    pace.free();
    for (const one of MEANWHILE.slice(before)) await commit(one);
    await until(() => segmentNames(directory).length > 1);
    expect(recovered(crashCopy(directory)).records).toEqual(expected());
    await store.close();
    expect(recovered(directory).records).toEqual(expected());
    expect(recovered(directory).nextToken).toBe(305);
  });

  test('one whose flush hangs delays the switch, and is there after it', async () => {
    const { directory, pace, held, store, commit, expected } = await midRotation();
    held.hold(/0000000001\.jsonl/);
    const slow = commit(MEANWHILE[0] as Turn);
    await held.held();
    pace.free();
    expect(segmentNames(directory)).toHaveLength(1);
    held.release();
    await slow;
    await until(() => segmentNames(directory).length === 2);
    await store.close();
    expect(recovered(directory).records).toEqual(expected());
  });

  test('one that comes during the switch waits for it', async () => {
    const { directory, pace, held, store, commit, expected } = await midRotation();
    await commit(MEANWHILE[0] as Turn);
    held.hold(/0000000002\.jsonl/);
    pace.free();
    await held.held();
    held.releaseOnce();
    await held.held();
    const waiting = [commit(MEANWHILE[1] as Turn)];
    expect(fs.statSync(newestSegment(directory)).size).toBe(store.bytes);
    held.release();
    await Promise.all(waiting);
    await store.close();
    expect(segmentNames(directory)).toHaveLength(2);
    expect(recovered(directory).records).toEqual(expected());
    expect(fs.readFileSync(newestSegment(directory), 'utf8')).toContain(`"nextToken":303`);
  });

  test('close waits until the rotation is over, and leaves nothing half done', async () => {
    const { directory, pace, store, expected } = await midRotation();
    const closed = store.close();
    pace.free();
    await closed;
    expect(fs.readdirSync(new Layout(directory).own).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    expect(recovered(directory).records).toEqual(expected());
  });

  test('a directory that was taken over meanwhile is left to its owner', async () => {
    const { directory, pace, store } = await midRotation();
    const successor = await openJournal(directory);
    pace.free();
    await expect(store.commit(padding(400), LOCK)).rejects.toThrow(Stopped);
    await store.close();
    await successor.store.commit(grant(500), LOCK);
    expect(recovered(directory).records).toEqual(inOrder([...BIG, hold(500, 'r500')]));
  });
});

describe('a rotation of which one step fails', () => {
  const SCRIPT: Turn[] = [
    turn(2, put(hold(1, 'first'))),
    ...Array.from({ length: 3 }, (_, index) => padding(index + 2)),
    turn(6, remove(hold(1, 'first')), put(hold(5, 'second'))),
    turn(7, put(hold(6, 'third'))),
    turn(8, put(hold(7, 'fourth')), remove(hold(6, 'third'))),
  ];

  /** Runs the script; answers every state that may be found on disk afterwards. */
  async function run(directory: string, faulty: FaultyDisk) {
    const { store, warnings } = await openJournal(directory, { faulty, segmentBytes: 2_500 });
    const from = faulty.calls.length;
    const model = new Map<string, StoredRecord>();
    let possible = [inOrder(model.values())];
    let stopped = false;
    for (const one of SCRIPT) {
      const outcome = await store.commit(one, LOCK).catch((error: unknown) => error);
      if (outcome instanceof Stopped) {
        if (!stopped) {
          const unknown = new Map(model);
          applyToModel(unknown, one);
          possible.push(inOrder(unknown.values()));
        }
        stopped = true;
      } else {
        expect(stopped, 'nothing is saved after it has stopped').toBe(false);
        if (outcome instanceof Error) throw outcome;
        if ((outcome as { saved: boolean }).saved) applyToModel(model, one);
        possible = [inOrder(model.values())];
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    faulty.heal();
    await store.close();
    return { possible, stopped, warnings, calls: faulty.calls.slice(from), store };
  }

  /** The calls of the script, each with how many of its kind came before it. */
  async function calls(): Promise<(Call & { nth: number })[]> {
    const faulty = new FaultyDisk(nodeDisk);
    const { calls, possible } = await run(temporaryDirectory(), faulty);
    expect(possible).toHaveLength(1);
    const seen = new Map<Operation, number>();
    const before = faulty.calls.length - calls.length;
    for (const { op } of faulty.calls.slice(0, before)) seen.set(op, (seen.get(op) ?? 0) + 1);
    return calls.map((call) => {
      const nth = seen.get(call.op) ?? 0;
      seen.set(call.op, nth + 1);
      return { ...call, nth };
    });
  }

  test('the script has a rotation in it', async () => {
    const ops = (await calls()).map(({ op }) => op);
    for (const op of [
      'create',
      'write',
      'sync',
      'link',
      'syncDirectory',
      'open',
      'close',
      'unlink',
    ] as const) {
      expect(ops).toContain(op);
    }
  });

  test.each([
    ['ENOSPC', false],
    ['EIO', false],
    ['EIO', true],
    ['EPERM', false],
  ] as const)('%s at each call (done all the same: %s): nothing acknowledged is lost', async (code, done) => {
    const outcomes = new Set<string>();
    for (const { op, path, nth } of await calls()) {
      const directory = temporaryDirectory();
      const faulty = new FaultyDisk(nodeDisk);
      faulty.failNext(op, { code, after: nth, done });
      const { possible, stopped, store } = await run(directory, faulty);
      const what = `${code} at ${op} number ${nth} of ${path}`;
      expect(possible, what).toContainEqual(recovered(crashCopy(directory)).records);
      outcomes.add(stopped ? 'stopped' : store.problems.length > 0 ? 'postponed' : 'went on');
      const next = await openJournal(directory);
      expect(possible, what).toContainEqual(inOrder(next.store.recovered.records));
      const names = fs.readdirSync(next.layout.own).filter((name) => name.endsWith('.tmp'));
      expect(names, what).toEqual([]);
      await next.store.close();
    }
    expect(outcomes).toContain('went on');
    expect(outcomes).toContain('stopped');
  });

  test('no space for a snapshot: the old segment grows on, it is told, and tried again later', async () => {
    const directory = temporaryDirectory();
    const { store, disk, warnings } = await openJournal(directory, { segmentBytes: 8_000 });
    disk.failNext('create', { code: 'ENOSPC', path: /journal.*tmp/ });
    let token = 1;
    while (store.problems.length === 0) await store.commit(padding(token++), LOCK);
    const problem =
      `No new journal segment could be begun (ENOSPC: made up, create '${new Layout(directory).own}` +
      `/journal-0000000001-0000000002.jsonl.tmp'); the old one grows on`;
    expect(store.problems).toEqual([problem]);
    expect(warnings).toEqual([problem]);
    for (let more = 0; more < 5 && store.problems.length > 0; more += 1) {
      await store.commit(padding(token++), FREE);
    }
    await until(() => store.problems.length === 0);
    await store.close();
    expect(segmentNames(directory)).toHaveLength(2);
    expect(recovered(directory).nextToken).toBe(token);
  });

  test('a file system without hard links: the segment is renamed', async () => {
    const directory = temporaryDirectory();
    const faulty = new FaultyDisk(nodeDisk);
    faulty.failNext('link', { code: 'EPERM', times: Number.POSITIVE_INFINITY });
    const { store } = await openJournal(directory, { faulty, segmentBytes: 1 });
    for (let token = 1; token <= 50; token += 1) await store.commit(grant(token), LOCK);
    await store.close();
    expect(segmentNames(directory).length).toBeGreaterThan(2);
    expect(recovered(directory).records).toHaveLength(50);
    expect(faulty.count('rename')).toBeGreaterThan(2);
  });
});

function previousBytes(directory: string, name: string): number | undefined {
  const text = fs.readFileSync(join(new Layout(directory).own, name), 'utf8');
  const head = JSON.parse(text.slice(0, text.indexOf('\n'))) as { previous?: { bytes: number } };
  return head.previous?.bytes;
}
