/** clients/lockd.sh, whose answers are cut off at every byte: a lock is never taken twice. */
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { LockdClient } from '../../src/client/client.js';
import { tcpServer } from '../client/servers.js';
import { serve } from '../daemon.js';
import { describeWith } from '../needs.js';
import { lockdSh } from './shell-process.js';

/** How many run at once: most of their time is a pause between two tries. */
const AT_ONCE = 12;

/** Resource names, all as long, that say after how many bytes the first answer to which method is cut off. */
function nameOf(method: string, cut: number): string {
  return `${method}/${String(cut).padStart(5, '0')}`;
}

/** A way to a daemon for requests whose resource is called so; counts those of each resource. */
async function cuttingProxy(target: string) {
  const requests = new Map<string, number>();
  const url = await tcpServer((client) => {
    const daemon = connect(Number(new URL(target).port), '127.0.0.1');
    daemon.on('error', () => client.destroy());
    client.on('close', () => daemon.destroy());
    let request = '';
    let left = Number.POSITIVE_INFINITY;
    client.on('data', (chunk) => {
      request += chunk.toString();
      if (request.includes('</methodCall>')) left = cutOf(request, requests);
      daemon.write(chunk);
    });
    daemon.on('data', (chunk) => {
      client.write(chunk.subarray(0, left));
      left -= chunk.length;
      if (left < 0) client.end();
    });
    daemon.on('close', () => client.end());
  });
  return { url, requests };
}

/** How many bytes of the answer to a request come through. */
function cutOf(request: string, requests: Map<string, number>): number {
  const [, method, resource = ''] = /<methodName>(\w+)<[\s\S]*?<string>([^<]*)</.exec(request) ?? [];
  const [cutMethod, cut] = resource.split('/');
  if (method !== cutMethod) return Number.POSITIVE_INFINITY;
  const count = requests.get(resource) ?? 0;
  requests.set(resource, count + 1);
  return count === 0 ? Number(cut) : Number.POSITIVE_INFINITY;
}

async function inParallel<Item>(items: readonly Item[], work: (item: Item) => Promise<void>) {
  const rest = [...items];
  const worker = async () => {
    for (let item = rest.shift(); item !== undefined; item = rest.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

describeWith(['curl', 'flock'], 'lockd.sh and lost answers', () => {
  // A lock that may wait is asked for with a place in the line, which is granted at once.
  test.each([
    ['lock', [], 1],
    ['enqueue', ['--wait', '1m'], 11],
  ] as const)(
    'the answer to %s is cut off at every byte: no lock is taken twice (%j, every %i)',
    async (method, words, step) => {
      const { url } = await serve();
      const watcher = new LockdClient({ url, client: 'watcher' });
      const proxy = await cuttingProxy(url);
      const lock = (cut: number) =>
        lockdSh(['lock', nameOf(method, cut), '--ttl', '1h', ...words], { url: proxy.url });
      // One that is not cut tells how long an answer is.
      const length = await answerLength(url, method);
      expect(length).toBeGreaterThan(500);
      const cuts = Array.from({ length: Math.ceil(length / step) }, (_, at) => at * step);
      await inParallel(cuts, async (cut) => {
        const { status, stdout, stderr } = await lock(cut);
        expect({ cut, status, stderr }).toEqual({ cut, status: 0, stderr: '' });
        expect(proxy.requests.get(nameOf(method, cut)), `tries when cut at ${cut}`).toBe(2);
        expect(await watcher.check(nameOf(method, cut), stdout.trim())).toBe(true);
      });
      expect(await watcher.stats()).toMatchObject({
        grants: cuts.length + 1,
        held: cuts.length + 1,
        waiting: 0,
      });
    },
    // Some 40 s of work for two processors that have nothing else to do.
    600_000,
  );
});

/** The bytes of a whole answer to such a call for a resource whose name is as long. */
async function answerLength(target: string, method: string): Promise<number> {
  let length = 0;
  const url = await tcpServer((client) => {
    const daemon = connect(Number(new URL(target).port), '127.0.0.1');
    client.pipe(daemon).pipe(client);
    daemon.on('data', (chunk) => {
      length += chunk.length;
    });
  });
  const words = method === 'lock' ? [] : ['--wait', '1m'];
  await lockdSh(['lock', nameOf(method, 99_999), '--ttl', '1h', ...words], { url });
  return length;
}
