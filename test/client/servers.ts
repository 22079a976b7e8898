/** Servers that answer as they are told, for what a daemon never does. */
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import serializer from 'xmlrpc/lib/serializer.js';
import { steadyAddress } from '../steady-address.js';

async function urlOf(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** An HTTP server; answers its URL. */
export async function httpServer(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return urlOf(server);
}

/** A TCP server that is given each connection and its number, from 1. */
export async function tcpServer(onConnection: (socket: Socket, number: number) => void): Promise<string> {
  const sockets: Socket[] = [];
  const server = createTcpServer((socket) => {
    sockets.push(socket.on('error', () => undefined));
    onConnection(socket, sockets.length);
  });
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return urlOf(server);
}

/** A whole HTTP answer with this value. */
export function xmlAnswer(value: unknown): string {
  return httpAnswer(serializer.serializeMethodResponse(value));
}

/** A whole HTTP answer with this body. */
export function httpAnswer(body: string): string {
  return `HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

/** A URL at which nobody listens. */
export async function deadUrl(): Promise<string> {
  return `http://${await steadyAddress()}`;
}
