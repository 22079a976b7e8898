/** The client of etcd against real ones: whether they do as the etcd in memory does, who may, TLS, and members that are gone. */

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type GatewayOptions, openGateway } from '../../src/etcd/gateway.js';
import { type Compare, type Kv, KvError, type Operation, type TransactionAnswer } from '../../src/etcd/kv.js';
import { CertificateAuthority, pemOf } from '../certificates.js';
import { startEtcd } from '../etcd.js';
import { describeWith } from '../needs.js';
import { FakeEtcd } from './fake-etcd.js';
import { FakeKv } from './fake-kv.js';
import { etcdForAll, newPrefix } from './shared.js';

/** Long enough for whatever answers on this machine. */
const LONG_MS = 20_000;

function open(endpoints: readonly URL[], options: Omit<GatewayOptions, 'endpoints'> = {}): Kv {
  const kv = openGateway({ endpoints, ...options });
  onTestFinished(() => kv.close());
  return kv;
}

const put = (key: string, value = 'v', lease?: string): Operation =>
  lease === undefined ? { kind: 'put', key, value } : { kind: 'put', key, value, lease };
const get = (key: string): Operation => ({ kind: 'get', key });

async function failure(
  asking: Promise<unknown>,
): Promise<Pick<KvError, 'fate' | 'reason' | 'message'> | undefined> {
  try {
    await asking;
    return undefined;
  } catch (error) {
    if (!(error instanceof KvError)) throw error;
    const { fate, reason, message } = error;
    return { fate, reason, message };
  }
}

describeWith(['etcd'], 'one etcd', () => {
  const etcd = etcdForAll();

  /** Two that must do the same: revisions are counted from here. */
  async function twins() {
    const real = open(etcd().endpoints);
    const fake = new FakeKv(new FakeEtcd());
    const { revision } = await real.transact({ compare: [], success: [] }, LONG_MS);
    const before = fake.etcd.revision;
    return { real, fake, shift: revision - before, prefix: newPrefix() };
  }

  test('does what the etcd in memory does, whatever is asked', async () => {
    const key = fc.constantFrom('a', 'b', 'c', 'c/1', 'c/2', 'ä', '😀');
    const step: fc.Arbitrary<(prefix: string) => Operation> = fc.oneof(
      fc.tuple(key, fc.string({ unit: 'grapheme', maxLength: 5 })).map(
        ([name, value]) =>
          (prefix: string) =>
            put(prefix + name, value),
      ),
      key.map(
        (name) =>
          (prefix: string): Operation => ({ kind: 'remove', key: prefix + name }),
      ),
      fc.tuple(key, key).map(
        ([from, to]) =>
          (prefix: string): Operation => ({
            kind: 'removeRange',
            key: prefix + from,
            end: prefix + to,
          }),
      ),
      key.map((name) => (prefix: string) => get(prefix + name)),
    );
    const compare = fc.tuple(key, fc.nat({ max: 12 }), fc.boolean());
    const transaction = fc.record({
      compare: fc.array(compare, { maxLength: 2 }),
      success: fc.array(step, { maxLength: 4 }),
      failure: fc.array(step, { maxLength: 4 }),
    });
    const range = fc.record({
      limit: fc.integer({ min: 1, max: 4 }),
      back: fc.nat({ max: 5 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(transaction, { maxLength: 12 }),
        fc.array(range, { maxLength: 3 }),
        async (all, ranges) => {
          const { real, fake, shift, prefix } = await twins();
          const first = fake.etcd.revision;
          for (const one of all) {
            const ask = (kv: Kv, by: number) => {
              const compares = one.compare.map(([name, age, isMod]): Compare => {
                // None, or one of the revisions of this run.
                const revision = age === 0 ? 0 : first + age - 1 + by;
                return isMod
                  ? { key: prefix + name, modRevision: revision }
                  : { key: prefix + name, createRevision: revision };
              });
              const steps = (list: typeof one.success) => list.map((make) => make(prefix));
              return answerOf(
                kv.transact(
                  { compare: compares, success: steps(one.success), failure: steps(one.failure) },
                  LONG_MS,
                ),
                by,
              );
            };
            // An empty range cannot be asked for.
            if ([...one.success, ...one.failure].some((make) => isEmpty(make('')))) continue;
            expect(await ask(real, shift)).toEqual(await ask(fake, 0));
          }
          for (const { back, ...rest } of ranges) {
            const revision = Math.max(first, fake.etcd.revision - back);
            const ask = (kv: Kv, by: number) =>
              rangeOf(
                kv.range(
                  { key: prefix, end: `${prefix}\u007f\u{10ffff}`, ...rest, revision: revision + by },
                  LONG_MS,
                ),
                by,
              );
            expect(await ask(real, shift)).toEqual(await ask(fake, 0));
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  test('refuses what is too much, and nothing of it happens; as does the one in memory', async () => {
    const { real, fake, prefix } = await twins();
    const many = (count: number) => Array.from({ length: count }, (_, index) => put(`${prefix}/${index}`));
    const cases: [readonly Operation[], boolean][] = [
      [many(128), true],
      [many(129), false],
      [[put(`${prefix}/x`, 'x'.repeat(1_572_864 - 500))], true],
      [[put(`${prefix}/x`, 'x'.repeat(1_572_864))], false],
      [[put(`${prefix}/x`, 'x'.repeat(3_000_000))], false],
      [[put(`${prefix}/y`), put(`${prefix}/y`)], false],
      [[put(`${prefix}/y`, 'v', '77')], false],
    ];
    for (const [success, isTaken] of cases) {
      for (const kv of [real, fake]) {
        const error = await failure(kv.transact({ compare: [], success }, LONG_MS));
        expect(error?.fate).toBe(isTaken ? undefined : 'never');
        if (kv === real) expect(error?.reason).toBe(isTaken ? undefined : 'refused');
      }
    }
    for (const kv of [real, fake]) {
      const found = await kv.range({ key: `${prefix}/y`, end: `${prefix}/z`, limit: 1 }, LONG_MS);
      expect(found.found).toEqual([]);
    }
  });

  test('a revision that is compacted cannot be read, nor one that is not there yet', async () => {
    const { real, prefix } = await twins();
    const { revision } = await real.transact({ compare: [], success: [put(`${prefix}/a`, '1')] }, LONG_MS);
    await real.transact({ compare: [], success: [put(`${prefix}/a`, '2')] }, LONG_MS);
    const read = (at: number) =>
      real.range({ key: `${prefix}/a`, end: `${prefix}/b`, limit: 1, revision: at }, LONG_MS);
    expect((await read(revision)).found).toMatchObject([{ value: '1' }]);
    await etcd().post('/v3/kv/compaction', { revision: String(revision + 1) });
    expect(await failure(read(revision))).toMatchObject({ fate: 'never', reason: 'compacted' });
    expect((await read(revision + 1)).found).toMatchObject([{ value: '2' }]);
    expect(await failure(read(revision + 1_000))).toMatchObject({ fate: 'never', reason: 'refused' });
  });

  test('a lease is kept alive, and its keys end with it', async () => {
    const { real, prefix } = await twins();
    const { id, ttl } = await real.grantLease(5, LONG_MS);
    expect(ttl).toBe(5);
    const { revision } = await real.transact(
      { compare: [], success: [put(`${prefix}/a`, 'v', id)] },
      LONG_MS,
    );
    const read = () => real.transact({ compare: [], success: [get(`${prefix}/a`)] }, LONG_MS);
    expect((await read()).found[0]).toEqual([
      { key: `${prefix}/a`, value: 'v', createRevision: revision, modRevision: revision, lease: id },
    ]);
    expect(await real.keepAlive(id, LONG_MS)).toBe(5);
    await real.revoke(id, LONG_MS);
    expect((await read()).found).toEqual([[]]);
    expect(await real.keepAlive(id, LONG_MS)).toBe(0);
    await real.revoke(id, LONG_MS);
  });
});

/** Revisions as the one in memory counts them. */
async function answerOf(asking: Promise<TransactionAnswer>, by: number): Promise<unknown> {
  const error = await failure(asking);
  if (error) return error.fate;
  const { succeeded, found, revision } = await asking;
  return {
    succeeded,
    revision: revision - by,
    found: found.map((entries) => entries.map((entry) => shifted(entry, by))),
  };
}

async function rangeOf(asking: ReturnType<Kv['range']>, by: number): Promise<unknown> {
  const { found, hasMore } = await asking;
  return { hasMore, found: found.map((entry) => shifted(entry, by)) };
}

function shifted<E extends { createRevision: number; modRevision: number }>(entry: E, by: number): E {
  return { ...entry, createRevision: entry.createRevision - by, modRevision: entry.modRevision - by };
}

function isEmpty(operation: Operation): boolean {
  return (
    operation.kind === 'removeRange' &&
    Buffer.compare(Buffer.from(operation.key), Buffer.from(operation.end)) >= 0
  );
}

describeWith(['etcd', 'openssl'], 'etcd with TLS', () => {
  test('is asked where it shows what we trust, and we show what it trusts', async () => {
    const authority = new CertificateAuthority();
    // etcd's gateway calls etcd itself, and shows it the same certificate.
    const [server, client] = [authority.server(undefined, true), authority.client()];
    const { endpoints } = await startEtcd({ tls: { ca: authority.ca, server, client } });
    const ca = readFileSync(authority.ca, 'utf8');
    const read = (kv: Kv) => failure(kv.transact({ compare: [], success: [get('k')] }, LONG_MS));
    expect(await read(open(endpoints, { tls: { ca, ...pemOf(client) } }))).toBeUndefined();
    // Whom we do not trust hears nothing.
    expect(await read(open(endpoints, { tls: pemOf(client) }))).toMatchObject({ fate: 'never' });
    const other = new CertificateAuthority();
    const otherCa = readFileSync(other.ca, 'utf8');
    expect(await read(open(endpoints, { tls: { ca: otherCa, ...pemOf(client) } }))).toMatchObject({
      fate: 'never',
    });
    // Who does not trust us says so when we have asked already.
    expect(await read(open(endpoints, { tls: { ca } }))).toMatchObject({ fate: 'unknown' });
    expect(await read(open(endpoints, { tls: { ca, ...pemOf(other.client()) } }))).toMatchObject({
      fate: 'unknown',
    });
    const plain = endpoints.map(({ host }) => new URL(`http://${host}`));
    expect(await read(open(plain))).toMatchObject({ fate: 'unknown' });
  });
});

describeWith(['etcd'], 'etcd that asks who calls', () => {
  test('lets us do what our role may, and says so of the rest; a token that it forgot is renewed', async () => {
    const cluster = await startEtcd();
    const { endpoints } = cluster;
    await cluster.post('/v3/auth/user/add', { name: 'lockd', password: 'secret' });
    await cluster.post('/v3/auth/role/add', { name: 'locks' });
    const [key, end] = ['/locks/', '/locks0'].map((text) => Buffer.from(text).toString('base64'));
    await cluster.post('/v3/auth/role/grant', {
      name: 'locks',
      perm: { permType: 'READWRITE', key, range_end: end },
    });
    await cluster.post('/v3/auth/user/grant', { user: 'lockd', role: 'locks' });
    await cluster.enableAuth('root secret');
    const readableKey = '/locks/probe';
    const kv = open(endpoints, { credentials: { user: 'lockd', password: 'secret' }, readableKey });
    const ours = { compare: [{ key: '/locks/a', createRevision: 0 }], success: [put('/locks/a')] };
    expect((await kv.transact(ours, LONG_MS)).succeeded).toBe(true);
    const denied = { fate: 'never', reason: 'denied' };
    expect(await failure(kv.transact({ compare: [], success: [put('/other')] }, LONG_MS))).toMatchObject(
      denied,
    );
    expect(await failure(kv.range({ key: '/a', end: '/z', limit: 1 }, LONG_MS))).toMatchObject(denied);
    const { id } = await kv.grantLease(5, LONG_MS);
    expect(await kv.keepAlive(id, LONG_MS)).toBe(5);
    for (const credentials of [
      undefined,
      { user: 'lockd', password: 'wrong' },
      { user: 'nobody', password: 'x' },
    ]) {
      const stranger = open(endpoints, credentials ? { credentials } : {});
      const error = await failure(stranger.transact(ours, LONG_MS));
      expect(error).toMatchObject(denied);
    }
    // Tokens are in its memory only.
    await cluster.first.kill();
    cluster.first.start();
    await cluster.first.healthy();
    expect((await kv.transact(ours, LONG_MS)).succeeded).toBe(false);
    await kv.revoke(id, LONG_MS);
  });

  test('is not asked with a name where it does not ask for one', async () => {
    const { endpoints } = await startEtcd();
    const kv = open(endpoints, { credentials: { user: 'lockd', password: 'secret' } });
    expect(await failure(kv.transact({ compare: [], success: [] }, LONG_MS))).toMatchObject({
      fate: 'never',
      message: expect.stringContaining('authentication is not enabled'),
    });
  });
});

describeWith(['etcd'], 'three members of etcd', () => {
  describe('of which one is asked', () => {
    test('another is, when that one is gone, when it hangs, and when it is back', async () => {
      const cluster = await startEtcd({ members: 3 });
      const kv = open(cluster.endpoints);
      const write = (timeoutMs: number) =>
        failure(kv.transact({ compare: [], success: [put('k')] }, timeoutMs));
      expect(await write(LONG_MS)).toBeUndefined();
      await cluster.first.kill();
      // What was under way on its connection is unknown; who asks anew reaches another one.
      await write(LONG_MS);
      await untilTaken(() => write(LONG_MS));
      cluster.first.start();
      await cluster.first.healthy();
      const [, second] = cluster.members;
      second?.signal('SIGSTOP');
      await untilTaken(() => write(1_000));
      second?.signal('SIGCONT');
      await untilTaken(() => write(1_000));
    });
  });
});

/** A cluster that lost its leader needs a moment to have another. */
async function untilTaken(write: () => Promise<unknown>): Promise<void> {
  const end = performance.now() + 30_000;
  for (let error = await write(); error; error = await write()) {
    if (performance.now() > end) throw error;
  }
}
