/** The store on real etcds that hang, are full, forget old revisions, and are as strict as they come. */
import { describe, expect, onTestFinished, test } from 'vitest';
import { openGateway } from '../../src/etcd/gateway.js';
import type { Kv } from '../../src/etcd/kv.js';
import { Member } from '../../src/service/member.js';
import type { EtcdStore } from '../../src/store/etcd/etcd-store.js';
import { Keys } from '../../src/store/etcd/keys.js';
import { FaultyKv } from '../etcd/faulty-kv.js';
import { newPrefix } from '../etcd/shared.js';
import { type EtcdCluster, startEtcd } from '../etcd.js';
import { describeWith } from '../needs.js';
import { callWorst } from '../service/worst-calls.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { recordsOf } from './contract.js';
import { beginTerm } from './etcd-fixture.js';
import { grant, hold, inOrder, put, turn } from './fixture.js';
import { ALL, idsOf } from './history-contract.js';

function open({ endpoints }: EtcdCluster): Kv {
  const kv = openGateway({ endpoints });
  onTestFinished(() => kv.close());
  return kv;
}

/** What whoever leads next finds. */
async function found(etcd: EtcdCluster, keys: Keys): Promise<EtcdStore> {
  return (await beginTerm(open(etcd), keys)).store;
}

function tokens(store: EtcdStore): number[] {
  return recordsOf(store).map((record) => ('token' in record ? record.token : 0));
}

describeWith(['etcd'], 'the store on a real etcd', () => {
  test('that hangs while a turn is saved: the turn is there once, and whoever asked is told', async () => {
    const etcd = await startEtcd();
    const keys = new Keys(newPrefix());
    const { store, leadership } = await beginTerm(open(etcd), keys);
    leadership.leftMs = 60_000;
    await store.commit(grant(1));
    etcd.first.signal('SIGSTOP');
    const commit = store.commit(grant(2));
    // Longer than one question may take, so that it is settled beside the first one.
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    etcd.first.signal('SIGCONT');
    expect(await commit).toEqual({ saved: true, turn: 2 });
    expect(store.problems).toEqual([]);
    const next = await found(etcd, keys);
    expect(tokens(next)).toEqual([1, 2]);
    expect(idsOf(await next.history(ALL))).toEqual(['2.0', '1.0']);
    // Its successor has come meanwhile.
    await expect(store.commit(grant(3))).rejects.toThrow(/leadership of \/test-\d+ in etcd is lost/);
  });

  test('that hangs for longer than the leadership: nobody is told anything', async () => {
    const etcd = await startEtcd();
    const { store, leadership } = await beginTerm(open(etcd), new Keys(newPrefix()));
    const commit = store.commit(grant(1)).catch((error: Error) => error.message);
    etcd.first.signal('SIGSTOP');
    leadership.leftMs = 500;
    const confirm = store.confirm().catch((error: Error) => error.message);
    setTimeout(() => leadership.end(), 500);
    expect(['The leadership ran out', { saved: true, turn: 1 }]).toContainEqual(await commit);
    expect(await confirm).toBe('The leadership ran out');
    etcd.first.signal('SIGCONT');
  });

  test('that becomes full under load: what is refused was not saved, or was saved and is told so', async () => {
    const etcd = await startEtcd({ quotaBytes: 8 << 20 });
    const kv = open(etcd);
    const leaders = await Promise.all(
      Array.from({ length: 12 }, async () => {
        const keys = new Keys(newPrefix());
        return { keys, ...(await beginTerm(kv, keys)), saved: [] as number[] };
      }),
    );
    const filling = leaders.map(async ({ store, leadership, saved }) => {
      leadership.leftMs = 60_000;
      for (let token = 1; ; token += 1) {
        const note = 'x'.repeat(40_000);
        const outcome = await store.commit(turn(token + 1, put(hold(token, 'r', `c${token}`, note))));
        if (!outcome.saved) return outcome.problem;
        saved.push(token);
      }
    });
    for (const problem of await Promise.all(filling)) {
      expect(problem).toMatch(
        /^etcd is full \(http:\S+ etcdserver: mvcc: database space exceeded\): compact and defragment it/,
      );
    }
    for (const { keys, store, saved } of leaders) {
      // It still reads, and knows who leads.
      await store.confirm();
      expect(store.takesTurns()).toBe(false);
      expect((await store.history(ALL)).length).toBe(saved.length);
      // No new leader can be made while it is full: what is there is read by the one that leads.
      const entries = await kv.range({ ...keys.allRecords, limit: 1_000 }, 20_000);
      expect(entries.found.map(({ key }) => Number(key.split('/c')[1])).sort((a, b) => a - b)).toEqual(saved);
    }
    await makeRoom(
      etcd,
      leaders.map(({ keys }) => keys),
    );
    const [first] = leaders;
    if (!first) throw new Error('there are twelve');
    expect(await first.store.commit(grant(1_000))).toMatchObject({ saved: true });
    expect(first.store.obstacles).toEqual([]);
    const next = await found(etcd, first.keys);
    expect(tokens(next)).toContain(1_000);
  });

  test('that compacts while a new leader reads', async () => {
    const etcd = await startEtcd();
    const keys = new Keys(newPrefix());
    const { store } = await beginTerm(open(etcd), keys);
    const records = Array.from({ length: 300 }, (_, index) => hold(index + 1, `r${index}`));
    for (let from = 0; from < 300; from += 100) {
      await store.commit(turn(400, ...records.slice(from, from + 100).map(put)));
    }
    const kv = new FaultyKv(open(etcd));
    let ranges = 0;
    kv.onRequest = async ({ kind }) => {
      if (kind === 'range') ranges += 1;
      if (ranges !== 2 || kind !== 'range') return undefined;
      const other = { compare: [], success: [{ kind: 'put', key: '/other', value: '' }] } as const;
      const { revision } = await kv.transact(other, 20_000);
      await etcd.post('/v3/kv/compaction', { revision: String(revision) });
      return undefined;
    };
    const { store: next } = await beginTerm(kv, keys);
    expect(recordsOf(next)).toEqual(inOrder(records));
    expect(kv.asked.filter(({ kind }) => kind === 'range').length).toBeGreaterThan(4);
  });

  test('takes the longest turns that there can be, with its own limits as they are', async () => {
    const etcd = await startEtcd();
    const member = await Member.open({
      kv: openGateway({ endpoints: etcd.endpoints }),
      ...{
        directory: temporaryDirectory(),
        store: `etcd://${etcd.hosts}/worst`,
        prefix: '/worst',
        url: 'http://a:7420',
      },
    });
    onTestFinished(() => member.close());
    member.stand();
    while (!member.leader.isUs) await new Promise((resolve) => setTimeout(resolve, 20));
    await callWorst(member);
    expect((await member.stats()).held).toBe(0);
  });
});

describeWith(['etcd'], 'the store on three members of etcd', () => {
  describe('of which one is asked', () => {
    test('that one dies, or hangs: every turn is saved once, in order', async () => {
      const etcd = await startEtcd({ members: 3 });
      const keys = new Keys(newPrefix());
      const { store, leadership } = await beginTerm(open(etcd), keys);
      leadership.leftMs = 60_000;
      const faults: (() => unknown)[] = [
        () => etcd.members[0]?.kill(),
        () => etcd.members[0]?.start(),
        () => etcd.members[0]?.healthy(),
        () => etcd.members[1]?.signal('SIGSTOP'),
        () => etcd.members[1]?.signal('SIGCONT'),
        () => etcd.members[2]?.kill(),
      ];
      let token = 0;
      for (const fault of faults) {
        const doing = fault();
        for (let count = 0; count < 5; count += 1) {
          token += 1;
          expect(await store.commit(grant(token))).toEqual({ saved: true, turn: token });
        }
        await doing;
      }
      expect(tokens(await found(etcd, keys)).sort((a, b) => a - b)).toEqual(
        Array.from({ length: token }, (_, index) => index + 1),
      );
    });
  });
});

/** What an operator does: drops what is too much, and what is remembered of it, and says that there is room again. */
async function makeRoom(etcd: EtcdCluster, prefixes: readonly Keys[]): Promise<void> {
  const { key, end } = { key: prefixes[1]?.prefix ?? '', end: '/test-\u007f' };
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const { header } = await etcd.post('/v3/kv/deleterange', { key: base64(key), range_end: base64(end) });
  await etcd.post('/v3/kv/compaction', {
    revision: (header as { revision: string }).revision,
    physical: true,
  });
  await etcd.post('/v3/maintenance/defragment', {});
  const { alarms } = await etcd.post('/v3/maintenance/alarm', { action: 'GET' });
  for (const alarm of alarms as object[]) {
    await etcd.post('/v3/maintenance/alarm', { action: 'DEACTIVATE', ...alarm });
  }
}
