import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Refusal } from '../../src/core/refusals.js';
import { KvError } from '../../src/etcd/kv.js';
import type { LockEvent } from '../../src/service/api.js';
import type { Member } from '../../src/service/member.js';
import { lockFiles, outcome, soFar } from './fixture.js';
import { rounds } from './manual-clock.js';
import { cutOff, MemberCluster, type Opened, reconnect } from './member-fixture.js';

const NOT_LEADER = '16: http://b:7420 is not the leader, ask http://a:7420';
const NO_LEADER =
  '16: http://b:7420 is not the leader, and there is none at present; try again in a few seconds';

describe('what keeps everybody from leading', () => {
  const FULL =
    'There is no leader, and this daemon cannot be elected: etcdserver: mvcc: database space exceeded';

  test('is said in each refusal, and once each way in the log', async () => {
    const cluster = new MemberCluster();
    const { member, log } = await cluster.open('b');
    cluster.etcd.space = 'alarm';
    member.stand();
    await cluster.clock.advance(5_000);
    const refused = `http://b:7420 is not the leader, and there is none at present (${FULL}); try again in a few seconds`;
    expect(await outcome(member.lock('r', 'A'))).toBe(`16: ${refused}`);
    expect(member.readiness().problems).toEqual([refused]);
    expect(log.filter((line) => line.includes(FULL))).toEqual([`warn: ${FULL}`]);
    cluster.etcd.space = 'enough';
    await cluster.clock.advance(5_000);
    expect(await member.lock('r', 'A')).toMatchObject({ client: 'A' });
    expect(log.filter((line) => line.includes(FULL))).toEqual([`warn: ${FULL}`, `info: It is over: ${FULL}`]);
  });
});

describe('a member that leads', () => {
  test('serves as any lockd does', async () => {
    const { member } = await new MemberCluster().stand('a');
    expect(member.leader).toEqual({ isUs: true, url: 'http://a:7420' });
    const hold = await member.lock('r', 'A', { ttl: 30 });
    expect(hold).toMatchObject({ resource: 'r', client: 'A', ttl: 30 });
    expect(await outcome(member.lock('r', 'B'))).toContain('1:');
    expect(await member.check('r', hold.token)).toBe(true);
    expect(await member.list()).toHaveLength(1);
    expect(await member.unlock('r', 'A', { token: hold.token })).toBe(true);
    expect((await member.history()).map(({ event }) => event)).toEqual(['unlocked', 'granted']);
    expect(member.readiness()).toEqual({ status: 'ready', problems: [] });
    expect(member.health()).toEqual({ status: 'ok', problems: [] });
    expect(member.meters.grants).toBe(1);
  });

  test('shows what is held in its directory, by the id of the prefix', async () => {
    const { member, directory } = await new MemberCluster().stand('a');
    const { file } = await member.status('r');
    await member.lock('r', 'A');
    expect(lockFiles(directory)).toEqual(['r.lock']);
    expect(JSON.parse(fs.readFileSync(file, 'utf8'))).toMatchObject({ directory: 'id-1', resource: 'r' });
    expect(member.id).toBe('id-1');
    await member.unlock('r', 'A');
    expect(lockFiles(directory)).toEqual([]);
  });

  test('tells what happens, up to the end of its term', async () => {
    const cluster = new MemberCluster();
    const { member } = await cluster.stand('a');
    const events = member.events();
    expect((await events.next()).value).toMatchObject({ event: 'ready' });
    await member.lock('r', 'A');
    await cluster.clock.advance(200);
    expect(((await events.next()).value as LockEvent).event).toBe('granted');
    await member.close();
    expect(await events.next()).toEqual({ done: true, value: undefined });
  });
});

describe('a member that follows', () => {
  const calls: [string, (member: Member) => Promise<unknown>][] = [
    ['lock', (member) => member.lock('r', 'A')],
    ['enqueue', (member) => member.enqueue('r', 'A')],
    ['wait', (member) => member.wait('r', 'A', 1)],
    ['cancel', (member) => member.cancel('r', 'A')],
    ['unlock', (member) => member.unlock('r', 'A')],
    ['renew', (member) => member.renew('r', 'A')],
    ['extend', (member) => member.extend('r', 'A', 1)],
    ['update', (member) => member.update('r', 'A', { note: 'x' })],
    ['check', (member) => member.check('r', '1')],
    ['forceUnlock', (member) => member.forceUnlock('r', { reason: 'x' })],
    ['confirmFenced', (member) => member.confirmFenced('r', { reason: 'x' })],
    ['status', (member) => member.status('r')],
    ['list', (member) => member.list()],
    ['history', (member) => member.history()],
    ['stats', (member) => member.stats()],
  ];

  test.each(calls)('refuses %s, and says who leads', async (_, call) => {
    const { b } = await new MemberCluster().two();
    expect(await outcome(call(b.member))).toBe(NOT_LEADER);
    expect(b.member.meters.refusals.unavailable).toBe(1);
    expect(b.disk.count('write', /slots/)).toBe(0);
  });

  test('has no events', async () => {
    const { b } = await new MemberCluster().two();
    expect(() => b.member.events()).toThrow(Refusal);
    expect(() => b.member.follow({})).toThrow('is not the leader, ask http://a:7420');
  });

  test('is healthy, not ready, and shows nothing', async () => {
    const { a, b } = await new MemberCluster().two();
    await a.member.lock('r', 'A');
    expect(b.member.health()).toEqual({ status: 'ok', problems: [] });
    expect(b.member.readiness()).toEqual({
      status: 'notReady',
      problems: ['http://b:7420 is not the leader, ask http://a:7420'],
    });
    expect(b.member.gauges()).toMatchObject({ held: 0, waiting: 0 });
    expect(b.member.id).toBe(a.member.id);
    expect(b.member.leader).toEqual({ isUs: false, url: 'http://a:7420' });
  });

  test('says so before it stands, and where nobody leads', async () => {
    const { member } = await new MemberCluster().open('b');
    expect(await outcome(member.lock('r', 'A'))).toBe(NO_LEADER);
  });

  test('is not healthy while etcd is silent, and says of nobody that he leads once it may be another', async () => {
    const cluster = new MemberCluster();
    const { b } = await cluster.two();
    cutOff(b);
    await cluster.clock.advance(4_000);
    expect(b.member.health().problems).toEqual([
      expect.stringMatching(/^etcd:.* has not answered for [34] s/),
    ]);
    expect(await outcome(b.member.lock('r', 'A'))).toBe(NOT_LEADER);
    await cluster.clock.advance(8_000);
    expect(await outcome(b.member.lock('r', 'A'))).toMatch(
      /^16: http:\/\/b:7420 is not the leader, and there is none at present \(etcd:.* has not answered for 12 s .*\); try again/,
    );
    reconnect(b);
    await cluster.clock.advance(600);
    expect(b.member.health().status).toBe('ok');
  });
});

describe('a failover', () => {
  test('keeps what is held, with leases begun afresh, and tokens rise', async () => {
    const cluster = new MemberCluster();
    const { a, b } = await cluster.two();
    const forever = await a.member.lock('forever', 'A');
    const leased = await a.member.lock('leased', 'A', { ttl: 20 });
    await cluster.clock.advance(15_000);
    cutOff(a);
    await cluster.clock.advance(6_000);
    expect(b.member.leader.isUs).toBe(true);
    expect(await b.member.check('forever', forever.token)).toBe(true);
    // 21 s after it was granted: it began anew with the term.
    expect(await b.member.check('leased', leased.token)).toBe(true);
    const next = await b.member.lock('next', 'B');
    expect(Number(next.token)).toBeGreaterThan(Number(leased.token));
    await cluster.clock.advance(21_000);
    expect(await b.member.check('leased', leased.token)).toBe(false);
  });

  test('answers nobody who waits at the old leader, and keeps his place at the new one', async () => {
    const cluster = new MemberCluster();
    const { a, b } = await cluster.two();
    const { token } = await a.member.lock('r', 'A');
    const waiting = outcome(a.member.lock('r', 'B', { wait: 60, request: 'k', claim: 60 }));
    await rounds();
    cutOff(a);
    await cluster.clock.advance(4_000);
    expect(await waiting).toBe('Stopped');
    await cluster.clock.advance(2_000);
    const again = b.member.lock('r', 'B', { wait: 60, request: 'k', claim: 60 });
    await b.member.unlock('r', 'A', { token });
    await rounds();
    expect(await again).toMatchObject({ client: 'B' });
  });

  test('answers nothing that etcd answered before, where the process stood still meanwhile', async () => {
    const cluster = new MemberCluster();
    const { a, b } = await cluster.two();
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const transact = a.kv.transact.bind(a.kv);
    a.kv.transact = async (transaction, timeoutMs) => {
      const answer = await transact(transaction, timeoutMs);
      if (transaction.success.some(({ key }) => key.includes('/record/'))) await held;
      return answer;
    };
    const lock = outcome(a.member.lock('r', 'A'));
    await rounds();
    expect(await soFar(lock)).toBeUndefined();
    // etcd has saved it; its answer lies in the socket, and is read before any timer fires.
    cluster.clock.freeze(5_000);
    release();
    expect(await lock).toBe('Stopped');
    cluster.clock.fireOverdue();
    await cluster.clock.advance(1_500);
    expect([a, b].filter(({ member }) => member.leader.isUs)).toHaveLength(1);
  });

  test('kills fence commands in the very step in which the leadership is lost', async () => {
    const cluster = new MemberCluster();
    const { a, b } = await cluster.two({ fence: ['*=/bin/true'] });
    const { token } = await a.member.lock('r', 'A');
    void a.member.forceUnlock('r', { reason: 'x' });
    await rounds();
    expect(a.runners[0]?.running).toEqual([Number(token)]);
    cutOff(a);
    cluster.clock.freeze(4_000);
    cluster.clock.fireOverdue();
    await Promise.resolve();
    await Promise.resolve();
    await Promise.resolve();
    expect(a.runners[0]?.isKilled).toBe(true);
    expect(a.runners[0]?.running).toEqual([]);
    await cluster.clock.advance(2_000);
    expect(b.runners.map(({ running }) => running)).toEqual([[Number(token)]]);
    b.runners[0]?.succeed(token);
    await rounds();
    expect(await b.member.status('r')).toMatchObject({ state: 'free' });
  });

  test('shows no lock any more where it is not known who holds it', async () => {
    const cluster = new MemberCluster();
    const { a, b } = await cluster.two();
    await a.member.lock('r', 'A');
    fs.writeFileSync(join(a.directory, 'foreign.lock'), 'somebody');
    cutOff(a);
    await cluster.clock.advance(6_000);
    expect(lockFiles(a.directory)).toEqual(['foreign.lock']);
    expect(lockFiles(b.directory)).toEqual(['r.lock']);
  });

  test('and back, ten times, leaves nothing open', async () => {
    const cluster = new MemberCluster();
    const { a, b } = await cluster.two();
    const descriptors = () => fs.readdirSync('/proc/self/fd').length;
    await a.member.lock('r', 'A');
    const seen: { timers: number; descriptors: number }[] = [];
    for (let number = 0; number < 10; number += 1) {
      const [leader, other] = a.member.leader.isUs ? [a, b] : [b, a];
      cutOff(leader);
      await cluster.clock.advance(7_000);
      reconnect(leader);
      expect(other.member.leader.isUs).toBe(true);
      expect(await outcome(leader.member.status('r'))).toContain('16:');
      expect(await other.member.status('r')).toMatchObject({ holders: [{ client: 'A' }] });
      await cluster.clock.advance(3_000);
      seen.push({ timers: cluster.clock.timers, descriptors: descriptors() });
    }
    expect(seen[9]).toEqual(seen[1]);
    expect(a.leaders.map(({ isUs }) => isUs).filter(Boolean)).toHaveLength(6);
  });
});

describe('a leader that resigns', () => {
  test('tells who waits, and another leads within half a second', async () => {
    const cluster = new MemberCluster();
    const { a, b } = await cluster.two();
    await a.member.lock('r', 'A');
    const waiting = outcome(a.member.lock('r', 'B', { wait: 60 }));
    await rounds();
    const closed = a.member.close();
    expect(await waiting).toBe('16: The daemon is stopping');
    await closed;
    expect(await outcome(a.member.lock('r', 'B'))).toBe('16: The daemon is stopping');
    expect(lockFiles(a.directory)).toEqual([]);
    expect(a.claim.isReleased).toBe(true);
    expect(a.kv.isClosed).toBe(true);
    await cluster.clock.advance(500);
    expect(b.member.leader.isUs).toBe(true);
    expect(await b.member.status('r')).toMatchObject({ holders: [{ client: 'A' }] });
  });

  test('is closed once, however often it is asked', async () => {
    const { member } = await new MemberCluster().stand('a');
    await Promise.all([member.close(), member.close()]);
    await member.close();
  });
});

describe('closing', () => {
  test.each<[string, (opened: Opened, cluster: MemberCluster) => Promise<void>]>([
    ['before it stood', async () => undefined],
    [
      'as follower',
      async ({ member }, cluster) => {
        await cluster.stand('z');
        member.stand();
        await rounds();
        expect(member.leader.isUs).toBe(false);
      },
    ],
    [
      'while it stands',
      async ({ member, kv }) => {
        kv.onRequest = ({ kind }) => (kind === 'grantLease' ? 'unknownNotApplied' : undefined);
        member.stand();
        await rounds();
      },
    ],
    [
      'while it reads what is locked',
      async ({ member, kv }, cluster) => {
        let release: () => void = () => undefined;
        const held = new Promise<void>((resolve) => {
          release = resolve;
        });
        kv.onRequest = async ({ kind }) => {
          if (kind === 'range') await held;
          return undefined;
        };
        member.stand();
        await rounds();
        expect(cluster.etcd.get('/test/leader')).toBeDefined();
        expect(member.leader.isUs).toBe(false);
        setImmediate(release);
      },
    ],
  ])('%s leaves nothing open', async (_, when) => {
    const cluster = new MemberCluster();
    const opened = await cluster.open('a');
    await when(opened, cluster);
    const others = cluster.etcd.get('/test/leader')?.value.includes('z:') === true;
    await opened.member.close();
    expect(opened.claim.isReleased).toBe(true);
    expect(opened.kv.isClosed).toBe(true);
    expect(opened.leaders.some(({ isUs }) => isUs)).toBe(false);
    if (others) return;
    expect(cluster.etcd.get('/test/leader')).toBeUndefined();
    expect(cluster.clock.timers).toBe(0);
  });
});

describe('a term that ends while it begins', () => {
  test('is never served, and another is', async () => {
    const cluster = new MemberCluster();
    const a = await cluster.open('a');
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    a.kv.onRequest = async ({ kind }) => {
      if (kind !== 'range') return kind === 'keepAlive' ? 'never' : undefined;
      await held;
      return undefined;
    };
    a.member.stand();
    await cluster.clock.advance(4_500);
    expect(a.leaders).toEqual([]);
    release();
    reconnect(a);
    await cluster.clock.advance(200);
    expect(a.leaders).toEqual([]);
    expect(a.member.health().problems.join()).toContain('could not begin to lead');
    await cluster.clock.advance(8_000);
    expect(a.member.leader.isUs).toBe(true);
    expect(a.member.health().problems).toEqual([]);
  });

  test('never because of a disk that hangs: another leads, and it is no leader when the disk goes on', async () => {
    const cluster = new MemberCluster();
    const a = await cluster.open('a');
    let goOn: () => void = () => undefined;
    const hung = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const sync = a.disk.syncDirectory.bind(a.disk);
    a.disk.syncDirectory = async (path) => {
      await hung;
      await sync(path);
    };
    a.member.stand();
    await rounds();
    const b = await cluster.stand('b');
    await cluster.clock.advance(19_000);
    expect(b.member.leader.isUs).toBe(false);
    await cluster.clock.advance(2_000);
    expect(b.member.leader.isUs).toBe(true);
    expect(a.member.health().problems.join()).toContain(`${a.directory} has not answered for 20 s`);
    goOn();
    await cluster.clock.advance(10_000);
    expect(a.leaders.some(({ isUs }) => isUs)).toBe(false);
    await b.member.close();
    await cluster.clock.advance(1_000);
    expect(a.member.leader.isUs).toBe(true);
    expect(await a.member.lock('r', 'A')).toMatchObject({ client: 'A' });
  });

  test('for a reason of its own lets others try first, and waits longer each time', async () => {
    const cluster = new MemberCluster();
    const a = await cluster.open('a');
    a.disk.failNext('makeDirectory', { code: 'EIO', path: /slots/, times: 4 });
    a.member.stand();
    await rounds();
    expect(a.member.health().problems).toEqual([
      expect.stringMatching(/^http:\/\/a:7420 was elected, but could not begin to lead: .*EIO/),
    ]);
    const b = await cluster.stand('b');
    expect(b.member.leader.isUs).toBe(true);
    await b.member.close();
    const tries = () => a.disk.count('makeDirectory', /slots/);
    await cluster.clock.advance(2_600);
    expect(tries()).toBe(2);
    await cluster.clock.advance(4_500);
    expect(tries()).toBe(3);
    await cluster.clock.advance(8_500);
    expect(tries()).toBe(4);
    await cluster.clock.advance(16_500);
    expect(a.member.leader.isUs).toBe(true);
  });
});

describe('what an operator does in etcd', () => {
  test('who deletes the key of the leader has another elected', async () => {
    const cluster = new MemberCluster();
    const { a } = await cluster.two();
    await a.member.lock('r', 'A');
    cluster.etcd.transact({ compare: [], success: [{ kind: 'remove', key: '/test/leader' }] });
    await cluster.clock.advance(3_000);
    const key = cluster.etcd.get('/test/leader');
    expect(key?.value).toContain('http://b:7420');
    expect(a.member.leader).toEqual({ isUs: false, url: 'http://b:7420' });
  });

  test('who deletes the prefix ends every member, with a text', async () => {
    const cluster = new MemberCluster();
    const { a, b } = await cluster.two();
    await a.member.lock('r', 'A');
    cluster.etcd.transact({ compare: [], success: [{ kind: 'removeRange', key: '/test/', end: '/test0' }] });
    await cluster.clock.advance(2_500);
    for (const { member } of [a, b]) {
      expect((await member.failed).message).toContain('The id at /test/id in etcd is gone: somebody removed');
      expect(member.leader.isUs).toBe(false);
    }
    expect(cluster.etcd.get('/test/leader')).toBeUndefined();
  });
});

describe('what ends the process', () => {
  test('a claim of the directory that is lost', async () => {
    const { member, loseClaim } = await new MemberCluster().stand('a');
    loseClaim(new Error('taken away'));
    expect((await member.failed).message).toBe('taken away');
    expect(await outcome(member.lock('r', 'A'))).toContain('16:');
  });

  test('a defect', async () => {
    const { member, disk } = await new MemberCluster().stand('a');
    disk.before('link', () => {
      // No error of the disk, which a view would only report.
      throw 'a defect';
    });
    expect(await outcome(member.lock('r', 'A'))).toBe('Stopped');
    expect((await member.failed).message).toContain('a defect');
  });

  test('nothing of etcd: a term that ends is no reason', async () => {
    const cluster = new MemberCluster();
    const { a } = await cluster.two();
    let failed = false;
    void a.member.failed.then(() => {
      failed = true;
    });
    cutOff(a);
    await cluster.clock.advance(60_000);
    reconnect(a);
    await cluster.clock.advance(10_000);
    expect(failed).toBe(false);
    expect(a.member.leader).toEqual({ isUs: false, url: 'http://b:7420' });
  });
});

describe('a start', () => {
  test('waits for etcd for 30 s, says so, and then says why it gave up', async () => {
    const cluster = new MemberCluster();
    const log: string[] = [];
    const { FakeKv } = await import('../etcd/fake-kv.js');
    const kv = new FakeKv(cluster.etcd);
    kv.onRequest = () => {
      throw new KvError('etcd:2379: connect ECONNREFUSED', 'never');
    };
    const opened = cluster.open('a', { kv, log: (level, message) => log.push(`${level}: ${message}`) });
    const said = expect(opened).rejects.toThrow(
      'etcd://etcd:2379/test has not answered for 30 s (etcd:2379: connect ECONNREFUSED); see whether etcd runs there',
    );
    await cluster.clock.advance(29_000);
    expect(log).toEqual([
      'warn: etcd://etcd:2379/test does not answer (etcd:2379: connect ECONNREFUSED); it is tried for 30 s',
    ]);
    await cluster.clock.advance(2_000);
    await said;
    expect(kv.isClosed).toBe(true);
    expect(cluster.clock.timers).toBe(0);
  });

  test('comes about when etcd answers in time', async () => {
    const cluster = new MemberCluster();
    const { FakeKv } = await import('../etcd/fake-kv.js');
    const kv = new FakeKv(cluster.etcd);
    kv.onRequest = () => 'never';
    const opening = cluster.open('a', { kv });
    await cluster.clock.advance(20_000);
    kv.onRequest = () => undefined;
    await cluster.clock.advance(1_000);
    expect((await opening).member.id).toBe('id-1');
  });

  test('of many at once gives the prefix one id', async () => {
    const cluster = new MemberCluster();
    const opened = await Promise.all(['a', 'b', 'c'].map((name) => cluster.open(name)));
    expect(new Set(opened.map(({ member }) => member.id)).size).toBe(1);
  });

  test('is refused where the prefix is somebody else’s', async () => {
    const cluster = new MemberCluster();
    cluster.etcd.transact({
      compare: [],
      success: [{ kind: 'put', key: '/test/id', value: 'not\r\nan id' }],
    });
    await expect(cluster.open('a')).rejects.toThrow('/test/id in etcd is no id of lockd');
  });

  test('is refused for a rule of fencing that cannot work', async () => {
    await expect(new MemberCluster().open('a', { fence: ['nonsense'] })).rejects.toThrow('--fence');
  });
});
