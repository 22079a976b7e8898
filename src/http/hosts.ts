/**
 * By which names the daemon lets itself be called. A page from anywhere can make a browser call this daemon under the page's
 * own name, by letting that name point here; then only the Host header tells that the call was meant for another.
 */
import { isIP, isIPv6 } from 'node:net';
import { machineNames } from './machine-names.js';

/** The longest name of a host (RFC 1035), its port, and the brackets of an IPv6 address. */
const MAX_HOST_LENGTH = 253 + ':65535'.length;

const HOST =
  /^(?:(?<name>[a-z0-9_](?:[a-z0-9._-]*[a-z0-9._])?)|\[(?<ipv6>[0-9a-f:.]+)\])(?::(?<port>\d{1,5}))?$/i;

/** What a Host header says. */
export interface Host {
  /** In lower case, without brackets, and without the dot that may end a name. */
  readonly name: string;
  readonly port: number | undefined;
}

/** Reads a Host header; undefined for what names no host. */
export function readHost(header: string): Host | undefined {
  if (header.length > MAX_HOST_LENGTH) return undefined;
  const { name, ipv6, port } = HOST.exec(header)?.groups ?? {};
  const text = (name ?? ipv6)?.toLowerCase().replace(/\.$/, '');
  if (
    text === undefined ||
    (ipv6 !== undefined && !isIPv6(text)) ||
    Number(port) > 65_535 ||
    Number(port) === 0
  )
    return undefined;
  return { name: text, port: port === undefined ? undefined : Number(port) };
}

/** What `--allow-host` takes: a name without a port, or `*`. Throws an Error with a phrase: `must ...`. */
export function readAllowedHost(text: string): string {
  if (text === ANY) return ANY;
  const host = readHost(text);
  if (!host || host.port !== undefined) {
    throw new Error(`must be a name without a port, as in locks.example.org, or *; it is '${text}'`);
  }
  return host.name;
}

const ANY = '*';

/** Names under which the daemon is called by those who mean it. */
export class AcceptedHosts {
  readonly #names: ReadonlySet<string>;

  /** @param names beside IP addresses, `localhost` and the machine's own names; `*` stands for all. */
  constructor(names: readonly string[]) {
    this.#names = new Set(['localhost', ...machineNames(), ...names.map((name) => name.toLowerCase())]);
  }

  /** An IP address is no name that could be made to point here. */
  accepts({ name }: Host): boolean {
    return this.#names.has(name) || isIP(name) !== 0 || this.#names.has(ANY);
  }
}
