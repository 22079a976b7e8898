/**
 * The one-file clients that the daemon hands out: `clients/` of the package, with the daemon's version and the address
 * under which it was asked written into them, so that whoever fetched one need not say where the daemon is.
 */
import { readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { VERSION } from '../service/version.js';

/** A client as it lies in `clients/`, read once. */
export interface ClientFile {
  readonly contentType: string;
  /** Its text for somebody who sent this Host header. */
  textFor(host: string | undefined): string;
}

export type ClientName = 'lockd.py' | 'lockd.sh';

/** The clients that are there; one that is missing or cannot be read is not. */
export type ClientFiles = ReadonlyMap<ClientName, ClientFile>;

const CONTENT_TYPES: Readonly<Record<ClientName, string>> = {
  'lockd.py': 'text/x-python; charset=utf-8',
  'lockd.sh': 'text/x-shellscript; charset=utf-8',
};

const CLIENT_NAMES = Object.keys(CONTENT_TYPES) as ClientName[];

/** Reads the clients of a directory, by default those of this package. */
export function readClientFiles(directory = new URL('../../clients/', import.meta.url)): ClientFiles {
  const files = new Map<ClientName, ClientFile>();
  for (const name of CLIENT_NAMES) {
    const text = readText(new URL(name, directory));
    if (text !== undefined) files.set(name, clientFile(text, CONTENT_TYPES[name]));
  }
  return files;
}

/** Locks do not depend on these files: an incomplete installation is told to who asks for one, and stops no daemon. */
function readText(file: URL): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** What stands in the files for the version and for the address: they run as they lie there, too. */
const VERSION_LINE = /^((?:LOCKD_)?VERSION ?= ?')0\.0\.0'/m;
const DEFAULT_URL = 'http://127.0.0.1:7420';

function clientFile(text: string, contentType: string): ClientFile {
  const pieces = text.replace(VERSION_LINE, `$1${VERSION}'`).split(DEFAULT_URL);
  return { contentType, textFor: (host) => pieces.join(urlOf(host)) };
}

/** The longest name of a host (RFC 1035), its port, and the brackets of an IPv6 address. */
const MAX_HOST_LENGTH = 253 + ':65535'.length;

const HOST = /^(?:[a-z0-9](?:[a-z0-9._-]*[a-z0-9.])?|\[(?<ipv6>[0-9a-f:.]+)\])(?::(?<port>\d{1,5}))?$/i;

/**
 * The address that a Host header names. It comes to stand in a program that somebody runs: of anything but a plain name
 * or IP address with its port nothing is used, and the default stays. A proxy that speaks TLS is not seen from here.
 */
function urlOf(host: string | undefined): string {
  if (host === undefined || host.length > MAX_HOST_LENGTH) return DEFAULT_URL;
  const { ipv6, port = '80' } = HOST.exec(host)?.groups ?? { ipv6: '' };
  const isValid = (ipv6 === undefined || isIPv6(ipv6)) && Number(port) >= 1 && Number(port) <= 65_535;
  return isValid ? `http://${host}` : DEFAULT_URL;
}
