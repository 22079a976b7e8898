/**
 * The client of etcd against servers that are not as they should be, over its JSON gateway; over gRPC: grpc.test.ts; against real
 * ones: gateway.wide.test.ts.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Kv } from '../../src/etcd/kv.js';
import { errorOf } from '../../src/etcd/refusals.js';
import { failure, LONG_MS, nobody, open } from './asking.js';
import {
  type Asked,
  answersJson as answers,
  answersGrpc,
  type FakeServer,
  type Reply,
  serve as serveBoth,
  transactionAnswer,
} from './fake-server.js';

const HEADER = { cluster_id: '7', revision: '12' };
const DONE = { header: HEADER, kvs: [] };

/** A question of which it does not matter whether it is asked twice. */
const ask = (kv: Kv, timeoutMs = LONG_MS) => kv.range({ key: 'a', end: 'b', limit: 1 }, timeoutMs);

const serve = (json: Reply) => serveBoth({ json });

describe('nothing was sent', () => {
  test('where nobody listens', async () => {
    const url = await nobody();
    const error = await failure(ask(open([url])));
    expect(error).toMatchObject({ fate: 'never', reason: undefined });
    expect(error.message).toMatch(`${url.origin}: connect ECONNREFUSED`);
  });

  test('where the name stands for nothing', async () => {
    const error = await failure(ask(open([new URL('http://nothing.invalid:2379')])));
    expect(error.fate).toBe('never');
  });

  test('where TLS is expected and something else is there', async () => {
    const { url, asked } = await serve(answers(DONE));
    const error = await failure(ask(open([new URL(`https://${url.host}`)])));
    expect(error.fate).toBe('never');
    expect(asked).toEqual([]);
  });

  test('where somebody takes connections and says nothing, before that takes too long', async () => {
    const sockets: Socket[] = [];
    const server = createTcpServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    const error = await failure(ask(open([new URL(`https://127.0.0.1:${port}`)]), 50));
    expect(error).toMatchObject({
      fate: 'never',
      message: expect.stringContaining('no connection within 50 ms'),
    });
  });
});

describe('nobody knows what became of it', () => {
  test.each<[string, Reply, string]>([
    ['the connection ends instead of an answer', (_, response) => response.destroy(), 'socket hang up'],
    [
      'the connection ends within the answer',
      (_, response) => {
        response.writeHead(200, { 'content-length': 1_000 });
        response.write('{"header":', () => response.destroy());
      },
      'aborted',
    ],
    ['the answer is no JSON', (_, response) => response.end('hello'), "not what etcd answers: 'hello'"],
    ['the answer is null', (_, response) => response.end('null'), "not what etcd answers: 'null'"],
    ['the answer is of nothing', answers({}), 'left something out'],
    ['the answer has no revision', answers({ header: {} }), 'revision is no number'],
    [
      'the revision is greater than any that is counted exactly',
      answers({ ...DONE, header: { revision: '9007199254740993' } }),
      'revision is no number',
    ],
    ['an error that nobody has heard of', answers({ error: 'whatever', code: 2 }, 500), 'whatever'],
    ['an error without words', answers({ code: 2 }, 500), 'without words'],
    ['a good answer under a bad status', answers(DONE, 500), 'HTTP status 500'],
    [
      'etcd waits for too long itself',
      answers({ message: 'etcdserver: request timed out', code: 14 }, 503),
      'timed out',
    ],
  ])('%s', async (_, reply, problem) => {
    const { url, asked } = await serve(reply);
    const error = await failure(ask(open([url])));
    expect(error.fate).toBe('unknown');
    expect(error.message).toContain(problem);
    expect(error.message).toContain(url.origin);
    expect(asked).toHaveLength(1);
  });

  test('no answer comes in time', async () => {
    const { url, asked } = await serve(() => undefined);
    const error = await failure(ask(open([url]), 300));
    // A machine under load may not even connect in that time: then nothing was sent.
    expect(error.fate).toBe(asked.length > 0 ? 'unknown' : error.fate);
    expect(error.message).toMatch(/no (?:answer|connection) within 300 ms/);
  });

  test('the answer is longer than is read', async () => {
    const { url } = await serve((_, response) => {
      response.writeHead(200);
      const send = () => {
        while (!response.destroyed)
          if (!response.write('x'.repeat(1 << 20))) return response.once('drain', send);
        return undefined;
      };
      send();
    });
    expect(await failure(ask(open([url])))).toMatchObject({ fate: 'unknown', reason: 'tooLong' });
  });
});

describe('several endpoints', () => {
  test('the next one is asked where nothing was sent to the first, and stays the one that is asked', async () => {
    const { url, asked } = await serve(answers(DONE));
    const kv = open([await nobody(), await nobody(), url]);
    await ask(kv);
    await ask(kv);
    expect(asked).toHaveLength(2);
  });

  test('each of them once, where nobody is there', async () => {
    const error = await failure(ask(open([await nobody(), await nobody()])));
    expect(error.fate).toBe('never');
  });

  test('none is asked the same where another may have heard it; the next question goes to it', async () => {
    const first = await serve((_, response) => response.destroy());
    const second = await serve(answers(DONE));
    const kv = open([first.url, second.url]);
    expect((await failure(ask(kv))).fate).toBe('unknown');
    expect(second.asked).toEqual([]);
    await ask(kv);
    expect([first.asked.length, second.asked.length]).toEqual([1, 1]);
  });

  test('several that fail at once at one endpoint move on by one', async () => {
    const first = await serve((_, response) => response.destroy());
    const second = await serve(answers(DONE));
    const third = await serve(answers(DONE));
    const kv = open([first.url, second.url, third.url]);
    await Promise.all([1, 2, 3].map(() => failure(ask(kv))));
    await ask(kv);
    expect([second.asked.length, third.asked.length]).toEqual([1, 0]);
  });

  test('what etcd refuses is refused, and not asked elsewhere', async () => {
    const first = await serve(answers({ error: 'etcdserver: permission denied', code: 7 }, 403));
    const second = await serve(answers(DONE));
    const kv = open([first.url, second.url]);
    for (const _ of [1, 2]) {
      expect(await failure(ask(kv))).toMatchObject({ fate: 'never', reason: 'denied' });
    }
    expect(second.asked).toEqual([]);
  });

  test('of two clusters are refused: each would have a leader', async () => {
    const first = await serve((_, response, count) => {
      if (count === 1) response.end(JSON.stringify(DONE));
      else response.destroy();
    });
    const second = await serve(answers({ ...DONE, header: { ...HEADER, cluster_id: '8' } }));
    const kv = open([first.url, second.url]);
    await ask(kv);
    await failure(ask(kv));
    const error = await failure(ask(kv));
    expect(error).toMatchObject({
      fate: 'unknown',
      message: expect.stringContaining('another cluster of etcd (8)'),
    });
    expect(error.message).toContain('mend --store');
  });
});

describe('a renewal of a lease', () => {
  /** etcd that is in term `renewing` when it renews, and in term `reading` when it is read afterwards. */
  async function renew(renewing: string, reading: string): Promise<{ server: FakeServer; kv: Kv }> {
    const server = await serveBoth({
      json: answers({ result: { header: { ...HEADER, raft_term: renewing }, ID: '1', TTL: '5' } }),
      grpc: answersGrpc(transactionAnswer({ raftTerm: Number(reading), responses: [1] })),
    });
    return { server, kv: open([server.url], { readableKey: '/locks/probe' }) };
  }

  test('counts when etcd has the same leader in a read after it', async () => {
    const { server, kv } = await renew('2', '2');
    expect(await kv.keepAlive('1', LONG_MS)).toBe(5);
    expect(server.asked.map(({ path }) => path)).toEqual(['/v3/lease/keepalive']);
    expect(server.called.map(({ path }) => path)).toEqual(['/etcdserverpb.KV/Txn']);
    expect(server.called[0]?.message.toString('latin1')).toContain('/locks/probe');
  });

  test('does not by a leader of etcd that was stopped, and had not heard yet that there is another', async () => {
    const { kv } = await renew('2', '3');
    expect(await failure(kv.keepAlive('1', LONG_MS))).toMatchObject({
      fate: 'unknown',
      message: expect.stringContaining('another leader'),
    });
  });
});

describe('a name and a password', () => {
  const credentials = { user: 'lockd', password: 'secret' };
  const isLogin = ({ path }: Asked) => path === '/v3/auth/authenticate';

  test('are exchanged for a token once, which every question shows', async () => {
    const { url, asked } = await serve((one, response) => {
      response.end(JSON.stringify(isLogin(one) ? { header: HEADER, token: 't.1' } : DONE));
    });
    const kv = open([url], { credentials });
    await Promise.all([ask(kv), ask(kv)]);
    await ask(kv);
    expect(asked.filter(isLogin)).toMatchObject([
      { message: { name: 'lockd', password: 'secret' }, token: undefined },
    ]);
    expect(asked.filter((one) => !isLogin(one)).map(({ token }) => token)).toEqual(['t.1', 't.1', 't.1']);
  });

  test.each(['etcdserver: invalid auth token', 'etcdserver: revision of auth store is old'])(
    'are exchanged again where etcd says %j, and what was refused is asked again',
    async (problem) => {
      let tokens = 0;
      const { url, asked } = await serve((one, response) => {
        if (isLogin(one)) {
          tokens += 1;
          response.end(JSON.stringify({ header: HEADER, token: `t.${tokens}` }));
        } else if (one.token === 't.1') {
          response.writeHead(401).end(JSON.stringify({ error: problem, code: 16 }));
        } else {
          response.end(JSON.stringify(DONE));
        }
      });
      const kv = open([url], { credentials });
      await Promise.all([ask(kv), ask(kv)]);
      expect(tokens).toBe(2);
      expect(asked).toHaveLength(6);
    },
  );

  test('a token that is never good is not asked for again and again', async () => {
    const { url, asked } = await serve((one, response) => {
      if (isLogin(one)) response.end(JSON.stringify({ header: HEADER, token: `t.${asked.length}` }));
      else response.writeHead(401).end(JSON.stringify({ error: 'etcdserver: invalid auth token', code: 16 }));
    });
    const error = await failure(ask(open([url], { credentials })));
    expect(error).toMatchObject({ fate: 'never', reason: 'denied' });
    expect(asked).toHaveLength(4);
  });

  test('that are wrong: nothing was tried, and the next question asks again', async () => {
    const problem = 'etcdserver: authentication failed, invalid user ID or password';
    const { url, asked } = await serve(answers({ error: problem, code: 3 }, 400));
    const kv = open([url], { credentials });
    for (const _ of [1, 2]) {
      const error = await failure(ask(kv));
      expect(error).toMatchObject({
        fate: 'never',
        reason: 'denied',
        message: expect.stringContaining(problem),
      });
      expect(error.message).not.toContain('secret');
    }
    expect(asked).toHaveLength(2);
  });

  test('that nobody answers to: nothing was tried', async () => {
    const { url } = await serve((_, response) => response.destroy());
    expect((await failure(ask(open([url], { credentials })))).fate).toBe('never');
  });
});

test.each<[string, string, string | undefined]>([
  ['etcdserver: mvcc: database space exceeded', 'settled', 'noSpace'],
  ['etcdserver: mvcc: required revision has been compacted', 'never', 'compacted'],
  ['etcdserver: permission denied', 'never', 'denied'],
  ['etcdserver: user name is empty', 'never', 'denied'],
  ['etcdserver: authentication is not enabled', 'never', 'denied'],
  ['etcdserver: request is too large', 'never', 'refused'],
  ['etcdserver: too many operations in txn request', 'never', 'refused'],
  ['etcdserver: duplicate key given in txn request', 'never', 'refused'],
  ['etcdserver: requested lease not found', 'never', 'refused'],
  ['grpc: received message larger than max (2100018 vs. 2097152)', 'never', 'refused'],
  ['etcdserver: too many requests', 'never', undefined],
  ['etcdserver: request timed out', 'unknown', undefined],
  ['etcdserver: request timed out, possibly due to previous leader failure', 'unknown', undefined],
  ['etcdserver: request timed out, possibly due to connection lost', 'unknown', undefined],
  ['etcdserver: leader changed', 'unknown', undefined],
  ['etcdserver: no leader', 'unknown', undefined],
  ['etcdserver: server stopped', 'unknown', undefined],
  ['etcdserver: corrupt cluster', 'unknown', undefined],
  ['context canceled', 'unknown', undefined],
  ['transport is closing', 'unknown', undefined],
])('%s: %s, %s', (problem, fate, reason) => {
  expect(errorOf('http://a:2379', problem)).toMatchObject({
    fate,
    reason,
    message: `http://a:2379: ${problem}`,
  });
});
