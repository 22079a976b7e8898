/**
 * The files of TLS: a certificate, its key, and perhaps the authority whose certificates clients must show. They are looked at
 * closely when they are read, because a daemon with the wrong ones turns everybody away.
 */
import { constants, createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';

/** Paths of PEM files. */
export interface TlsFiles {
  /** The daemon's certificate, and behind it those of the authorities between it and the one that clients know. */
  readonly cert: string;
  readonly key: string;
  /** Clients must show a certificate signed by one of the authorities in it. */
  readonly clientCa?: string | undefined;
}

/** What was read: how to encrypt, and what is not as it should be although it works. */
export interface TlsSettings {
  readonly context: SecureContextOptions;
  readonly warnings: readonly string[];
}

/** Older versions are broken. */
const LEAST_VERSION = 'TLSv1.2';

/** Reads and checks the files. Throws an Error that says which file is wrong, how, and what to do. */
export function readTls({ cert, key, clientCa }: TlsFiles, now = Date.now()): TlsSettings {
  const certText = readText('--tls-cert', cert);
  const keyText = readText('--tls-key', key);
  const certificates = readCertificates('--tls-cert', cert, certText);
  const [own] = certificates;
  if (!own?.checkPrivateKey(readKey(key, keyText))) {
    throw new Error(
      `--tls-key ${key} is not the key of the first certificate in --tls-cert ${cert}: give the one it was made with, ` +
        "and put the daemon's own certificate first",
    );
  }
  const caText = clientCa === undefined ? undefined : readText('--tls-client-ca', clientCa);
  const authorities =
    clientCa === undefined || caText === undefined
      ? []
      : readCertificates('--tls-client-ca', clientCa, caText);
  const context: SecureContextOptions = {
    cert: certText,
    key: keyText,
    // A session that is resumed was let in by what was true of its certificate when it began: then none is.
    ...(caText === undefined ? {} : { ca: caText, secureOptions: constants.SSL_OP_NO_TICKET }),
    minVersion: LEAST_VERSION,
  };
  checkContext(context, cert);
  const warnings = [
    ...keyWarnings(key),
    ...timeWarnings('--tls-cert', cert, certificates, now),
    ...(clientCa === undefined ? [] : timeWarnings('--tls-client-ca', clientCa, authorities, now)),
  ];
  return { context, warnings };
}

/** A path that is no regular file could keep the daemon waiting for ever. */
function readText(flag: string, path: string): string {
  try {
    if (!statSync(path).isFile()) throw new Error('it is no regular file');
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(`${flag} ${path} cannot be read: ${(error as Error).message}`);
  }
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

function readCertificates(flag: string, path: string, text: string): X509Certificate[] {
  const blocks = text.match(CERTIFICATE);
  if (!blocks) {
    throw new Error(`${flag} ${path} has no certificate in PEM form (-----BEGIN CERTIFICATE-----) in it`);
  }
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (error) {
    throw new Error(`${flag} ${path} has a certificate that cannot be read: ${(error as Error).message}`);
  }
}

function readKey(path: string, text: string): KeyObject {
  try {
    return createPrivateKey(text);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const problem =
      code === 'ERR_MISSING_PASSPHRASE'
        ? 'is encrypted: nobody is there to give the passphrase at a start; store it without one, readable by the daemon only'
        : `is no private key in PEM form (-----BEGIN PRIVATE KEY-----): ${message}`;
    throw new Error(`--tls-key ${path} ${problem}`);
  }
}

/** What else OpenSSL does not like, such as a key too short. */
function checkContext(context: SecureContextOptions, cert: string): void {
  try {
    createSecureContext(context);
  } catch (error) {
    throw new Error(`--tls-cert ${cert} cannot be used: ${(error as Error).message}`);
  }
}

function keyWarnings(key: string): string[] {
  const isOpen = (statSync(key).mode & 0o007) !== 0;
  return isOpen ? [`Everybody on this machine may read --tls-key ${key}: chmod o-rwx ${key}`] : [];
}

function timeWarnings(
  flag: string,
  path: string,
  certificates: readonly X509Certificate[],
  now: number,
): string[] {
  return certificates.flatMap(({ validFrom, validTo, subject }) => {
    const name = `The certificate of ${subject.replaceAll('\n', ', ')} in ${flag} ${path}`;
    const [begin, end] = [Date.parse(validFrom), Date.parse(validTo)];
    if (now < begin) return [`${name} is not valid before ${new Date(begin).toISOString()}`];
    return now > end ? [`${name} has not been valid since ${new Date(end).toISOString()}: renew it`] : [];
  });
}
