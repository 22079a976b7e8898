/**
 * Addresses: where to listen, as people write it, and who calls, as the locks remember it. Names are not resolved here.
 */
import { BlockList, isIP, isIPv6 } from 'node:net';

/** Where to listen. */
export interface ListenAddress {
  /** An IP address without brackets, or a name. */
  readonly host: string;
  /** 0 to 65,535; 0 takes any that is free. */
  readonly port: number;
}

const HOST_AND_PORT = /^(?:\[(?<bracketed>[^\]]*)\]|(?<plain>[^[\]]*)):(?<port>\d{1,5})$/;
const HOST_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9.])?$/;
const MAX_PORT = 65_535;

/**
 * Reads `HOST:PORT`: `127.0.0.1:7420`, `localhost:7420`, `[::1]:7420`. The host must be said: to serve everybody is to be
 * written down, as `0.0.0.0:7420` or `[::]:7420` (which takes IPv4 too).
 *
 * @throws Error that says what to write instead.
 */
export function parseListenAddress(text: string): ListenAddress {
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

/** Whether only this machine can reach the address. Of names, only `localhost` counts: others can mean anything. */
export function isLoopback({ host }: ListenAddress): boolean {
  switch (isIP(host)) {
    case 4:
      return LOOPBACK.check(host, 'ipv4');
    case 6:
      return LOOPBACK.check(host, 'ipv6');
    default:
      return host.toLowerCase() === 'localhost';
  }
}

/** `127.0.0.1:7420`, `[::1]:7420`: as people write it and as URLs have it. */
export function addressText({ host, port }: ListenAddress): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

const MAPPED_IPV4 = /^::ffff:(?=\d+\.)/i;

/** Who is at the other end: an IPv4 caller on an IPv6 socket is written as the IPv4 address that it is. */
export function peerText(address: string | undefined, port: number | undefined): string {
  // A peer that hung up before it was accepted has no address any more.
  if (address === undefined || port === undefined) return 'unknown';
  return addressText({ host: address.replace(MAPPED_IPV4, ''), port });
}

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
