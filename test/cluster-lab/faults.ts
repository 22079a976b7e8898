/** What goes wrong in a cluster, one at a time, and how it is put right again. */
import { oneOf, type Random } from '../random.js';
import type { Stage } from './actor.js';
import type { Cluster, Node } from './cluster.js';
import { NODES } from './cluster.js';
import { compact, empty, fill, revokeLease } from './etcd-calls.js';
import { type Direction, LAB, type Site } from './network.js';
import { moveOn } from './quiet.js';

export interface Scene {
  readonly cluster: Cluster;
  readonly stage: Stage;
  readonly random: Random;
  /** Whom it hits. */
  readonly target: Node;
  /** Says that it begins only now: what was done before was made ready for it. */
  begins(): void;
}

/** What becomes of the one it hits. */
export type Reach =
  /** It leads as before, or may. */
  | 'whole'
  /** It cannot learn whether it leads, nor write; clients may reach it. */
  | 'cut'
  /** It is not there, or does nothing. */
  | 'gone';

export interface Fault {
  readonly name: string;
  /** Seconds that it lasts. */
  readonly seconds: readonly [least: number, most: number];
  readonly reach: Reach;
  /** It hits who leads, and nobody else. */
  readonly onlyLeader?: boolean;
  /** Whether changes go on meanwhile: a majority lives, takes something, and is reached. */
  readonly hasMajority: boolean;
  /** Answers how it is put right. */
  begin(scene: Scene): Promise<Undo>;
}

type Undo = () => unknown;

/** Long enough for a failover to be seen to its end. */
const LONG = [9, 12] as const;
/** Also longer than any lease. */
const STOP = [6, 15] as const;
const SHORT = [3, 8] as const;

/** Kilobits a second: a few calls each. */
const SLOW_KILOBITS = 200;

function others(site: Site): Site[] {
  return NODES.filter((other) => other !== site);
}

function into(site: Site, from: readonly Site[]): Direction[] {
  return from.map((one) => ({ from: one, to: site }));
}

function outOf(site: Site, to: readonly Site[]): Direction[] {
  return to.map((one) => ({ from: site, to: one }));
}

/** Drops what goes in the directions that `of` says. */
function cut(name: string, of: (site: Site) => Direction[], reach: Reach = 'cut'): Fault {
  return {
    name,
    seconds: LONG,
    reach,
    hasMajority: true,
    begin: async ({ cluster: { network }, target }) => {
      network.cut(of(target.site));
      return async () => network.heal();
    },
  };
}

/** What befalls the processes of a node, or of all; `undo` puts it right. */
function happens(name: string, more: Partial<Omit<Fault, 'name' | 'begin'>>, begin: Fault['begin']): Fault {
  return { name, seconds: LONG, reach: 'gone', hasMajority: true, ...more, begin };
}

async function killMember({ member }: Node): Promise<void> {
  await member.kill();
}

/** All that the daemons keep, and what etcd does for them. */
export const FAULTS: readonly Fault[] = [
  cut('a node is cut off', (site) => {
    const rest = [...others(site), LAB];
    return [...into(site, rest), ...outOf(site, rest)];
  }),
  cut('a node is cut off, but not from clients', (site) => [
    ...into(site, others(site)),
    ...outOf(site, others(site)),
  ]),
  {
    name: 'a quiet leader is cut off, but not from who asks',
    seconds: LONG,
    reach: 'cut',
    onlyLeader: true,
    // There is nobody to change anything.
    hasMajority: false,
    begin: async ({ cluster: { network }, target, stage, begins }) => {
      const move = await moveOn(stage, target.url);
      begins();
      network.cut([...into(target.site, others(target.site)), ...outOf(target.site, others(target.site))]);
      const moving = move();
      return async () => {
        network.heal();
        stage.isQuiet = false;
        await moving;
      };
    },
  },
  cut('nothing reaches a node, but from clients', (site) => into(site, others(site))),
  cut('nothing leaves a node, but to clients', (site) => outOf(site, others(site))),
  cut(
    'two nodes are cut off from each other',
    (site) => {
      const [one = site] = others(site);
      return [...into(site, [one]), ...outOf(site, [one])];
    },
    'whole',
  ),
  happens('kill -9 of a daemon', {}, async ({ target }) => {
    await target.endDaemon('SIGKILL');
    return async () => target.startDaemon();
  }),
  happens('SIGTERM for a daemon', { seconds: SHORT }, async ({ target }) => {
    await target.endDaemon('SIGTERM');
    return async () => target.startDaemon();
  }),
  happens('SIGSTOP of a daemon', { seconds: STOP }, async ({ target }) => {
    target.daemon?.child.kill('SIGSTOP');
    return async () => target.daemon?.child.kill('SIGCONT');
  }),
  happens('kill -9 of a member', { seconds: SHORT, reach: 'whole' }, async ({ target }) => {
    await killMember(target);
    return async () => target.member.start();
  }),
  happens('SIGSTOP of a member', { seconds: STOP, reach: 'whole' }, async ({ target: { member } }) => {
    member.signal('SIGSTOP');
    return async () => member.signal('SIGCONT');
  }),
  happens('kill -9 of a node', {}, async ({ target }) => {
    await Promise.all([killMember(target), target.endDaemon('SIGKILL')]);
    return async () => {
      target.member.start();
      target.startDaemon();
    };
  }),
  happens('SIGSTOP of a node', { seconds: STOP }, async ({ target: { member, daemon } }) => {
    daemon?.child.kill('SIGSTOP');
    member.signal('SIGSTOP');
    return async () => {
      member.signal('SIGCONT');
      daemon?.child.kill('SIGCONT');
    };
  }),
  happens(
    'kill -9 of two members',
    { seconds: SHORT, reach: 'whole', hasMajority: false },
    async ({ cluster, target }) => {
      const nodes = [target, cluster.node(others(target.site)[0] ?? target.site)];
      await Promise.all(nodes.map(killMember));
      return async () => {
        for (const { member } of nodes) member.start();
      };
    },
  ),
  happens(
    'kill -9 of all daemons',
    { seconds: SHORT, hasMajority: false },
    async ({ cluster: { nodes } }) => {
      await Promise.all(nodes.map((node) => node.endDaemon('SIGKILL')));
      return async () => {
        for (const node of nodes) node.startDaemon();
      };
    },
  ),
  happens(
    'an operator ends the lease of the leader',
    { seconds: SHORT, reach: 'whole', onlyLeader: true },
    async ({ cluster }) => {
      const leader = await cluster.leader();
      if (leader && leader.createRevision > 0)
        await revokeLease(cluster.nodes[0]?.memberUrl ?? '', leader.lease);
      return () => undefined;
    },
  ),
  happens(
    'etcd is full',
    { seconds: SHORT, reach: 'whole', hasMajority: false },
    async ({ cluster: { nodes }, target }) => {
      let number = 0;
      while (await fill(target.memberUrl, number)) number += 1;
      return () => empty(nodes.map(({ memberUrl }) => memberUrl));
    },
  ),
  happens('compaction', { seconds: [1, 3], reach: 'whole' }, async ({ target }) => {
    await compact(target.memberUrl);
    return () => undefined;
  }),
  {
    name: 'slow links',
    seconds: SHORT,
    reach: 'whole',
    hasMajority: false,
    begin: async ({ cluster: { network }, target, random }) => {
      const slow = oneOf(random, [[target.site], NODES]);
      for (const site of slow) network.slow(site, SLOW_KILOBITS);
      return async () => network.heal();
    },
  },
];
