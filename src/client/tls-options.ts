/** What a client needs for TLS: whom it trusts, and what it shows. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { AgentOptions } from 'node:https';

export interface TlsOptions {
  /** Certificates of the authorities that are trusted, instead of those that the system knows: PEM. */
  readonly ca?: string;
  /** What is shown to a daemon that wants to see one, with those between it and its authority: PEM. */
  readonly cert?: string;
  /** The private key of `cert`: PEM. */
  readonly key?: string;
}

/** Older versions are broken. */
const LEAST_VERSION = 'TLSv1.2';

/** The options of connections. Throws an Error with a phrase: `ca must ...`. */
export function connectionOptions({ ca, cert, key }: TlsOptions): AgentOptions {
  if (ca !== undefined) readCertificates('ca', ca);
  if (cert === undefined && key !== undefined) throw new Error('key must come with cert, its certificate');
  if (cert !== undefined) {
    const [own] = readCertificates('cert', cert);
    if (key === undefined) throw new Error('cert must come with key, its private key');
    if (!own?.checkPrivateKey(readKey(key)))
      throw new Error('key must be that of the first certificate in cert');
  }
  return {
    minVersion: LEAST_VERSION,
    // Also where the environment says otherwise: who is not checked may be anybody, and gets the secret.
    rejectUnauthorized: true,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert, key }),
  };
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

function readCertificates(name: string, pem: string): X509Certificate[] {
  try {
    const certificates = pem.match(CERTIFICATE)?.map((block) => new X509Certificate(block));
    if (certificates) return certificates;
  } catch {
    // Said below.
  }
  throw new Error(`${name} must be a certificate in PEM form (-----BEGIN CERTIFICATE-----)`);
}

function readKey(pem: string) {
  try {
    return createPrivateKey(pem);
  } catch {
    throw new Error('key must be a private key in PEM form, without a password');
  }
}
