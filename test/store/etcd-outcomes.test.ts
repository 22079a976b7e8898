/** What becomes of a turn whose transaction is answered with an error, late, or not at all: src/store/etcd/turn-writer.ts. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { KvReason } from '../../src/etcd/kv.js';
import { Stopped } from '../../src/store/port.js';
import { FakeKv, type Fault } from '../etcd/fake-kv.js';
import { recordsOf } from './contract.js';
import { FakePrefix, type Term } from './etcd-fixture.js';
import { grant, hold, put, turn } from './fixture.js';
import { ALL, idsOf } from './history-contract.js';

const SAVED = { saved: true, turn: 1 };

/** How often a transaction was sent that puts a record. */
function writes(kv: FakeKv): number {
  return kv.asked.filter(
    (asked) =>
      asked.kind === 'transact' &&
      asked.transaction.success.some(({ kind, key }) => kind === 'put' && key.includes('/record/')),
  ).length;
}

/** What whoever leads next finds: the tokens that are held, and the ids of the history. */
async function found(prefix: FakePrefix): Promise<{ tokens: number[]; ids: string[] }> {
  const { store } = await prefix.begin({}, new FakeKv(prefix.etcd));
  const tokens = recordsOf(store).map((record) => ('token' in record ? record.token : 0));
  return { tokens, ids: idsOf(await store.history(ALL)) };
}

async function begin(): Promise<{ prefix: FakePrefix } & Term> {
  const prefix = new FakePrefix();
  const term = await prefix.begin();
  prefix.kv.asked.length = 0;
  return { prefix, ...term };
}

describe('a turn that is saved in the end, once', () => {
  test.each<[string, Fault[], number]>([
    ['nothing goes wrong', [], 1],
    ['it was not sent', ['never'], 2],
    ['it was not sent for a while', ['never', 'never', 'never'], 4],
    ['an error is answered, and it was applied', ['settledApplied'], 1],
    ['an error is answered, and it was not', ['settledNotApplied'], 2],
    ['nobody can be asked for a while whether it was', ['settledApplied', 'never', 'unknownNotApplied'], 1],
    ['no answer comes, and it was applied', ['unknownApplied'], 1],
    ['no answer comes, and it never was', ['unknownNotApplied'], 2],
    [
      'no answer comes to what settles it either, which was applied',
      ['unknownNotApplied', 'unknownApplied'],
      2,
    ],
    ['nor was that', ['unknownNotApplied', 'unknownNotApplied'], 2],
    ['an error comes instead, and that was applied', ['unknownNotApplied', 'settledApplied'], 2],
    ['it was applied, and what settles it is not answered', ['unknownApplied', 'unknownApplied'], 1],
    ['it was applied, and what settles it is not sent', ['unknownApplied', 'never', 'never'], 1],
    ['the second one is not answered', ['unknownNotApplied', undefined as never, 'unknownApplied'], 2],
  ])('%s', async (_, faults, sent) => {
    const { prefix, store } = await begin();
    prefix.kv.next.push(...faults);
    expect(await store.commit(grant(1))).toEqual(SAVED);
    expect(writes(prefix.kv)).toBe(sent);
    expect(await store.commit(grant(2))).toEqual({ saved: true, turn: 2 });
    expect(store.problems).toEqual([]);
    expect(await found(prefix)).toEqual({ tokens: [1, 2], ids: ['2.0', '1.0'] });
  });

  test('it is applied between two that are to settle it', async () => {
    const { prefix, store } = await begin();
    prefix.kv.next.push('unknownLater', 'unknownNotApplied');
    prefix.kv.onRequest = () => prefix.kv.applyLate().then(() => undefined);
    expect(await store.commit(grant(1))).toEqual(SAVED);
    expect(writes(prefix.kv)).toBe(1);
    expect((await found(prefix)).tokens).toEqual([1]);
  });

  test('it arrives when it was settled already, and does nothing', async () => {
    const { prefix, store } = await begin();
    prefix.kv.next.push('unknownLater', undefined);
    let isLate = false;
    prefix.kv.onRequest = async () => {
      isLate = true;
      await prefix.kv.applyLate();
      return undefined;
    };
    expect(await store.commit(grant(1))).toEqual(SAVED);
    expect(isLate).toBe(true);
    expect(writes(prefix.kv)).toBe(2);
    expect(await found(prefix)).toEqual({ tokens: [1], ids: ['1.0'] });
  });

  test('what was to settle it arrives late, and does nothing', async () => {
    const { prefix, store } = await begin();
    prefix.kv.next.push('unknownNotApplied', 'unknownLater', 'unknownLater');
    expect(await store.commit(grant(1))).toEqual(SAVED);
    await prefix.kv.applyLate();
    expect(await store.commit(grant(2))).toEqual({ saved: true, turn: 2 });
  });
});

describe('a turn that certainly is not saved', () => {
  test.each<[KvReason, Fault]>([
    ['denied', 'never'],
    ['refused', 'never'],
    ['noSpace', 'never'],
    ['noSpace', 'settledNotApplied'],
    ['noSpace', 'unknownNotApplied'],
  ])('%s: %s', async (reason, fault) => {
    const { prefix, store } = await begin();
    Object.assign(prefix.kv, { reason });
    prefix.kv.next.push(fault);
    expect(await store.commit(grant(1))).toMatchObject({
      saved: false,
      problem: expect.stringContaining(fault),
    });
    expect(recordsOf(store)).toEqual([]);
    expect(await store.commit(grant(2))).toEqual(SAVED);
    expect(await found(prefix)).toEqual({ tokens: [2], ids: ['1.0'] });
  });

  test('it stays so when it arrives late', async () => {
    const { prefix, store } = await begin();
    prefix.kv.reason = 'noSpace';
    prefix.kv.next.push('unknownLater');
    expect(await store.commit(turn(3, put(hold(1)), put(hold(2, 'r2'))))).toMatchObject({ saved: false });
    await prefix.kv.applyLate();
    expect(await store.commit(grant(3))).toEqual(SAVED);
    await prefix.kv.applyLate();
    expect(await found(prefix)).toEqual({ tokens: [3], ids: ['1.0'] });
  });
});

describe('a full etcd', () => {
  test('has applied a turn that it refuses: that one is saved, and the next one is not', async () => {
    const { prefix, store } = await begin();
    prefix.etcd.space = 'over';
    expect(await store.commit(grant(1))).toEqual(SAVED);
    expect(await store.commit(grant(2))).toMatchObject({
      saved: false,
      problem: expect.stringMatching(/etcd is full/),
    });
    expect(store.obstacles).toEqual([expect.stringMatching(/etcd is full.*disarm its alarm/)]);
    await expect(store.confirm()).resolves.toBeUndefined();
    prefix.etcd.space = 'enough';
    expect(await store.commit(grant(3))).toEqual({ saved: true, turn: 2 });
    expect(store.obstacles).toEqual([]);
    expect((await found(prefix)).tokens).toEqual([1, 3]);
  });

  test('is asked again whether it takes turns, without any turn', async () => {
    let now = 0;
    const prefix = new FakePrefix();
    const { store } = await prefix.begin({ monotonic: () => now });
    expect(store.takesTurns()).toBe(true);
    prefix.etcd.space = 'alarm';
    await store.commit(grant(1));
    const takes = async () => {
      store.takesTurns();
      await new Promise((resolve) => setImmediate(resolve));
      return store.takesTurns();
    };
    expect(await takes()).toBe(false);
    prefix.etcd.space = 'enough';
    expect(await takes()).toBe(false);
    now += 1_000;
    expect(await takes()).toBe(true);
    expect(store.problems).toEqual([]);
  });

  test('that cannot even settle a turn keeps it unsettled until the leadership ends', async () => {
    const { prefix, store, leadership } = await begin();
    prefix.kv.next.push('unknownNotApplied');
    prefix.etcd.space = 'alarm';
    let left = 20;
    prefix.kv.onRequest = () => {
      left -= 1;
      if (left === 0) leadership.end();
      return undefined;
    };
    await expect(store.commit(grant(1))).rejects.toThrow(Stopped);
    expect(left).toBe(0);
    expect(Math.max(...prefix.pauses)).toBeGreaterThan(0);
  });
});

describe('a leader that is not it any more', () => {
  test('saves nothing after another one took over', async () => {
    const { prefix, store } = await begin();
    await store.commit(grant(1));
    const { store: next } = await prefix.begin({}, new FakeKv(prefix.etcd));
    await expect(store.commit(grant(2))).rejects.toThrow(/^The leadership of \/locks in etcd is lost$/);
    await expect(store.confirm()).rejects.toThrow(Stopped);
    expect(await store.stopped).toBeInstanceOf(Stopped);
    expect(await next.commit(grant(3))).toEqual({ saved: true, turn: 2 });
    expect((await found(prefix)).tokens).toEqual([1, 3]);
  });

  test.each<[string, Fault, Fault | undefined]>([
    ['arrives after another one took over', 'unknownLater', undefined],
    ['arrives then, as does what is to settle it', 'unknownLater', 'unknownLater'],
  ])('its turn %s, and does nothing', async (_, fault, settling) => {
    const { prefix, store, leadership } = await begin();
    prefix.kv.next.push(fault, settling ?? 'unknownNotApplied');
    let next: Term | undefined;
    prefix.kv.onRequest = async () => {
      next ??= await prefix.begin({}, new FakeKv(prefix.etcd));
      await prefix.kv.applyLate();
      return undefined;
    };
    await expect(store.commit(grant(1))).rejects.toThrow(Stopped);
    expect(recordsOf(store)).toEqual([]);
    expect(await next?.store.commit(grant(2))).toEqual(SAVED);
    expect((await found(prefix)).tokens).toEqual([2]);
    expect(leadership.left()).toBeGreaterThan(0);
  });

  test('its turn was applied before another one took over: it does not know, the other one does', async () => {
    const { prefix, store } = await begin();
    prefix.kv.next.push('unknownApplied');
    prefix.kv.onRequest = async () => {
      prefix.kv.onRequest = () => undefined;
      await prefix.begin({}, new FakeKv(prefix.etcd));
      return undefined;
    };
    await expect(store.commit(grant(1))).rejects.toThrow(Stopped);
    expect((await found(prefix)).tokens).toEqual([1]);
  });

  test('answers nobody when its time is over before the answer is looked at', async () => {
    const { prefix, store, leadership } = await begin();
    prefix.kv.onRequest = () => {
      leadership.end();
      return undefined;
    };
    await expect(store.commit(grant(1))).rejects.toThrow(Stopped);
    expect((await found(prefix)).tokens).toEqual([1]);
  });

  test('learns it from the end of its leadership, too', async () => {
    const { store, leadership } = await begin();
    leadership.end();
    expect(await store.stopped).toBeInstanceOf(Stopped);
    await expect(store.mayAct()).rejects.toThrow(Stopped);
    await expect(store.history(ALL)).rejects.toThrow(Stopped);
    expect(store.takesTurns()).toBe(false);
    expect(store.obstacles).toEqual(['The leadership ran out']);
  });

  test('asks for no longer than its leadership lasts', async () => {
    const { prefix, store, leadership } = await begin();
    const allowed: number[] = [];
    const transact = prefix.kv.transact.bind(prefix.kv);
    prefix.kv.transact = (transaction, timeoutMs) => {
      allowed.push(timeoutMs ?? Number.NaN);
      return transact(transaction, timeoutMs);
    };
    leadership.leftMs = 700;
    await store.commit(grant(1));
    leadership.leftMs = 60_000;
    await store.commit(grant(2));
    expect(allowed).toEqual([700, 1_500]);
  });
});

test('a turn key that somebody else changed ends it', async () => {
  const { prefix, store } = await begin();
  prefix.etcd.transact({ compare: [], success: [{ kind: 'put', key: prefix.keys.turn, value: '{}' }] });
  await expect(store.commit(grant(1))).rejects.toThrow(
    '/locks/turn in etcd was changed by somebody who does not lead',
  );
});

/** Whatever goes wrong, in whatever order: what was told is what stands in etcd. */
test('any faults: what is saved is there, what is not saved never is', async () => {
  const fault = fc.constantFrom<Fault | undefined>(
    ...([undefined, 'never', 'settledApplied', 'settledNotApplied'] as const),
    ...(['unknownApplied', 'unknownLater', 'unknownNotApplied'] as const),
  );
  const step = fc.record({ fault, arrives: fc.boolean(), isFull: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 30 }),
      fc.integer({ min: 1, max: 5 }),
      async (steps, turns) => {
        const { prefix, store } = await begin();
        const rest = [...steps];
        prefix.kv.onRequest = async () => {
          const next = rest.shift();
          if (next?.arrives) await prefix.kv.applyLate();
          Object.assign(prefix.kv, { reason: next?.isFull ? 'noSpace' : undefined });
          return next?.fault;
        };
        const saved: number[] = [];
        for (let token = 1; token <= turns; token += 1) {
          const outcome = await store.commit(grant(token));
          if (outcome.saved) saved.push(token);
          expect(outcome.saved ? outcome.turn : saved.length).toBe(saved.length);
        }
        prefix.kv.onRequest = () => undefined;
        await prefix.kv.applyLate();
        const { tokens, ids } = await found(prefix);
        expect(tokens).toEqual(saved);
        expect(ids).toEqual(saved.map((_, index) => `${index + 1}.0`).reverse());
        expect(recordsOf(store)).toHaveLength(saved.length);
      },
    ),
    { numRuns: 300 },
  );
});
