/** The files that hold what must not stand on a command line or in a variable: a secret, certificates, a key. */
import { readFileSync } from 'node:fs';
import type { TlsOptions } from './tls-options.js';

/** Paths; what is absent is not read. */
export interface ConnectionFiles {
  readonly secretFile?: string | undefined;
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/**
 * What is in them. Throws an Error that names the file, and what names it.
 *
 * @param nameOf what names a file, by that of its variable behind `LOCKD_`.
 */
export function readConnectionFiles(
  files: ConnectionFiles,
  nameOf = (name: string) => `LOCKD_${name}`,
): { secret?: string; tls?: TlsOptions } {
  const { secretFile, ca, cert, key } = files;
  const read = (path: string, what: string, name: string) => readText(path, what, nameOf(name));
  const tls: TlsOptions = {
    ...(ca === undefined ? {} : { ca: read(ca, 'the authority', 'CA') }),
    ...(cert === undefined ? {} : { cert: read(cert, 'the certificate', 'CERT') }),
    ...(key === undefined ? {} : { key: read(key, 'the key', 'KEY') }),
  };
  return {
    // As `lockd user add` prints it, or an editor saves it: with a line feed behind it.
    ...(secretFile === undefined
      ? {}
      : { secret: read(secretFile, 'the secret', 'SECRET_FILE').replace(/\r?\n$/, '') }),
    ...(Object.keys(tls).length === 0 ? {} : { tls }),
  };
}

function readText(path: string, what: string, name: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new Error(`The file with ${what}, ${path}, cannot be read (${problem}). It is named by ${name}`);
  }
}
