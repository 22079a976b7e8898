/**
 * What it costs to keep locks in etcd: `lockd serve --store` beside what a program could do without it, put-if-absent and
 * delete, on the same etcd, in turn. And how long nobody gets a lock when the daemon that leads is killed.
 */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { absentOf } from '../programs.js';
import { type ComparisonOptions, ETCD, measureInTurn, type Row } from './comparison.js';
import { etcdPair, freePort, startEtcd } from './etcd.js';
import { lockPair, openCaller } from './load.js';
import { type RunningServer, startLockd } from './servers.js';

export const ON_ETCD = 'lockd --store etcd';

/** How often the leader is killed. */
const FAILOVERS = 5;

/** Seconds within which somebody must lead. */
const LEAD_SECONDS = 60;

export interface ClusterResult {
  readonly pairs: readonly Row[];
  /** Seconds from the kill to the first lock that another member granted, in order. */
  readonly failovers: readonly number[];
}

/** Undefined where etcd is not here. */
export async function measureCluster(options: ComparisonOptions): Promise<ClusterResult | undefined> {
  const { directory, progress } = options;
  if (absentOf(['etcd']).length > 0) {
    progress('etcd is not here (Debian: etcd-server), and what needs it is left out');
    return undefined;
  }
  const etcd = await startEtcd(join(directory, 'etcd-cluster'));
  try {
    const pairs: Row[] = [];
    for (const connections of [1, 64]) pairs.push(...(await comparePairs(connections, etcd, options)));
    return { pairs, failovers: await measureFailovers(etcd, options) };
  } finally {
    await etcd.stop();
  }
}

async function comparePairs(
  connections: number,
  etcd: RunningServer,
  options: ComparisonOptions,
): Promise<Row[]> {
  const member = await startMember(
    etcd,
    `pairs-${connections}`,
    join(options.directory, `on-etcd-${connections}`),
  );
  try {
    await granted(member);
    return await measureInTurn(
      connections,
      [
        { name: ON_ETCD, server: member, pairFor: lockPair },
        { name: ETCD, server: etcd, pairFor: etcdPair },
      ],
      options,
    );
  } finally {
    await member.stop();
  }
}

async function measureFailovers(
  etcd: RunningServer,
  { directory, progress }: ComparisonOptions,
): Promise<number[]> {
  const start = (name: string) => startMember(etcd, 'failover', join(directory, name));
  let leader = await start('member-0');
  await granted(leader);
  let follower = await start('member-1');
  const times: number[] = [];
  try {
    for (let round = 1; round <= FAILOVERS; round += 1) {
      progress(`the leader is killed, ${round} of ${FAILOVERS}`);
      const begun = performance.now();
      process.kill(leader.pid, 'SIGKILL');
      await granted(follower);
      times.push((performance.now() - begun) / 1_000);
      await leader.stop();
      [leader, follower] = [follower, await start(`member-${round + 1}`)];
    }
    return times;
  } finally {
    await Promise.all([leader.stop(), follower.stop()]);
  }
}

/** `lockd serve --store` below `prefix`. */
async function startMember(etcd: RunningServer, prefix: string, directory: string): Promise<RunningServer> {
  const listen = `127.0.0.1:${await freePort()}`;
  const store = `etcd://${new URL(etcd.url).host}/${prefix}`;
  return startLockd(directory, ['--store', store, '--advertise-url', `http://${listen}`], listen);
}

/** Resolves when a member has granted a lock, and taken it back. */
async function granted({ url }: RunningServer): Promise<void> {
  const { take, giveBack } = lockPair('failover');
  const end = performance.now() + LEAD_SECONDS * 1_000;
  for (;;) {
    const caller = openCaller('http', url);
    try {
      await caller.call(take);
      await caller.call(giveBack);
      return;
    } catch (error) {
      if (performance.now() > end) throw error;
    } finally {
      caller.close();
    }
    await pause(10);
  }
}
