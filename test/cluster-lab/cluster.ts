/** Three nodes: a member of etcd and a daemon on each, in a network of their own. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { atLast } from '../at-last.js';
import { eventually } from '../crash/eventually.js';
import { LockdProcess } from '../daemon.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { isHealthy, memberStatus, readLeader, type SeenLeader } from './etcd-calls.js';
import { FenceRuns } from './fence-runs.js';
import { Member, memberUrl } from './member.js';
import { Network, type Site } from './network.js';

export const NODES: readonly Site[] = [1, 2, 3];

/** All keys of the daemons begin so. */
export const PREFIX = '/lockd/lab';

const DAEMONS = 7420;

/** Small enough to be filled in a few seconds; what a round writes has room in it many times. */
const QUOTA_BYTES = 24 << 20;

/** Milliseconds within which processes have to be ready, on a busy machine. */
const PATIENCE_MS = 60_000;

/** Characters of its log that tell why a daemon ended. */
const LAST_WORDS = 1_000;

/** Between two starts of a daemon that ended by itself: its directory may be claimed still. */
const AGAIN_MS = 500;

export interface ClusterOptions {
  /** Where `lockd` is, if not in this package. */
  readonly script?: string;
}

interface NodeOptions extends ClusterOptions {
  /** More words for each daemon. */
  readonly words: readonly string[];
}

/** One machine, as it were. */
export class Node {
  readonly url: string;
  readonly member: Member;
  readonly memberUrl: string;
  /** All daemons so far, one after another; the last one may have ended. */
  readonly daemons: LockdProcess[] = [];
  /** Of those that had begun to listen and ended by themselves: when, and what they said last. */
  readonly ended: { readonly at: number; readonly text: string }[] = [];
  /** Whether a daemon that has ended is to be started again. */
  #isWanted = false;

  constructor(
    readonly site: Site,
    private readonly network: Network,
    private readonly directory: string,
    private readonly options: NodeOptions,
  ) {
    const address = network.address(site);
    this.url = `http://${address}:${DAEMONS}`;
    this.memberUrl = memberUrl(address);
    this.member = new Member({
      name: `member-${site}`,
      address,
      peers: new Map(NODES.map((other) => [`member-${other}`, network.address(other)])),
      directory: join(directory, 'etcd'),
      through: network.through(site),
      quotaBytes: QUOTA_BYTES,
    });
    mkdirSync(join(directory, 'locks'), { recursive: true, mode: 0o700 });
  }

  get daemon(): LockdProcess | undefined {
    return this.daemons.at(-1);
  }

  /** Starts a daemon, and another one whenever it ends by itself before `endDaemon`. */
  startDaemon(): void {
    this.#isWanted = true;
    const { script, words } = this.options;
    const endpoints = NODES.map((site) => `${this.network.address(site)}:2379`).join();
    const daemon = new LockdProcess(
      [
        ...['serve', '--directory', join(this.directory, 'locks'), '--listen', new URL(this.url).host],
        ...['--store', `etcd://${endpoints}${PREFIX}`, '--advertise-url', this.url],
        ...['--trusted-network', '--allow-host', '*', ...words],
      ],
      { through: this.network.through(this.site), ...(script === undefined ? {} : { script }) },
    );
    this.daemons.push(daemon);
    atLast(() => {
      this.#isWanted = false;
    });
    void daemon.ended.then((status) => this.#again(daemon, status));
  }

  /** Ends the daemon, which stays ended. */
  async endDaemon(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.#isWanted = false;
    this.daemon?.child.kill(signal);
    await this.daemon?.ended;
  }

  async #again(daemon: LockdProcess, status: number | NodeJS.Signals): Promise<void> {
    const isMeant = () => this.#isWanted && this.daemon === daemon;
    if (isMeant() && daemon.stdout.includes('listens')) {
      const text = `the daemon of node ${this.site} ended by itself with ${status}: ${daemon.stderr.slice(-LAST_WORDS)}`;
      this.ended.push({ at: performance.now(), text });
    }
    await sleep(AGAIN_MS);
    if (isMeant()) this.startDaemon();
  }
}

export class Cluster {
  readonly network: Network;
  readonly nodes: readonly Node[];
  readonly fences: FenceRuns;

  /** Ends with the experiment. */
  constructor({ script }: ClusterOptions = {}) {
    const directory = temporaryDirectory();
    this.network = new Network(NODES.length, directory);
    this.fences = new FenceRuns(directory);
    this.nodes = NODES.map((site) => {
      const options = { ...(script === undefined ? {} : { script }), words: this.fences.words };
      return new Node(site, this.network, join(directory, `node-${site}`), options);
    });
  }

  /** Resolves when etcd works and a daemon leads. */
  async start(): Promise<void> {
    for (const { member } of this.nodes) member.start();
    await eventually('etcd has a leader', async () => (await this.etcdLeader()) !== undefined, PATIENCE_MS);
    for (const node of this.nodes) node.startDaemon();
    const isLed = async () => (await this.leaderNode()) !== undefined;
    await eventually('a daemon leads', isLed, PATIENCE_MS).catch((error: Error) => {
      const words = this.nodes.map(({ daemon }) => `${daemon?.stdout}${daemon?.stderr}`);
      throw new Error(`${error.message}: ${words.join('')}`);
    });
  }

  node(site: Site): Node {
    const found = this.nodes.find((node) => node.site === site);
    if (!found) throw new Error(`there is no node ${site}`);
    return found;
  }

  /** The node whose daemon leads by what etcd says; undefined where none does, or etcd says nothing. */
  async leaderNode(): Promise<Node | undefined> {
    const leader = await this.leader();
    return this.nodes.find(({ url }) => url === leader?.url);
  }

  /** Whether all members are well and a daemon leads. */
  async isWhole(): Promise<boolean> {
    const healthy = await Promise.all(this.nodes.map((node) => isHealthy(node.memberUrl, 1_000)));
    return !healthy.includes(false) && (await this.leaderNode()) !== undefined;
  }

  /** Undefined where etcd says nothing. */
  leader(milliseconds = 2_000): Promise<SeenLeader | undefined> {
    return firstOf(this.nodes.map(({ memberUrl: url }) => readLeader(url, PREFIX, milliseconds)));
  }

  /** The node whose member leads etcd. */
  async etcdLeader(): Promise<Node | undefined> {
    return firstOf(
      this.nodes.map(async (node) => {
        const { leadsEtcd } = await memberStatus(node.memberUrl, 2_000);
        if (!leadsEtcd) throw new Error('another one leads');
        return node;
      }),
    );
  }
}

/** The first that resolves; undefined where none does. */
function firstOf<T>(answers: readonly Promise<T>[]): Promise<T | undefined> {
  return Promise.any(answers).catch(() => undefined);
}
