/**
 * Real etcd for tests and experiments: one member or three on free ports of 127.0.0.1, with their data in a directory that
 * is gone afterwards. They end with the test or the experiment. Tests that use it need `etcd` (test/needs.ts).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import * as http from 'node:http';
import * as https from 'node:https';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { atLast } from './at-last.js';
import type { KeyPair } from './certificates.js';
import { temporaryDirectory } from './temporary-directory.js';

export interface EtcdSettings {
  /** How many there are: 1 unless given. */
  readonly members?: 1 | 3;
  /** Clients speak TLS: the authority that signed `server`, the members' certificate, and `client`, which they ask for. */
  readonly tls?: { readonly ca: string; readonly server: KeyPair; readonly client?: KeyPair };
  /** Bytes of its database from which on etcd is full. */
  readonly quotaBytes?: number;
  /** More of its flags: `auto-compaction-retention`, … */
  readonly flags?: Readonly<Record<string, string>>;
}

/** Seconds until all members must answer: beside other work that starts. */
const START_SECONDS = 60;

/** A port may be taken between its choice and the start. */
const STARTS = 3;

/** A cluster that answers. */
export async function startEtcd(settings: EtcdSettings = {}): Promise<EtcdCluster> {
  for (let start = 1; ; start += 1) {
    const cluster = new EtcdCluster(settings, await placesFor(settings.members ?? 1, settings));
    try {
      for (const member of cluster.members) member.start();
      await Promise.all(cluster.members.map((member) => member.healthy()));
      return cluster;
    } catch (error) {
      await cluster.stop();
      if (start === STARTS) throw error;
    }
  }
}

interface MemberPlace {
  readonly name: string;
  /** Where clients call it. */
  readonly url: URL;
  /** Where the other members do. */
  readonly peerUrl: string;
}

async function placesFor(count: number, { tls }: EtcdSettings): Promise<MemberPlace[]> {
  const ports = await freePorts(count * 2);
  return Array.from({ length: count }, (_, index) => ({
    name: `member-${index}`,
    url: new URL(`${tls ? 'https' : 'http'}://127.0.0.1:${ports[index * 2]}`),
    peerUrl: `http://127.0.0.1:${ports[index * 2 + 1]}`,
  }));
}

/** Chosen while all are open, so that they differ. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

export class EtcdCluster {
  readonly members: readonly EtcdMember[];

  constructor(
    private readonly settings: EtcdSettings,
    places: readonly MemberPlace[],
  ) {
    const directory = temporaryDirectory();
    this.members = places.map((place) => new EtcdMember(place, places, directory, settings));
    atLast(() => this.stop());
  }

  /** Where clients call them. */
  get endpoints(): URL[] {
    return this.members.map(({ url }) => url);
  }

  /** As `--store` has them: `127.0.0.1:2379,127.0.0.1:22379`. */
  get hosts(): string {
    return this.endpoints.map(({ host }) => host).join(',');
  }

  /** Calls the gateway of a member as it is: `post('/v3/kv/compaction', { revision: '7' })`. Rejects with etcd's error. */
  post(
    path: string,
    message: object,
    token?: string,
    { url }: { url: URL } = this.first,
  ): Promise<Record<string, unknown>> {
    return post(new URL(path, url), message, this.settings, token);
  }

  /** Makes a user `root` and turns on that etcd asks who calls. */
  async enableAuth(rootPassword: string): Promise<void> {
    await this.post('/v3/auth/user/add', { name: 'root', password: rootPassword });
    await this.post('/v3/auth/role/add', { name: 'root' });
    await this.post('/v3/auth/user/grant', { user: 'root', role: 'root' });
    await this.post('/v3/auth/enable', {});
  }

  get first(): EtcdMember {
    return this.members[0] as EtcdMember;
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map((member) => member.kill()));
  }
}

/** One member. It keeps its ports and its data when it ends and starts again. */
export class EtcdMember {
  readonly url: URL;
  #child: ChildProcess | undefined;

  constructor(
    place: MemberPlace,
    places: readonly MemberPlace[],
    directory: string,
    private readonly settings: EtcdSettings,
  ) {
    const { name, url, peerUrl } = place;
    const { tls, quotaBytes, flags } = settings;
    this.url = url;
    this.#flags = {
      name,
      'data-dir': join(directory, name),
      'listen-client-urls': url.origin,
      'advertise-client-urls': url.origin,
      'listen-peer-urls': peerUrl,
      'initial-advertise-peer-urls': peerUrl,
      'initial-cluster': places.map((other) => `${other.name}=${other.peerUrl}`).join(','),
      logger: 'zap',
      'log-level': 'error',
      ...(tls && { 'cert-file': tls.server.cert, 'key-file': tls.server.key }),
      ...(tls?.client && { 'client-cert-auth': 'true', 'trusted-ca-file': tls.ca }),
      ...(quotaBytes !== undefined && { 'quota-backend-bytes': String(quotaBytes) }),
      ...flags,
    };
  }

  readonly #flags: Readonly<Record<string, string>>;

  /** Of its process; undefined while there is none. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  start(): void {
    if (this.#child) return;
    const words = Object.entries(this.#flags).map(([name, value]) => `--${name}=${value}`);
    const child = spawn('etcd', words, { stdio: 'ignore' });
    this.#child = child;
    child.once('exit', () => {
      if (this.#child === child) this.#child = undefined;
    });
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  /** Ends it at once, if it runs. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (!child) return;
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }

  /** Resolves when it answers, and knows a leader. */
  async healthy(): Promise<void> {
    const end = performance.now() + START_SECONDS * 1_000;
    while (!(await this.#isHealthy())) {
      if (!this.#child) throw new Error('etcd ended before it answered');
      if (performance.now() > end) throw new Error(`etcd did not answer within ${START_SECONDS} s`);
      await pause(50);
    }
  }

  async #isHealthy(): Promise<boolean> {
    try {
      // A linearizable read, of a key that nobody has.
      await post(new URL('/v3/kv/range', this.url), { key: 'AA==' }, this.settings);
      return true;
    } catch (error) {
      return (error as Error).message.includes('user name is empty');
    }
  }
}

async function post(
  url: URL,
  message: object,
  { tls }: EtcdSettings,
  token?: string,
): Promise<Record<string, unknown>> {
  const body = JSON.stringify(message);
  const options = {
    method: 'POST',
    timeout: 10_000,
    headers: {
      'content-length': Buffer.byteLength(body),
      ...(token === undefined ? {} : { authorization: token }),
    },
    ...(tls && { ca: readFileSync(tls.ca) }),
    ...(tls?.client && { cert: readFileSync(tls.client.cert), key: readFileSync(tls.client.key) }),
  };
  const request = tls ? https.request(url, options) : http.request(url, options);
  request.once('timeout', () => request.destroy(new Error('etcd did not answer within 10 s')));
  request.end(body);
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  const answer = await text(response);
  if (response.statusCode !== 200) throw new Error(answer);
  return JSON.parse(answer);
}
