/** clients/lockd.sh and TLS: whom it trusts, and what it shows. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CertificateAuthority } from '../certificates.js';
import { startServe } from '../daemon.js';
import { describeWith } from '../needs.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { lockdSh } from './shell-process.js';

/** A daemon that speaks TLS; answers its URL. */
async function listeningTls(words: readonly string[]): Promise<string> {
  const daemon = startServe(words, temporaryDirectory());
  const [url] = await daemon.wrote('stdout', /https:\/\/127\.0\.0\.1:\d+/);
  return url;
}

describeWith(['curl', 'flock', 'openssl'], 'lockd.sh and TLS', () => {
  test('a private authority is trusted, the system and other authorities are not', async () => {
    const [authority, other] = [new CertificateAuthority(), new CertificateAuthority('another')];
    const { cert, key } = authority.server();
    const url = await listeningTls(['--tls-cert', cert, '--tls-key', key]);
    const trusted = { LOCKD_CA: authority.ca };
    const ran = await lockdSh(['run', 'r', '--', 'echo', 'ran'], { url, variables: trusted });
    expect(ran).toEqual({ status: 0, stdout: 'ran\n', stderr: '' });
    for (const variables of [{}, { LOCKD_CA: other.ca }]) {
      const refused = await lockdSh(['status', 'r'], { url, variables });
      expect(refused).toMatchObject({ status: 69, stdout: '' });
      expect(refused.stderr).toMatch(/^The certificate of https:.* is not trusted\. Name .* LOCKD_CA\n/);
    }
    // The name is looked at, too: it is a certificate for these hosts only.
    const elsewhere = { url: url.replace('127.0.0.1', '127.0.0.2'), variables: trusted };
    expect((await lockdSh(['status', 'r'], elsewhere)).status).toBe(69);
  });

  test('a daemon that wants a certificate gets one, and says so where there is none', async () => {
    const authority = new CertificateAuthority();
    const { cert, key } = authority.server();
    const url = await listeningTls(['--tls-cert', cert, '--tls-key', key, '--tls-client-ca', authority.ca]);
    const own = authority.client();
    const variables = { LOCKD_CA: authority.ca, LOCKD_CERT: own.cert, LOCKD_KEY: own.key };
    expect((await lockdSh(['status', 'r'], { url, variables })).stdout).toMatch(/'r' is free/);
    const both = join(temporaryDirectory(), 'both');
    writeFileSync(both, readFileSync(own.cert, 'utf8') + readFileSync(own.key, 'utf8'));
    const inOne = { LOCKD_CA: authority.ca, LOCKD_CERT: both };
    expect((await lockdSh(['status', 'r'], { url, variables: inOne })).status).toBe(0);
    const without = await lockdSh(['lock', 'r'], { url, variables: { LOCKD_CA: authority.ca } });
    expect(without).toMatchObject({ status: 77, stdout: '' });
    expect(without.stderr).toMatch(/wants to see another certificate .*Set LOCKD_CERT and LOCKD_KEY/);
  });

  test('files that are no certificate and no key are a matter of usage', async () => {
    const authority = new CertificateAuthority();
    const own = authority.client();
    const url = 'https://127.0.0.1:1';
    const daemon = authority.server();
    const there = await listeningTls(['--tls-cert', daemon.cert, '--tls-key', daemon.key]);
    for (const variables of [
      { LOCKD_CA: '/etc/hostname' },
      { LOCKD_CA: authority.ca, LOCKD_CERT: own.cert, LOCKD_KEY: daemon.key },
    ]) {
      const ran = await lockdSh(['status', 'r'], { url: there, variables });
      expect(ran).toMatchObject({ status: 2, stdout: '' });
      expect(ran.stderr).toMatch(/LOCKD_CA, LOCKD_CERT, LOCKD_KEY\) cannot be used: they must be PEM/);
    }
    expect((await lockdSh(['status', 'r', '--cert', '/nowhere'], { url })).status).toBe(2);
  });
});
