/** By which names the daemon is called, and from which pages. */
import { describe, expect, test } from 'vitest';
import { AcceptedHosts, readAllowedHost, readHost } from '../../src/http/hosts.js';
import { machineNames } from '../../src/http/machine-names.js';
import { serve } from './fixture.js';
import { post, request } from './wire.js';

const XML = 'Content-Type: text/xml';

describe('readHost', () => {
  test.each([
    ['localhost', 'localhost', undefined],
    ['LocalHost:7420', 'localhost', 7420],
    ['a_b-c.example.org.', 'a_b-c.example.org', undefined],
    ['127.0.0.1:1', '127.0.0.1', 1],
    ['[::1]:65535', '::1', 65535],
    ['[FE80::1]', 'fe80::1', undefined],
  ])('%s', (header, name, port) => {
    expect(readHost(header)).toEqual({ name, port });
  });

  test.each([
    '',
    ' ',
    'a b',
    'a:',
    'a:0',
    'a:65536',
    ':1',
    '::1',
    '[::g]',
    '[127.0.0.1]',
    'user@a',
    'a/b',
    '<script>',
    'é',
  ])('refuses %j', (header) => {
    expect(readHost(header)).toBeUndefined();
  });

  test('names are as long as names can be', () => {
    expect(readHost(`${'a'.repeat(253)}:65535`)).toBeDefined();
    expect(readHost('a'.repeat(260))).toBeUndefined();
  });
});

test.each(['', '*.example.org', 'locks:7420', 'http://locks', 'a b'])('--allow-host refuses %j', (text) => {
  expect(() => readAllowedHost(text)).toThrow(/^must be a name without a port, .*it is '/);
});

test.each([
  ['*', '*'],
  ['Locks.Example.Org', 'locks.example.org'],
])('--allow-host takes %s', (text, expected) => {
  expect(readAllowedHost(text)).toBe(expected);
});

describe('the names of a machine', () => {
  test('are those it has, and those its list of hosts gives it', () => {
    const hosts = [
      '127.0.0.1 localhost',
      '127.0.1.1\tWeb1.Example.Org web1 www # not: comment',
      '# 10.0.0.1 web1 commented-out',
      '10.0.0.2 other',
    ].join('\n');
    expect(machineNames('web1', hosts)).toEqual(['web1', 'web1.example.org', 'www']);
  });

  test('with a domain in them are known without it too', () => {
    expect(machineNames('Web1.example.org', '')).toEqual(['web1.example.org', 'web1']);
  });

  test('of another machine with the same beginning are not taken', () => {
    expect(machineNames('web1.example.org', '10.0.0.9 web1.elsewhere.net')).not.toContain(
      'web1.elsewhere.net',
    );
  });
});

test('who has no name of a machine has none for it', () => {
  expect(new AcceptedHosts([]).accepts({ name: 'elsewhere.example', port: undefined })).toBe(false);
});

describe('Host headers', () => {
  test.each([
    'localhost',
    'LOCALHOST.:80',
    '127.0.0.1',
    '10.1.2.3:4',
    '[::1]',
    '[2001:db8::1]:7420',
    machineNames()[0] ?? '',
  ])('%s is called for', async (host) => {
    const { wire } = await serve();
    expect((await (await wire()).send(request('GET /healthz', [`Host: ${host}`])).answer()).status).toBe(200);
  });

  test.each([
    'rebound.example',
    'rebound.example:7420',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '127.1',
  ])('%s is not', async (host) => {
    const { wire, calls } = await serve();
    const message = post('a', [XML]).replace('Host: localhost', `Host: ${host}`);
    const answer = await (await wire()).send(message).answer();
    expect(answer.status).toBe(421);
    const name = host.replace(/:\d+$/, '');
    expect(answer.body).toBe(
      `This daemon is not called '${name}': call it by its IP address, or start it with --allow-host ${name}\n`,
    );
    expect(calls).toEqual([]);
  });

  test('names that were given are called for, and no others', async () => {
    const { wire } = await serve({ allowedHosts: ['Locks.Example.Org'] });
    const ask = async (host: string) =>
      (await (await wire()).send(request('GET /healthz', [`Host: ${host}`])).answer()).status;
    expect(await ask('locks.example.org:7420')).toBe(200);
    expect(await ask('example.org')).toBe(421);
  });

  test('* allows any', async () => {
    const { wire } = await serve({ allowedHosts: ['*'] });
    const answer = await (await wire()).send(request('GET /healthz', ['Host: rebound.example'])).answer();
    expect(answer.status).toBe(200);
  });

  test.each([
    ['two', ['Host: localhost', 'hOsT: localhost']],
    ['two that differ', ['Host: localhost', 'Host: rebound.example']],
    ['an empty one', ['Host:']],
    ['markup', ['Host: <script>']],
    ['a user', ['Host: me@localhost']],
  ])('%s are refused', async (_, headers) => {
    const { wire, calls } = await serve({ allowedHosts: ['*'] });
    const answer = await (await wire())
      .send(request('POST /', [...headers, XML, 'Content-Length: 1'], 'a'))
      .answer();
    expect(answer.status).toBe(400);
    expect(answer.body).not.toContain('<');
    expect(calls).toEqual([]);
  });
});

describe('pages', () => {
  const own = 'http://localhost:7420';
  test.each<[number, string, string[]]>([
    [200, 'no page at all', []],
    [200, 'a page of ours', [`Origin: ${own}`, 'Sec-Fetch-Site: same-origin']],
    [200, 'a page of ours behind a proxy that speaks TLS', ['Origin: https://localhost:7420']],
    [200, 'a person', ['Sec-Fetch-Site: none', 'Sec-Fetch-Mode: navigate']],
    [403, 'another site', ['Origin: http://evil.example']],
    [403, 'another port', ['Origin: http://localhost:7421']],
    [403, 'the default port', ['Origin: http://localhost']],
    [403, 'a page without origin', ['Origin: null']],
    [403, 'a file', ['Origin: file://']],
    [403, 'two origins', [`Origin: ${own}`, 'Origin: http://evil.example']],
    [403, 'a cross-site fetch', ['Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: no-cors']],
    [403, 'a cross-site form', ['Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: navigate']],
    [403, 'the same site', ['Sec-Fetch-Site: same-site']],
    [403, 'who says two things', ['Sec-Fetch-Site: same-origin', 'Sec-Fetch-Site: cross-site']],
  ])('%i: a call from %s', async (status, _, headers) => {
    const { wire, calls } = await serve();
    const message = post('a', [XML, ...headers]).replace('Host: localhost', 'Host: localhost:7420');
    const answer = await (await wire()).send(message).answer();
    expect(answer.status).toBe(status);
    expect(calls).toHaveLength(status === 200 ? 1 : 0);
    expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  test.each<[number, string, string[]]>([
    [200, 'a link elsewhere', ['Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: navigate']],
    [403, 'a script elsewhere', ['Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: no-cors']],
    [
      403,
      'a fetch elsewhere',
      ['Origin: http://evil.example', 'Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: cors'],
    ],
  ])('%i: GET by %s', async (status, _, headers) => {
    const { wire } = await serve();
    const answer = await (await wire())
      .send(request('GET /healthz', ['Host: localhost', ...headers]))
      .answer();
    expect(answer.status).toBe(status);
  });

  test('a question whether another site may call is refused, and nothing allows it', async () => {
    const { wire } = await serve();
    const headers = ['Host: localhost', 'Origin: http://evil.example', 'Access-Control-Request-Method: POST'];
    const answer = await (await wire()).send(request('OPTIONS /RPC2', headers)).answer();
    expect(answer.status).toBe(403);
    expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  test('a form is refused for what it sends', async () => {
    const { wire, calls } = await serve();
    const form = post('a=b', ['Content-Type: application/x-www-form-urlencoded']);
    expect((await (await wire()).send(form).answer()).status).toBe(415);
    expect((await (await wire()).send(post('a', ['Content-Type: text/plain'])).answer()).status).toBe(415);
    expect(calls).toEqual([]);
  });
});
