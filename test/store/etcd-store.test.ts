/** The store on etcd beside its turns: who still leads, what a new leader finds, history and its end. */
import { describe, expect, test } from 'vitest';
import type { Range } from '../../src/etcd/kv.js';
import { PrefixDamaged } from '../../src/store/etcd/errors.js';
import { endOfTurn } from '../../src/store/events.js';
import { Stopped } from '../../src/store/port.js';
import { FakeKv } from '../etcd/fake-kv.js';
import { recordsOf } from './contract.js';
import { FakePrefix, openStore, type Term, takeLead } from './etcd-fixture.js';
import { told } from './events-after-contract.js';
import { ended, grant, hold, inOrder, lost, put, remove, turn, unlock, waiting } from './fixture.js';
import { ALL, idsOf } from './history-contract.js';

const DAY_MS = 86_400_000;

async function begin(
  options: Parameters<FakePrefix['begin']>[0] = {},
): Promise<{ prefix: FakePrefix } & Term> {
  const prefix = new FakePrefix();
  const term = await prefix.begin(options);
  prefix.kv.asked.length = 0;
  return { prefix, ...term };
}

/** What is not done in this round of the event loop, or in the next ones. */
async function rounds(): Promise<void> {
  for (let round = 0; round < 20; round += 1) await new Promise((resolve) => setImmediate(resolve));
}

describe('who asks whether we still lead', () => {
  test('is answered by etcd, and nothing is written for it', async () => {
    const { prefix, store } = await begin();
    const { revision } = prefix.etcd;
    await store.confirm();
    expect(prefix.kv.asked).toHaveLength(1);
    expect(prefix.etcd.revision).toBe(revision);
  });

  test('shares the question with those who ask before it is sent, not with those whose question is on its way', async () => {
    const { prefix, store } = await begin();
    let release: () => void = () => undefined;
    const gate = new Promise<undefined>((resolve) => {
      release = () => resolve(undefined);
    });
    prefix.kv.onRequest = () => gate;
    const first = store.confirm();
    const others = [store.confirm(), store.confirm(), store.confirm()];
    await rounds();
    expect(prefix.kv.asked).toHaveLength(1);
    release();
    await Promise.all([first, ...others]);
    expect(prefix.kv.asked).toHaveLength(2);
    await store.confirm();
    expect(prefix.kv.asked).toHaveLength(3);
  });

  test('learns that another one took over, also who asked while the answer was under way', async () => {
    const { prefix, store } = await begin();
    const first = store.confirm();
    const second = store.confirm();
    await first;
    prefix.etcd.transact({ compare: [], success: [{ kind: 'remove', key: prefix.keys.leader }] });
    await expect(second).rejects.toThrow(Stopped);
    await expect(store.confirm()).rejects.toThrow(/leadership.*lost/);
  });

  test.each(['never', 'unknownNotApplied', 'settledNotApplied'] as const)(
    'is asked for again: %s',
    async (fault) => {
      const { prefix, store } = await begin();
      prefix.kv.next.push(fault, fault, fault);
      await store.confirm();
      expect(prefix.pauses).toEqual([25, 50]);
    },
  );

  test('is told nothing when the time is over before the answer is looked at', async () => {
    const { prefix, store, leadership } = await begin();
    prefix.kv.onRequest = () => {
      leadership.end();
      return undefined;
    };
    await expect(store.confirm()).rejects.toThrow(Stopped);
  });

  test('is told nothing when etcd falls silent until the time is over', async () => {
    const { prefix, store, leadership } = await begin();
    let tries = 0;
    prefix.kv.onRequest = () => {
      tries += 1;
      if (tries === 5) leadership.end();
      return 'unknownNotApplied';
    };
    await expect(store.confirm()).rejects.toThrow(Stopped);
    expect(store.problems).toEqual(['The leadership ran out', 'faulty: unknownNotApplied']);
  });
});

describe('what a new leader finds', () => {
  test('the records in the order in which they came', async () => {
    const { prefix, store } = await begin();
    const later = { ...ended('a'), time: 9_000 };
    const records = [hold(2, 'b'), hold(10, 'a'), waiting(2, 'z'), waiting(10, 'x'), ended('z'), later];
    await store.commit(turn(20, ...records.toReversed().map(put)));
    const { store: next } = await prefix.begin();
    const of = (kind: string) => [...next.recovered.records].filter((record) => record.kind === kind);
    expect(of('hold')).toEqual([hold(2, 'b'), hold(10, 'a')]);
    expect(of('place')).toEqual([waiting(2, 'z'), waiting(10, 'x')]);
    expect(of('ended')).toEqual([ended('z'), later]);
  });

  test('many records, page by page, as of one revision', async () => {
    const { prefix, store } = await begin();
    const records = Array.from({ length: 300 }, (_, index) => hold(index + 1, `r${index}`));
    for (let from = 0; from < 300; from += 100) {
      await store.commit(turn(400, ...records.slice(from, from + 100).map(put)));
    }
    prefix.kv.asked.length = 0;
    const { store: next } = await prefix.begin();
    expect(recordsOf(next)).toEqual(inOrder(records));
    const ranges = rangesOf(prefix.kv).filter(({ key }) => key.includes('/record/'));
    expect(ranges.length).toBeGreaterThan(1);
    expect(new Set(ranges.map(({ revision }) => revision)).size).toBe(1);
    expect(ranges[0]?.revision).toBeGreaterThan(0);
  });

  test('many records, and the lease is renewed meanwhile', async () => {
    const { prefix, store } = await begin();
    for (let token = 1; token <= 100; token += 1) await store.commit(grant(token, `r${token}`));
    let [now, rounds] = [0, 0];
    await prefix.begin({
      // Every look at the clock takes long.
      monotonic: () => {
        now += 5;
        return now;
      },
      nextRound: (action) => {
        rounds += 1;
        action();
      },
    });
    expect(rounds).toBeGreaterThan(20);
  });

  test('begins to read again where etcd has compacted what is being read', async () => {
    const { prefix, store } = await begin();
    const records = Array.from({ length: 100 }, (_, index) => hold(index + 1, `r${index}`));
    await store.commit(turn(200, ...records.map(put)));
    let ranges = 0;
    prefix.kv.onRequest = (asked) => {
      if (asked.kind !== 'range') return undefined;
      ranges += 1;
      if (ranges !== 2) return undefined;
      prefix.etcd.transact({ compare: [], success: [{ kind: 'put', key: '/other', value: '' }] });
      prefix.etcd.compact(prefix.etcd.revision);
      return undefined;
    };
    const { store: next } = await prefix.begin();
    expect(recordsOf(next)).toEqual(inOrder(records));
    expect(ranges).toBeGreaterThan(3);
  });

  test.each(['never', 'unknownApplied', 'unknownNotApplied', 'settledApplied'] as const)(
    'a new prefix is begun once, whatever goes wrong: %s',
    async (fault) => {
      const prefix = new FakePrefix();
      const leadership = await takeLead(new FakeKv(prefix.etcd), prefix.keys);
      prefix.kv.onRequest = (asked) => {
        const isFirst =
          asked.kind === 'transact' && asked.transaction.success.some(({ kind }) => kind === 'put');
        if (!isFirst) return undefined;
        prefix.kv.onRequest = () => undefined;
        return fault;
      };
      const store = await openStore(prefix.kv, prefix.keys, leadership, prefix.options);
      expect(store.isNew).toBe(true);
      expect(store.recovered).toMatchObject({ nextToken: 1, lastTurn: 0 });
      expect(await store.commit(grant(1))).toEqual({ saved: true, turn: 1 });
      expect((await prefix.begin()).store.isNew).toBe(false);
    },
  );

  test('another leader: then it opens nothing', async () => {
    const prefix = new FakePrefix();
    const leadership = await takeLead(prefix.kv, prefix.keys);
    await takeLead(prefix.kv, prefix.keys);
    await expect(openStore(prefix.kv, prefix.keys, leadership, prefix.options)).rejects.toThrow(Stopped);
  });

  test.each<[string, string, string]>([
    ['turn', '{"format":2,"turn":1,"nextToken":2}', 'later lockd (format 2); upgrade'],
    ['turn', '{"format":1,"turn":-1,"nextToken":2}', 'not what lockd writes'],
    ['turn', 'hello', 'not what lockd writes'],
    ['record/hold/r1/alice', '{}', 'not what lockd writes'],
    ['record/hold/r1/alice', JSON.stringify(hold(1, 'r2')), 'not what lockd writes'],
    ['record/hold/r1/alice', JSON.stringify({ ...hold(1), token: '1' }), 'not what lockd writes'],
    ['record/x', 'null', 'not what lockd writes'],
  ])('%s with %s: nobody is served from it', async (name, value, problem) => {
    const { prefix, store } = await begin();
    await store.commit(grant(5));
    prefix.etcd.transact({ compare: [], success: [{ kind: 'put', key: `/locks/${name}`, value }] });
    const opening = prefix.begin();
    await expect(opening).rejects.toThrow(PrefixDamaged);
    await expect(opening).rejects.toThrow(problem);
    await expect(opening).rejects.toThrow(`/locks/${name}`);
  });

  test('no turn where there are others of its keys: nobody knows which tokens were granted', async () => {
    const { prefix, store } = await begin();
    await store.commit(grant(5));
    prefix.etcd.transact({ compare: [], success: [{ kind: 'remove', key: prefix.keys.turn }] });
    const opening = prefix.begin();
    await expect(opening).rejects.toThrow(PrefixDamaged);
    await expect(opening).rejects.toThrow(/\/locks\/turn was removed from etcd, and \/locks\/record/);
    prefix.etcd.transact({ compare: [], success: [{ kind: 'removeRange', ...prefix.keys.allRecords }] });
    await expect(prefix.begin()).rejects.toThrow(/\/locks\/history\/0000000000000001 is there/);
  });

  test('no id: somebody removed what was there', async () => {
    const prefix = new FakePrefix();
    const leadership = await takeLead(prefix.kv, prefix.keys);
    prefix.etcd.transact({ compare: [], success: [{ kind: 'remove', key: prefix.keys.id }] });
    await expect(openStore(prefix.kv, prefix.keys, leadership, prefix.options)).rejects.toThrow(
      /\/locks\/id was removed/,
    );
  });
});

describe('history', () => {
  test('what is removed behind our back is told as a gap, wherever it is', async () => {
    const { prefix, store } = await begin();
    for (const token of [1, 2, 3, 4, 5, 6]) await store.commit(grant(token));
    const drop = (turn: number) =>
      prefix.etcd.transact({ compare: [], success: [{ kind: 'remove', key: prefix.keys.historyOf(turn) }] });
    drop(1);
    const missing = (what: string) => `gap: what happened in ${what} is not there any more`;
    expect(await told(store.eventsAfter('0.0'))).toEqual([
      missing('turn 1'),
      '2.0',
      '3.0',
      '4.0',
      '5.0',
      '6.0',
    ]);
    drop(3);
    drop(4);
    expect(await told(store.eventsAfter(endOfTurn(1)))).toEqual([
      '2.0',
      missing('turns 3 to 4'),
      '5.0',
      '6.0',
    ]);
    drop(6);
    expect(await told(store.eventsAfter(endOfTurn(5)))).toEqual([missing('turn 6')]);
    prefix.etcd.transact({
      compare: [],
      success: [{ kind: 'put', key: prefix.keys.historyOf(5), value: '?' }],
    });
    expect(await told(store.eventsAfter(endOfTurn(1)))).toEqual(['2.0', missing('turns 3 to 6')]);
    expect(idsOf(await store.history(ALL))).toEqual(['2.0']);
  });

  test('a turn that is applied and not known to be saved is not told', async () => {
    const { prefix, store } = await begin();
    await store.commit(grant(1));
    const reader = store.eventsAfter('0.0');
    prefix.kv.next.push('unknownApplied');
    prefix.kv.onRequest = async (asked) => {
      if (asked.kind === 'range') return undefined;
      prefix.kv.onRequest = () => undefined;
      expect(await told(reader)).toEqual(['1.0']);
      expect(idsOf(await store.history(ALL))).toEqual(['1.0']);
      return undefined;
    };
    await store.commit(grant(2));
    expect(await told(reader)).toEqual(['2.0']);
  });

  test('who wants no more is not read for', async () => {
    const { prefix, store } = await begin();
    const reader = store.eventsAfter('0.0', () => false);
    await expect(reader.next()).rejects.toThrow(Stopped);
    expect(prefix.kv.asked).toEqual([]);
  });

  test('of entries that are too long for one answer fewer are asked for', async () => {
    const { prefix, store } = await begin();
    for (const token of [1, 2, 3]) await store.commit(grant(token));
    prefix.kv.reason = 'tooLong';
    prefix.kv.onRequest = (asked) =>
      asked.kind === 'range' && asked.range.limit > 1 ? 'unknownNotApplied' : undefined;
    expect(idsOf(await store.history(ALL))).toEqual(['3.0', '2.0', '1.0']);
  });
});

describe('what is kept of the history', () => {
  test('no more bytes than are allowed, and the newest turns of them', async () => {
    const { prefix, store } = await begin({ retention: { historyDays: 30, historyBytes: 10_000 } });
    for (let token = 1; token <= 100; token += 1) await store.commit(grant(token, 'r', 'x'.repeat(300)));
    const before = store.bytes;
    store.maintain();
    await rounds();
    const ids = idsOf(await store.history(ALL));
    expect(ids[0]).toBe('100.0');
    expect(ids.length).toBeGreaterThan(20);
    expect(ids.length).toBeLessThan(60);
    expect(historyBytes(prefix)).toBeLessThanOrEqual(10_000);
    expect(store.bytes).toBeLessThan(before);
    const first = 101 - ids.length;
    expect((await told(store.eventsAfter('0.0')))[0]).toBe(
      `gap: what happened in turns 1 to ${first - 1} is not there any more`,
    );
    const { store: next } = await prefix.begin({ retention: { historyDays: 30, historyBytes: 10_000 } });
    expect(Math.abs(next.bytes - store.bytes)).toBeLessThan(500);
    next.maintain();
    await rounds();
    expect(idsOf(await next.history(ALL))).toEqual(ids);
  });

  test('nothing that is older than is allowed; one by one as they come of age', async () => {
    let time = 0;
    const retention = { historyDays: 2, historyBytes: 1 << 20 };
    const { store } = await begin({ retention, time: () => time });
    for (const token of [1, 2, 3, 4]) {
      time = token * DAY_MS;
      await store.commit(grant(token));
    }
    const kept = async (now: number) => {
      time = now;
      store.maintain();
      await rounds();
      return idsOf(await store.history(ALL));
    };
    expect(await kept(3 * DAY_MS)).toEqual(['4.0', '3.0', '2.0', '1.0']);
    expect(await kept(3 * DAY_MS + 1)).toEqual(['4.0', '3.0', '2.0']);
    expect(await kept(5 * DAY_MS + 1)).toEqual(['4.0']);
    expect(await kept(7 * DAY_MS)).toEqual([]);
    expect(await told(store.eventsAfter(endOfTurn(2)))).toEqual([
      'gap: what happened in turns 3 to 4 is not there any more',
    ]);
    await store.commit(grant(5));
    expect(idsOf(await store.history(ALL))).toEqual(['5.0']);
  });

  test('much is dropped a thousand turns at a time', async () => {
    const { prefix, store } = await begin({ retention: { historyDays: 30, historyBytes: 1 } });
    for (let token = 1; token <= 2_500; token += 1) await store.commit(turn(token));
    prefix.kv.asked.length = 0;
    store.maintain();
    for (let round = 0; round < 20; round += 1) await rounds();
    const removals = prefix.kv.asked.filter(
      (asked) =>
        asked.kind === 'transact' && asked.transaction.success.some(({ kind }) => kind === 'removeRange'),
    );
    expect(removals).toHaveLength(3);
    expect(prefix.kv.asked.length).toBeLessThan(30);
    // The newest stays, however long it is.
    expect(await told(store.eventsAfter('0.0'))).toEqual([
      'gap: what happened in turns 1 to 2499 is not there any more',
    ]);
    expect(historyBytes(prefix)).toBeLessThan(200);
  });

  test('a leader that is not it any more drops nothing', async () => {
    const { prefix, store } = await begin({ retention: { historyDays: 30, historyBytes: 1 } });
    for (const token of [1, 2, 3]) await store.commit(grant(token));
    prefix.kv.onRequest = (asked) => {
      if (asked.kind === 'transact')
        prefix.etcd.transact({ compare: [], success: [{ kind: 'remove', key: prefix.keys.leader }] });
      return undefined;
    };
    store.maintain();
    await rounds();
    expect(prefix.etcd.range({ ...prefix.keys.historyBetween(1, 3), limit: 9 }).found).toHaveLength(3);
  });

  test('what keeps it from being dropped is a problem, until it is dropped', async () => {
    const { prefix, store } = await begin({ retention: { historyDays: 30, historyBytes: 1 } });
    for (const token of [1, 2, 3]) await store.commit(grant(token));
    prefix.kv.reason = 'denied';
    prefix.kv.next.push('never');
    store.maintain();
    store.maintain();
    await rounds();
    expect(store.problems).toContain('Old history could not be dropped (faulty: never)');
    expect(store.obstacles).toEqual([]);
    prefix.kv.reason = undefined;
    store.maintain();
    await rounds();
    expect(store.problems).toEqual([]);
    expect(idsOf(await store.history(ALL))).toEqual(['3.0']);
  });
});

test('bytes are those of the keys and values that are there, about', async () => {
  const { prefix, store } = await begin();
  const there = (range: { key: string; end: string }) =>
    prefix.etcd
      .range({ ...range, limit: 1_000 })
      .found.reduce((sum, { key, value }) => sum + key.length + value.length, 0);
  for (const token of [1, 2, 3]) await store.commit(grant(token));
  await store.commit(turn(9, put(lost(1)), put({ ...hold(2, 'r2'), note: 'longer' }), remove(hold(3, 'r3'))));
  await store.commit(unlock(1, 9));
  const { store: next } = await prefix.begin();
  for (const one of [store, next]) {
    const history = one.bytes - there(prefix.keys.allRecords);
    expect(Math.abs(history / there(prefix.keys.historyBetween(1, 9)) - 1)).toBeLessThan(0.3);
  }
});

function rangesOf(kv: FakeKv): Range[] {
  return kv.asked.flatMap((asked) => (asked.kind === 'range' ? [asked.range] : []));
}

function historyBytes({ etcd, keys }: FakePrefix): number {
  const { found } = etcd.range({ ...keys.historyBetween(0, 99_999), limit: 99_999 });
  return found.reduce((sum, { key, value }) => sum + key.length + value.length, 0);
}
