import { describe, expect, test } from 'vitest';
import type { Asked, Fault } from '../etcd/fake-kv.js';
import { rounds } from '../service/manual-clock.js';
import { Cluster, KEYS, led } from './fixture.js';

/** Whether a request stands for the leadership. */
function isStanding(asked: Asked): boolean {
  return asked.kind === 'transact' && asked.transaction.success.some(({ kind }) => kind === 'put');
}

/** A cluster with `a`, whose tries to stand end so. */
function standing(fault: Fault, tries = 1) {
  const cluster = new Cluster();
  const a = cluster.member('http://a:1');
  let left = tries;
  a.kv.onRequest = (asked) => {
    if (left === 0 || !isStanding(asked)) return undefined;
    left -= 1;
    return fault;
  };
  return { cluster, a };
}

describe('an election', () => {
  test('is won at once where nobody leads', async () => {
    const { cluster, a } = await led();
    expect(cluster.leader).toBe('http://a:1');
    expect(a.term.key).toBe('/test/leader');
    expect(a.term.createRevision).toBe(cluster.etcd.get(KEYS.leader)?.createRevision);
    expect(cluster.etcd.get(KEYS.leader)?.lease).toBeDefined();
  });

  test('is won by one of many', async () => {
    const cluster = new Cluster();
    const members = ['a', 'b', 'c', 'd', 'e'].map((name) => cluster.member(`http://${name}:1`));
    for (const member of members) void member.stand();
    await cluster.time.advance(2_000);
    const leaders = members.filter(({ leads }) => leads);
    expect(leaders).toHaveLength(1);
    for (const member of members) {
      if (!member.leads) expect(member.election.leaderUrl).toBe(cluster.leader);
    }
  });

  test('is won within six seconds after the leader fell silent, and never before its term is over', async () => {
    const { cluster, a } = await led();
    const b = cluster.member('http://b:1');
    void b.stand();
    await cluster.time.advance(10_000);
    a.kv.onRequest = () => 'unknownNotApplied';
    for (let waited = 0; b.terms.length === 0; waited += 50) {
      expect(waited).toBeLessThanOrEqual(6_000);
      await cluster.time.advance(50);
      expect([a, b].filter(({ leads }) => leads).length).toBeLessThanOrEqual(1);
    }
    expect(b.leads).toBe(true);
    expect(b.term.createRevision).toBeGreaterThan(a.term.createRevision);
  });

  test('is won within half a second after the leader resigned', async () => {
    const { cluster, a } = await led();
    const b = cluster.member('http://b:1');
    void b.stand();
    await cluster.time.advance(3_100);
    await a.term.resign();
    await cluster.time.advance(500);
    expect(b.leads).toBe(true);
  });

  test('goes on for as long as another leads', async () => {
    const { cluster } = await led();
    const b = cluster.member('http://b:1');
    void b.stand();
    await cluster.time.advance(120_000);
    expect(b.terms).toEqual([]);
    expect(b.kv.asked.some(isStanding)).toBe(false);
    expect(b.election.problems).toEqual([]);
  });

  test('waits for as long as it was told, and watches who leads meanwhile', async () => {
    const cluster = new Cluster();
    const a = cluster.member('http://a:1');
    void a.stand(5_000);
    await cluster.time.advance(4_900);
    expect(a.terms).toEqual([]);
    expect(a.looks).toBeGreaterThan(8);
    await cluster.time.advance(600);
    expect(a.leads).toBe(true);
  });
});

describe('a try whose outcome is not known', () => {
  test.each<[Fault, number]>([
    ['unknownApplied', 1_000],
    ['settledApplied', 1_000],
    ['unknownNotApplied', 1_000],
    ['settledNotApplied', 1_000],
    ['never', 1_000],
  ])('%s: the next look tells', async (fault, milliseconds) => {
    const { cluster, a } = standing(fault);
    void a.stand();
    await cluster.time.advance(milliseconds);
    expect(a.leads).toBe(true);
    expect(a.term.createRevision).toBe(cluster.etcd.get(KEYS.leader)?.createRevision);
    await cluster.time.advance(20_000);
    expect(a.leads).toBe(true);
  });

  test('counts from the renewal of its lease, not from when it was found', async () => {
    const { cluster, a } = standing('unknownApplied');
    void a.stand();
    await cluster.time.advance(500);
    expect(a.leads).toBe(true);
    // Found at half a second, with a lease renewed then.
    expect(a.term.left()).toBe(4_000);
  });

  test('that is done late is ours, if it is the only one', async () => {
    const { cluster, a } = standing('unknownLater', 3);
    void a.stand();
    await cluster.time.advance(1_200);
    expect(a.terms).toEqual([]);
    a.kv.applyLate();
    await cluster.time.advance(500);
    expect(a.leads).toBe(true);
    await cluster.time.advance(20_000);
    expect(a.leads).toBe(true);
  });

  test('that is done when another leads changes nothing', async () => {
    const { cluster, a } = standing('unknownLater', 1);
    const b = cluster.member('http://b:1');
    void a.stand(0);
    await rounds();
    await b.stand();
    a.kv.applyLate();
    await cluster.time.advance(10_000);
    expect(a.terms).toEqual([]);
    expect(b.leads).toBe(true);
    b.kv.onRequest = () => 'never';
    await cluster.time.advance(1_000);
    expect(a.kv.asked.some(({ kind }) => kind === 'revoke')).toBe(true);
  });

  test('that is done after its lease ended leads nowhere', async () => {
    const { cluster, a } = standing('unknownLater', 1);
    const won = a.stand();
    await rounds();
    a.election.close();
    expect(await won).toBeUndefined();
    a.kv.applyLate();
    expect(cluster.leader).toBeUndefined();
  });
});

describe('who is seen to lead', () => {
  test('is not known before the first look, and not when etcd has been silent for ten seconds', async () => {
    const { cluster } = await led();
    const b = cluster.member('http://b:1');
    expect(b.election.leaderUrl).toBeUndefined();
    void b.stand();
    await cluster.time.advance(100);
    expect(b.election.leaderUrl).toBe('http://a:1');
    b.kv.onRequest = () => 'never';
    await cluster.time.advance(9_000);
    expect(b.election.leaderUrl).toBe('http://a:1');
    await cluster.time.advance(1_500);
    expect(b.election.leaderUrl).toBeUndefined();
    expect(b.log).toEqual([expect.stringMatching(/^warn: .* has not answered for 2 s \(.*never\)$/)]);
  });

  test('is nobody, as long as our predecessor under the same URL has its lease', async () => {
    const { cluster, a } = await led();
    a.kv.onRequest = () => 'never';
    const again = cluster.member('http://a:1');
    void again.stand();
    await cluster.time.advance(1_000);
    expect(again.election.leaderUrl).toBeUndefined();
    expect(again.terms).toEqual([]);
    await cluster.time.advance(5_000);
    expect(again.leads).toBe(true);
    expect(again.election.problems).toEqual([]);
  });

  test('is a problem when it is another under our URL', async () => {
    const { cluster } = await led();
    const twin = cluster.member('http://a:1');
    void twin.stand();
    await cluster.time.advance(14_000);
    expect(twin.election.problems).toEqual([]);
    await cluster.time.advance(2_000);
    expect(twin.election.problems).toEqual([
      'Another daemon leads under the URL of this one, http://a:1: give each an --advertise-url of its own',
    ]);
    expect(twin.terms).toEqual([]);
  });

  test.each([
    '',
    'nonsense',
    '{}',
    '{"url":"http://a:1 b","candidacy":"x"}',
    '{"url":"http://a\\r\\nX: y","candidacy":"x"}',
  ])('is nobody, and a problem, where %j stands at the key', async (value) => {
    const cluster = new Cluster();
    cluster.put(KEYS.leader, value);
    const a = cluster.member('http://a:1');
    void a.stand();
    await cluster.time.advance(1_000);
    expect(a.election.leaderUrl).toBeUndefined();
    expect(a.election.problems.join()).toContain('etcdctl del /test/leader');
    cluster.remove(KEYS.leader);
    await cluster.time.advance(1_000);
    expect(a.leads).toBe(true);
    expect(a.election.problems).toEqual([]);
  });
});

describe('a full etcd', () => {
  test('lets nobody be elected, which is told after two seconds, and over when there is room', async () => {
    const cluster = new Cluster();
    cluster.etcd.space = 'alarm';
    const a = cluster.member('http://a:1');
    void a.stand();
    await cluster.time.advance(1_500);
    expect(a.election.problems).toEqual([]);
    await cluster.time.advance(1_500);
    expect(a.election.problems).toEqual([
      'There is no leader, and this daemon cannot be elected: etcdserver: mvcc: database space exceeded',
    ]);
    cluster.etcd.space = 'enough';
    await cluster.time.advance(500);
    expect(a.leads).toBe(true);
    expect(a.election.problems).toEqual([]);
  });

  test('leaves the leader what it is', async () => {
    const { cluster, a } = await led();
    cluster.etcd.space = 'alarm';
    await cluster.time.advance(60_000);
    expect(a.leads).toBe(true);
  });

  test('that applies what it refuses has elected all the same', async () => {
    const cluster = new Cluster();
    const a = cluster.member('http://a:1');
    a.kv.onRequest = (asked) => {
      // The lease was still granted.
      if (isStanding(asked)) cluster.etcd.space = 'over';
      return undefined;
    };
    void a.stand();
    await cluster.time.advance(600);
    expect(cluster.etcd.space).toBe('alarm');
    expect(a.leads).toBe(true);
  });
});

describe('terms one after the other', () => {
  test('of one member have different keys, also when the lease of the last one still lives', async () => {
    const { cluster, a } = await led();
    // etcd falls silent for as long as the term lasts, and answers again before the lease ends.
    a.kv.onRequest = () => 'unknownNotApplied';
    await cluster.time.advance(4_000);
    expect(await a.term.resign()).toBe(false);
    a.kv.onRequest = () => undefined;
    const first = a.term;
    void a.stand();
    await cluster.time.advance(900);
    expect(a.terms).toHaveLength(2);
    expect(a.term.createRevision).toBeGreaterThan(first.createRevision);
    expect(first.left()).toBe(0);
    expect(a.leads).toBe(true);
  });

  test('ten times over, leave no timer and no lease', async () => {
    const cluster = new Cluster();
    const a = cluster.member('http://a:1');
    for (let number = 0; number < 10; number += 1) {
      await a.stand();
      await rounds();
      await a.term.resign();
    }
    expect(new Set(a.terms.map(({ createRevision }) => createRevision)).size).toBe(10);
    expect(cluster.time.manual.timers).toBe(0);
    expect(cluster.leader).toBeUndefined();
  });
});

describe('closing', () => {
  test('ends a wait at once', async () => {
    const { cluster } = await led();
    const b = cluster.member('http://b:1');
    const won = b.stand();
    await cluster.time.advance(1_000);
    b.election.close();
    expect(await won).toBeUndefined();
    expect(await b.stand()).toBeUndefined();
    await b.stand();
    expect(cluster.time.manual.timers).toBe(2);
  });

  test('gives up what was won at this moment', async () => {
    const cluster = new Cluster();
    const a = cluster.member('http://a:1');
    a.kv.onRequest = (asked) => {
      if (isStanding(asked)) a.election.close();
      return undefined;
    };
    expect(await a.stand()).toBeUndefined();
    expect(cluster.leader).toBeUndefined();
  });
});

describe('the prefix', () => {
  test('that is gone, or another, ends it', async () => {
    const { cluster } = await led();
    const b = cluster.member('http://b:1');
    const won = b.stand();
    await cluster.time.advance(1_000);
    cluster.remove(KEYS.id);
    const said = expect(won).rejects.toThrow(
      'The id at /test/id in etcd is gone: somebody removed or replaced',
    );
    await cluster.time.advance(1_000);
    await said;
  });

  test('that was set back to an older copy, with the same id, ends it', async () => {
    const { cluster } = await led();
    const b = cluster.member('http://b:1');
    const won = b.stand();
    await cluster.time.advance(1_000);
    b.setEtcdBack(1);
    const said = expect(won).rejects.toThrow('etcd has gone back from revision');
    await cluster.time.advance(1_000);
    await said;
  });

  test('is never led under another id: what was won is given back', async () => {
    const cluster = new Cluster();
    const a = cluster.member('http://a:1');
    a.kv.onRequest = (asked) => {
      if (isStanding(asked)) cluster.put(KEYS.id, 'id-2');
      return undefined;
    };
    await expect(a.stand()).rejects.toThrow("was 'id-1' and is 'id-2' now");
    expect(cluster.leader).toBeUndefined();
  });
});
