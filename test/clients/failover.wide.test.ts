/**
 * All clients at a failover, on two daemons and a real etcd: the leader is killed, or stands still for longer than its lease lives,
 * while commands run, others wait for their turn, a program locks and unlocks all the time, and somebody watches.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { LockdClient } from '../../src/client/client.js';
import { leaderOf, serveMember } from '../cluster-daemons.js';
import { LockdProcess, type RunningDaemon } from '../daemon.js';
import { startEtcd } from '../etcd.js';
import { describeWith } from '../needs.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { startLockdPy } from './python-process.js';
import { startLockdSh } from './shell-process.js';

/** Milliseconds in which another one leads, and a call that was made meanwhile is answered. */
const FAILOVER_MS = 10_000;
const CALL_MS = 15_000;

/** Each starts `run` with these words. */
const CLIENTS = {
  lockd: (words: readonly string[], url: string) =>
    new LockdProcess(['run', ...words], { variables: { LOCKD_URL: url } }),
  python: (words: readonly string[], url: string) => startLockdPy(['run', ...words], url),
  shell: (words: readonly string[], url: string) => startLockdSh(['run', ...words], { url }),
};

/** A command that says so when it has begun, and goes on until the file is there. */
function until(file: string): string[] {
  return [
    '--',
    'sh',
    '-c',
    `echo "began $LOCKD_TOKEN"; while [ ! -e ${file} ]; do sleep 0.1; done; echo over`,
  ];
}

/** Locks and unlocks all the time; every call must succeed. */
class Worker {
  pairs = 0;
  longestMs = 0;
  readonly tokens: bigint[] = [];
  readonly failures: unknown[] = [];
  #isOver = false;
  readonly #done: Promise<void>;

  constructor(
    private readonly client: LockdClient,
    private readonly resource: string,
  ) {
    this.#done = this.#work();
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#done;
  }

  async #work(): Promise<void> {
    while (!this.#isOver) {
      const began = performance.now();
      try {
        const { token } = await this.client.lock(this.resource, { ttl: 60 });
        this.tokens.push(BigInt(token));
        await this.client.unlock(this.resource, { token });
        this.pairs += 1;
      } catch (error) {
        this.failures.push(error);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      this.longestMs = Math.max(this.longestMs, performance.now() - began);
    }
  }
}

/** What a watch has printed, as far as it is about resources of this name. */
function told(watch: LockdProcess, resource: string): string[] {
  const events = watch.stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
  return events
    .filter((event) => event.resource === resource)
    .map(({ event, client }) => `${event} ${client}`);
}

async function cluster() {
  const etcd = await startEtcd();
  const members = [await serveMember(etcd), await serveMember(etcd)];
  const { leader, followers } = await leaderOf(members);
  const next = followers[0] as RunningDaemon;
  // The follower first: everybody has to find the leader.
  const urls = [next.url, leader.url];
  const client = (name: string) => {
    const made = new LockdClient({ urls, client: name });
    onTestFinished(() => made.close());
    return made;
  };
  return { leader, next, client, url: urls.join(',') };
}

describeWith(['etcd', 'python3', 'curl', 'flock'], 'all clients', () => {
  test.each(['SIGKILL', 'SIGSTOP'] as const)('the leader gets %s', async (signal) => {
    const { leader, next, client, url } = await cluster();
    const enough = join(temporaryDirectory(), 'enough');
    const operator = client('operator');
    await operator.lock('beginning', { ttl: 600 });
    const [begun] = await operator.history();
    const watch = new LockdProcess(['watch', '--events', '--json', '--after', begun?.id ?? '', '--url', url]);
    const runs = Object.entries(CLIENTS).map(([name, start]) => {
      const words = [`r-${name}`, '--ttl', '20s', '--client'];
      return {
        name,
        holder: start([...words, `${name}-holder`, ...until(enough)], url),
        waiter: () => start([...words, `${name}-waiter`, '--', 'echo', 'had its turn'], url),
      };
    });
    await Promise.all(runs.map(({ holder }) => holder.wrote('stdout', /began \d+/)));
    const waiters = runs.map(({ waiter }) => waiter());
    await expect.poll(async () => (await operator.stats()).waiting, { timeout: 60_000 }).toBe(waiters.length);
    const workers = ['one', 'two', 'three'].map((name) => new Worker(client(name), `w-${name}`));

    const gone = performance.now();
    leader.daemon.child.kill(signal);
    onTestFinished(() => void leader.daemon.child.kill('SIGCONT'));
    await leaderOf([next]);
    const failoverMs = performance.now() - gone;
    expect(failoverMs).toBeLessThan(FAILOVER_MS);
    const { pairs: before } = workers[0] as Worker;
    await expect
      .poll(() => workers.every(({ pairs }) => pairs > before + 20), { timeout: 60_000 })
      .toBe(true);
    // All leases of the old leader would be over by now.
    await new Promise((resolve) => setTimeout(resolve, 20_000));
    if (signal === 'SIGSTOP') leader.daemon.child.kill('SIGCONT');
    await Promise.all(workers.map((worker) => worker.stop()));
    writeFileSync(enough, '');

    for (const [index, { name, holder }] of runs.entries()) {
      expect([await holder.ended, holder.stdout], name).toEqual([
        0,
        expect.stringMatching(/^began \d+\nover\n$/),
      ]);
      const waiter = waiters[index];
      expect([await waiter?.ended, waiter?.stdout], name).toEqual([0, 'had its turn\n']);
    }
    expect(workers.flatMap(({ failures }) => failures)).toEqual([]);
    for (const { tokens, longestMs } of workers) {
      expect(tokens).toEqual([...tokens].sort((one, other) => (one < other ? -1 : 1)));
      expect(longestMs).toBeLessThan(CALL_MS);
    }
    await operator.lock('end', { ttl: 600 });
    await expect.poll(() => told(watch, 'end'), { timeout: 20_000 }).toEqual(['granted operator']);
    expect(watch.stderr).not.toContain('missing');
    for (const { name } of runs) {
      const [holder, waiter] = [`${name}-holder`, `${name}-waiter`];
      const changes = [`granted ${holder}`, `queued ${waiter}`, `unlocked ${holder}`];
      const turn = [`granted ${waiter}`, `unlocked ${waiter}`];
      expect(told(watch, `r-${name}`), name).toEqual([...changes, ...turn]);
    }
    const held = (await operator.list()).map(({ resource }) => resource);
    expect(held).toEqual(['beginning', 'end']);
    const longestMs = Math.max(...workers.map((worker) => worker.longestMs));
    console.log(
      `${signal}: another one led after ${(failoverMs / 1_000).toFixed(1)} s, ` +
        `the longest pair of calls took ${(longestMs / 1_000).toFixed(1)} s`,
    );
  });
});
