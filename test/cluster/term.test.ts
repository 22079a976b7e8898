import { describe, expect, test } from 'vitest';
import type { Fault } from '../etcd/fake-kv.js';
import { rounds } from '../service/manual-clock.js';
import { Cluster, KEYS, led, STORE, type Standing } from './fixture.js';

/** Every request of this member fails so from now on; `undefined`: none does. */
function failAll({ kv }: Standing, fault: Fault | undefined): void {
  kv.onRequest = () => fault;
}

/** Renewals are done at once, and their answers come when what this returns is called. */
function holdAnswers({ kv }: Standing): () => void {
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const keepAlive = kv.keepAlive.bind(kv);
  kv.keepAlive = async (id) => {
    const ttl = await keepAlive(id);
    await held;
    return ttl;
  };
  return release;
}

describe('a term', () => {
  test('lasts as long as etcd answers', async () => {
    const { cluster, a } = await led();
    await cluster.time.advance(120_000);
    expect(() => a.term.assert()).not.toThrow();
    expect(a.term.left()).toBeGreaterThan(2_900);
    expect(cluster.leader).toBe('http://a:1');
  });

  test('is over a second before the lease can have ended, when etcd falls silent', async () => {
    const { cluster, a } = await led();
    failAll(a, 'unknownNotApplied');
    await cluster.time.advance(3_990);
    expect(a.leads).toBe(true);
    await cluster.time.advance(10);
    expect(a.leads).toBe(false);
    expect(await a.ended()).toMatch(
      /^The leadership ran out: etcd:\/\/etcd:2379\/test has not answered for [34] s \(.*unknownNotApplied\)$/,
    );
    expect(() => a.term.assert()).toThrow('The leadership ran out');
    // The lease still lives: nobody else can lead yet.
    expect(cluster.leader).toBe('http://a:1');
    await cluster.time.advance(999);
    expect(cluster.leader).toBe('http://a:1');
  });

  test('ends by itself, whether anybody asks or not', async () => {
    const { cluster, a } = await led();
    let told = '';
    void a.term.lost.then(({ message }) => {
      told = message;
    });
    failAll(a, 'never');
    await cluster.time.advance(4_000);
    expect(told).toContain('The leadership ran out');
  });

  test('is counted from before the renewal was sent, however late its answer comes', async () => {
    const { cluster, a } = await led();
    const release = holdAnswers(a);
    // The beat of the first second is under way.
    await cluster.time.advance(1_000);
    await cluster.time.advance(2_000);
    release();
    await rounds();
    expect(a.term.left()).toBe(2_000);
  });

  test('does not come back when the answer of a renewal comes after its end', async () => {
    const { cluster, a } = await led();
    const release = holdAnswers(a);
    await cluster.time.advance(4_000);
    expect(a.leads).toBe(false);
    release();
    await cluster.time.advance(2_000);
    expect(a.leads).toBe(false);
    expect(() => a.term.assert()).toThrow();
    expect(a.kv.asked.filter(({ kind }) => kind === 'keepAlive')).toHaveLength(2);
  });

  test('does not come back when the answer lay in the socket while the process stood still', async () => {
    const { cluster, a } = await led();
    const release = holdAnswers(a);
    await cluster.time.advance(1_000);
    // Stopped for ten seconds; the first thing after it is the answer, before any timer.
    cluster.time.manual.freeze(10_000);
    release();
    await rounds();
    expect(a.leads).toBe(false);
    expect(() => a.term.assert()).toThrow();
    cluster.time.manual.fireOverdue();
    await rounds();
    expect(await a.ended()).toContain('The leadership ran out');
  });

  test('does not come back when the answer to the look lay there either', async () => {
    const { cluster, a } = await led();
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const transact = a.kv.transact.bind(a.kv);
    a.kv.transact = async (transaction) => {
      const answer = await transact(transaction);
      await held;
      return answer;
    };
    await cluster.time.advance(1_000);
    cluster.time.manual.freeze(3_500);
    release();
    await rounds();
    // Half a second too late: nobody else can lead yet, but nobody may rely on that.
    expect(await a.ended()).toContain('The leadership ran out');
  });

  test('counts its first lease from before it was asked for', async () => {
    const cluster = new Cluster();
    const a = cluster.member('http://a:1');
    const grantLease = a.kv.grantLease.bind(a.kv);
    a.kv.grantLease = async (ttl) => {
      const granted = await grantLease(ttl);
      cluster.time.manual.freeze(1_400);
      // No beat of the term that begins.
      a.kv.onRequest = ({ kind }) => (kind === 'keepAlive' ? 'never' : undefined);
      return granted;
    };
    await a.stand();
    expect(a.term.left()).toBe(2_600);
  });

  test('is over for who asks first after a stop, before any timer', async () => {
    const { cluster, a } = await led();
    cluster.time.manual.freeze(4_000);
    expect(() => a.term.assert()).toThrow('The leadership ran out');
    expect(await a.ended()).toContain('The leadership ran out');
  });

  test('counts the time that the machine slept', async () => {
    const { cluster, a } = await led();
    cluster.time.sleep(3_990);
    expect(() => a.term.assert()).not.toThrow();
    cluster.time.sleep(10);
    expect(() => a.term.assert()).toThrow();
  });

  test('ends within a quarter of a second after the machine slept, also if nobody asks', async () => {
    const { cluster, a } = await led();
    failAll(a, 'never');
    await cluster.time.advance(100);
    cluster.time.sleep(30_000);
    await cluster.time.advance(250);
    expect(await a.ended()).toContain('The leadership ran out');
  });

  test('ends when etcd says that the lease is gone', async () => {
    const { cluster, a } = await led();
    cluster.etcd.revoke(cluster.etcd.get(KEYS.leader)?.lease ?? '');
    await cluster.time.advance(1_000);
    expect(await a.ended()).toBe('The leadership is over: etcd has ended its lease');
  });

  test('ends when somebody deleted its key, and the lease lives on', async () => {
    const { cluster, a } = await led();
    cluster.remove(KEYS.leader);
    await cluster.time.advance(1_000);
    expect(await a.ended()).toBe('The leadership is over: /test/leader in etcd is gone');
    expect(a.prefixChanged).toEqual([]);
  });

  test('ends when another stands at its key, and says who', async () => {
    const { cluster, a } = await led();
    cluster.remove(KEYS.leader);
    cluster.put(KEYS.leader, JSON.stringify({ url: 'http://b:1', candidacy: 'x' }));
    await cluster.time.advance(1_000);
    expect(await a.ended()).toBe('The leadership is over: http://b:1 leads now');
  });

  test('ends when the same words stand at its key again, put there anew', async () => {
    const { cluster, a } = await led();
    const { value = '' } = cluster.etcd.get(KEYS.leader) ?? {};
    cluster.remove(KEYS.leader);
    cluster.put(KEYS.leader, value);
    await cluster.time.advance(1_000);
    expect(await a.ended()).toBe('The leadership is over: http://a:1 leads now');
  });

  test.each<[string, (cluster: Cluster) => void, string]>([
    ['deleted', (cluster) => cluster.remove(KEYS.id), 'is gone'],
    ['replaced', (cluster) => cluster.put(KEYS.id, 'id-2'), "was 'id-1' and is 'id-2' now"],
  ])('ends when the id of the prefix was %s, which is the end of all', async (_, change, text) => {
    const { cluster, a } = await led();
    change(cluster);
    await cluster.time.advance(1_000);
    expect(await a.ended()).toContain(`The id at /test/id in etcd ${text}`);
    expect(a.prefixChanged.map(({ message }) => message)).toEqual([await a.ended()]);
    expect(a.leads).toBe(false);
  });

  test('ends when etcd was set back to an older copy, which is the end of all', async () => {
    const { cluster, a } = await led();
    await cluster.time.advance(1_000);
    a.setEtcdBack(1);
    await cluster.time.advance(1_000);
    expect(await a.ended()).toMatch(
      /^etcd has gone back from revision \d+ to \d+: it was restored from an older copy/,
    );
    expect(a.prefixChanged).toHaveLength(1);
    expect(a.leads).toBe(false);
  });

  test('does not count a renewal after which nothing could be read: who answered it may be cut off', async () => {
    const { cluster, a } = await led();
    a.kv.onRequest = ({ kind }) => (kind === 'transact' ? 'unknownNotApplied' : undefined);
    await cluster.time.advance(4_000);
    expect(a.leads).toBe(false);
  });

  test('lives through some requests that fail, and tries soon again', async () => {
    const { cluster, a } = await led();
    failAll(a, 'never');
    await cluster.time.advance(3_500);
    failAll(a, undefined);
    await cluster.time.advance(300);
    expect(a.term.left()).toBeGreaterThan(3_600);
    expect(a.log).toEqual([
      expect.stringMatching(/^warn: .* has not answered for 2 s \(.*never\)$/),
      `info: ${STORE} answers again`,
    ]);
  });

  test('is over for all when it was given up, with its key', async () => {
    const { cluster, a } = await led();
    expect(await a.term.resign()).toBe(true);
    expect(() => a.term.assert()).toThrow('The leadership was given up');
    expect(a.term.left()).toBe(0);
    expect(cluster.leader).toBeUndefined();
  });

  test('can be given up while etcd is silent, which is told', async () => {
    const { a } = await led();
    failAll(a, 'unknownNotApplied');
    expect(await a.term.resign()).toBe(false);
    expect(a.leads).toBe(false);
  });

  test('leaves no timer behind, whatever its end', async () => {
    const cluster = new Cluster();
    for (let number = 0; number < 10; number += 1) {
      const a = cluster.member('http://a:1');
      await a.stand();
      await cluster.time.advance(1_500);
      await a.term.resign();
      await cluster.time.advance(10_000);
    }
    expect(cluster.time.manual.timers).toBe(0);
    const b = cluster.member('http://b:1');
    await b.stand();
    failAll(b, 'never');
    await cluster.time.advance(10_000);
    expect(cluster.time.manual.timers).toBe(0);
  });
});
