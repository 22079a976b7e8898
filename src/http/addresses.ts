/**
 * Addresses: where to listen, as people write it, and who calls, as the locks remember it. Names are not resolved here.
 */
import { BlockList, isIP, isIPv6 } from 'node:net';
import { resolve } from 'node:path';

/** Where to listen for connections over a network. */
export interface NetworkAddress {
  /** An IP address without brackets, or a name. */
  readonly host: string;
  /** 0 to 65,535; 0 takes any that is free. */
  readonly port: number;
}

/** A Unix socket: reachable for who may open the file, and for nobody from elsewhere. */
export interface SocketAddress {
  /** Of the socket file; absolute. */
  readonly path: string;
}

/** Where to listen. */
export type ListenAddress = NetworkAddress | SocketAddress;

/** Whether the address is that of a Unix socket. */
export function isSocketAddress(address: ListenAddress): address is SocketAddress {
  return 'path' in address;
}

const SOCKET_PREFIX = 'unix:';

/** Bytes of a socket's path: as many as the kernel keeps, less the one that ends it. */
const MAX_SOCKET_PATH_BYTES = 107;

const HOST_AND_PORT = /^(?:\[(?<bracketed>[^\]]*)\]|(?<plain>[^[\]]*)):(?<port>\d{1,5})$/;
const HOST_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9.])?$/;
const MAX_PORT = 65_535;

/**
 * Reads `HOST:PORT`: `127.0.0.1:7420`, `localhost:7420`, `[::1]:7420`. The host must be said: to serve everybody is to be
 * written down, as `0.0.0.0:7420` or `[::]:7420` (which takes IPv4 too). Or `unix:PATH`: a Unix socket, its path taken from
 * the working directory unless it is absolute.
 *
 * @throws Error that says what to write instead.
 */
export function parseListenAddress(text: string): ListenAddress {
  return text.startsWith(SOCKET_PREFIX) ? parseSocketAddress(text) : parseNetworkAddress(text);
}

function parseSocketAddress(text: string): SocketAddress {
  const given = text.slice(SOCKET_PREFIX.length);
  if (given === '') throw notAnAddress(text, 'name the socket, as in unix:/run/lockd/socket');
  if (given.includes('\0')) throw notAnAddress(text, 'no path has a NUL in it');
  const path = resolve(given);
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES) {
    throw notAnAddress(
      text,
      `the path of a socket has at most ${MAX_SOCKET_PATH_BYTES} bytes, and ${path} is longer`,
    );
  }
  return { path };
}

function parseNetworkAddress(text: string): NetworkAddress {
  if (isIPv6(text)) throw notAnAddress(text, `an IPv6 address stands in brackets, as in [::1]:7420`);
  const { bracketed, plain, port = '' } = HOST_AND_PORT.exec(text)?.groups ?? {};
  const host = bracketed ?? plain;
  if (host === undefined) throw notAnAddress(text, 'write HOST:PORT, as in 127.0.0.1:7420');
  if (host === '') throw notAnAddress(text, 'say which host: 127.0.0.1 for this machine, 0.0.0.0 for all');
  if (Number(port) > MAX_PORT) throw notAnAddress(text, `ports go from 0 to ${MAX_PORT}`);
  if (bracketed !== undefined && !isIPv6(bracketed))
    throw notAnAddress(text, 'no IPv6 address in the brackets');
  if (plain !== undefined && isIPv6(plain)) {
    throw notAnAddress(text, `an IPv6 address stands in brackets: [${plain}]:${port}`);
  }
  if (plain !== undefined && !HOST_NAME.test(plain)) throw notAnAddress(text, `'${plain}' is no host`);
  return { host, port: Number(port) };
}

function notAnAddress(text: string, advice: string): Error {
  return new Error(`'${text}' is no address to listen on: ${advice}`);
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/**
 * Whether only this machine can reach the address, as it can a Unix socket. Of names, only `localhost` counts: others can
 * mean anything.
 */
export function isLoopback(address: ListenAddress): boolean {
  if (isSocketAddress(address)) return true;
  const { host } = address;
  switch (isIP(host)) {
    case 4:
      return LOOPBACK.check(host, 'ipv4');
    case 6:
      return LOOPBACK.check(host, 'ipv6');
    default:
      return host.toLowerCase() === 'localhost';
  }
}

/** `127.0.0.1:7420`, `[::1]:7420`, `unix:/run/lockd/socket`: as people write it. */
export function addressText(address: ListenAddress): string {
  if (isSocketAddress(address)) return `${SOCKET_PREFIX}${address.path}`;
  const { host, port } = address;
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

const MAPPED_IPV4 = /^::ffff:(?=\d+\.)/i;

/** Who is at the other end: an IPv4 caller on an IPv6 socket is written as the IPv4 address that it is. */
export function peerText(address: string | undefined, port: number | undefined): string {
  // A peer that hung up before it was accepted has no address any more.
  if (address === undefined || port === undefined) return 'unknown';
  return addressText({ host: address.replace(MAPPED_IPV4, ''), port });
}

/** How a caller at a Unix socket is named: the socket does not say which process it is. */
export const SOCKET_PEER = 'unix';

const LISTEN_FAILURES: ReadonlyMap<string, string> = new Map([
  ['EADDRINUSE', 'the port is in use, perhaps by another lockd; stop that one, or choose another port'],
  ['EACCES', 'not allowed; ports below 1024 take root or CAP_NET_BIND_SERVICE: choose a higher one'],
  ['EADDRNOTAVAIL', 'this machine has no such address; take one of its own, or 127.0.0.1'],
  ['EAFNOSUPPORT', 'this machine does not speak this kind of address; take an IPv4 address'],
  ['ENOTFOUND', 'no such host is known; give an IP address of this machine'],
  ['EAI_AGAIN', 'the name cannot be resolved at present; give an IP address of this machine'],
]);

/** What happened when the address could not be listened on, and what to do; the cause is kept. */
export function listenError(address: ListenAddress, cause: NodeJS.ErrnoException): Error {
  const problem = LISTEN_FAILURES.get(cause.code ?? '') ?? cause.message;
  return new Error(`Cannot listen on ${addressText(address)}: ${problem}`, { cause });
}
