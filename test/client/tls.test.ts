/** TLS and Unix sockets: who is trusted, what is shown, and that nothing is sent to anybody else. */

import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createHttpsServer, type ServerOptions } from 'node:https';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { join, relative } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import serializer from 'xmlrpc/lib/serializer.js';
import { LockdClient, type LockdClientOptions } from '../../src/client/client.js';
import { NoDaemon, NotLockd } from '../../src/client/errors.js';
import { CertificateAuthority, pemOf } from '../certificates.js';
import { describeWith } from '../needs.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { httpServer, tcpServer } from './servers.js';

afterEach(() => vi.unstubAllEnvs());

const ANSWER = serializer.serializeMethodResponse(true);
const IMPATIENT = { client: 'A', retry: { delay: 0, jitter: 0 } };

/** A server of TLS that answers true, and what reached it. */
async function tlsServer(options: ServerOptions) {
  const seen = { connections: 0, requests: [] as IncomingMessage[], names: [] as string[] };
  const server = createHttpsServer(options, (request, response) => {
    seen.requests.push(request);
    seen.names.push(String((request.socket as TLSSocket).getPeerCertificate().subject?.CN));
    response.setHeader('Content-Type', 'text/xml').end(ANSWER);
  });
  server.on('connection', () => {
    seen.connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

async function failure(options: LockdClientOptions): Promise<Error> {
  return new LockdClient({ ...IMPATIENT, ...options }).unlock('r').then(
    () => new Error('it succeeded'),
    (thrown) => thrown,
  );
}

describeWith(['openssl'], 'TLS', () => {
  test('with an authority of our own; connections are kept', async () => {
    const authority = new CertificateAuthority();
    const { url, seen } = await tlsServer(pemOf(authority.server()));
    const client = new LockdClient({ ...IMPATIENT, url, tls: { ca: readFileSync(authority.ca, 'utf8') } });
    expect(await client.check('r', '17')).toBe(true);
    expect(await client.check('r', '17')).toBe(true);
    expect(seen).toMatchObject({ connections: 1, requests: { length: 2 } });
    client.close();
  });

  test('a certificate is shown where one is wanted', async () => {
    const authority = new CertificateAuthority();
    const ca = readFileSync(authority.ca, 'utf8');
    const { url, seen } = await tlsServer({
      ...pemOf(authority.server()),
      ca,
      requestCert: true,
      rejectUnauthorized: true,
    });
    const client = new LockdClient({ ...IMPATIENT, url, tls: { ca, ...pemOf(authority.client('host7')) } });
    expect(await client.check('r', '17')).toBe(true);
    expect(seen.names).toEqual(['host7']);
    const error = await failure({ url, tls: { ca } });
    expect(['NoDaemon', 'OutcomeUnknown']).toContain(error.name);
    expect(seen.requests).toHaveLength(1);
  });

  test.each<[string, (ca: string) => LockdClientOptions]>([
    ['an authority that nobody knows', () => ({})],
    [
      'another authority than ours',
      () => ({ tls: { ca: readFileSync(new CertificateAuthority().ca, 'utf8') } }),
    ],
  ])('%s: told so at once, and the secret is not sent', async (_, options) => {
    // Who switches all checks off in the environment does not mean this.
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    const authority = new CertificateAuthority();
    const { url, seen } = await tlsServer(pemOf(authority.server()));
    const error = await failure({ url, user: 'ci', secret: 'c0ffee', ...options(authority.ca) });
    expect(error).toBeInstanceOf(NotLockd);
    expect(error.message).toMatch(
      new RegExp(
        `^The certificate of ${url} is not trusted \\(.+\\)\\. Name the address .* with --ca or LOCKD_CA`,
      ),
    );
    expect(seen).toMatchObject({ connections: 1, requests: { length: 0 } });
  });

  test('a certificate of another host', async () => {
    const authority = new CertificateAuthority();
    const { url, seen } = await tlsServer(pemOf(authority.server(['lockhost.test'])));
    const error = await failure({ url, tls: { ca: readFileSync(authority.ca, 'utf8') } });
    expect(error.message).toMatch(/is not trusted \(.*IP: 127\.0\.0\.1 is not in the cert's list/);
    expect(seen.requests).toHaveLength(0);
  });

  test('the next address is asked where the first is not trusted', async () => {
    const authority = new CertificateAuthority();
    const ca = readFileSync(authority.ca, 'utf8');
    const foreign = await tlsServer(pemOf(new CertificateAuthority().server()));
    const ours = await tlsServer(pemOf(authority.server()));
    const client = new LockdClient({ ...IMPATIENT, urls: [foreign.url, ours.url], tls: { ca } });
    expect(await client.unlock('r')).toBe(true);
  });

  test('versions below 1.2 are not spoken', async () => {
    const authority = new CertificateAuthority();
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' } as const;
    const { url, seen } = await tlsServer({ ...pemOf(authority.server()), ...old });
    const error = await failure({ url, tls: { ca: readFileSync(authority.ca, 'utf8') } });
    expect(error).toBeInstanceOf(NoDaemon);
    expect(seen.requests).toHaveLength(0);
  });

  test.each<[LockdClientOptions['tls'], string]>([
    [{ ca: 'hello' }, 'tls.ca must be a certificate in PEM form'],
    [
      { ca: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' },
      'tls.ca must be a certificate in PEM form',
    ],
    [{ cert: 'hello', key: 'hello' }, 'tls.cert must be a certificate in PEM form'],
    [{ key: 'hello' }, 'tls.key must come with cert'],
  ])('%j makes no sense', (tls, message) => {
    expect(() => new LockdClient({ url: 'https://h:1', tls: tls ?? {} })).toThrow(message);
  });

  test('a key that is none, or that of another certificate, and none of it is told', () => {
    const authority = new CertificateAuthority();
    const [one, other] = [pemOf(authority.client()), pemOf(authority.client())];
    const make = (key: string | undefined) => () =>
      new LockdClient({ url: 'https://h:1', tls: { cert: one.cert, ...(key === undefined ? {} : { key }) } });
    expect(make(undefined)).toThrow('tls.cert must come with key, its private key');
    expect(make(other.key)).toThrow(/^tls\.key must be that of the first certificate in cert$/);
    expect(make('secret')).toThrow(/^tls\.key must be a private key in PEM form, without a password$/);
  });
});

test('a handshake that hangs is no lost answer: nothing was sent', async () => {
  const url = await tcpServer(() => undefined);
  const error = await failure({
    url: url.replace('http:', 'https:'),
    connectTimeout: 0.2,
    retry: { attempts: 1 },
  });
  expect(error).toBeInstanceOf(NoDaemon);
  expect(error.message).toContain('no connection within 0.2 s');
});

test('a server that speaks no TLS', async () => {
  const url = await httpServer((_, response) => void response.end());
  const error = await failure({ url: url.replace('http:', 'https:') });
  expect(error).toBeInstanceOf(NoDaemon);
  expect(error.message).toMatch(/^No daemon answers at https:\S+ \(no TLS: [^;]*; \d tr/);
});

describe('a Unix socket', () => {
  async function socketServer(path: string) {
    const seen: IncomingMessage[] = [];
    const server = createServer((request, response) => {
      seen.push(request);
      if (request.url === '/healthz') response.end('{"status": "ok", "problems": []}');
      else response.setHeader('Content-Type', 'text/xml').end(ANSWER);
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
    onTestFinished(() => {
      server.close();
      server.closeAllConnections();
    });
    return seen;
  }

  test.each<[string, (path: string) => string]>([
    ['by its path', (path) => `unix:${path}`],
    ['by a path from here', (path) => `unix:${relative('.', path)}`],
    ['with what is special in a URL as %XX', (path) => `unix:${path.replace('socket', 's%6fcket')}`],
  ])('%s', async (_, url) => {
    const path = join(temporaryDirectory(), 'socket');
    const seen = await socketServer(path);
    const client = new LockdClient({ ...IMPATIENT, url: url(path), user: 'ci', secret: 'c0ffee' });
    expect(await client.check('r', '17')).toBe(true);
    expect(await client.health()).toEqual({ status: 'ok', problems: [] });
    expect(seen.map(({ url, headers }) => [url, headers.host])).toEqual([
      ['/', 'localhost'],
      ['/healthz', 'localhost'],
    ]);
    expect(seen[0]?.headers.authorization).toBe(`Basic ${btoa('ci:c0ffee')}`);
    client.close();
  });

  test('that is not there: told with its path', async () => {
    const path = join(temporaryDirectory(), 'socket');
    const error = await failure({ url: `unix:${path}` });
    expect(error).toBeInstanceOf(NoDaemon);
    expect(error.message).toMatch(`No daemon answers at unix:${path} (connect ENOENT ${path}; 4 tries)`);
  });

  test('beside another address, of one cluster', async () => {
    const path = join(temporaryDirectory(), 'socket');
    const dead = createTcpServer();
    await new Promise<void>((resolve) => dead.listen(path, resolve));
    await new Promise((resolve) => dead.close(resolve));
    const url = await httpServer(
      (_, response) => void response.setHeader('Content-Type', 'text/xml').end(ANSWER),
    );
    expect(await new LockdClient({ ...IMPATIENT, url: `unix:${path},${url}` }).unlock('r')).toBe(true);
  });
});
