/** The clients that the daemon hands out, and what it writes into them. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { readClientFiles } from '../../src/http/client-files.js';
import { VERSION } from '../../src/service/version.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { serve } from './fixture.js';
import { request } from './wire.js';

const NAMES = ['lockd.py', 'lockd.sh'] as const;
const DEFAULT_URL = 'http://127.0.0.1:7420';

function source(name: string): string {
  return readFileSync(new URL(`../../clients/${name}`, import.meta.url), 'utf8');
}

/** Those lines of a client that say where the daemon is, and which version it has. */
function facts(text: string): string[] {
  return text.split('\n').filter((line) => /^(?:DEFAULT_URL|VERSION|LOCKD_VERSION)\b|LOCKD_URL:=/.test(line));
}

async function get(path: string, host = 'rack7.example:7420', method = 'GET') {
  const { wire } = await serve({ allowedHosts: ['*'] });
  return (await wire()).send(request(`${method} ${path}`, [`Host: ${host}`])).answer(method === 'HEAD');
}

/** A directory with these clients. */
function clients(texts: Readonly<Record<string, string>>): URL {
  const directory = join(temporaryDirectory(), 'clients');
  mkdirSync(directory);
  for (const [name, text] of Object.entries(texts)) writeFileSync(join(directory, name), text);
  return pathToFileURL(`${directory}/`);
}

describe.each(NAMES)('GET /%s', (name) => {
  test('answers the client, with version and address filled in and nothing else changed', async () => {
    const answer = await get(`/${name}`);
    expect(answer.status).toBe(200);
    const url = 'http://rack7.example:7420';
    const expected =
      name === 'lockd.py'
        ? [expect.stringContaining(`VERSION = '${VERSION}'`), `DEFAULT_URL = '${url}'`]
        : [`LOCKD_VERSION='${VERSION}'`, `: "\${LOCKD_URL:=${url}}"`];
    expect(facts(answer.body)).toEqual(expected);
    const before = answer.body.replace(`VERSION = '${VERSION}'`, "VERSION = '0.0.0'");
    const whole = before.replace(`LOCKD_VERSION='${VERSION}'`, "LOCKD_VERSION='0.0.0'");
    expect(whole.replaceAll(url, DEFAULT_URL)).toBe(source(name));
  });

  test('says what it is, and that it is not to be kept', async () => {
    const { headers } = await get(`/${name}?now`);
    const type = name === 'lockd.py' ? 'text/x-python' : 'text/x-shellscript';
    expect(headers.get('content-type')).toBe(`${type}; charset=utf-8`);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  });

  test('HEAD has the headers of GET and no body', async () => {
    const { wire } = await serve();
    const peer = await wire();
    const head = await peer.send(request(`HEAD /${name}`)).answer(true);
    const answer = await peer.send(request(`GET /${name}`)).answer();
    const undated = (headers: ReadonlyMap<string, string>) =>
      [...headers].filter(([header]) => header !== 'date');
    expect(undated(head.headers)).toEqual(undated(answer.headers));
    expect(head.status).toBe(200);
    expect(Number(head.headers.get('content-length'))).toBe(Buffer.byteLength(answer.body));
    expect(Buffer.byteLength(answer.body)).toBeGreaterThan(1_000);
  });

  test('takes nothing but GET and HEAD', async () => {
    const answer = await get(`/${name}`, 'test', 'DELETE');
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe('GET, HEAD');
  });

  test('a client that is missing: 404, which file, and what to do; the daemon goes on', async () => {
    const { wire, events } = await serve({ clientFiles: readClientFiles(clients({})) });
    const answer = await (await wire()).send(request(`GET /${name}`)).answer();
    expect(answer.status).toBe(404);
    expect(answer.body).toBe(
      `This daemon cannot hand out ${name}: its installation lacks clients/${name}. Install lockd again there\n`,
    );
    expect(events).toMatchObject([{ event: 'requestRefused', status: 404 }]);
    expect((await (await wire()).send(request('GET /healthz')).answer()).status).toBe(200);
  });
});

test('HTTP/1.0 without a Host gets the default address', async () => {
  const { wire } = await serve();
  const answer = await (await wire()).send('GET /lockd.py HTTP/1.0\r\n\r\n').answer();
  expect(facts(answer.body)).toContain(`DEFAULT_URL = '${DEFAULT_URL}'`);
});

describe('the address is that of the Host header', () => {
  test.each([
    ['lockhost'],
    ['lockhost:7420'],
    ['Lock-Host_2.example.org.:1'],
    ['10.0.0.7:65535'],
    ['[::1]:7420'],
    ['[2001:db8::7]'],
    ['[::ffff:10.0.0.7]:80'],
    [`${'a'.repeat(253)}:65535`],
  ])('%s', async (host) => {
    expect(facts((await get('/lockd.py', host)).body)).toContain(`DEFAULT_URL = 'http://${host}'`);
    expect(facts((await get('/lockd.sh', host)).body)).toContain(`: "\${LOCKD_URL:=http://${host}}"`);
  });
});

test('who asks by TLS is told to call by TLS', () => {
  const text = readClientFiles().get('lockd.py')?.textFor('lockhost', 'https');
  expect(facts(text ?? '')).toContain("DEFAULT_URL = 'https://lockhost'");
});

describe('of a hostile Host nothing comes to stand in the client', () => {
  test.each([
    ["x';import os;os.system('id')#"],
    ['x"; id; "'],
    ['$(id)'],
    ['`id`'],
    ['x}$(id){'],
    ['x\\'],
    ['x y'],
    ['x\t1'],
    ['x/path'],
    ['x?query'],
    ['x#fragment'],
    ['user@x'],
    ['x,http://y'],
    ['x%0aid'],
    ['x\xe9'],
    ['-x'],
    ['.x'],
    ['x-'],
    ['$&'],
    ['$1'],
    ['x:'],
    ['x:0'],
    ['x:65536'],
    ['x:123456'],
    ['x:1:2'],
    [':7420'],
    ['::1'],
    ['[::1'],
    ['[]:7420'],
    ['[::g]:7420'],
    ['[1.2.3.4]'],
    ['[::1%25eth0]:7420'],
    ['[::1]x'],
    [`${'a'.repeat(260)}`],
  ])('%s', async (host) => {
    const { wire } = await serve({ allowedHosts: ['*'] });
    for (const name of NAMES) {
      const message = Buffer.from(request(`GET /${name}`, [`Host: ${host}`]), 'latin1');
      const answer = await (await wire()).send(message).answer();
      expect(answer.status).toBe(400);
      expect(answer.body).toBe('This is no HTTP/1.1 request: its Host header names no host\n');
      // Nor would it be used if it came as far as that.
      const text = readClientFiles().get(name)?.textFor(host, 'http');
      expect(text?.replace(VERSION, '0.0.0')).toBe(source(name));
    }
  });

  test('a line break cannot come in at all', async () => {
    const { wire } = await serve();
    const peer = await wire();
    expect((await peer.send('GET /lockd.sh HTTP/1.1\r\nHost: x\nid\r\n\r\n').answer()).status).toBe(400);
  });
});

test('a client is read once: what is written there later is not handed out', async () => {
  const directory = clients({ 'lockd.py': "VERSION = '0.0.0'\n", 'lockd.sh': "LOCKD_VERSION='0.0.0'\n" });
  const { wire } = await serve({ clientFiles: readClientFiles(directory) });
  writeFileSync(new URL('lockd.py', directory), 'something else');
  const answer = await (await wire()).send(request('GET /lockd.py')).answer();
  expect(answer.body).toBe(`VERSION = '${VERSION}'\n`);
});
