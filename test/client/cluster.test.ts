/** Several addresses: of one cluster, tried in turn, and of independent daemons, each with its own resources. */
import { Agent, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import serializer from 'xmlrpc/lib/serializer.js';
import { LockdClient } from '../../src/client/client.js';
import { AnotherCluster, NoDaemon } from '../../src/client/errors.js';
import { crc32Shard } from '../../src/client/shards.js';
import { realDaemon } from '../cli/world.js';
import { serve } from '../daemon.js';
import { deadUrl, httpAnswer, tcpServer, xmlAnswer } from './servers.js';

const AT_ONCE = { client: 'A', retry: { delay: 0, jitter: 0 } };

/** A daemon that answers true to everything, names its lock directory, and counts what it is asked. */
async function daemonOf(id: string | undefined, answers = Number.POSITIVE_INFINITY) {
  const asked = { calls: 0 };
  const url = await tcpServer((socket) => {
    socket.on('data', () => {
      asked.calls += 1;
      if (asked.calls > answers) {
        socket.destroy();
        return;
      }
      const header = id === undefined ? '' : `X-Lockd-Id: ${id}\r\n`;
      socket.write(xmlAnswer(true).replace('\r\n', `\r\n${header}`));
    });
  });
  return { url, asked };
}

const [ONE, TWO] = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222'];

describe('addresses of one cluster', () => {
  test('are tried in turn, and the one that answered is asked first from then on', async () => {
    let tried = 0;
    const broken = await tcpServer((socket) => {
      tried += 1;
      socket.destroy();
    });
    const { url, asked } = await daemonOf(ONE);
    const client = new LockdClient({ ...AT_ONCE, urls: [broken, await deadUrl(), url] });
    expect(await client.check('r', '17')).toBe(true);
    expect(client.url.href).toBe(`${url}/`);
    expect(await client.check('r', '17')).toBe(true);
    expect([tried, asked.calls]).toEqual([1, 2]);
  });

  test('may stand in one text', async () => {
    const { url } = await daemonOf(ONE);
    const client = new LockdClient({ ...AT_ONCE, url: `${await deadUrl()}, ${url}` });
    expect(await client.check('r', '17')).toBe(true);
  });

  test('nobody answers at any: all are named', async () => {
    const urls = [await deadUrl(), await deadUrl()] as const;
    const retry = { ...AT_ONCE.retry, attempts: 4 };
    const error: Error = await new LockdClient({ client: 'A', retry, urls }).check('r', '17').then(
      () => new Error('it succeeded'),
      (thrown) => thrown,
    );
    expect(error).toBeInstanceOf(NoDaemon);
    expect(error.message).toMatch(
      `No daemon answers at ${urls[0]} or ${urls[1]} (connection refused; 4 tries)`,
    );
  });

  test('a daemon that stops, or does not lead, sends on to the next', async () => {
    const notLeader = httpAnswer(
      serializer.serializeFault({ faultCode: 16, faultString: 'is not the leader' }),
    );
    let asked = 0;
    const follower = await tcpServer((socket) => {
      socket.on('data', () => {
        asked += 1;
        socket.write(notLeader);
      });
    });
    const { url } = await daemonOf(undefined);
    expect(await new LockdClient({ ...AT_ONCE, urls: [follower, url] }).unlock('r')).toBe(true);
    expect(asked).toBe(1);
    // Alone it is asked again, whatever is asked: nothing was done.
    const retry = { ...AT_ONCE.retry, attempts: 4 };
    const alone = new LockdClient({ client: 'A', retry, url: follower });
    const refused = { refusal: 'unavailable', message: 'is not the leader' };
    await expect(alone.unlock('r')).rejects.toMatchObject(refused);
    expect(asked).toBe(5);
    await expect(alone.unlock('r', { token: '17' })).rejects.toMatchObject(refused);
    expect(asked).toBe(9);
    // But for a wait, whose time goes by: that is counted before it is sent again.
    await expect(alone.wait('r', 60)).rejects.toMatchObject(refused);
    await expect(alone.call('lock', 'r', 'A', { wait: 60 })).rejects.toMatchObject(refused);
    expect(asked).toBe(11);
  });

  test('another lock directory answers: an error, and nothing is asked again', async () => {
    const first = await daemonOf(ONE, 1);
    const second = await daemonOf(TWO);
    const client = new LockdClient({ ...AT_ONCE, urls: [first.url, second.url] });
    expect(await client.check('r', '17')).toBe(true);
    const error: Error = await client.check('r', '17').then(
      () => new Error('it succeeded'),
      (thrown) => thrown,
    );
    expect(error).toBeInstanceOf(AnotherCluster);
    expect(error.message).toBe(
      `${second.url} belongs to another cluster (${TWO}) than the daemon that answered before (${ONE}): ` +
        'together they would grant one lock twice. Name only addresses of one cluster; independent daemons are shards',
    );
    expect(second.asked.calls).toBe(1);
  });

  test('two real daemons in one list are told apart', async () => {
    const [first, second] = [await serve(), await serve()];
    const client = new LockdClient({ ...AT_ONCE, urls: [first.url, second.url] });
    const hold = await client.acquire('r');
    await first.daemon.kill();
    await expect(client.lock('s')).rejects.toBeInstanceOf(AnotherCluster);
    // The next renewals go to the addresses in turn, and the other daemon knows nothing of this lock.
    await expect(hold.renewNow()).rejects.toBeInstanceOf(NoDaemon);
    await expect(hold.renewNow()).rejects.toMatchObject({
      name: 'LockLost',
      cause: expect.any(AnotherCluster),
    });
  });
});

describe('shards', () => {
  test('the default is that of the clients of dflockd: CRC-32 of the name in UTF-8', () => {
    // As Python's zlib.crc32 has them.
    expect(crc32Shard('resource1', 2 ** 32)).toBe(2_008_337_170);
    expect(crc32Shard('é名', 2 ** 32)).toBe(362_107_989);
    expect(['a', 'b', 'e', 'f', 'deploy/prod'].map((name) => crc32Shard(name, 3))).toEqual([0, 2, 0, 2, 0]);
  });

  test('each resource is on one daemon, and lists join them', async () => {
    const daemons = await Promise.all([realDaemon(), realDaemon()]);
    const shards = daemons.map(({ url }) => url);
    const client = new LockdClient({ client: 'A', shards });
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const holds = await Promise.all(names.map((name) => client.acquire(name)));
    for (const [index, url] of shards.entries()) {
      const listed = await new LockdClient({ url }).list();
      expect(listed.map(({ resource }) => resource)).toEqual(
        names.filter((name) => crc32Shard(name, 2) === index),
      );
    }
    expect((await client.list()).map(({ resource }) => resource)).toEqual(names);
    expect((await client.list({ count: 2, after: 'b' })).map(({ resource }) => resource)).toEqual(['c', 'd']);
    expect(await client.history({ resource: 'a' })).toMatchObject([{ event: 'granted' }]);
    await expect(client.stats()).rejects.toThrow('stats asks one daemon, and this client has 2 shards');
    await expect(client.history()).rejects.toThrow('history asks one daemon');
    await Promise.all(holds.map((hold) => hold.release()));
  });

  test('another way to choose', async () => {
    const daemons = await Promise.all([daemonOf(ONE), daemonOf(TWO)]);
    const shards = daemons.map(({ url }) => url);
    const asked: unknown[] = [];
    const shardOf = (resource: string, count: number) => {
      asked.push([resource, count]);
      return resource.length - 1;
    };
    const client = new LockdClient({ ...AT_ONCE, shards, shardOf });
    await client.check('ab', '17');
    expect(asked).toEqual([['ab', 2]]);
    expect(daemons.map((daemon) => daemon.asked.calls)).toEqual([0, 1]);
    await expect(client.check('abc', '17')).rejects.toThrow("shardOf('abc', 2) must answer 0 to 1, not 2");
  });
});

test('headers go with every request, over the connections of the agent', async () => {
  const seen: unknown[] = [];
  const server = createServer((request, response) => {
    seen.push([request.method, request.headers['x-team'], request.headers['content-type']]);
    response.setHeader('Content-Type', 'application/json').end('{"status": "ok", "problems": []}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const agent = new Agent({ keepAlive: true });
  const made: unknown[] = [];
  agent.on('free', (socket) => made.push(socket));
  onTestFinished(() => agent.destroy());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = new LockdClient({ ...AT_ONCE, url, headers: { 'X-Team': 'ops' }, agent });
  expect(await client.health()).toEqual({ status: 'ok', problems: [] });
  await client.check('r', '17').catch(() => undefined);
  client.close();
  expect(await client.health()).toEqual({ status: 'ok', problems: [] });
  expect(seen).toEqual([
    ['GET', 'ops', undefined],
    ['POST', 'ops', 'text/xml'],
    ['GET', 'ops', undefined],
  ]);
  expect(made.length).toBeGreaterThan(0);
});
