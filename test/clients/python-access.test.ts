/** lockd.py where the daemon wants to know who calls: users, secrets that show nowhere, TLS, and sockets. */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { CertificateAuthority } from '../certificates.js';
import { lockd, serve, startServe } from '../daemon.js';
import { describeWith } from '../needs.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { lockdPy, outcome, script, startLockdPy } from './python-process.js';

const SECRET = 's3cret/,:@ü';
const NOWHERE = 'http://127.0.0.1:1';

/** The URL with user and secret. */
function withUser(url: string, user = 'ci', secret = SECRET): string {
  return url.replace('//', `//${user}:${encodeURIComponent(secret)}@`);
}

/** A file with a secret, as `lockd user add` prints it. */
function secretFile(content = `${SECRET}\n`): string {
  const file = join(temporaryDirectory(), 'secret');
  writeFileSync(file, content);
  chmodSync(file, 0o600);
  return file;
}

const ANSWER =
  '<?xml version="1.0"?><methodResponse><params><param><value><boolean>1</boolean></value></param></params></methodResponse>';

/** Answers every request alike, and keeps what came. */
async function recorder(status = 200, body = ANSWER, headers: Record<string, string> = {}) {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    request.resume();
    request.on('end', () => response.writeHead(status, { 'Content-Type': 'text/xml', ...headers }).end(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { requests, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** A daemon with users, each with its secret. */
async function withUsers(...adding: readonly (readonly string[])[]) {
  const users = join(temporaryDirectory(), 'users.json');
  const secrets: string[] = [];
  for (const words of adding) {
    const added = await lockd(['user', 'add', ...words, '--users', users]);
    expect(added).toMatchObject({ status: 0 });
    secrets.push(added.stdout.trim());
  }
  return { ...(await serve(['--users', users])), secrets, users };
}

const BASIC = `Basic ${Buffer.from(`ci:${SECRET}`).toString('base64')}`;

describeWith(['python3'], 'lockd.py and who calls', () => {
  test.each<[string, (url: string) => Readonly<Record<string, string>>]>([
    ['by variables', () => ({ LOCKD_USER: 'ci', LOCKD_SECRET_FILE: secretFile() })],
    [
      'by variables, a file without line feed',
      () => ({ LOCKD_USER: 'ci', LOCKD_SECRET_FILE: secretFile(SECRET) }),
    ],
    ['by the URL', (url) => ({ LOCKD_URL: withUser(url) })],
    ['by several URLs', (url) => ({ LOCKD_URL: `${withUser(url)}, ${withUser(url)}/RPC2` })],
  ])('says so with the first request, %s: library and command', async (_, variables) => {
    const { requests, url } = await recorder();
    const around = variables(url);
    const said = await script(
      'import lockd\nclient = lockd.Client()\nclient.unlock("r")\nprint(client.client, client.url)',
      url,
      around,
    );
    expect(said).toMatchObject({ status: 0, stderr: '' });
    expect(said.stdout).toMatch(/^ci\/[^/]+@[^/]+:\d+-\w{6} http:/);
    expect(said.stdout).not.toContain('s3cret');
    const unlocked = await lockdPy(['unlock', 'r', '--json'], url, around);
    expect(JSON.parse(unlocked.stdout).client).toMatch(/^ci\/[^/:]+@[^/:]+$/);
    expect((await lockdPy(['unlock', 'r', 'me', '--json'], url, around)).stdout).toContain('"client":"me"');
    expect(requests.map(({ headers }) => headers.authorization)).toEqual([BASIC, BASIC, BASIC]);
  });

  test('what the library is given beats the URL, and a URL that it is given the variables', async () => {
    const { requests, url } = await recorder();
    const other = withUser(url, 'other', 'x');
    await script(
      `
import lockd
lockd.Client(user='ci', secret='${SECRET}').unlock('r')
lockd.Client('${withUser(url)}').unlock('r')
print(lockd.Client('${url}').unlock('r'))
`,
      other,
      { LOCKD_USER: 'third', LOCKD_SECRET_FILE: secretFile('y') },
    );
    // A daemon that the program named itself is not shown the secret of another one.
    expect(requests.map(({ headers }) => headers.authorization)).toEqual([BASIC, BASIC, undefined]);
  });

  test.each([
    ['one variable of two', { LOCKD_USER: 'ci' }, /LOCKD_USER.*LOCKD_SECRET_FILE.*both/],
    ['the other one', { LOCKD_SECRET_FILE: '/dev/null' }, /LOCKD_USER.*LOCKD_SECRET_FILE.*both/],
    ['an empty file', { LOCKD_USER: 'ci', LOCKD_SECRET_FILE: '/dev/null' }, /the secret alone/],
    ['no file', { LOCKD_USER: 'ci', LOCKD_SECRET_FILE: '/nowhere/s' }, /\/nowhere\/s cannot be read/],
    ['a user without secret', { LOCKD_URL: 'http://ci@h' }, /LOCKD_URL must be like http:\/\/user:secret@/],
    ['two users', { LOCKD_URL: 'http://a:s3cret@h,http://b:s3cret@h' }, /must name the same user and secret/],
    ['a slash in the secret', { LOCKD_URL: 'http://ci:s3c/ret@h' }, /percent-encoded/],
    ['a comma in the secret', { LOCKD_URL: 'http://ci:s3cr,et@h' }, /percent-encoded/],
    ['another protocol', { LOCKD_URL: 'ftp://ci:s3cret@h' }, /percent-encoded/],
  ])('%s is a matter of usage, and nothing of a secret is shown', async (_, variables, problem) => {
    const ran = await lockdPy(['status', 'r'], NOWHERE, variables);
    expect(ran).toMatchObject({ status: 2, stdout: '' });
    expect(ran.stderr).toMatch(problem);
    expect(ran.stderr).not.toMatch(/s3c/);
  });

  test('a secret in --url is refused, one in a configuration file is not', async () => {
    const { requests, url } = await recorder();
    const refused = await lockdPy(['unlock', 'r', '--url', withUser(url)], url);
    expect(refused).toMatchObject({ status: 2, stdout: '' });
    expect(refused.stderr).toMatch(
      /^error: --url must name neither user nor secret: lists of processes show them/,
    );
    expect(refused.stderr).not.toContain('s3cret');
    expect(requests).toEqual([]);
    const file = secretFile(JSON.stringify({ url: withUser(url) }));
    expect((await lockdPy(['unlock', 'r', '--config', file], '')).status).toBe(0);
    expect(requests[0]?.headers.authorization).toBe(BASIC);
  });

  test('who is not let in is told what to set, once', async () => {
    const { requests, url } = await recorder(401, 'Unauthorized', {
      'WWW-Authenticate': 'Basic realm="lockd"',
    });
    const nobody = await lockdPy(['lock', 'r', '--wait', '5s'], url);
    expect(nobody).toMatchObject({ status: 77, stdout: '' });
    expect(nobody.stderr).toMatch(/lets nobody in .*set LOCKD_USER and LOCKD_SECRET_FILE/);
    expect(requests).toHaveLength(1);
    const unknown = await lockdPy(['run', 'r', '--', 'true'], withUser(url));
    expect(unknown.status).toBe(77);
    expect(unknown.stderr).toMatch(/does not know user 'ci', or not with this secret/);
    expect(requests).toHaveLength(2);
    const said = await script(
      `
import lockd, traceback
client = lockd.Client()
try: client.lock('r')
except lockd.NotAllowed as problem: print(problem.exit_status, isinstance(problem, lockd.Unavailable))
try: client.status('r')
except lockd.Error: print(traceback.format_exc(), repr(client), vars(client), vars(client._wire))
`,
      withUser(url),
    );
    expect(said.stdout).toMatch(/^77 False\n/);
    expect(said.stdout + said.stderr).not.toMatch(/s3cret|czNjcmV0/);
    expect(requests).toHaveLength(4);
  });

  test('a redirect is not followed, with the secret least of all', async () => {
    const elsewhere = await recorder();
    const { url } = await recorder(302, '', { Location: elsewhere.url });
    expect((await lockdPy(['unlock', 'r'], withUser(url))).status).toBe(69);
    expect(elsewhere.requests).toEqual([]);
  });

  test('a command under run or gate finds where the daemon is, and no secret', async () => {
    const { url, secrets } = await withUsers(['ci', '--role', 'client']);
    const [secret = ''] = secrets;
    const look = 'env; tr "\\0" "\\n" < /proc/$PPID/cmdline';
    const ran = await lockdPy(['run', 'r', '--', 'sh', '-c', look], withUser(url, 'ci', secret));
    expect(ran.stderr).toBe('');
    expect(ran.stdout).toContain(`LOCKD_URL=${url}\n`);
    expect(ran.stdout).toMatch(/LOCKD_CLIENT=ci\//);
    expect(ran.stdout).not.toContain(secret);
    const file = join(temporaryDirectory(), 'gate');
    const gated = await lockdPy(['gate', file, '5', '--', 'sh', '-c', look], withUser(url, 'ci', secret));
    expect(gated.stdout).toContain(`LOCKD_URL=${url}\n`);
    expect(gated.stdout).not.toContain(secret);
    // What cannot be read is not passed on at all.
    const broken = await lockdPy(['gate', file, '5', '--', 'sh', '-c', look], 'http://ci:s3cr,et@h');
    expect(broken).toMatchObject({ status: 0 });
    expect(broken.stdout).not.toMatch(/LOCKD_URL|s3cr/);
  });

  test('a daemon with users: who may, who may not, and who is not known', async () => {
    const { url, secrets } = await withUsers(
      ['ci', '--role', 'client', '--allow', 'deploy/*'],
      ['eye', '--role', 'viewer'],
    );
    const [ci = '', eye = ''] = secrets;
    const as = (words: readonly string[], user: string, secret: string) =>
      lockdPy(words, withUser(url, user, secret));
    const locked = await as(['lock', 'deploy/prod'], 'ci', ci);
    expect(locked).toMatchObject({ status: 0 });
    expect((await as(['status', 'deploy/prod', '--json'], 'eye', eye)).stdout).toContain('"client":"ci/');
    const denied = await as(['lock', 'db/x'], 'ci', ci);
    expect(denied).toMatchObject({ status: 77, stdout: '' });
    expect(denied.stderr).toMatch(
      /^User 'ci' \(client\) may not lock 'db\/x'.*deploy\/\*\nCall as a user who may/,
    );
    expect((await as(['unlock', 'deploy/prod', '--token', locked.stdout.trim()], 'eye', eye)).status).toBe(
      77,
    );
    expect((await as(['run', 'db/x', '--', 'true'], 'ci', ci)).status).toBe(77);
    expect((await as(['status'], 'ci', 'wrong')).status).toBe(77);
    expect((await lockdPy(['status'], url)).status).toBe(77);
    expect((await as(['unlock', 'deploy/prod', '--token', locked.stdout.trim()], 'ci', ci)).status).toBe(0);
  });

  test('a socket of this machine', async () => {
    const directory = temporaryDirectory();
    const path = join(directory, 'lockd.sock');
    const daemon = startServe(['--listen', `unix:${path}`], join(directory, 'locks'));
    await daemon.wrote('stdout', /unix:/);
    const ran = await lockdPy(['run', 'r', '--', 'sh', '-c', 'echo $LOCKD_URL'], `unix:${path}`);
    expect(ran).toEqual({ status: 0, stdout: `unix:${path}\n`, stderr: '' });
    const locked = await lockdPy(['lock', 'r', 'me'], `unix:${path}`);
    expect(locked.stderr).toContain(`unlock r me --url unix:${path} --token`);
    expect((await lockdPy(['status'], `unix:${path}`)).stdout).toMatch(/^lockd \S+ at unix:.*: ok\n/);
    const none = await lockdPy(['status'], `unix:${path}.not`);
    expect(none).toMatchObject({ status: 69 });
    expect(none.stderr).toMatch(/^No daemon answers at unix:.*No such file or directory/);
  });
});

describeWith(['python3', 'openssl'], 'lockd.py and TLS', () => {
  test('a private authority is trusted, the system and other authorities are not', async () => {
    const [authority, other] = [new CertificateAuthority(), new CertificateAuthority('another')];
    const { cert, key } = authority.server();
    const url = await listeningTls(['--tls-cert', cert, '--tls-key', key]);
    const trusted = { LOCKD_CA: authority.ca };
    expect(await lockdPy(['run', 'r', '--', 'sh', '-c', 'echo ran'], url, trusted)).toEqual({
      status: 0,
      stdout: 'ran\n',
      stderr: '',
    });
    expect((await lockdPy(['status'], url, trusted)).stdout).toContain(`at ${url}: ok`);
    const library =
      "import lockd, os\nwith lockd.Client(ca=os.environ['AUTHORITY']).lock('r') as hold: print(hold.ttl)";
    expect(await script(library, url, { AUTHORITY: authority.ca })).toMatchObject({
      status: 0,
      stdout: '30.0\n',
    });
    for (const variables of [{}, { LOCKD_CA: other.ca }]) {
      const refused = await lockdPy(['status', 'r'], url, variables);
      expect(refused.status).toBe(69);
      expect(refused.stderr).toMatch(
        /shows a certificate that is not trusted \(.*\)\. Name the authority .* LOCKD_CA/,
      );
    }
    // The name is looked at, too: it is a certificate for these hosts only.
    const elsewhere = await lockdPy(['status', 'r'], url.replace('127.0.0.1', '127.0.0.2'), trusted);
    expect(elsewhere.status).toBe(69);
  });

  test('a daemon that wants a certificate gets one, and says so where there is none', async () => {
    const authority = new CertificateAuthority();
    const { cert, key } = authority.server();
    const url = await listeningTls(['--tls-cert', cert, '--tls-key', key, '--tls-client-ca', authority.ca]);
    const own = authority.client();
    const shown = { LOCKD_CA: authority.ca, LOCKD_CERT: own.cert, LOCKD_KEY: own.key };
    expect(await lockdPy(['stats'], url, shown)).toMatchObject({ status: 0, stderr: '' });
    // Both in one file.
    const both = secretFile(readFileSync(own.cert, 'utf8') + readFileSync(own.key, 'utf8'));
    expect(await lockdPy(['stats'], url, { LOCKD_CA: authority.ca, LOCKD_CERT: both })).toMatchObject({
      status: 0,
    });
    const without = await lockdPy(['lock', 'r'], url, { LOCKD_CA: authority.ca });
    expect(without).toMatchObject({ status: 77, stdout: '' });
    expect(without.stderr).toContain('LOCKD_CERT and LOCKD_KEY');
    expect((await lockdPy(['status', 'r'], url, shown)).stdout).toMatch(/^r: free/);
  });

  test.each([
    [{ LOCKD_CA: '/nowhere/ca' }, /LOCKD_CA: \/nowhere\/ca cannot be read \(No such file/],
    [{ LOCKD_CA: '/etc/hostname' }, /LOCKD_CA: \/etc\/hostname cannot be read/],
    [{ LOCKD_KEY: '/nowhere/key' }, /LOCKD_KEY belongs to a certificate/],
    [
      { LOCKD_CERT: '/nowhere/cert' },
      /LOCKD_CERT: \/nowhere\/cert, LOCKD_KEY: \/nowhere\/cert cannot be read/,
    ],
  ])('%o cannot be used', async (variables, problem) => {
    const ran = await lockdPy(['status', 'r'], 'https://127.0.0.1:1', variables);
    expect(ran).toMatchObject({ status: 2, stdout: '' });
    expect(ran.stderr).toMatch(problem);
  });

  test('a key with a password is refused, and nobody is asked', async () => {
    const authority = new CertificateAuthority();
    const { cert, key } = authority.client();
    const encrypted = `${key}.encrypted`;
    const made = await outcome(
      startLockdPy(
        ['run', 'r', '--', 'openssl', 'pkey', '-in', key, '-aes256', '-passout', 'pass:x', '-out', encrypted],
        'open://',
      ),
    );
    expect(made.status).toBe(0);
    const ran = await lockdPy(['status'], 'https://127.0.0.1:1', { LOCKD_CERT: cert, LOCKD_KEY: encrypted });
    expect(ran.status).toBe(2);
    expect(ran.stderr).toContain('without password');
  });
});

/** A daemon that speaks TLS; answers its URL. */
async function listeningTls(words: readonly string[]): Promise<string> {
  const daemon = startServe(words, temporaryDirectory());
  const [url] = await daemon.wrote('stdout', /https:\/\/127\.0\.0\.1:\d+/);
  return url;
}
