/**
 * What is compared with: one member of etcd with its durable defaults, on the same file system. Taking is a put that
 * happens only where the key is absent, giving back is a delete: the least that a lock on etcd can be, without the lease
 * that its own lock would make beside it.
 *
 * It is called over its JSON gateway, because that is plain HTTP: the same client can be the load of all servers, and
 * nothing has to be installed. A program would rather use gRPC, which spares etcd the gateway's work; how much processor
 * time a call takes stands in the table, so that a reader can judge.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Exchange, Pair } from './load.js';
import { endsWithUs, type RunningServer } from './servers.js';

/** Seconds until it must answer. */
const START_SECONDS = 30;

/** Starts a cluster of one on free ports. */
export async function startEtcd(directory: string): Promise<RunningServer> {
  const begun = performance.now();
  const [url, peers] = [`http://127.0.0.1:${await freePort()}`, `http://127.0.0.1:${await freePort()}`];
  const words = {
    name: 'bench',
    'data-dir': directory,
    'listen-client-urls': url,
    'advertise-client-urls': url,
    'listen-peer-urls': peers,
    'initial-advertise-peer-urls': peers,
    'initial-cluster': `bench=${peers}`,
    logger: 'zap',
    'log-level': 'error',
  };
  const child = spawn(
    'etcd',
    Object.entries(words).map(([name, value]) => `--${name}=${value}`),
    { stdio: 'ignore' },
  );
  const exited = once(endsWithUs(child), 'exit');
  while (!(await isHealthy(url))) {
    if (child.exitCode !== null)
      throw new Error(`etcd ended with status ${child.exitCode} before it answered`);
    if (performance.now() - begun > START_SECONDS * 1_000) {
      child.kill('SIGKILL');
      throw new Error(`etcd did not answer within ${START_SECONDS} s`);
    }
    await pause(50);
  }
  return {
    url,
    startSeconds: (performance.now() - begun) / 1_000,
    pid: child.pid as number,
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

/** Put-if-absent and delete. */
export function etcdPair(name: string): Pair {
  const [key, value] = [base64(`lock/${name}`), base64(`client-of-${name}`)];
  return {
    take: exchange('/v3/kv/txn', '"succeeded":true', {
      compare: [{ key, target: 'CREATE', result: 'EQUAL', create_revision: '0' }],
      success: [{ request_put: { key, value } }],
    }),
    giveBack: exchange('/v3/kv/deleterange', '"deleted":"1"', { key }),
  };
}

function exchange(path: string, expected: string, message: object): Exchange {
  return {
    path,
    contentType: 'application/json',
    body: JSON.stringify(message),
    check(answer) {
      if (!answer.includes(expected)) throw new Error(`etcd answered ${answer}`);
    },
  };
}

async function isHealthy(url: string): Promise<boolean> {
  try {
    return (await (await fetch(`${url}/health`)).text()).includes('true');
  } catch {
    return false;
  }
}

/** For a server that has to be told its port. Another process may take it meanwhile: then the server ends and says so. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
