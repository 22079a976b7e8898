/** How turns are cut: never more in one than the store takes. */
import { describe, expect, test } from 'vitest';
import type { Now } from '../../src/core/commands.js';
import { Leases } from '../../src/core/leases.js';
import { DEFAULT_LIMITS, MAX_RECORDS_OF_COMMAND } from '../../src/core/limits.js';
import type { PlaceRecord } from '../../src/core/records.js';
import { LockTable } from '../../src/core/table.js';
import { LockFiles } from '../../src/lock-files/lock-files.js';
import { emptyDraft } from '../../src/service/draft.js';
import { Drafting } from '../../src/service/drafting.js';
import { OpenCalls } from '../../src/service/open-calls.js';
import { ETCD_LIMITS } from '../../src/store/etcd/transaction.js';
import type { FakeKv } from '../etcd/fake-kv.js';
import { waiting } from '../store/fixture.js';
import { MemberCluster } from './member-fixture.js';
import { callWorst } from './worst-calls.js';

const NOW: Now = { time: 1_000, monotonic: 0, lease: 0 };

/** What each transaction wrote that saved a turn: how many operations, and bytes as etcd counts them at least. */
function turnsOf(kv: FakeKv): { operations: number; bytes: number }[] {
  return kv.asked.flatMap((asked) => {
    if (asked.kind !== 'transact' || asked.transaction.success.every(({ key }) => !key.includes('/history/')))
      return [];
    const { success } = asked.transaction;
    const texts = success.flatMap((step) => [step.key, 'value' in step ? step.value : '']);
    return [
      { operations: success.length, bytes: texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0) },
    ];
  });
}

describe('a store that takes little at a time', () => {
  test('takes every turn, however long names and notes are', async () => {
    const { member, kv } = await new MemberCluster().stand('a');
    kv.asked.length = 0;
    // The etcd in memory refuses what a real one does: more than 128 operations, or 1.5 MiB.
    await callWorst(member);
    const turns = turnsOf(kv);
    expect(Math.max(...turns.map(({ operations }) => operations))).toBeGreaterThan(60);
    expect(Math.max(...turns.map(({ bytes }) => bytes))).toBeGreaterThan(600_000);
    expect(turns.length).toBeLessThan(60);
    expect(member.readiness().problems).toEqual([]);
  });

  test('a thousand short calls at once need few turns', async () => {
    const { member, kv } = await new MemberCluster().stand('a');
    kv.asked.length = 0;
    const names = Array.from({ length: 1_000 }, (_, number) => `r${number}`);
    await Promise.all(names.map((name) => member.lock(name, 'A')));
    await Promise.all(names.map((name) => member.unlock(name, 'A')));
    expect(turnsOf(kv).length).toBeLessThanOrEqual(2 * Math.ceil(1_000 / 64) + 2);
  });
});

describe('a line of which many can move on at once', () => {
  /** All slots of a resource are free, and many wait for them. */
  function world(waiters: number) {
    const table = new LockTable();
    const calls = new OpenCalls({ onGone: () => undefined });
    const told: number[] = [];
    for (let number = 1; number <= waiters; number += 1) {
      const place: PlaceRecord = { ...waiting(number, 'r', `c${number}`), limit: 1_000 };
      table.load(place);
      const command = { kind: 'wait', resource: 'r', client: place.client, wait: 60, received: 0 } as const;
      const pending = { command, resolve: () => told.push(number), reject: () => undefined };
      calls.open({ place, pending, until: 60_000 });
    }
    const lockFiles = Object.assign(Object.create(LockFiles.prototype), { look: () => undefined });
    const drafting = new Drafting({
      state: { table, leases: new Leases(), calls, limits: DEFAULT_LIMITS },
      calls,
      lockFiles,
      limits: ETCD_LIMITS,
      storageFull: (problem) => ({ refusal: 'storageFull', details: { directory: '/', problem } }),
    });
    return { table, drafting };
  }
  const ADVANCE = {
    command: { kind: 'advance', resource: 'r' },
    resolve: () => undefined,
    reject: () => undefined,
  } as const;

  test('goes on in the next turns, and each takes one command more', () => {
    const { table, drafting } = world(100);
    const granted: number[] = [];
    for (let turns = 0; table.line('r').size > 0; turns += 1) {
      expect(turns).toBeLessThan(10);
      const draft = emptyDraft();
      drafting.add(ADVANCE, draft, NOW);
      expect(draft.records + MAX_RECORDS_OF_COMMAND).toBeLessThanOrEqual(ETCD_LIMITS.recordsPerTurn);
      expect([...draft.unfinished]).toEqual(table.line('r').size > 0 ? ['r'] : []);
      granted.push(draft.outcomes.length - 1);
    }
    expect(granted.reduce((sum, count) => sum + count, 0)).toBe(100);
    expect(table.holdCount('r')).toBe(100);
  });

  test('waits for the next turn where this one is full, and is not forgotten', () => {
    const { table, drafting } = world(3);
    const draft = emptyDraft();
    draft.records = ETCD_LIMITS.recordsPerTurn - MAX_RECORDS_OF_COMMAND;
    expect(drafting.isFull(draft)).toBe(true);
    drafting.add(ADVANCE, draft, NOW);
    expect(table.holdCount('r')).toBe(0);
    expect([...draft.unfinished]).toEqual(['r']);
  });
});
