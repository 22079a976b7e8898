/** A directory with a past, the etcd in memory it is moved to, and a machine that dies at a chosen step of the move. */
import type { Claim } from '../../src/disk/claim.js';
import type { Disk, OpenFile } from '../../src/disk/disk.js';
import type { Kv } from '../../src/etcd/kv.js';
import type { LockService } from '../../src/service/api.js';
import type { Clock } from '../../src/service/clock.js';
import { type MigrateOptions, type Migration, migrateDirectory } from '../../src/service/migrate.js';
import { crashCopy } from '../store/fixture.js';
import { FakeFenceRunner } from './fake-runner.js';
import { begin, FENCE_ALL } from './fixture.js';
import { type MemberCluster, type Opened, PREFIX, STORE } from './member-fixture.js';
import { quickDisk } from './quick-disk.js';

/** Time passes only where somebody waits, and then at once. */
export class QuickClock implements Clock {
  #now = 0;

  time(): number {
    return Date.UTC(2026, 10, 21, 9) + this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  after(milliseconds: number, action: () => void): () => void {
    this.#now += milliseconds;
    const timer = setImmediate(action);
    return () => clearImmediate(timer);
  }

  nextRound(action: () => void): void {
    setImmediate(action);
  }
}

const CLAIM: Claim = { lost: new Promise(() => undefined), warnings: [], release: async () => undefined };

/** Moves `directory` to the prefix that the members of `cluster` have. */
export function migrate(directory: string, kv: Kv, given: Partial<MigrateOptions> = {}): Promise<Migration> {
  return migrateDirectory({
    ...{ directory, kv, store: STORE, prefix: PREFIX, disk: quickDisk, clock: new QuickClock() },
    claim: async () => CLAIM,
    makeFenceRunner: () => new FakeFenceRunner(),
    ...given,
  });
}

export interface Past {
  readonly directory: string;
  /** By client. */
  readonly tokens: Readonly<Record<string, string>>;
}

/**
 * What a daemon left that was killed: a hold with a lease and one with a retry key, a semaphore, a line with a claim, a lock
 * that was forced away, one whose retry key is used up, and one that is being fenced.
 */
export async function past(): Promise<Past> {
  const { lockd, clock, directory } = await begin({ fence: FENCE_ALL });
  const tokens: Record<string, string> = {};
  const lock = async (resource: string, client: string, options = {}) => {
    tokens[client] = (await lockd.lock(resource, client, options)).token;
  };
  await lock('lost', 'L', { ttl: 10 });
  await clock.advance(10_000);
  await lock('leased', 'A', { ttl: 60, note: 'why' });
  await lock('keyed', 'K', { request: 'key-1' });
  await lock('shared', 'S1', { limit: 3 });
  await lock('shared', 'S2', { limit: 3 });
  await lock('line', 'H');
  await lockd.enqueue('line', 'W', { claim: 600 });
  await lock('used', 'U', { request: 'key-2' });
  await lockd.unlock('used', 'U');
  return { directory: crashCopy(directory), tokens };
}

/** All that clients can see of what is locked. */
export async function seen(service: LockService): Promise<unknown> {
  const statuses = await service.list();
  return statuses
    .map(({ resource, state, limit, holders, queue, fence }) => ({
      ...{ resource, state, limit },
      holders: holders.map(({ client, token, ttl, note, acquired }) => ({
        client,
        token,
        ttl,
        note,
        acquired,
      })),
      queue: queue.map(({ client, position }) => ({ client, position })),
      fence: fence?.map(({ client, token }) => ({ client, token })),
    }))
    .sort((a, b) => (a.resource < b.resource ? -1 : 1));
}

/** A member that leads where the locks were moved to. */
export function lead(cluster: MemberCluster, name = 'a'): Promise<Opened> {
  return cluster.stand(name, { fence: FENCE_ALL });
}

/** The process is no more: whatever it does from now on has no effect, and is not answered. */
export class Died extends Error {}

/** Counts the steps of a process that change something or ask etcd, and ends it at one. */
export class Mortal {
  steps = 0;

  /** @param diesAt the step before which it dies, counted from 0, or with `isAfter` right behind which. */
  constructor(
    private readonly diesAt = Number.POSITIVE_INFINITY,
    private readonly isAfter = false,
  ) {}

  do<T>(work: () => T): T {
    const step = this.steps;
    this.steps += 1;
    if (step > this.diesAt || (step === this.diesAt && !this.isAfter)) throw new Died();
    const answer = work();
    if (step === this.diesAt) throw new Died();
    return answer;
  }

  async doLater<T>(work: () => Promise<T>): Promise<T> {
    const step = this.steps;
    this.steps += 1;
    if (step > this.diesAt || (step === this.diesAt && !this.isAfter)) throw new Died();
    const answer = await work();
    if (step >= this.diesAt) throw new Died();
    return answer;
  }

  disk(inner: Disk): Disk {
    return {
      ...inner,
      create: (path) => this.#file(this.do(() => inner.create(path))),
      open: (path, access) => inner.open(path, access),
      makeDirectory: (path) => this.do(() => inner.makeDirectory(path)),
      removeDirectory: (path) => this.do(() => inner.removeDirectory(path)),
      link: (from, to) => this.do(() => inner.link(from, to)),
      rename: (from, to) => this.do(() => inner.rename(from, to)),
      unlink: (path) => this.do(() => inner.unlink(path)),
      syncDirectory: (path) => this.doLater(() => inner.syncDirectory(path)),
    };
  }

  #file(file: OpenFile): OpenFile {
    return {
      inode: file.inode,
      links: file.links,
      write: (bytes, position) => this.do(() => file.write(bytes, position)),
      read: (target, position) => file.read(target, position),
      readLater: (target, position) => file.readLater(target, position),
      truncate: (length) => this.do(() => file.truncate(length)),
      sync: () => this.doLater(() => file.sync()),
      close: () => file.close(),
    };
  }

  kv(inner: Kv): Kv {
    return {
      transact: (transaction, timeoutMs) => this.doLater(() => inner.transact(transaction, timeoutMs)),
      range: (range, timeoutMs) => this.doLater(() => inner.range(range, timeoutMs)),
      grantLease: (ttl, timeoutMs) => inner.grantLease(ttl, timeoutMs),
      keepAlive: (id, timeoutMs) => inner.keepAlive(id, timeoutMs),
      revoke: (id, timeoutMs) => inner.revoke(id, timeoutMs),
      close: () => inner.close(),
    };
  }
}
