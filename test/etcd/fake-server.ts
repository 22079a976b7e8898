/** A server that answers as etcd might, or might not: over JSON and over gRPC on one port, as etcd does. */
import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import {
  createServer as createHttp2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import { ProtobufWriter } from '../../src/etcd/protobuf.js';

/** What was asked over JSON. */
export interface Asked {
  readonly path: string;
  readonly message: Record<string, unknown>;
  readonly token: string | undefined;
}

/** What was asked over gRPC. */
export interface Called {
  readonly path: string;
  readonly message: Buffer;
  readonly token: string | undefined;
}

/** `count`: how many were asked over the same protocol, this one included. */
export type Reply = (asked: Asked, response: ServerResponse, count: number) => void;
export type GrpcReply = (called: Called, stream: ServerHttp2Stream, count: number) => void;

export interface FakeServer {
  readonly url: URL;
  readonly asked: Asked[];
  readonly called: Called[];
  /** Connections so far. */
  connections: number;
}

/** What every connection of HTTP/2 begins with. */
const PREFACE = 'PRI ';

export async function serve(replies: {
  readonly json?: Reply;
  readonly grpc?: GrpcReply;
}): Promise<FakeServer> {
  const asked: Asked[] = [];
  const called: Called[] = [];
  const json = createHttpServer((request: IncomingMessage, response) => {
    void text(request).then((body) => {
      const { url: path = '', headers } = request;
      const one = { path, message: JSON.parse(body), token: headers.authorization };
      asked.push(one);
      replies.json?.(one, response, asked.length);
    });
  });
  const grpc = createHttp2Server();
  grpc.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on('error', () => undefined);
    void buffer(stream).then((framed) => {
      const { ':path': path = '', token } = headers;
      const one = {
        path,
        message: framed.subarray(5),
        token: token === undefined ? undefined : String(token),
      };
      called.push(one);
      replies.grpc?.(one, stream, called.length);
    });
  });
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    fake.connections += 1;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('readable', () => {
      const first: Buffer | null = socket.read();
      if (!first) return;
      socket.unshift(first);
      (first.toString('latin1').startsWith(PREFACE) ? grpc : json).emit('connection', socket);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const fake: FakeServer = { url, asked, called, connections: 0 };
  return fake;
}

/** A good status, and a message. */
export function answersJson(message: object, status = 200): Reply {
  return (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(message));
  };
}

/** Answers with `bytes` as they are, and then says how it went. */
export function sendGrpc(
  stream: ServerHttp2Stream,
  bytes: Uint8Array,
  trailers = { 'grpc-status': '0' },
): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  stream.end(bytes);
}

export function answersGrpc(bytes: Uint8Array): GrpcReply {
  return (_, stream) => sendGrpc(stream, bytes);
}

/** An error of etcd's, as gRPC has it where nothing is answered. */
export function refusesGrpc(code: number, words: string): GrpcReply {
  return (_, stream) => {
    const headers = {
      ':status': 200,
      'content-type': 'application/grpc',
      'grpc-status': String(code),
      'grpc-message': words,
    };
    stream.respond(headers, { endStream: true });
  };
}

export interface FakeAnswer {
  readonly cluster?: number | bigint;
  readonly revision?: number | bigint;
  readonly raftTerm?: number;
  readonly succeeded?: boolean;
  /** The field of each response: 1 of a range, 2 of a put, 3 of a delete. */
  readonly responses?: readonly number[];
  /** Absent: as etcd has it. */
  readonly hasHeader?: boolean;
}

/** The answer to a transaction of one put, or another, as gRPC has it. */
export function transactionAnswer({
  cluster = 7,
  revision = 12,
  raftTerm = 2,
  succeeded = true,
  responses = [2],
  hasHeader = true,
}: FakeAnswer = {}): Uint8Array {
  const writer = new ProtobufWriter();
  for (const field of responses.toReversed()) writer.message(3, () => writer.message(field, () => undefined));
  if (succeeded) writer.number(2, 1);
  if (hasHeader) {
    writer.message(1, () => {
      writer.number(4, raftTerm);
      if (revision !== 0) writer.number(3, revision);
      writer.number(1, cluster);
    });
  }
  return writer.framed();
}
