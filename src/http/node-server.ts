/**
 * Node's servers, for plain connections and for TLS, set up so that nothing gets past the limits and every request, or what
 * was meant to be one, comes to the reception.
 */
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { peerText } from './addresses.js';
import type { ConnectionLimit } from './connection-limit.js';
import type { Connections } from './connections.js';
import type { Handshakes } from './handshakes.js';
import { MAX_HEADER_BYTES, MAX_TURNED_AWAY, type Timeouts } from './limits.js';
import type { Problem } from './problems.js';
import type { Reception } from './reception.js';
import type { TlsSettings } from './tls.js';

/** What several servers of one daemon share. */
export interface NodeServer {
  readonly reception: Reception;
  readonly connections: Connections;
  readonly handshakes: Handshakes;
  readonly limit: ConnectionLimit;
  readonly timeouts: Timeouts;
}

/** A server that does not encrypt. It does not listen yet. */
export function plainServer(parts: NodeServer, transport: 'tcp' | 'unix'): Server {
  const { reception, connections, limit } = parts;
  const server = prepared(createServer(serverOptions(parts.timeouts)), parts);
  server.on('connection', (socket: Socket) => {
    const verdict = limit.judge(socket);
    if (verdict === 'drop') return void socket.destroy();
    const { from } = connections.add(socket, transport);
    if (verdict === 'turnAway') {
      reception.turnAway(socket, from, {
        name: 'tooManyConnections',
        detail: limit.max.toLocaleString('en'),
      });
    }
  });
  return server;
}

/** A server that speaks TLS only. It does not listen yet. */
export function tlsServer(parts: NodeServer, { context }: TlsSettings): Server {
  const { reception, connections, handshakes, limit, timeouts } = parts;
  const options = {
    ...serverOptions(timeouts),
    ...context,
    handshakeTimeout: timeouts.handshakeMs,
    requestCert: context.ca !== undefined,
    // Node would hang up without a word; below, the peer is told what is missing.
    rejectUnauthorized: false,
  };
  const server = prepared(createTlsServer(options), parts);
  server.on('connection', (socket: Socket) => {
    if (limit.judge(socket) === 'admit') handshakes.begin(socket);
    else socket.destroy();
  });
  server.on('secureConnection', (socket: TLSSocket) => {
    handshakes.end(socket);
    const { from } = connections.add(socket, 'tls');
    const detail = context.ca === undefined ? undefined : certificateProblem(socket);
    if (detail !== undefined) reception.turnAway(socket, from, { name: 'noCertificate', detail });
  });
  server.on('tlsClientError', ({ code }: NodeJS.ErrnoException, socket: TLSSocket) => {
    const below = handshakes.end(socket);
    if (code !== 'ERR_SSL_HTTP_REQUEST') return;
    if (below)
      reception.turnAway(below, peerText(below.remoteAddress, below.remotePort), { name: 'plainHttp' });
    else socket.destroy();
  });
  return server;
}

/** Why a client is not one of those that the authority has signed; undefined where it is. */
function certificateProblem(socket: TLSSocket): string | undefined {
  // Without a certificate the answer is an empty object, and a resumed session is `authorized` all the same.
  if (Object.keys(socket.getPeerCertificate()).length === 0) return 'none came';
  return socket.authorized ? undefined : `yours is not accepted (${socket.authorizationError})`;
}

function prepared(server: Server, { reception, connections, limit }: NodeServer): Server {
  // Node silently drops the headers above its own limit; a request that has so many is refused instead.
  server.maxHeadersCount = 0;
  // Cheaper than any verdict of ours, for a flood.
  server.maxConnections = limit.max + MAX_TURNED_AWAY;
  // Node's `close` calls this, and it would cut answers that are written but not yet sent.
  server.closeIdleConnections = () => {};
  server.on('request', (request, response) => reception.receive(request, response, false));
  server.on('checkContinue', (request, response) => reception.receive(request, response, true));
  server.on('checkExpectation', (request, response) => reception.refuseExpectation(request, response));
  server.on('clientError', (error: NodeJS.ErrnoException, stream) => {
    const problem = problemOf(error);
    if (problem?.name === 'tooSlow') refuseUnlessArrived(stream as Socket, problem);
    else if (problem) reception.refuseUnreadable(stream as Socket, problem);
    else if (error.code !== 'ERR_SSL_HTTP_REQUEST') stream.destroy();
  });
  // The daemon itself may have stood still, with the request in its socket: that is read once before anybody is refused.
  const refuseUnlessArrived = (socket: Socket, problem: Problem) => {
    const hasArrived = connections.of(socket)?.arrival();
    setImmediate(() => {
      if (!hasArrived?.()) reception.refuseUnreadable(socket, problem);
    });
  };
  server.on('connect', (_request, stream) => {
    stream.on('error', () => {});
    reception.refuseUnreadable(stream as Socket, { name: 'wrongMethod', detail: 'POST' });
  });
  return server;
}

function serverOptions({ requestMs, checkIntervalMs, idleMs }: Timeouts) {
  return {
    noDelay: true,
    insecureHTTPParser: false,
    // Without it Node would answer in its own way, without a Content-Length.
    requireHostHeader: false,
    maxHeaderSize: MAX_HEADER_BYTES,
    // Both run from the first byte, and the first one from the start of the connection.
    headersTimeout: requestMs,
    requestTimeout: requestMs,
    connectionsCheckingInterval: checkIntervalMs,
    keepAliveTimeout: idleMs,
  };
}

/** Why Node could not read a request; undefined where nobody is left to be told. */
function problemOf(error: NodeJS.ErrnoException & { readonly reason?: string }): Problem | undefined {
  const { code = '', reason = code } = error;
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return { name: 'tooSlow' };
  if (code === 'HPE_HEADER_OVERFLOW') return { name: 'longHeaders' };
  if (code === 'HPE_INVALID_EOF_STATE' || !code.startsWith('HPE_')) return undefined;
  return { name: 'malformed', detail: reason };
}
