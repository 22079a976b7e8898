/** Two daemons on one etcd, from the outside: who answers what, and what becomes of the locks when the leader goes. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { LockdClient } from '../../src/client/client.js';
import { CertificateAuthority } from '../certificates.js';
import { leaderOf, serveMember, startMember } from '../cluster-daemons.js';
import { eventually } from '../crash/eventually.js';
import { lockd, type RunningDaemon, startServe } from '../daemon.js';
import { startEtcd } from '../etcd.js';
import { EventReader } from '../http/event-reader.js';
import { request, Wire } from '../http/wire.js';
import { describeWith } from '../needs.js';
import { scrape } from '../scrape.js';
import { temporaryDirectory } from '../temporary-directory.js';

/** Milliseconds in which another one leads after the leader was killed. */
const FAILOVER_MS = 10_000;

/** Less than the lease of a leader lives: whoever is followed so soon has resigned. */
const RESIGNED_MS = 4_000;

/** A cluster of two on an etcd of its own. */
async function cluster() {
  const etcd = await startEtcd();
  const members = [await serveMember(etcd), await serveMember(etcd)];
  const { leader, followers } = await leaderOf(members);
  return { etcd, leader, follower: followers[0] as RunningDaemon };
}

function call(method: string, ...texts: readonly string[]): string {
  const params = texts.map((text) => `<param><value>${text}</value></param>`).join('');
  return `<methodCall><methodName>${method}</methodName><params>${params}</params></methodCall>`;
}

/** As any client of XML-RPC sends it; nothing is followed. */
async function post(url: string, path: string, body: string) {
  const headers = { 'Content-Type': 'text/xml' };
  const answer = await fetch(new URL(path, url), { method: 'POST', headers, body, redirect: 'manual' });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}

async function get(url: string, path: string) {
  const answer = await fetch(new URL(path, url), { redirect: 'manual' });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}

function clientOf({ url }: RunningDaemon, client: string): LockdClient {
  const made = new LockdClient({ url, client });
  onTestFinished(() => made.close());
  return made;
}

/** What a program prints. */
async function printed(program: string, words: readonly string[]): Promise<string> {
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  return text(child.stdout);
}

describeWith(['etcd'], 'a leader and a follower', () => {
  test('the follower refuses calls, sends on who follows, and answers for itself', async () => {
    const { etcd, leader, follower } = await cluster();
    const refusal = `${follower.url} is not the leader, ask ${leader.url}`;
    expect(follower.daemon.stdout).toContain(`lockd 0.1.0 listens at ${follower.url}
One of a cluster, as ${follower.url}: it stands for leader, and the log says when it leads
Store: etcd://${etcd.hosts}/lockd; lock files, while it leads: ${follower.directory}
`);

    const refused = await post(follower.url, '/RPC2', call('status', 'r'));
    expect(refused.status).toBe(200);
    expect(refused.text).toContain('<int>16</int>');
    expect(refused.text).toContain(refusal);
    expect(refused.headers.get('x-lockd-leader')).toBe(leader.url);

    const sentOn = await post(follower.url, '/RPC2?follow', call('status', 'r'));
    expect(sentOn.status).toBe(307);
    expect(sentOn.headers.get('location')).toBe(`${leader.url}/RPC2?follow`);
    const followed = await post(leader.url, '/RPC2?follow', call('status', 'r'));
    expect(followed.text).toContain('<string>free</string>');
    expect(followed.headers.has('x-lockd-leader')).toBe(false);
    expect(followed.headers.get('x-lockd-id')).toBe(refused.headers.get('x-lockd-id'));

    for (const path of ['/', '/events?prefix=a']) {
      const answer = await get(follower.url, path);
      expect([answer.status, answer.headers.get('location')]).toEqual([307, leader.url + path]);
    }
    expect(await get(follower.url, '/readyz')).toMatchObject({
      status: 503,
      text: `${JSON.stringify({ status: 'notReady', problems: [refusal] })}\n`,
    });
    expect(await get(leader.url, '/readyz')).toMatchObject({ status: 200 });
    expect(await get(follower.url, '/healthz')).toMatchObject({ status: 200 });
    expect((await get(follower.url, '/lockd.py')).text).toContain(follower.url);
    expect((await scrape(leader.url)).get('lockd_leader')).toBe(1);
    expect((await scrape(follower.url)).get('lockd_leader')).toBe(0);
    expect((await scrape(follower.url)).get('lockd_refusals_total{refusal="unavailable"}')).toBe(1);
    expect((await post(follower.url, '/', call('system.listMethods'))).text).toContain('forceUnlock');
    expect((await post(leader.url, '/', call('stats'))).text).toContain(leader.url);
    const pinged = await lockd(['ping', '--url', leader.url]);
    expect(pinged.stdout).toMatch(/, and leads its cluster\n$/);
  });

  test('the leader is killed: the follower leads within 10 s, and every lock and place is there', async () => {
    const { etcd, leader, follower } = await cluster();
    const held = await clientOf(leader, 'A').lock('r', { ttl: 60, request: 'K' });
    const queued = await post(
      leader.url,
      '/',
      '<methodCall><methodName>enqueue</methodName><params><param><value>r</value></param><param><value>B</value></param>' +
        '<param><value><struct><member><name>claim</name><value><int>600</int></value></member></struct></value></param></params></methodCall>',
    );
    expect(queued.text).toContain('queued');
    const reader = new EventReader(leader.url, '/events');
    await reader.until(() => reader.events.length > 0);
    const lastId = reader.lastId;

    const killed = performance.now();
    leader.daemon.child.kill('SIGKILL');
    await leaderOf([follower]);
    expect(performance.now() - killed).toBeLessThan(FAILOVER_MS);

    const client = clientOf(follower, 'A');
    expect(await client.lock('r', { ttl: 60, request: 'K' })).toMatchObject({ token: held.token });
    expect((await client.status('r')).queue).toMatchObject([{ client: 'B', position: 1 }]);
    expect(existsSync(join(follower.directory, 'r.lock'))).toBe(true);
    await client.unlock('r', { token: held.token });
    const resumed = new EventReader(follower.url, '/events', { headers: { 'Last-Event-ID': lastId } });
    await resumed.until(() => resumed.lines.some((line) => line.includes('unlocked r')));
    expect(resumed.lines.filter((line) => line.includes('gap'))).toEqual([]);

    const back = await serveMember(etcd, leader);
    expect((await get(back.url, '/readyz')).text).toContain(`ask ${follower.url}`);
    expect(readdirSync(back.directory)).toEqual(['.lockd']);
  });

  test('the leader is stopped in good order: it resigns, and the other leads before any lease is over', async () => {
    const { leader, follower } = await cluster();
    const { token } = await clientOf(leader, 'A').lock('r', { ttl: 60 });
    const stopped = performance.now();
    leader.daemon.child.kill('SIGTERM');
    await leaderOf([follower]);
    expect(performance.now() - stopped).toBeLessThan(RESIGNED_MS);
    expect(await leader.daemon.ended).toBe(0);
    expect(await clientOf(follower, 'A').check('r', token)).toBe(true);
    expect(readdirSync(leader.directory)).toEqual(['.lockd']);
  });
});

describeWith(['etcd'], 'a member that is called by a name', () => {
  test('answers to the name that it advertises, and to no other', async () => {
    const member = await serveMember(await startEtcd(), { advertised: 'http://lock-a.example.org:7420' });
    await leaderOf([member]);
    const statusAs = async (host: string) => {
      const wire = await Wire.to(member.url);
      const { status } = await wire.send(request('GET /', [`Host: ${host}`])).answer();
      wire.socket.destroy();
      return status;
    };
    expect(await statusAs('lock-a.example.org:7420')).toBe(200);
    expect(await statusAs('lock-b.example.org:7420')).toBe(421);
  });
});

describeWith(['etcd'], 'etcd is not there', () => {
  test('a start waits for it, and says so', async () => {
    const etcd = await startEtcd();
    await etcd.first.kill();
    const member = await startMember(etcd);
    await member.daemon.wrote('stderr', /does not answer .*; it is tried for 30 s/);
    etcd.first.start();
    await member.daemon.wrote('stdout', /listens at/);
    await leaderOf([member]);
  });

  test('and is refused after 30 s, with what to do', async () => {
    const etcd = await startEtcd();
    await etcd.first.kill();
    const { daemon } = await startMember(etcd);
    expect(await daemon.ended).toBe(1);
    expect(daemon.stderr).toMatch(
      /has not answered for 30 s \(.*ECONNREFUSED.*\); see whether etcd runs there/,
    );
    expect(daemon.stdout).toBe('');
  });

  test('later: nobody leads, every member says so, and all goes on when it is back', async () => {
    const { etcd, leader, follower } = await cluster();
    const { token } = await clientOf(leader, 'A').lock('r');
    etcd.first.signal('SIGSTOP');
    onTestFinished(() => etcd.first.signal('SIGCONT'));
    for (const { url } of [leader, follower]) {
      await eventually('it is not well', async () => (await get(url, '/healthz')).status === 503);
    }
    const none = `${leader.url} is not the leader, and there is none at present`;
    await eventually('nobody leads', async () => (await get(leader.url, '/readyz')).text.includes(none));
    expect((await post(leader.url, '/', call('status', 'r'))).text).toMatch(
      /none at present \(etcd:.* has not answered/,
    );
    expect(await get(leader.url, '/')).toMatchObject({ status: 503, text: expect.stringContaining(none) });
    etcd.first.signal('SIGCONT');
    const { leader: next } = await leaderOf([leader, follower]);
    expect(await clientOf(next, 'A').check('r', token)).toBe(true);
    await eventually('all is well', async () => (await get(follower.url, '/healthz')).status === 200);
  });
});

describeWith(['etcd', 'openssl'], 'an etcd that asks who calls, by TLS', () => {
  test('it is reached with its authority and a password from a file, and not without', async () => {
    const authority = new CertificateAuthority();
    const etcd = await startEtcd({ tls: { ca: authority.ca, server: authority.server() } });
    await etcd.enableAuth('the password');
    const [right, wrong] = ['the password\n', 'another\n'].map((text) => {
      const file = join(temporaryDirectory(), 'secret');
      writeFileSync(file, text, { mode: 0o600 });
      return file;
    });
    const trusted = ['--store-ca', authority.ca];
    const store = `etcds://root@${etcd.hosts}/lockd`;
    const member = await serveMember(etcd, { store, words: [...trusted, '--store-secret-file', `${right}`] });
    await leaderOf([member]);
    await clientOf(member, 'A').lock('r');
    expect(member.daemon.stdout + member.daemon.stderr).not.toContain('the password');

    const stranger = await startMember(etcd, {
      store,
      words: [...trusted, '--store-secret-file', `${wrong}`],
    });
    expect(await stranger.daemon.ended).toBe(1);
    expect(stranger.daemon.stderr).toMatch(/authentication failed, invalid user ID or password/);
    const credulous = await startMember(etcd, { store, words: ['--store-secret-file', `${right}`] });
    await credulous.daemon.wrote('stderr', /does not answer \(.*(?:self[- ]signed|unable to).*certificate/);
  });
});

describeWith(['etcd'], 'a directory and a store belong together', () => {
  test('one that was used with a store is not served without', async () => {
    const { leader } = await cluster();
    await leader.daemon.kill();
    const alone = startServe([], leader.directory);
    expect(await alone.ended).toBe(1);
    expect(alone.stderr).toMatch(/are saved in etcd:.* start lockd with --store/);
  });
});

const ASK = `import sys, xmlrpc.client as x
for url in sys.argv[1:]:
    daemon = x.ServerProxy(url)
    try: print(daemon.lock('r', 'me')['client'])
    except x.Fault as fault: print(fault.faultCode, fault.faultString)`;

describeWith(['etcd', 'python3', 'curl'], 'clients that know nothing of lockd', () => {
  test("Python's own gets a fault of the follower, curl -L is led to the leader", async () => {
    const { leader, follower } = await cluster();
    expect(await printed('python3', ['-c', ASK, leader.url, follower.url])).toBe(
      `me\n16 ${follower.url} is not the leader, ask ${leader.url}\n`,
    );
    const words = ['-sSL', '-H', 'Content-Type: text/xml', '--data', call('status', 'r')];
    expect(await printed('curl', [...words, `${follower.url}/RPC2?follow`])).toContain(
      '<string>held</string>',
    );
  });
});

describeWith(['etcd', 'python3', 'systemd-notify'], 'systemd', () => {
  test('both are ready; who leads is told, and told anew when it changes', async () => {
    const etcd = await startEtcd();
    const socket = join(temporaryDirectory(), 'notify');
    const listener = spawn(
      'python3',
      [new URL('../examples/notified.py', import.meta.url).pathname, socket],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    onTestFinished(() => void listener.kill('SIGKILL'));
    let said = '';
    listener.stdout.on('data', (chunk) => {
      said += chunk;
    });
    await eventually('the service manager listens', () => said.includes('ready\n'));
    const leader = await serveMember(etcd);
    await leaderOf([leader]);
    const follower = await serveMember(etcd, { variables: { NOTIFY_SOCKET: socket } });
    const listens = `Listens at ${follower.url}`;
    await eventually('READY=1', () => said.includes('"READY=1"'));
    await eventually('it follows', () => said.includes(`STATUS=Follower of ${leader.url}. ${listens}`));
    leader.daemon.child.kill('SIGTERM');
    await eventually('it leads', () => said.includes(`STATUS=Leader. ${listens}`));
  });
});
