/** The page and a cluster: on a member that does not lead it leads to the leader, and what is open lives through a failover. */
import { expect, onTestFinished, test } from 'vitest';
import { notLeaderText, Refusal } from '../../src/core/refusals.js';
import { parseListenAddress } from '../../src/http/addresses.js';
import type { ClusterMember, Leader } from '../../src/http/leader.js';
import { pageFiles } from '../../src/http/page-files.js';
import { listen } from '../../src/http/server.js';
import { Lockd } from '../../src/service/lockd.js';
import { handleCall } from '../../src/xmlrpc/dispatch.js';
import { proxyTo } from '../client/proxy.js';
import { leaderOf, serveMember } from '../cluster-daemons.js';
import { startEtcd } from '../etcd.js';
import { describeWith } from '../needs.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { live, openPage, rowOf } from './browser.js';
import { clientOf } from './guarded.js';

/** What the members of a cluster share, and who of them leads: real locks, in one process. */
class Cluster {
  readonly members: FakeMember[] = [];
  leader: FakeMember | undefined;

  constructor(readonly lockd: Lockd) {}

  /** Another one leads; the streams of the old one end with its term. */
  lead(leader: FakeMember | undefined): void {
    this.leader?.endStreams();
    this.leader = leader;
  }
}

/** Serves the cluster's locks while it leads, and refuses otherwise. */
class FakeMember implements ClusterMember {
  url = '';
  /** Streams that were opened, and requests that were refused. */
  visits = 0;
  readonly #streams = new Set<{ close(): void }>();

  constructor(private readonly cluster: Cluster) {}

  get leader(): Leader {
    const { leader } = this.cluster;
    return { isUs: leader === this, url: leader?.url };
  }

  endStreams(): void {
    for (const stream of this.#streams) stream.close();
  }

  async listen(): Promise<this> {
    const { lockd } = this.cluster;
    const refusal = () =>
      new Refusal({ refusal: 'unavailable', details: { member: this.url, leader: this.leader.url } });
    const service = new Proxy(lockd, {
      get: (target, name) => {
        if (name === 'readiness' && !this.leader.isUs)
          return () => ({ status: 'notReady', problems: [refusal().message] });
        const found: unknown = Reflect.get(target, name, target);
        if (typeof found !== 'function') return found;
        return (...parameters: unknown[]) =>
          this.leader.isUs || name === 'readiness'
            ? found.apply(target, parameters)
            : Promise.reject(refusal());
      },
    });
    const server = await listen({
      service,
      handleCall,
      events: {
        follow: (options) => {
          const following = lockd.follow(options);
          this.#streams.add(following);
          this.visits += 1;
          return following;
        },
      },
      id: lockd.id,
      member: this,
      log: () => {
        this.visits += 1;
      },
      addresses: [parseListenAddress('127.0.0.1:0')],
      pages: pageFiles(false),
    });
    onTestFinished(() => server.close());
    this.url = server.urls[0] ?? '';
    return this;
  }
}

/** Two members, of which the first leads. */
async function cluster() {
  const lockd = await Lockd.open(temporaryDirectory());
  onTestFinished(() => lockd.close());
  const made = new Cluster(lockd);
  const a = await new FakeMember(made).listen();
  const b = await new FakeMember(made).listen();
  made.lead(a);
  return { lockd, a, b, lead: (member: FakeMember | undefined) => made.lead(member) };
}

describeWith(['chromium'], 'the page of a cluster', () => {
  test('at a member that does not lead: the browser is at the leader at once, with what was asked for', async () => {
    const { lockd, a, b } = await cluster();
    await lockd.lock('r', 'A');
    const { page } = await openPage(`${b.url}/#/resource/r`);
    await page.getByRole('heading', { name: 'r', exact: true }).waitFor();
    await live(page);
    expect(page.url()).toBe(`${a.url}/#/resource/r`);
  });

  test('its daemon leads no more: it says so, names the leader, and leads there with what is shown', async () => {
    const { lockd, a, b, lead } = await cluster();
    await lockd.lock('r', 'A');
    const { page, problems } = await openPage(a.url);
    await rowOf(page, 'r').waitFor();
    await live(page);
    lead(b);
    await page.getByText(notLeaderText({ member: a.url, leader: b.url })).waitFor();
    await page.getByText(/^Not live since/).waitFor();
    // The browser names the redirection, and does not follow it.
    const about = problems([503]).filter((text) => !text.startsWith(`foreign request: ${b.url}/events?`));
    expect({ about, visits: b.visits }).toEqual({ about: [], visits: 0 });
    await page.getByRole('link', { name: 'r', exact: true }).click();
    await page.getByRole('link', { name: `Open it at the leader, ${new URL(b.url).host}` }).click();
    await page.getByRole('article', { name: 'Hold of A' }).waitFor();
    await live(page);
    expect(page.url()).toBe(`${b.url}/#/resource/r`);
  });

  test('its daemon leads again: it is live again, and has missed nothing', async () => {
    const { lockd, a, b, lead } = await cluster();
    const { page } = await openPage(a.url);
    await live(page);
    lead(undefined);
    await page.getByText('there is none at present').waitFor();
    expect(await page.getByRole('link', { name: /Open it at the leader/ }).count()).toBe(0);
    await lockd.lock('meanwhile', 'A');
    lead(b);
    await page.getByRole('link', { name: /Open it at the leader/ }).waitFor();
    lead(a);
    await page.getByRole('button', { name: 'Try now' }).click();
    await live(page);
    await rowOf(page, 'meanwhile').waitFor();
    expect(await page.locator('.banner').isVisible()).toBe(false);
  });

  test('behind a load balancer it goes on at the new leader by itself', async () => {
    const { lockd, a, b, lead } = await cluster();
    const proxy = await proxyTo(a.url);
    const { page, problems } = await openPage(proxy.url);
    await live(page);
    lead(b);
    proxy.down();
    await lockd.lock('meanwhile', 'A');
    await page.getByText(/^Not live since/).waitFor();
    proxy.target = b.url;
    await live(page);
    await rowOf(page, 'meanwhile').waitFor();
    expect(problems().filter((text) => !text.includes('ERR_'))).toEqual([]);
  });
});

describeWith(['chromium', 'etcd'], 'the page of a real cluster', () => {
  test('the leader is killed: the page goes on at the other one, behind the address of both, and has missed nothing', async () => {
    const etcd = await startEtcd();
    const members = [await serveMember(etcd), await serveMember(etcd)];
    const { leader, followers } = await leaderOf(members);
    await clientOf({ url: leader.url, client: 'A' }).lock('before');
    const proxy = await proxyTo(leader.url);
    const { page } = await openPage(proxy.url);
    await rowOf(page, 'before').waitFor();
    await live(page);
    leader.daemon.child.kill('SIGKILL');
    await page.getByText(/^Not live since/).waitFor();
    const { leader: next } = await leaderOf(followers);
    await clientOf({ url: next.url, client: 'A' }).lock('meanwhile');
    proxy.target = next.url;
    await live(page);
    await rowOf(page, 'before').waitFor();
    await rowOf(page, 'meanwhile').waitFor();
  });
});
