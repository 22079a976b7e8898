/** `lockd serve` towards strangers: TLS, Unix sockets, names, limits; always the process itself. */
import { execFile } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { CertificateAuthority, type KeyPair, pemOf } from '../certificates.js';
import { call, succeeded } from '../crash/clients.js';
import { LockdProcess, lockd, serve } from '../daemon.js';
import { post, request, Wire } from '../http/wire.js';
import { describeWith } from '../needs.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { callOf } from '../xmlrpc/documents.js';

const DRIVER = fileURLToPath(new URL('./on-terminal.py', import.meta.url));
const LOCKD = fileURLToPath(new URL('../../bin/lockd.js', import.meta.url));

function tlsWords({ cert, key }: KeyPair, clientCa?: string): string[] {
  const words = ['--tls-cert', cert, '--tls-key', key];
  return clientCa === undefined ? words : [...words, '--tls-client-ca', clientCa];
}

async function tlsWire(url: string, ca: string, client?: KeyPair): Promise<Wire> {
  const shown = client ? pemOf(client) : {};
  const wire = await Wire.overTls(url, { ca: readFileSync(ca, 'utf8'), ...shown });
  onTestFinished(() => void wire.socket.destroy());
  return wire;
}

async function refusedStart(...words: string[]) {
  return lockd(['serve', '--directory', join(temporaryDirectory(), 'd'), ...words]);
}

/** What HTTP/1.1 must not be, on a connection of its own for each. */
const FLOODS: readonly (readonly [number, string, string])[] = [
  [
    431,
    '1,500 headers',
    request('POST /', ['Host: localhost', ...Array.from({ length: 1_500 }, (_, index) => `X-${index}: y`)]),
  ],
  [431, 'a header of 20,000 bytes', request('GET /healthz', ['Host: localhost', `X: ${'y'.repeat(20_000)}`])],
  [
    400,
    'Content-Length and Transfer-Encoding',
    request('POST /', [
      'Host: localhost',
      'Content-Type: text/xml',
      'Content-Length: 1',
      'Transfer-Encoding: chunked',
    ]),
  ],
  [400, 'bare LF', 'GET /healthz HTTP/1.1\nHost: localhost\n\n'],
  [400, 'two Hosts', request('GET /healthz', ['Host: localhost', 'Host: localhost'])],
  [421, 'a foreign Host', request('GET /healthz', ['Host: evil.example'])],
  [
    403,
    'a foreign page',
    post(callOf('lock', 'r', 'A'), ['Content-Type: text/xml', 'Origin: http://evil.example']),
  ],
  [
    403,
    'a cross-site fetch',
    post(callOf('lock', 'r', 'A'), ['Content-Type: text/xml', 'Sec-Fetch-Site: cross-site']),
  ],
  [415, 'a form', post('a=b', ['Content-Type: application/x-www-form-urlencoded'])],
];

async function meetsFloods(open: () => Promise<Wire>): Promise<void> {
  for (const [status, name, message] of FLOODS) {
    const wire = await open();
    expect((await wire.send(message).answer()).status, name).toBe(status);
    wire.socket.destroy();
  }
  const wire = await open();
  expect(succeeded(await call(wire, 'status', 'r'))).toEqual(expect.any(Map));
  expect((await wire.send(post(callOf('list'))).answer()).body).not.toContain('resource');
  wire.socket.destroy();
}

test('floods and foreign pages are refused, and nothing is locked', async () => {
  const { url } = await serve();
  await meetsFloods(() => Wire.to(url));
});

describeWith(['openssl'], 'TLS', () => {
  test('the greeting and the log say https://, calls are taken, floods refused', async () => {
    const authority = new CertificateAuthority();
    const { daemon, url } = await serve(tlsWords(authority.server()));
    expect(url).toMatch(/^https:/);
    await daemon.wrote('stdout', /LOCKD_CA=FILE .*SSL_CERT_FILE=FILE/s);
    await daemon.wrote('stderr', /"Ready"/);
    expect(daemon.records).toMatchObject([{ msg: 'Ready', urls: [url] }]);
    await meetsFloods(() => tlsWire(url, authority.ca));
    const plain = await Wire.to(url);
    expect((await plain.send(request('GET /healthz')).answer()).body).toContain('call https://');
  });

  test('clients must show a certificate where that is asked', async () => {
    const authority = new CertificateAuthority();
    const { url } = await serve(tlsWords(authority.server(), authority.ca));
    const known = await tlsWire(url, authority.ca, authority.client());
    succeeded(await call(known, 'lock', 'r', 'A'));
    const unknown = await tlsWire(url, authority.ca);
    expect((await unknown.send(post(callOf('unlock', 'r', 'A'))).answer()).status).toBe(403);
    succeeded(await call(known, 'unlock', 'r', 'A'));
  });

  test('SIGHUP reads the files again; broken ones are refused and the old ones stay', async () => {
    const authority = new CertificateAuthority();
    const pair = authority.server();
    const { url, daemon } = await serve(tlsWords(pair));
    const before = await tlsWire(url, authority.ca);

    const next = new CertificateAuthority();
    const { cert, key } = next.server();
    copyFileSync(cert, pair.cert);
    daemon.child.kill('SIGHUP');
    await daemon.wrote(
      'stderr',
      /Kept the certificate .* as before: --tls-key .* is not the key of the first/,
    );
    await tlsWire(url, authority.ca);

    copyFileSync(key, pair.key);
    daemon.child.kill('SIGHUP');
    await daemon.wrote('stderr', /Read the certificate .* again/);
    await expect(tlsWire(url, authority.ca)).rejects.toThrow();
    for (const wire of [before, await tlsWire(url, next.ca)]) succeeded(await call(wire, 'status', 'r'));
  });

  test.each<[string, (files: KeyPair) => string[], RegExp]>([
    [
      'a certificate that is not there',
      ({ key }) => ['/nowhere', key],
      /--tls-cert \/nowhere cannot be read: ENOENT/,
    ],
    ['a key that is none', ({ cert }) => [cert, cert], /--tls-key .* is no private key in PEM form/],
  ])('%s stops the start, in one line', async (_, files, text) => {
    const [cert = '', key = ''] = files(new CertificateAuthority().server());
    const { status, stdout, stderr } = await refusedStart(
      ...tlsWords({ cert, key }),
      '--listen',
      '127.0.0.1:0',
    );
    expect(status).toBe(1);
    expect(stdout).toBe('');
    expect(stderr.trimEnd()).toMatch(text);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  test('a key that everybody may read is warned of, and the daemon starts', async () => {
    const pair = new CertificateAuthority().server();
    chmodSync(pair.key, 0o644);
    const { daemon } = await serve(tlsWords(pair));
    await daemon.wrote('stderr', /Everybody on this machine may read --tls-key .*: chmod o-rwx /);
  });

  test('one of the files alone is a mistake', async () => {
    for (const words of [
      ['--tls-cert', 'c'],
      ['--tls-key', 'k'],
      ['--tls-client-ca', 'a'],
    ]) {
      const { status, stderr } = await refusedStart(...words);
      expect(status).toBe(2);
      expect(stderr).toContain(`${words[0]} is given alone: TLS takes both --tls-cert and --tls-key`);
    }
  });
});

describe('a Unix socket', () => {
  const words = (path: string, directory = temporaryDirectory()) => [
    ...['serve', '--directory', directory],
    ...['--listen', `unix:${path}`],
  ];

  test('alone, for its owner only, from `unix`, gone after the stop', async () => {
    const path = join(temporaryDirectory(), 'socket');
    const daemon = new LockdProcess(words(path));
    await daemon.wrote('stdout', /stays locked\.\n/);
    expect(daemon.stdout).toContain(`listens at unix:${path}\n`);
    expect(daemon.stdout).toContain(`curl --unix-socket ${path} http://localhost/healthz\n`);
    expect(lstatSync(path).mode & 0o777).toBe(0o600);
    const wire = await Wire.at(path);
    const hold = succeeded(await call(wire, 'lock', 'r', 'A'));
    expect(hold).toEqual(expect.any(Map));
    expect((hold as Map<string, unknown>).get('from')).toBe('unix');
    daemon.child.kill('SIGTERM');
    expect(await daemon.ended).toBe(0);
    expect(existsSync(path)).toBe(false);
    expect(daemon.records[0]).toMatchObject({ msg: 'Ready', urls: [`unix:${path}`] });
  });

  test('left behind by kill -9 is replaced; one that is in use is not', async () => {
    const path = join(temporaryDirectory(), 'socket');
    const first = new LockdProcess(words(path));
    await first.wrote('stdout', /listens at/);
    await first.kill();
    expect(lstatSync(path).isSocket()).toBe(true);
    const second = new LockdProcess(words(path));
    await second.wrote('stdout', /listens at/);
    const { status, stderr } = await lockd(words(path));
    expect(status).toBe(1);
    expect(stderr).toContain(`Cannot listen on unix:${path}: somebody listens there already`);
    succeeded(await call(await Wire.at(path), 'status', 'r'));
  });

  test('is in clear text beside TLS', async () => {
    const path = join(temporaryDirectory(), 'socket');
    const { url } = await serve(['--listen', `unix:${path}`]);
    succeeded(await call(await Wire.to(url), 'lock', 'r', 'A'));
    succeeded(await call(await Wire.at(path), 'unlock', 'r', 'A'));
  });
});

describe('what is asked for', () => {
  test('--allow-host', async () => {
    const { url } = await serve(['--allow-host', 'locks.example.org']);
    const wire = await Wire.to(url);
    expect((await wire.send(request('GET /healthz', ['Host: locks.example.org'])).answer()).status).toBe(200);
    const answer = await wire.send(request('GET /healthz', ['Host: other.example.org'])).answer();
    expect(answer.status).toBe(421);
    expect(answer.body).toContain('--allow-host other.example.org');
  });

  test('--max-body', async () => {
    const { url } = await serve(['--max-body', '8K']);
    expect((await (await Wire.to(url)).send(post(' '.repeat(8_193))).answer()).body).toBe(
      'Send at most 8,192 bytes of body\n',
    );
  });

  test('--max-connections', async () => {
    const { url, daemon } = await serve(['--max-connections', '1']);
    const holder = await Wire.to(url);
    succeeded(await call(holder, 'lock', 'r', 'A'));
    const wires = [await Wire.to(url), await Wire.to(url)];
    for (const wire of wires) expect((await wire.answer()).status).toBe(503);
    succeeded(await call(holder, 'unlock', 'r', 'A'));
    await daemon.wrote('stderr', /1 connections are open/);
    expect(daemon.records.filter(({ msg }) => String(msg).includes('connections are open'))).toHaveLength(1);
  });

  test('more connections than descriptors are warned of', async () => {
    const { daemon } = await serve(['--max-connections', '1000000']);
    await daemon.wrote('stderr', /Of --max-connections 1000000 only \d+ are possible: .*LimitNOFILE/);
  });

  test.each([
    [['--max-body', '1K'], "--max-body must be from 8K to 16M, not '1K'"],
    [['--max-connections', '0'], '--max-connections must be a whole number from 1'],
    [['--allow-host', 'a:1'], '--allow-host must be a name without a port'],
    [['--listen', 'unix:'], 'name the socket, as in unix:/run/lockd/socket'],
  ])('%j is refused', async (words, text) => {
    const { status, stderr } = await refusedStart(...words);
    expect(status).toBe(2);
    expect(stderr).toContain(text);
  });
});

test('secrets that would go over a network in the clear are warned of, once', async () => {
  const directory = temporaryDirectory();
  const users = join(directory, 'users');
  expect((await lockd(['user', 'add', 'ci', '--users', users, '--role', 'client'])).status).toBe(0);
  const words = ['--users', users, '--listen', '0.0.0.0:0'];
  const { daemon } = await serve(words);
  await daemon.wrote('stderr', /"Ready"/);
  expect(daemon.records.filter(({ level }) => level === 'warn')).toMatchObject([
    { msg: expect.stringContaining('Users send their secrets over the network without TLS') },
  ]);
});

describe('names that are made to deceive', () => {
  const HOSTILE = ['<script>alert(1)</script>', 'a\nb', '\x1b[2J', '\x1b]0;title\x07', '\u202edorp'];

  /** Everything that a stranger can send, with each of the names in every place. */
  async function deceive(open: () => Promise<Wire>): Promise<string[]> {
    const answers: string[] = [];
    for (const name of HOSTILE) {
      const xml = name.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
      const inHeader = name.replaceAll('\n', ' ');
      const wire = await open();
      const note = `<struct><member><name>note</name><value>${xml}</value></member></struct>`;
      // Of control characters in a header nothing would come as far as XML-RPC.
      const agent = /^[ -~]*$/.test(inHeader) ? [`User-Agent: ${inHeader}`] : [];
      const headers = ['Content-Type: text/xml', ...agent];
      for (const call of [
        callOf('lock', 'r', xml),
        callOf('lock', xml, 'A'),
        callOf('lock', 'r', 'A', note),
        callOf('status', xml),
        callOf(xml),
        callOf(
          'forceUnlock',
          'r',
          `<struct><member><name>reason</name><value>${xml}</value></member></struct>`,
        ),
      ]) {
        answers.push((await wire.send(post(call, headers)).answer()).body);
      }
      wire.socket.destroy();
      for (const message of [
        request('GET /healthz', [`Host: ${inHeader}`]),
        request('GET /nothing', ['Host: localhost', `User-Agent: ${inHeader}`]),
        request(`GET /${encodeURI('x')}${inHeader.replaceAll(' ', '')}`),
        request('GET /healthz', ['Host: localhost', `Origin: ${inHeader}`]),
        request('POST /', ['Host: localhost', `Expect: ${inHeader}`, 'Content-Length: 0']),
      ]) {
        const peer = await open();
        answers.push((await peer.send(Buffer.from(message)).answer()).body);
        peer.socket.destroy();
      }
    }
    return answers;
  }

  /** Whether a terminal or a page would do something else than show it. */
  const isRaw = (text: string) =>
    [...text].some((character) => character < ' ' && character !== '\n') ||
    /[\u202e\u007f]|<script>/.test(text);

  test('come raw into no answer and no line of the log', async () => {
    const { url, daemon } = await serve();
    const answers = await deceive(() => Wire.to(url));
    expect(answers.length).toBeGreaterThan(40);
    expect(answers.filter((answer) => isRaw(answer.replaceAll('\r', '')))).toEqual([]);
    daemon.child.kill('SIGTERM');
    expect(await daemon.ended).toBe(0);
    expect(isRaw(daemon.stderr + daemon.stdout)).toBe(false);
    expect(daemon.records.length).toBeGreaterThan(5);
  });

  describeWith(['python3'], 'on a terminal', () => {
    test('come raw onto none', async () => {
      const directory = temporaryDirectory();
      const path = join(directory, 'socket');
      // The last refusal says what no other does.
      const steps = [
        ['expect', 'Ready'],
        ['expect', 'without Content-Encoding'],
        ['signal', 15],
      ];
      const command = ['serve', '--directory', join(directory, 'd'), '--listen', `unix:${path}`];
      const ran = promisify(execFile)(
        'python3',
        [DRIVER, JSON.stringify(steps), process.execPath, LOCKD, ...command],
        { timeout: 100_000 },
      );
      await expect
        .poll(() => existsSync(path) && lstatSync(path).mode & 0o777, { timeout: 25_000 })
        .toBe(0o600);
      await deceive(() => Wire.at(path));
      const last = await Wire.at(path);
      await last.send(post('', ['Content-Type: text/xml', 'Content-Encoding: gzip'])).answer();
      const { output, status } = JSON.parse((await ran).stdout);
      expect(status).toBe(0);
      expect(output).toContain('  from="unix"  status=404');
      expect(isRaw(output.replaceAll('\r\n', '\n'))).toBe(false);
    });
  });
});
