/** Two members in one process, on a real etcd: how long a failover takes, and what it keeps. */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { openGateway } from '../../src/etcd/gateway.js';
import { type Kv, KvError } from '../../src/etcd/kv.js';
import { Member, type MemberOptions } from '../../src/service/member.js';
import { Stopped } from '../../src/store/port.js';
import { etcdForAll, newPrefix } from '../etcd/shared.js';
import type { EtcdCluster } from '../etcd.js';
import { describeWith } from '../needs.js';
import { temporaryDirectory } from '../temporary-directory.js';

interface Opened {
  readonly member: Member;
  readonly directory: string;
  readonly log: string[];
}

async function open(
  etcd: EtcdCluster,
  prefix: string,
  name: string,
  given: Partial<MemberOptions> = {},
): Promise<Opened> {
  const { directory = temporaryDirectory() } = given;
  const log: string[] = [];
  const member = await Member.open({
    kv: openGateway({ endpoints: etcd.endpoints }),
    ...{ directory, prefix, store: `etcd://${etcd.hosts}${prefix}`, url: `http://${name}:7420` },
    log: (level, message) => log.push(`${name} ${level}: ${message}`),
    ...given,
  });
  onTestFinished(() => member.close());
  member.stand();
  return { member, directory, log };
}

/** A way to etcd that can be cut: then nothing is answered or done. */
function cutKv(etcd: EtcdCluster): { readonly kv: Kv; readonly cut: () => void } {
  const kv = openGateway({ endpoints: etcd.endpoints });
  let isCut = false;
  const through = async <T>(timeoutMs: number, ask: () => Promise<T>): Promise<T> => {
    if (!isCut) return ask();
    await delay(timeoutMs);
    throw new KvError('cut off', 'unknown');
  };
  return {
    kv: {
      transact: (transaction, ms) => through(ms, () => kv.transact(transaction, ms)),
      range: (range, ms) => through(ms, () => kv.range(range, ms)),
      grantLease: (ttl, ms) => through(ms, () => kv.grantLease(ttl, ms)),
      keepAlive: (id, ms) => through(ms, () => kv.keepAlive(id, ms)),
      revoke: (id, ms) => through(ms, () => kv.revoke(id, ms)),
      close: () => kv.close(),
    },
    cut: () => {
      isCut = true;
    },
  };
}

/** Seconds until it is so; rejects after 20. */
async function until(isSo: () => boolean): Promise<number> {
  const begun = performance.now();
  while (!isSo()) {
    if (performance.now() - begun > 20_000) throw new Error('not so within 20 s');
    await delay(10);
  }
  return (performance.now() - begun) / 1_000;
}

async function two(
  etcd: EtcdCluster,
  given: Partial<MemberOptions> = {},
): Promise<{ a: Opened; b: Opened; prefix: string }> {
  const prefix = newPrefix();
  const a = await open(etcd, prefix, 'a', given);
  await until(() => a.member.leader.isUs);
  const b = await open(etcd, prefix, 'b', given);
  await until(() => b.member.leader.url !== undefined);
  return { a, b, prefix };
}

function script(directory: string, body: string): string {
  const path = join(directory, 'fence.sh');
  fs.writeFileSync(path, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  return path;
}

/** Decimal, from the key that the gateway gives. */
async function leaseOf(etcd: EtcdCluster, key: string): Promise<string> {
  const answer = await etcd.post('/v3/kv/range', { key: Buffer.from(key).toString('base64') });
  const [found] = answer.kvs as { lease: string }[];
  return found?.lease ?? '';
}

describeWith(['etcd', 'flock'], 'two members on etcd', () => {
  const etcd = etcdForAll();

  test('when the lease of the leader is ended, the other leads within ten seconds, and knows all', async () => {
    const { a, b, prefix } = await two(etcd());
    const hold = await a.member.lock('r', 'A', { ttl: 60 });
    const waiting = a.member.lock('r', 'B', { wait: 60, request: 'k' }).catch((error: unknown) => error);
    await etcd().post('/v3/lease/revoke', { ID: await leaseOf(etcd(), `${prefix}/leader`) });
    const seconds = await until(() => b.member.leader.isUs);
    console.log(`failover after the end of the lease: ${seconds.toFixed(2)} s`);
    expect(seconds).toBeLessThan(10);
    expect(await waiting).toBeInstanceOf(Stopped);
    await until(() => a.member.leader.url === 'http://b:7420');
    expect(a.member.leader.isUs).toBe(false);
    expect(await b.member.check('r', hold.token)).toBe(true);
    const again = b.member.lock('r', 'B', { wait: 60, request: 'k' });
    await b.member.unlock('r', 'A', { token: hold.token });
    expect(Number((await again).token)).toBeGreaterThan(Number(hold.token));
    expect(fs.existsSync(join(b.directory, 'r.lock'))).toBe(true);
    await until(() => !fs.existsSync(join(a.directory, 'r.lock')));
  });

  test('when the leader resigns, the other leads within a second', async () => {
    const { a, b } = await two(etcd());
    await a.member.lock('r', 'A');
    const [seconds] = await Promise.all([until(() => b.member.leader.isUs), a.member.close()]);
    console.log(`failover after a resignation: ${seconds.toFixed(2)} s`);
    // Beside other work the machine may be slow; the looks are half a second apart.
    expect(seconds).toBeLessThan(3);
    expect(await b.member.status('r')).toMatchObject({ holders: [{ client: 'A' }] });
  });

  test('when the leader hears nothing of etcd, it stops before the other can lead', async () => {
    const { kv, cut } = cutKv(etcd());
    const prefix = newPrefix();
    const a = await open(etcd(), prefix, 'a', { kv });
    await until(() => a.member.leader.isUs);
    const b = await open(etcd(), prefix, 'b');
    cut();
    const [stopped, seconds] = await Promise.all([
      until(() => !a.member.leader.isUs),
      until(() => b.member.leader.isUs),
    ]);
    console.log(
      `failover of a leader that is cut off: ${seconds.toFixed(2)} s; it stopped after ${stopped.toFixed(2)} s`,
    );
    expect(stopped).toBeLessThan(seconds);
    expect(seconds).toBeLessThan(10);
  });

  test('a fence command of the leader that is cut off is dead before the other runs its own', async () => {
    const directory = temporaryDirectory();
    const told = join(directory, 'told');
    const fence = script(directory, `echo begun $$ >> ${told}; sleep 20; echo done $$ >> ${told}`);
    const lines = () => (fs.existsSync(told) ? fs.readFileSync(told, 'utf8').trim().split('\n') : []);
    const { kv, cut } = cutKv(etcd());
    const prefix = newPrefix();
    const a = await open(etcd(), prefix, 'a', { kv, fence: [`*=${fence}`] });
    await until(() => a.member.leader.isUs);
    const b = await open(etcd(), prefix, 'b', { fence: [`*=${fence}`] });
    await a.member.lock('r', 'A');
    a.member.forceUnlock('r', { reason: 'x' }).catch(() => undefined);
    await until(() => lines().length === 1);
    const first = Number(lines()[0]?.split(' ')[1]);
    cut();
    await until(() => lines().length === 2);
    expect(b.member.leader.isUs).toBe(true);
    expect(() => process.kill(first, 0)).toThrow('ESRCH');
  });

  test('and back, ten times, leaves nothing open', async () => {
    const { a, b, prefix } = await two(etcd());
    await a.member.lock('r', 'A');
    const seen: number[] = [];
    for (let number = 0; number < 10; number += 1) {
      const [leader, other] = a.member.leader.isUs ? [a, b] : [b, a];
      await etcd().post('/v3/lease/revoke', { ID: await leaseOf(etcd(), `${prefix}/leader`) });
      await until(() => !leader.member.leader.isUs);
      // Whoever was it rests for a second.
      await until(() => other.member.leader.isUs);
      expect(await other.member.status('r')).toMatchObject({ holders: [{ client: 'A' }] });
      await until(() => leader.member.leader.url !== undefined);
      await delay(100);
      seen.push(fs.readdirSync('/proc/self/fd').length);
    }
    expect(Math.max(...seen.slice(2))).toBeLessThanOrEqual((seen[1] ?? 0) + 4);
  });

  test('reads many locks when a term begins, and resigns in the middle of that', async () => {
    const { a, b } = await two(etcd());
    const count = 3_000;
    const names = Array.from({ length: count }, (_, index) => `r${index}`);
    await Promise.all(names.map((name) => a.member.lock(name, 'A')));
    const [seconds] = await Promise.all([until(() => b.member.leader.isUs), a.member.close()]);
    console.log(`failover with ${count} locks: ${seconds.toFixed(2)} s`);
    expect((await b.member.stats()).held).toBe(count);
    expect(fs.readdirSync(a.directory).filter((name) => name.endsWith('.lock'))).toEqual([]);
  });
});
