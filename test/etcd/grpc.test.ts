/** Transactions over gRPC, against servers that are not as they should be; against real ones: gateway.wide.test.ts. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { constants, type ServerHttp2Stream } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Transaction } from '../../src/etcd/kv.js';
import { CertificateAuthority, pemOf } from '../certificates.js';
import { describeWith } from '../needs.js';
import { failure, LONG_MS, nobody, open } from './asking.js';
import {
  answersGrpc,
  answersJson,
  type GrpcReply,
  refusesGrpc,
  sendGrpc,
  serve,
  transactionAnswer,
} from './fake-server.js';

const PUT: Transaction = { compare: [], success: [{ kind: 'put', key: 'k', value: 'v' }] };
const DONE = transactionAnswer();

/** A server that takes connections and never says anything. */
async function silent(): Promise<URL> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

const cut = (stream: ServerHttp2Stream) => stream.session?.destroy();

describe('nothing was sent', () => {
  test('where nobody listens', async () => {
    const url = await nobody();
    const error = await failure(open([url]).transact(PUT, LONG_MS));
    expect(error).toMatchObject({ fate: 'never', reason: undefined });
    expect(error.message).toMatch(`${url.origin}: connect ECONNREFUSED`);
  });

  test('where the name stands for nothing', async () => {
    const error = await failure(open([new URL('http://nothing.invalid:2379')]).transact(PUT, LONG_MS));
    expect(error.fate).toBe('never');
  });

  test('where TLS is expected and something else is there', async () => {
    const { url, called } = await serve({ grpc: answersGrpc(DONE) });
    const error = await failure(open([new URL(`https://${url.host}`)]).transact(PUT, LONG_MS));
    expect(error.fate).toBe('never');
    expect(called).toEqual([]);
  });

  test('where somebody takes connections and says nothing, before that takes too long', async () => {
    const { host } = await silent();
    const error = await failure(open([new URL(`https://${host}`)]).transact(PUT, 50));
    expect(error).toMatchObject({
      fate: 'never',
      message: expect.stringContaining('no connection within 50 ms'),
    });
  });

  test('and nothing is later, when a connection comes after all; whoever waits for the same one hears so, too', async () => {
    const { host } = await silent();
    const kv = open([new URL(`https://${host}`)]);
    const patient = failure(kv.transact(PUT, LONG_MS));
    const begun = performance.now();
    expect((await failure(kv.transact(PUT, 50))).fate).toBe('never');
    expect((await patient).fate).toBe('never');
    expect(performance.now() - begun).toBeLessThan(LONG_MS / 2);
  });

  test('and the next endpoint is asked', async () => {
    const { url, called } = await serve({ grpc: answersGrpc(DONE) });
    const kv = open([await nobody(), await nobody(), url]);
    await kv.transact(PUT, LONG_MS);
    await kv.transact(PUT, LONG_MS);
    expect(called).toHaveLength(2);
  });
});

describe('nobody knows what became of it', () => {
  const reset: GrpcReply = (_, stream) => stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  const half: GrpcReply = (_, stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
    stream.write(DONE.subarray(0, 7), () => cut(stream));
  };
  const silentEnd: GrpcReply = (_, stream) => {
    stream.respond({ ':status': 200 });
    stream.end(DONE);
  };
  const compressed = Buffer.from(DONE);
  compressed[0] = 1;

  test.each<[string, GrpcReply, string]>([
    ['the connection ends instead of an answer', (_, stream) => cut(stream), ''],
    ['the answer is taken back', reset, 'NGHTTP2_INTERNAL_ERROR'],
    ['the connection ends within the answer', half, ''],
    ['nothing is said of how it went', silentEnd, 'cut off'],
    ['the answer is cut off, and said to be good', answersGrpc(DONE.subarray(0, -1)), 'cut off'],
    ['more comes than is announced', answersGrpc(Buffer.concat([DONE, Buffer.of(0)])), 'cut off'],
    ['there is no message', answersGrpc(Buffer.alloc(0)), 'cut off'],
    ['it is compressed, which nobody asked for', answersGrpc(compressed), 'cut off'],
    ['the answer is no message', answersGrpc(Buffer.from('\0\0\0\0\x05hello')), 'not what etcd answers'],
    ['the answer is of nothing', answersGrpc(Buffer.alloc(5)), 'left something out'],
    ['the answer has no header', answersGrpc(transactionAnswer({ hasHeader: false })), 'left something out'],
    ['the answer has no steps', answersGrpc(transactionAnswer({ responses: [] })), 'other steps'],
    [
      'the answer has steps of another branch',
      answersGrpc(transactionAnswer({ succeeded: false })),
      'other steps',
    ],
    ['the answer has no revision', answersGrpc(transactionAnswer({ revision: 0 })), 'revision is no number'],
    [
      'the revision is greater than any that is counted exactly',
      answersGrpc(transactionAnswer({ revision: 9007199254740993n })),
      'revision is no number',
    ],
    ['an error that nobody has heard of', refusesGrpc(2, 'whatever'), 'whatever'],
    ['an error without words', refusesGrpc(2, ''), 'without words'],
    [
      'something between us and etcd answers',
      (_, stream) => stream.respond({ ':status': 503 }, { endStream: true }),
      'HTTP status 503',
    ],
    ['etcd waits for too long itself', refusesGrpc(14, 'etcdserver: request timed out'), 'timed out'],
  ])('%s', async (_, reply, problem) => {
    const { url, called } = await serve({ grpc: reply });
    const error = await failure(open([url]).transact(PUT, LONG_MS));
    expect(error.fate).toBe('unknown');
    expect(error.message).toContain(problem);
    expect(error.message).toContain(url.origin);
    expect(called).toHaveLength(1);
  });

  test('a read is answered with what is no read', async () => {
    const { url } = await serve({ grpc: answersGrpc(transactionAnswer({ responses: [3] })) });
    const read: Transaction = { compare: [], success: [{ kind: 'get', key: 'k' }] };
    const error = await failure(open([url]).transact(read, LONG_MS));
    expect(error).toMatchObject({ fate: 'unknown', message: expect.stringContaining('left something out') });
  });

  test('the server knows nothing of gRPC', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const error = await failure(open([new URL(`http://127.0.0.1:${port}`)]).transact(PUT, LONG_MS));
    expect(error.fate).toBe('unknown');
    expect(error.message).toContain('does not speak HTTP/2, which gRPC needs: a proxy in front of etcd');
  });

  test('no answer comes in time, and the next call takes a connection of its own', async () => {
    const fake = await serve({ grpc: (_, stream, count) => count > 1 && sendGrpc(stream, DONE) });
    const kv = open([fake.url]);
    const error = await failure(kv.transact(PUT, 300));
    // A machine under load may not even connect in that time: then nothing was sent.
    expect(error.fate).toBe(fake.called.length > 0 ? 'unknown' : error.fate);
    expect(error.message).toMatch(/no (?:answer|connection) within 300 ms/);
    if (fake.called.length === 0) return;
    await kv.transact(PUT, LONG_MS);
    expect(fake.connections).toBe(2);
  });

  test('the answer is longer than is read', async () => {
    const { url } = await serve({
      grpc: (_, stream) => {
        stream.respond({ ':status': 200 });
        const send = () => {
          while (!stream.destroyed) if (!stream.write('x'.repeat(1 << 20))) return stream.once('drain', send);
          return undefined;
        };
        send();
      },
    });
    expect(await failure(open([url]).transact(PUT, LONG_MS))).toMatchObject({
      fate: 'unknown',
      reason: 'tooLong',
    });
  });
});

describe('one connection', () => {
  test('is enough for all calls to an endpoint', async () => {
    const fake = await serve({ grpc: answersGrpc(DONE) });
    const kv = open([fake.url]);
    await Promise.all(Array.from({ length: 30 }, () => kv.transact(PUT, LONG_MS)));
    await kv.transact(PUT, LONG_MS);
    expect(fake.called).toHaveLength(31);
    expect(fake.connections).toBe(1);
  });

  test('is left by whoever waits in vain, and the others on it are answered', async () => {
    const waiting: ServerHttp2Stream[] = [];
    const { url } = await serve({
      grpc: (_, stream) => {
        waiting.push(stream);
      },
    });
    const kv = open([url]);
    const patient = kv.transact(PUT, LONG_MS);
    await failure(kv.transact(PUT, 200));
    for (const stream of waiting) if (!stream.destroyed) sendGrpc(stream, DONE);
    expect(await patient).toMatchObject({ succeeded: true, revision: 12 });
  });

  test('that the server ends in good order is replaced, and nobody hears of it', async () => {
    let end: () => void = () => undefined;
    const fake = await serve({
      grpc: (_, stream) => {
        const { session } = stream;
        end = () => session?.goaway();
        sendGrpc(stream, DONE);
      },
    });
    const kv = open([fake.url]);
    await kv.transact(PUT, LONG_MS);
    const [before] = [fake.connections, end()];
    await expect.poll(async () => (await kv.transact(PUT, LONG_MS)) && fake.connections).toBe(before + 1);
  });
});

describe('what etcd says', () => {
  test.each<[string, string, string]>([
    ['etcdserver: permission denied', 'never', 'denied'],
    ['etcdserver: mvcc: database space exceeded', 'settled', 'noSpace'],
    ['etcdserver: request is too large', 'never', 'refused'],
  ])('%s', async (words, fate, reason) => {
    const first = await serve({ grpc: refusesGrpc(9, words) });
    const second = await serve({ grpc: answersGrpc(DONE) });
    const kv = open([first.url, second.url]);
    expect(await failure(kv.transact(PUT, LONG_MS))).toMatchObject({
      fate,
      reason,
      message: `${first.url.origin}: ${words}`,
    });
    // What etcd refuses is refused, and not asked elsewhere.
    expect(second.called).toEqual([]);
  });

  test('is told as it was meant, whatever characters are in it', async () => {
    const words = 'käse: 100%';
    const { url } = await serve({ grpc: refusesGrpc(2, encodeURIComponent(words)) });
    expect((await failure(open([url]).transact(PUT, LONG_MS))).message).toBe(`${url.origin}: ${words}`);
  });

  test('is told even where it cannot be decoded', async () => {
    const { url } = await serve({ grpc: refusesGrpc(2, '100%') });
    expect((await failure(open([url]).transact(PUT, LONG_MS))).message).toBe(`${url.origin}: 100%`);
  });

  test('with a name and a password: each call shows the token, and a new one when etcd has forgotten it', async () => {
    let tokens = 0;
    const { url, called } = await serve({
      json: (asked, response) => {
        tokens += 1;
        answersJson({ header: { cluster_id: '7' }, token: `t.${tokens}` })(asked, response, tokens);
      },
      grpc: (one, stream, count) => {
        const reply =
          one.token === 't.1' ? refusesGrpc(16, 'etcdserver: invalid auth token') : answersGrpc(DONE);
        reply(one, stream, count);
      },
    });
    const kv = open([url], { credentials: { user: 'lockd', password: 'secret' } });
    await kv.transact(PUT, LONG_MS);
    expect(called.map(({ token }) => token)).toEqual(['t.1', 't.2']);
  });

  test('of two clusters, whose ids are greater than any number that is exact', async () => {
    const ids = [14841639068965178418n, 14841639068965178419n];
    const { url } = await serve({
      grpc: (_, stream, count) => sendGrpc(stream, transactionAnswer({ cluster: ids[count - 1] ?? 0 })),
    });
    const kv = open([url]);
    await kv.transact(PUT, LONG_MS);
    const error = await failure(kv.transact(PUT, LONG_MS));
    expect(error).toMatchObject({ fate: 'unknown' });
    expect(error.message).toContain(`another cluster of etcd (${ids[1]})`);
  });
});

describeWith(['openssl'], 'over TLS', () => {
  test('a server that speaks only HTTP/1 is told from an etcd that does not answer', async () => {
    const authority = new CertificateAuthority();
    const server = createHttpsServer(pemOf(authority.server()), (_, response) => response.end());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const tls = { ca: readFileSync(authority.ca, 'utf8') };
    const error = await failure(open([new URL(`https://127.0.0.1:${port}`)], { tls }).transact(PUT, LONG_MS));
    expect(error.message).toContain('does not speak HTTP/2, which gRPC needs: a proxy in front of etcd');
  });
});
