/** TLS: its files, who is let in, what is told to the others, and the files read again. */
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { expect, test } from 'vitest';
import { readTls, type TlsFiles } from '../../src/http/tls.js';
import { CertificateAuthority, type KeyPair, pemOf } from '../certificates.js';
import { describeWith } from '../needs.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { eventually, type Fixture, serve } from './fixture.js';
import { post, request, Wire } from './wire.js';

function textFile(text: string): string {
  const path = join(temporaryDirectory(), 'file.pem');
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

function told(files: TlsFiles): string {
  try {
    readTls(files);
  } catch (error) {
    return (error as Error).message;
  }
  return 'nothing';
}

describeWith(['openssl'], 'the files of TLS', () => {
  test('that are as they should be are read without a word', () => {
    const authority = new CertificateAuthority();
    const { context, warnings } = readTls({ ...authority.server(), clientCa: authority.ca });
    expect(context).toMatchObject({ minVersion: 'TLSv1.2', ca: readFileSync(authority.ca, 'utf8') });
    expect(warnings).toEqual([]);
  });

  test('an absent one, a directory: the flag, the path, the reason', () => {
    const { cert, key } = new CertificateAuthority().server();
    const directory = join(temporaryDirectory(), 'd');
    mkdirSync(directory);
    expect(told({ cert: `${cert}x`, key })).toMatch(/^--tls-cert .*x cannot be read: ENOENT/);
    expect(told({ cert, key: directory })).toBe(
      `--tls-key ${directory} cannot be read: it is no regular file`,
    );
    expect(told({ cert, key, clientCa: '/nowhere' })).toMatch(
      /^--tls-client-ca \/nowhere cannot be read: ENOENT/,
    );
  });

  test('one that is not PEM', () => {
    const { cert, key } = new CertificateAuthority().server();
    const noise = textFile('hello');
    const broken = textFile('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
    expect(told({ cert: noise, key })).toMatch(/^--tls-cert .* has no certificate in PEM form/);
    expect(told({ cert: broken, key })).toMatch(/^--tls-cert .* has a certificate that cannot be read/);
    expect(told({ cert, key: noise })).toMatch(/^--tls-key .* is no private key in PEM form/);
    expect(told({ cert, key: cert })).toMatch(/^--tls-key .* is no private key in PEM form/);
    expect(told({ cert, key, clientCa: key })).toMatch(/^--tls-client-ca .* has no certificate in PEM form/);
    expect(told({ cert, key, clientCa: broken })).toMatch(
      /^--tls-client-ca .* has a certificate that cannot/,
    );
  });

  test('a key of another certificate', () => {
    const authority = new CertificateAuthority();
    const [one, other] = [authority.server(), authority.server()];
    expect(told({ cert: one.cert, key: other.key })).toMatch(
      /^--tls-key .* is not the key of the first certificate in --tls-cert .*: give the one it was made with/,
    );
  });

  test('a key that everybody may read is warned of', () => {
    const pair = new CertificateAuthority().server();
    chmodSync(pair.key, 0o640);
    expect(readTls(pair).warnings).toEqual([]);
    chmodSync(pair.key, 0o644);
    expect(readTls(pair).warnings).toEqual([
      `Everybody on this machine may read --tls-key ${pair.key}: chmod o-rwx ${pair.key}`,
    ]);
  });

  test('a certificate out of its time is warned of', () => {
    const authority = new CertificateAuthority();
    const files = { ...authority.server(), clientCa: authority.ca };
    const year = 365 * 86_400_000;
    expect(readTls(files, Date.now() + year).warnings).toEqual([
      expect.stringMatching(
        /^The certificate of CN=lockd in --tls-cert .* has not been valid since .*: renew it$/,
      ),
      expect.stringMatching(
        /^The certificate of CN=lockd test authority in --tls-client-ca .* has not been valid/,
      ),
    ]);
    expect(readTls(files, Date.now() - year).warnings[0]).toMatch(/ is not valid before /);
  });
});

/** A server with TLS, and how to reach it. */
async function secure(options: { readonly clients?: boolean } & Parameters<typeof serve>[0] = {}) {
  const { clients = false, ...more } = options;
  const authority = new CertificateAuthority();
  const pair = authority.server();
  const tls = { ...pair, ...(clients ? { clientCa: authority.ca } : {}) };
  const fixture = await serve({ ...more, tls });
  const ca = readFileSync(authority.ca, 'utf8');
  return { ...fixture, authority, pair, ca };
}

async function bare({ url }: Fixture): Promise<Wire> {
  return Wire.to(url);
}

describeWith(['openssl'], 'a server with TLS', () => {
  test('says so in its address, and takes calls', async () => {
    const { url, ca, calls } = await secure();
    expect(url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    const peer = await Wire.overTls(url, { ca });
    for (const body of ['a', 'b']) expect((await peer.send(post(body)).answer()).body).toBe(`<${body}>`);
    expect(calls[0]?.context.from).toBe(`127.0.0.1:${peer.socket.localPort}`);
    peer.socket.destroy();
  });

  test.each(['TLSv1', 'TLSv1.1'] as const)('%s is refused', async (version) => {
    const { url, ca } = await secure();
    const old = { ca, minVersion: version, maxVersion: version, ciphers: 'ALL:@SECLEVEL=0' };
    await expect(Wire.overTls(url, old)).rejects.toThrow(/protocol version/);
  });

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('%s is spoken', async (version) => {
    const { url, ca } = await secure();
    const peer = await Wire.overTls(url, { ca, minVersion: version, maxVersion: version });
    expect((peer.socket as TLSSocket).getProtocol()).toBe(version);
    expect((await peer.send(post('a')).answer()).body).toBe('<a>');
    peer.socket.destroy();
  });

  test('who speaks HTTP without it is told so', async () => {
    const fixture = await secure();
    const peer = await bare(fixture);
    const answer = await peer.send(post('a')).answer();
    expect(answer).toMatchObject({
      status: 400,
      body: 'Only TLS is spoken here: call https://, not http://\n',
    });
    await peer.closed;
    expect(fixture.calls).toEqual([]);
    expect(fixture.events).toMatchObject([{ event: 'requestRefused', status: 400 }]);
  });

  test('noise and departures are no matter', async () => {
    const fixture = await secure();
    const noisy = await bare(fixture);
    noisy.send(Buffer.alloc(100, 0xff));
    await noisy.closed;
    const leaving = await bare(fixture);
    leaving.send(Buffer.from([22, 3, 1]));
    leaving.socket.resetAndDestroy();
    const peer = await Wire.overTls(fixture.url, { ca: fixture.ca });
    expect((await peer.send(post('a')).answer()).status).toBe(200);
    peer.socket.destroy();
    expect(fixture.events).toEqual([]);
  });

  test('a page of http: is of another site than https:', async () => {
    const { url, ca } = await secure();
    const peer = await Wire.overTls(url, { ca });
    const headers = ['Content-Type: text/xml', 'Origin: http://localhost'];
    expect((await peer.send(post('a', headers)).answer()).status).toBe(403);
    peer.socket.destroy();
  });

  test('a handshake that takes too long is cut, silent or byte by byte', async () => {
    const fixture = await secure({ timeouts: { handshakeMs: 100 } });
    const silent = await bare(fixture);
    const slow = await bare(fixture);
    const timer = setInterval(() => slow.send(Buffer.from([22])), 10);
    await Promise.all([silent.closed, slow.closed]);
    clearInterval(timer);
    expect(fixture.events).toEqual([]);
  });

  test('requests are watched as without it', async () => {
    const { url, ca } = await secure({ timeouts: { requestMs: 100, checkIntervalMs: 10, lingerMs: 20 } });
    const peer = await Wire.overTls(url, { ca });
    peer.send('POST / HTTP/1.1\r\n');
    expect((await peer.answer()).status).toBe(408);
    await peer.closed;
  });

  test('a handshake that is not over does not delay the end; a call does', async () => {
    const fixture = await secure({ byHand: true });
    const shaking = await bare(fixture);
    const peer = await Wire.overTls(fixture.url, { ca: fixture.ca });
    peer.send(post('a'));
    await fixture.seen(1);
    const closed = fixture.server.close();
    await shaking.closed;
    fixture.calls[0]?.answer('done');
    expect(await peer.answer()).toMatchObject({ body: 'done' });
    await Promise.all([closed, peer.closed]);
  });

  test('the departure of a peer is seen', async () => {
    const { url, ca, calls, seen } = await secure({ byHand: true });
    const peer = await Wire.overTls(url, { ca });
    peer.send(post('a'));
    await seen(1);
    let isGone = false;
    calls[0]?.context.peer?.onGone(() => {
      isGone = true;
    });
    peer.socket.destroy();
    await eventually(() => isGone);
  });
});

describeWith(['openssl'], 'client certificates', () => {
  const asked = async (fixture: { url: string; ca: string }, shown?: KeyPair) => {
    const peer = await Wire.overTls(fixture.url, { ca: fixture.ca, ...(shown ? pemOf(shown) : {}) });
    peer.send(post('a'));
    const answer = await peer.answer();
    peer.socket.destroy();
    return answer;
  };

  test('of the authority are let in', async () => {
    const fixture = await secure({ clients: true });
    expect(await asked(fixture, fixture.authority.client())).toMatchObject({ status: 200, body: '<a>' });
    expect(fixture.calls).toHaveLength(1);
  });

  test('that are missing, of another, or not of a client are refused, and nothing is done', async () => {
    const fixture = await secure({ clients: true });
    const other = new CertificateAuthority();
    const none = await asked(fixture);
    expect(none.status).toBe(403);
    expect(none.body).toBe(
      'Show a client certificate that the authority of --tls-client-ca has signed: none came\n',
    );
    for (const shown of [other.client(), fixture.authority.server()]) {
      const answer = await asked(fixture, shown);
      expect(answer.status).toBe(403);
      expect(answer.body).toMatch(/: yours is not accepted \(\w+\)\n$/);
    }
    expect(fixture.calls).toEqual([]);
    expect(fixture.events).toHaveLength(3);
  });

  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'are needed again where a session of %s is resumed',
    async (version) => {
      const fixture = await secure({ clients: true });
      const options = { ca: fixture.ca, minVersion: version, maxVersion: version };
      for (const shown of [{}, pemOf(fixture.authority.client())]) {
        const first = await Wire.overTls(fixture.url, { ...options, ...shown });
        const socket = first.socket as TLSSocket;
        let session = socket.getSession();
        socket.on('session', (one) => {
          session = one;
        });
        await first.send(post('a')).answer();
        if (version === 'TLSv1.3') await eventually(() => session !== undefined);
        socket.destroy();
        const second = await Wire.overTls(fixture.url, { ...options, session });
        expect((second.socket as TLSSocket).isSessionReused()).toBe(false);
        expect((await second.send(post('b')).answer()).status).toBe(403);
        second.socket.destroy();
      }
      expect(fixture.calls.map(({ body }) => body)).toEqual(['a']);
    },
  );

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('are needed for every request of %s', async (version) => {
    const fixture = await secure({ clients: true });
    const peer = await Wire.overTls(fixture.url, {
      ca: fixture.ca,
      minVersion: version,
      maxVersion: version,
    });
    peer.send(post('a') + post('b') + request('GET /healthz') + request('POST /', ['Expect: 200-ok']));
    expect((await peer.answer()).status).toBe(403);
    await peer.closed;
    expect(peer.rest).toBe('');
    expect(fixture.calls).toEqual([]);
  });
});

describeWith(['openssl'], 'the files read again', () => {
  test('are shown from the next connection on; those that are open go on', async () => {
    const { url, server, pair, ca } = await secure();
    const before = await Wire.overTls(url, { ca });
    const other = new CertificateAuthority();
    const next = other.server();
    copyFileSync(next.cert, pair.cert);
    copyFileSync(next.key, pair.key);
    expect(server.reloadTls()).toEqual([]);
    await expect(Wire.overTls(url, { ca })).rejects.toThrow();
    const after = await Wire.overTls(url, { ca: readFileSync(other.ca, 'utf8') });
    for (const peer of [before, after]) {
      expect((await peer.send(post('a')).answer()).status).toBe(200);
      peer.socket.destroy();
    }
  });

  test('are refused where they are broken, and nothing changes', async () => {
    const { url, server, pair, ca } = await secure();
    const other = new CertificateAuthority().server();
    copyFileSync(other.key, pair.key);
    expect(() => server.reloadTls()).toThrow(/^--tls-key .* is not the key/);
    const peer = await Wire.overTls(url, { ca });
    expect((await peer.send(post('a')).answer()).status).toBe(200);
    peer.socket.destroy();
  });

  test('an authority that is not trusted any more lets nobody in, also not by an old session', async () => {
    const { url, server, ca, authority, calls } = await secure({ clients: true });
    const client = pemOf(authority.client());
    const peer = await Wire.overTls(url, { ca, ...client });
    const session = new Promise<Buffer>((resolve) => peer.socket.once('session', resolve));
    expect((await peer.send(post('a')).answer()).status).toBe(200);
    const resumable = await session;
    peer.socket.destroy();
    copyFileSync(new CertificateAuthority().ca, authority.ca);
    expect(server.reloadTls()).toEqual([]);
    const late = await Wire.overTls(url, { ca, ...client, session: resumable });
    expect((await late.send(post('b')).answer()).status).toBe(403);
    late.socket.destroy();
    expect(calls).toHaveLength(1);
  });
});

test('without TLS there is nothing to read again', async () => {
  const { server, url } = await serve();
  expect(server.reloadTls()).toEqual([]);
  expect(server.warnings).toEqual([]);
  await new Promise((resolve) => connect(Number(new URL(url).port)).once('connect', resolve));
});
