/**
 * The one-file clients that the daemon hands out: `clients/` of the package, with the daemon's version and the address
 * under which it was asked written into them, so that whoever fetched one need not say where the daemon is.
 */
import { readFileSync } from 'node:fs';
import { VERSION } from '../service/version.js';
import { readHost } from './hosts.js';

/** How the address begins under which the daemon was asked. */
export type Scheme = 'http' | 'https';

/** A client as it lies in `clients/`, read once. */
export interface ClientFile {
  readonly contentType: string;
  /** Its text for somebody who sent this Host header. */
  textFor(host: string | undefined, scheme: Scheme): string;
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
  return { contentType, textFor: (host, scheme) => pieces.join(urlOf(host, scheme)) };
}

/**
 * The address that a Host header names. It comes to stand in a program that somebody runs: of anything but a plain name
 * or IP address with its port nothing is used, and the default stays. A proxy that speaks TLS is not seen from here.
 */
function urlOf(host: string | undefined, scheme: Scheme): string {
  return readHost(host ?? '') ? `${scheme}://${host}` : DEFAULT_URL;
}
