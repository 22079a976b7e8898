/**
 * Certificates for tests, made by openssl in a temporary directory: an authority, and what it signs. Tests that use them
 * need `openssl` (test/needs.ts).
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { temporaryDirectory } from './temporary-directory.js';

/** A certificate and its private key, as paths of PEM files; the key is readable by its owner only. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** A private authority. Each has a key of its own, so that two of them do not trust each other. */
export class CertificateAuthority {
  /** Path of its own certificate, which clients are to trust: for `--cacert`, `LOCKD_CA`, `--tls-client-ca`. */
  readonly ca: string;
  readonly #key: string;
  #issued = 0;

  constructor(
    name = 'lockd test authority',
    private readonly directory = temporaryDirectory(),
  ) {
    this.ca = join(directory, 'ca.pem');
    this.#key = join(directory, 'ca.key');
    openssl([
      ...['req', '-x509', '-days', '2', '-subj', `/CN=${name}`, '-out', this.ca],
      ...newKey(this.#key),
      ...['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
    ]);
  }

  /** A certificate for a daemon that is called by these names and IP addresses; `callsToo`: and that shows it to others. */
  server(hosts: readonly string[] = ['127.0.0.1', 'localhost'], callsToo = false): KeyPair {
    const names = hosts.map((host) => `${isIP(host) ? 'IP' : 'DNS'}:${host}`).join(',');
    const usage = callsToo ? 'serverAuth,clientAuth' : 'serverAuth';
    return this.#issue('lockd', [`extendedKeyUsage=${usage}`, `subjectAltName=${names}`]);
  }

  /** A certificate by which a client shows that this authority knows it. */
  client(name = 'client'): KeyPair {
    return this.#issue(name, ['extendedKeyUsage=clientAuth']);
  }

  #issue(name: string, extensions: readonly string[]): KeyPair {
    this.#issued += 1;
    const path = (ending: string) => join(this.directory, `${name}-${this.#issued}.${ending}`);
    const [cert, key, request, config] = [path('pem'), path('key'), path('csr'), path('cnf')];
    writeFileSync(config, `${extensions.join('\n')}\n`);
    openssl(['req', '-subj', `/CN=${name}`, '-out', request, ...newKey(key)]);
    openssl([
      ...['x509', '-req', '-days', '2', '-in', request, '-out', cert, '-extfile', config],
      ...['-CA', this.ca, '-CAkey', this.#key, '-set_serial', String(this.#issued)],
    ]);
    return { cert, key };
  }
}

/** The texts of a pair, as `node:tls` and `node:https` take them. */
export function pemOf({ cert, key }: KeyPair): { readonly cert: string; readonly key: string } {
  return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
}

/** Elliptic curves: a key takes a millisecond, not a second. */
function newKey(path: string): string[] {
  return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', path];
}

function openssl(words: readonly string[]): void {
  execFileSync('openssl', words, { stdio: ['ignore', 'ignore', 'pipe'] });
}
