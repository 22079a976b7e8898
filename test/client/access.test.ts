/** Who calls: credentials are sent without being asked for, to nobody else, and are shown nowhere. */
import { writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import serializer from 'xmlrpc/lib/serializer.js';
import { LockdClient, type LockdClientOptions } from '../../src/client/client.js';
import { Credentials } from '../../src/client/credentials.js';
import { Unauthorized } from '../../src/client/errors.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { deadUrl, httpServer } from './servers.js';

const SECRET = 'c0ffee00c0ffee00c0ffee00c0ffee00';
const CI = { user: 'ci', secret: SECRET, retry: { delay: 0, jitter: 0 } };
const AUTHORIZATION = `Basic ${btoa(`ci:${SECRET}`)}`;

beforeEach(() => {
  for (const name of ['URL', 'USER', 'SECRET_FILE', 'CA', 'CERT', 'KEY'])
    vi.stubEnv(`LOCKD_${name}`, undefined);
});
afterEach(() => vi.unstubAllEnvs());

type Answer = readonly [status: number, body: string, headers?: Readonly<Record<string, string>>];

const XML = { 'Content-Type': 'text/xml' };
const TRUE: Answer = [200, serializer.serializeMethodResponse(true), XML];

/** A server that answers everything so, and what it was asked. */
async function server([status, body, headers = {}]: Answer) {
  const asked: IncomingMessage[] = [];
  const url = await httpServer((request, response) => {
    asked.push(request);
    response.writeHead(status, headers).end(body);
  });
  return { url, asked, authorizations: () => asked.map(({ headers }) => headers.authorization) };
}

const withSecret = (url: string) => url.replace('://', `://ci:${SECRET}@`);

async function failure(call: Promise<unknown>): Promise<Error> {
  return call.then(
    () => new Error('it succeeded'),
    (thrown) => thrown,
  );
}

/** All that can be seen of something without being asked for its secret. */
function seen(thing: unknown): string {
  const deep = { depth: Number.POSITIVE_INFINITY, showHidden: true, getters: true } as const;
  return `${inspect(thing, deep)} ${JSON.stringify(thing)} ${thing} ${thing instanceof Error ? thing.stack : ''}`;
}

describe('credentials', () => {
  test.each<[string, (url: string) => LockdClientOptions]>([
    ['as options', (url) => ({ ...CI, url })],
    ['in the address', (url) => ({ url: withSecret(url) })],
    ['in an address that is a URL', (url) => ({ url: new URL(withSecret(url)) })],
    ['with every address of a cluster', (url) => ({ urls: [withSecret(url), withSecret(url)] })],
    ['of a shard', (url) => ({ shards: [withSecret(url)] })],
  ])('%s go with every request, without being asked for', async (_, options) => {
    const { url, authorizations } = await server(TRUE);
    const client = new LockdClient(options(url));
    await client.check('r', '17');
    await client.health().catch(() => undefined);
    expect(authorizations()).toEqual([AUTHORIZATION, AUTHORIZATION]);
    expect(client.url.href).toBe(`${url}/`);
    expect(seen(client.urls)).not.toContain(SECRET);
  });

  test('of any characters', async () => {
    const { url, authorizations } = await server(TRUE);
    await new LockdClient({ url, user: 'ci', secret: 'a:b, é@/%' }).check('r', '17');
    await new LockdClient({ url: url.replace('://', '://ci:a%3Ab%2C%20%C3%A9%40%2F%25@') }).check('r', '17');
    const expected = `Basic ${Buffer.from('ci:a:b, é@/%').toString('base64')}`;
    expect(authorizations()).toEqual([expected, expected]);
  });

  test('stand before the default name of the client, and before no other', () => {
    expect(new LockdClient({ ...CI, url: 'http://h:1' }).client).toMatch(/^ci\/.+@.+:\d+-[0-9a-f]{6}$/);
    expect(new LockdClient({ url: withSecret('http://h:1') }).client).toMatch(/^ci\//);
    expect(new LockdClient({ ...CI, url: 'http://h:1', client: 'A' }).client).toBe('A');
  });

  test.each<[LockdClientOptions, string]>([
    [{ url: 'http://h:1', user: 'ci' }, 'user and secret belong together: give both, or none'],
    [{ url: 'http://h:1', secret: SECRET }, 'user and secret belong together: give both, or none'],
    [{ ...CI, user: 'a:b', url: 'http://h:1' }, 'user must name the user, without colons'],
    [{ ...CI, secret: `${SECRET}\n`, url: 'http://h:1' }, "user must come with the secret of 'ci' alone"],
    [{ ...CI, secret: '', url: 'http://h:1' }, "user must come with the secret of 'ci', which is empty"],
    [
      { ...CI, url: withSecret('http://h:1') },
      'url must name no user and secret besides those of user and secret',
    ],
    [{ url: 'http://ci@h:1' }, "url must come with the secret of 'ci', which is empty"],
    [
      { urls: [withSecret('http://h:1'), 'http://i:1'] },
      'urls must name the same user and secret with every address',
    ],
    [
      { urls: [withSecret('http://h:1'), 'http://ci:x@i:1'] },
      'urls must name the same user and secret with every',
    ],
  ])('%j make no sense', (options, message) => {
    expect(() => new LockdClient(options)).toThrow(message);
  });
});

describe('who is not let in', () => {
  const refused: Answer = [401, 'Sign in', { 'WWW-Authenticate': 'Basic realm="lockd"' }];

  test.each<[string, LockdClientOptions, RegExp]>([
    [
      'with nothing',
      {},
      /^http:\S+ lets nobody in who names no user\. Set LOCKD_USER with LOCKD_SECRET_FILE, or LOCKD_URL=/,
    ],
    [
      'with the wrong secret',
      CI,
      /^http:\S+ does not know the user 'ci' with this secret\. Set LOCKD_USER with .*lockd user add$/,
    ],
  ])('%s: told so, asked once, and no other address is tried', async (_, options, message) => {
    const one = await server(refused);
    const other = await server(TRUE);
    const urls = [one.url, other.url];
    const calls: ((client: LockdClient) => Promise<unknown>)[] = [
      (client) => client.check('r', '17'),
      (client) => client.unlock('r', { token: '17' }),
      (client) => client.lock('r'),
      (client) => client.acquire('r', { wait: 60 }),
      (client) => client.acquire('r', { wait: 5 }),
      (client) => client.tryAcquire('r'),
      (client) => client.health(),
    ];
    for (const call of calls) {
      const error = await failure(call(new LockdClient({ ...options, urls })));
      expect(error).toBeInstanceOf(Unauthorized);
      expect(error.message).toMatch(message);
    }
    expect(one.asked).toHaveLength(calls.length);
    expect(other.asked).toHaveLength(0);
  });

  test('who may not: refused as by any other fault, once', async () => {
    const text = "User 'ci' (client) may not lock 'db/x'; it may: deploy/*";
    const fault = serializer.serializeFault({ faultCode: 13, faultString: text });
    const { url, asked } = await server([200, fault, XML]);
    const denied = { name: 'RefusedCall', code: 13, refusal: 'denied', message: text };
    await expect(new LockdClient({ ...CI, url }).acquire('db/x', { wait: 60 })).rejects.toMatchObject(denied);
    expect(asked).toHaveLength(1);
  });

  test('a daemon that wants a certificate says so; another server that forbids is no lockd', async () => {
    const lockd = await server([403, 'Show a client certificate\n', { 'X-Lockd-Id': 'a' }]);
    await expect(new LockdClient({ url: lockd.url }).stats()).rejects.toMatchObject({
      name: 'Unauthorized',
      message: `${lockd.url} wants to see another certificate (Show a client certificate). Set LOCKD_CERT and LOCKD_KEY (in a program: tls)`,
    });
    const other = await server([403, 'Go away']);
    await expect(new LockdClient({ url: other.url }).stats()).rejects.toMatchObject({ name: 'NotLockd' });
  });
});

test('a redirect is not followed: nobody else gets the secret', async () => {
  const other = await server(TRUE);
  const { url } = await server([307, '', { Location: other.url }]);
  await expect(new LockdClient({ ...CI, url }).check('r', '17')).rejects.toMatchObject({ name: 'NotLockd' });
  expect(other.asked).toHaveLength(0);
});

describe('the secret is not seen', () => {
  test('in credentials', () => {
    expect(seen(new Credentials('ci', SECRET))).toContain("user: 'ci'");
    expect(seen(new Credentials('ci', SECRET))).not.toContain(SECRET);
  });

  test('in a client', async () => {
    const { url } = await server(TRUE);
    for (const client of [new LockdClient({ ...CI, url }), new LockdClient({ url: withSecret(url) })]) {
      await client.check('r', '17');
      for (const secret of [SECRET, AUTHORIZATION, btoa(`ci:${SECRET}`)])
        expect(seen(client)).not.toContain(secret);
    }
  });

  test.each<[string, Answer | undefined]>([
    ['nobody answers', undefined],
    ['a status', [401, 'no']],
    ['a server that is no lockd', [200, 'hello']],
    ['a proxy', [502, 'bad gateway']],
    ['a redirect', [302, '', { Location: '/elsewhere' }]],
  ])('in an error: %s', async (_, answer) => {
    const url = answer ? (await server(answer)).url : await deadUrl();
    for (const options of [
      { ...CI, url },
      { url: withSecret(url), retry: CI.retry },
    ]) {
      const client = new LockdClient(options);
      // What a proxy answers is waited out for as long as the wait lasts.
      const acquire = () => client.acquire('r', { wait: 1 });
      for (const call of [() => client.status('r'), () => client.unlock('r'), acquire]) {
        const error = await failure(call());
        expect(error.message).not.toBe('it succeeded');
        for (const secret of [SECRET, btoa(`ci:${SECRET}`)]) expect(seen(error)).not.toContain(secret);
      }
    }
  });

  test.each([
    [`ci:${SECRET}@h:7420`],
    [`http://ci:${SECRET}@h:notaport`],
    [`http://ci:${SECRET}@h:1/?a`],
    [`http://ci:${SECRET}@h:1/#a`],
    [`http://ci:1#${SECRET}@h:1`],
    [`http://ci:a/${SECRET}@h:1`],
    [`http://ci:${SECRET},more@h:1`],
    [`http://ci:x@h:1,http://i:${SECRET}`],
    [`ftp://ci:${SECRET}@h:1`],
    [`http://ci:%00${SECRET}@h:1`],
  ])('in the complaint about an address: %s', (url) => {
    let told: unknown;
    try {
      new LockdClient({ url });
    } catch (error) {
      told = error;
    }
    expect(told).toBeInstanceOf(Error);
    expect(seen(told)).not.toContain(SECRET);
  });
});

describe('the environment', () => {
  function secretFile(text = `${SECRET}\n`): string {
    const path = join(temporaryDirectory(), 'secret');
    writeFileSync(path, text);
    return path;
  }

  test.each([['\n'], ['\r\n'], ['']])(
    'LOCKD_USER with LOCKD_SECRET_FILE, which ends with %j',
    async (end) => {
      const { url, authorizations } = await server(TRUE);
      vi.stubEnv('LOCKD_URL', url);
      vi.stubEnv('LOCKD_USER', 'ci');
      vi.stubEnv('LOCKD_SECRET_FILE', secretFile(`${SECRET}${end}`));
      const client = new LockdClient();
      await client.check('r', '17');
      expect(authorizations()).toEqual([AUTHORIZATION]);
      expect(client.client).toMatch(/^ci\//);
    },
  );

  test('LOCKD_URL with user and secret', async () => {
    const { url, authorizations } = await server(TRUE);
    vi.stubEnv('LOCKD_URL', withSecret(url));
    await new LockdClient().check('r', '17');
    expect(authorizations()).toEqual([AUTHORIZATION]);
  });

  test('is not for a daemon that the program names: that one gets no secret of another', async () => {
    const { url, authorizations } = await server(TRUE);
    vi.stubEnv('LOCKD_URL', withSecret('http://h:1'));
    vi.stubEnv('LOCKD_USER', 'ci');
    vi.stubEnv('LOCKD_SECRET_FILE', secretFile());
    await new LockdClient({ url }).check('r', '17');
    expect(authorizations()).toEqual([undefined]);
  });

  test('gives no secret to a user that the program names', async () => {
    const { url, authorizations } = await server(TRUE);
    vi.stubEnv('LOCKD_URL', url);
    vi.stubEnv('LOCKD_USER', 'eve');
    vi.stubEnv('LOCKD_SECRET_FILE', secretFile('another'));
    await new LockdClient(CI).check('r', '17');
    expect(authorizations()).toEqual([AUTHORIZATION]);
    expect(() => new LockdClient({ user: 'ci' })).toThrow('user and secret belong together');
  });

  test.each<[Readonly<Record<string, string>>, RegExp]>([
    [{ LOCKD_USER: 'ci' }, /^LOCKD_USER and LOCKD_SECRET_FILE belong together: set both, or none$/],
    [{ LOCKD_SECRET_FILE: '/x' }, /^LOCKD_USER and LOCKD_SECRET_FILE belong together/],
    [
      { LOCKD_USER: 'ci', LOCKD_SECRET_FILE: '/nowhere/secret' },
      /^The file with the secret, \/nowhere\/secret, cannot be read \(ENOENT.*It is named by LOCKD_SECRET_FILE$/,
    ],
    [{ LOCKD_CA: '/nowhere/ca' }, /^The file with the authority, \/nowhere\/ca, cannot be read/],
  ])('%j makes no sense', (variables, message) => {
    for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
    expect(() => new LockdClient()).toThrow(message);
  });
});
