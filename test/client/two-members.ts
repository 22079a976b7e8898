/**
 * Two members of a cluster in this process, over real HTTP: each is reached through a proxy, by which its connections can be cut,
 * and one service stands for what they share. Who leads is said by the test.
 */
import { onTestFinished } from 'vitest';
import { Refusal } from '../../src/core/refusals.js';
import { parseListenAddress } from '../../src/http/addresses.js';
import type { ClusterMember } from '../../src/http/leader.js';
import { listen } from '../../src/http/server.js';
import { Lockd } from '../../src/service/lockd.js';
import { handleCall } from '../../src/xmlrpc/dispatch.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { type CuttingProxy, proxyTo } from './proxy.js';
import { tcpServer } from './servers.js';

export interface Member {
  /** Where clients reach it. */
  readonly url: string;
  readonly proxy: CuttingProxy;
  /** Where it listens itself. */
  readonly behind: string;
}

export class TwoMembers {
  /** Undefined: nobody leads. */
  leader: Member | undefined;
  /** Whom the others name, which need not be right. */
  named: Member | undefined;

  constructor(
    readonly lockd: Lockd,
    readonly a: Member,
    readonly b: Member,
  ) {}

  /** Both addresses, as one list. */
  get url(): string {
    return `${this.a.url},${this.b.url}`;
  }

  /** It leads from now on, and can be reached; the other one cuts its connections, and says so. */
  lead(leader: Member): void {
    const other = leader === this.a ? this.b : this.a;
    other.proxy.down();
    other.proxy.target = other.behind;
    leader.proxy.target = leader.behind;
    this.leader = leader;
    this.named = leader;
  }

  /** The leader is gone, with its connections, and nobody leads; the other one still names it. */
  kill(): void {
    this.leader?.proxy.down();
    this.leader = undefined;
  }

  /** The leader answers nothing any more, and nobody leads; the other one still names it. */
  async freeze(): Promise<void> {
    const hole = await tcpServer(() => undefined);
    const { leader } = this;
    this.kill();
    if (leader) leader.proxy.target = hole;
  }
}

/** The first leads. */
export async function twoMembers(): Promise<TwoMembers> {
  const lockd = await Lockd.open(temporaryDirectory());
  onTestFinished(() => lockd.close());
  const cluster: { made?: TwoMembers } = {};
  const member = async () => listening(lockd, cluster, await proxyTo('http://127.0.0.1:1'));
  const made = new TwoMembers(lockd, await member(), await member());
  cluster.made = made;
  made.lead(made.a);
  return made;
}

async function listening(
  lockd: Lockd,
  cluster: { readonly made?: TwoMembers },
  proxy: CuttingProxy,
): Promise<Member> {
  const { url } = proxy;
  const leads = () => cluster.made?.leader?.url === url;
  const leader = () => ({ isUs: leads(), url: cluster.made?.named?.url });
  const refusal = () => {
    const { url: named } = leader();
    const details = { member: url, leader: named === url ? undefined : named };
    return new Refusal({ refusal: 'unavailable', details });
  };
  const clusterMember: ClusterMember = {
    url,
    get leader() {
      return leader();
    },
  };
  const server = await listen({
    service: new Proxy(lockd, {
      get: (target, name) => {
        const found: unknown = Reflect.get(target, name, target);
        if (typeof found !== 'function') return found;
        return leads() ? found.bind(target) : () => Promise.reject(refusal());
      },
    }),
    events: {
      follow: (options) => {
        if (!leads()) throw refusal();
        return lockd.follow(options);
      },
    },
    handleCall,
    id: lockd.id,
    member: clusterMember,
    addresses: [parseListenAddress('127.0.0.1:0')],
  });
  onTestFinished(() => server.close());
  return { url, proxy, behind: server.urls[0] ?? '' };
}
