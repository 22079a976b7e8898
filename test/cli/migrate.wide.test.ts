/** `lockd migrate` from the outside: real processes, a real etcd, and kill -9 at any moment. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { LockdClient } from '../../src/client/client.js';
import { leaderOf, serveMember } from '../cluster-daemons.js';
import { LockdProcess, lockd, type RunningDaemon, serve, startServe } from '../daemon.js';
import { type EtcdCluster, startEtcd } from '../etcd.js';
import { describeWith } from '../needs.js';
import { chooseSeed, randomFrom } from '../random.js';

function storeOf({ hosts }: EtcdCluster): string {
  return `etcd://${hosts}/lockd`;
}

function clientOf({ url }: Pick<RunningDaemon, 'url'>, client: string): LockdClient {
  const made = new LockdClient({ url, client });
  onTestFinished(() => made.close());
  return made;
}

/** Some at a time, so that none waits for long. */
async function eachOf<T>(all: readonly T[], act: (one: T) => Promise<unknown>): Promise<void> {
  for (let first = 0; first < all.length; first += 50) {
    await Promise.all(all.slice(first, first + 50).map(act));
  }
}

/** A directory whose daemon was killed while it held so many locks. Answers their tokens, by resource. */
async function killed(count: number) {
  const running = await serve();
  const client = clientOf(running, 'A');
  const tokens = new Map<string, string>();
  const names = Array.from({ length: count }, (_, index) => `resource-${index}`);
  await eachOf(names, async (name) => tokens.set(name, (await client.lock(name)).token));
  await running.daemon.kill();
  return { directory: running.directory, tokens };
}

function migrateWords(etcd: EtcdCluster, directory: string): string[] {
  return ['migrate', '--directory', directory, '--store', storeOf(etcd), '--json'];
}

/** All is held by A at whoever leads, and each lock is given back with its old token. */
async function unlockAll(member: RunningDaemon, tokens: ReadonlyMap<string, string>): Promise<void> {
  await leaderOf([member]);
  const client = clientOf(member, 'A');
  expect((await client.stats()).held).toBe(tokens.size);
  await eachOf([...tokens], async ([name, token]) => expect(await client.unlock(name, { token })).toBe(true));
  expect(await client.list()).toEqual([]);
  const { token } = await client.lock('new');
  expect(Number(token)).toBeGreaterThan(Math.max(...[...tokens.values()].map(Number)));
}

describeWith(['etcd'], 'lockd migrate', () => {
  test('takes the locks of a killed daemon to a cluster, where they are given back with their tokens', async () => {
    const etcd = await startEtcd();
    const { directory, tokens } = await killed(200);
    const words = migrateWords(etcd, directory);
    expect(JSON.parse((await lockd([...words, '--dry-run'])).stdout)).toMatchObject({
      dryRun: true,
      moved: { holds: 200 },
    });
    const { status, stdout } = await lockd(words);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ dryRun: false, directory, moved: { holds: 200, places: 0 } });
    expect(readdirSync(directory).filter((name) => name.endsWith('.lock'))).toEqual([]);

    const alone = startServe([], directory);
    expect(await alone.ended).toBe(1);
    expect(alone.stderr).toContain(`start lockd with --store ${storeOf(etcd)}`);
    expect(JSON.parse((await lockd(words)).stdout)).toMatchObject({ wasMoved: true });
    await unlockAll(await serveMember(etcd, { directory }), tokens);
  });

  test('says what is in the way', async () => {
    const etcd = await startEtcd();
    const running = await serve();
    const refused = async (words: readonly string[]) => {
      const { status, stdout } = await lockd(words);
      return { status, message: JSON.parse(stdout).error.message };
    };
    const words = migrateWords(etcd, running.directory);
    expect(await refused(words)).toMatchObject({
      status: 1,
      message: expect.stringContaining('is owned by another lockd (process'),
    });
    await running.daemon.kill();
    writeFileSync(join(running.directory, 'foreign.lock'), 'F');
    expect(await refused(words)).toMatchObject({
      status: 1,
      message: expect.stringContaining('foreign.lock'),
    });
    expect((await refused(['migrate', '--directory', running.directory, '--json'])).status).toBe(2);
    const closed = ['migrate', '--directory', running.directory, '--store', 'etcd://127.0.0.1:1/x', '--json'];
    expect(existsSync(join(running.directory, '.lockd/store'))).toBe(false);
    const unanswered = new LockdProcess(closed);
    await pause(1_000);
    // It is tried for half a minute.
    expect(unanswered.child.exitCode).toBeNull();
    await unanswered.kill();
  });

  test('killed at any moment and run again, it loses nothing and serves one', {
    timeout: 300_000,
  }, async () => {
    const seed = chooseSeed();
    const random = randomFrom(seed);
    const etcd = await startEtcd();
    const { directory, tokens } = await killed(2_000);
    const words = migrateWords(etcd, directory);
    let kills = 0;
    // Longer and longer, so that on whatever machine one is not killed.
    for (let wait = 0; ; wait = random(500 * (kills + 1))) {
      const running = new LockdProcess(words);
      const end = await Promise.race([running.ended, pause(wait, 'late' as const)]);
      if (end !== 'late') {
        expect(end, `seed ${seed}: ${running.stdout}${running.stderr}`).toBe(0);
        break;
      }
      await running.kill();
      kills += 1;
      // By what is marked: a daemon that could start alone would find a prefix that nobody can lead from.
      const isMarked = existsSync(join(directory, '.lockd/store'));
      const { found } = await turnOf(etcd);
      expect(isMarked || found === 'moving' || found === 'nothing', `seed ${seed}`).toBe(true);
    }
    expect(kills).toBeGreaterThan(0);
    await unlockAll(await serveMember(etcd, { directory }), tokens);
  });
});

/** What stands at the turn key. */
async function turnOf(etcd: EtcdCluster): Promise<{ found: 'nothing' | 'moving' | 'turn' }> {
  const key = Buffer.from('/lockd/turn').toString('base64');
  const { kvs } = (await etcd.post('/v3/kv/range', { key })) as { kvs?: { value: string }[] };
  const value = kvs?.[0] && JSON.parse(Buffer.from(kvs[0].value, 'base64').toString());
  return { found: !value ? 'nothing' : value.moving ? 'moving' : 'turn' };
}
