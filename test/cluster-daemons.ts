/** Real processes of `lockd serve --store`, on a real etcd. They end with the test or the experiment. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { LockdProcess, type RunningDaemon, type Surroundings } from './daemon.js';
import type { EtcdCluster } from './etcd.js';
import { temporaryDirectory } from './temporary-directory.js';

export interface MemberPlace extends Surroundings {
  /** Where it listens; any free port of 127.0.0.1 when absent. */
  readonly url?: string;
  /** What `--advertise-url` says; `url` when absent. */
  readonly advertised?: string;
  readonly directory?: string;
  /** What `--store` says; `etcd://` with the hosts of etcd and `/lockd` when absent. */
  readonly store?: string;
  /** More words of its command line. */
  readonly words?: readonly string[];
}

/** Another process may take a port between its choice and the start. */
const STARTS = 5;

/** A member of the cluster that has its locks below `/lockd`; it listens, and need not lead. */
export async function serveMember(etcd: EtcdCluster, place: MemberPlace = {}): Promise<RunningDaemon> {
  for (let start = 1; ; start += 1) {
    const member = await startMember(etcd, place);
    try {
      await member.daemon.wrote('stdout', /http:\/\/127\.0\.0\.1:\d+/);
      return member;
    } catch (error) {
      const isTaken = place.url === undefined && member.daemon.stderr.includes('the port is in use');
      if (!isTaken || start === STARTS) throw error;
    }
  }
}

/** The same, not yet ready. */
export async function startMember({ hosts }: EtcdCluster, place: MemberPlace = {}): Promise<RunningDaemon> {
  const { directory = temporaryDirectory(), store = `etcd://${hosts}/lockd`, words = [], ...rest } = place;
  const { url = `http://127.0.0.1:${await freePort()}`, advertised = url, ...surroundings } = rest;
  const daemon = new LockdProcess(
    [
      ...['serve', '--directory', directory, '--listen', new URL(url).host],
      ...['--store', store, '--advertise-url', advertised],
      ...words,
    ],
    surroundings,
  );
  return { daemon, url, directory };
}

/** A member says beforehand how it is called, and so cannot take any port. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { readonly port: number };
  await once(server.close(), 'close');
  return port;
}

/** Resolves when one of them leads, with it and the others. */
export async function leaderOf(
  members: readonly RunningDaemon[],
): Promise<{ readonly leader: RunningDaemon; readonly followers: readonly RunningDaemon[] }> {
  for (;;) {
    for (const leader of members) {
      if (!(await isReady(leader.url))) continue;
      return { leader, followers: members.filter((member) => member !== leader) };
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(new URL('/readyz', url))).ok;
  } catch {
    return false;
  }
}
