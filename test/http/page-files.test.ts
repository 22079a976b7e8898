/** The web page, as it is handed out: what it may do, to whom it is shown, and what is said where it was not built. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { Users } from '../../src/access/users.js';
import { Access } from '../../src/http/access.js';
import { pageFiles } from '../../src/http/page-files.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { serve } from './fixture.js';
import { post, request } from './wire.js';

const FILES = {
  'page.html': '<!doctype html><html lang="en" data-sign-in="none"></html>',
  'page.js': 'start();',
  'page.css': 'body { margin: 0 }',
  'icon.svg': '<svg/>',
};

function built(files: Readonly<Record<string, string>> = FILES): URL {
  const directory = join(temporaryDirectory(), 'page');
  mkdirSync(directory);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  return pathToFileURL(`${directory}/`);
}

async function visit(
  path: string,
  { hasUsers = false, directory = built(), headers = [] as string[], method = 'GET' } = {},
) {
  const access = hasUsers ? { access: new Access(new Users([])) } : {};
  const { wire, events } = await serve({ pages: pageFiles(hasUsers, directory), ...access });
  const host = headers.some((one) => one.startsWith('Host:')) ? [] : ['Host: 127.0.0.1:7420'];
  const answer = await (await wire())
    .send(request(`${method} ${path}`, [...host, ...headers]))
    .answer(method === 'HEAD');
  return { ...answer, events };
}

describe.each([
  ['/', 'text/html; charset=utf-8', FILES['page.html']],
  ['/page.js', 'text/javascript; charset=utf-8', FILES['page.js']],
  ['/page.css', 'text/css; charset=utf-8', FILES['page.css']],
  ['/icon.svg', 'image/svg+xml', FILES['icon.svg']],
])('GET %s', (path, type, text) => {
  test('answers the file, to who has not signed in too', async () => {
    for (const hasUsers of [false, true]) {
      const { status, headers, body } = await visit(path, { hasUsers });
      expect(status).toBe(200);
      expect(headers.get('content-type')).toBe(type);
      expect(body.replace('"required"', '"none"')).toBe(text);
    }
  });

  test('is bound to itself, and kept by nobody', async () => {
    const { headers } = await visit(path);
    const policy = headers.get('content-security-policy')?.split('; ');
    expect(policy).toEqual([
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "img-src 'self'",
      "connect-src 'self'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
      'trusted-types lockd',
    ]);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('x-frame-options')).toBe('DENY');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.has('access-control-allow-origin')).toBe(false);
  });

  test('HEAD has no body', async () => {
    const { status, headers } = await visit(path, { method: 'HEAD' });
    expect(status).toBe(200);
    expect(Number(headers.get('content-length'))).toBe(Buffer.byteLength(text));
  });

  test('pages of other sites get nothing, a link from there leads here', async () => {
    const from = (mode: string) => ['Sec-Fetch-Site: cross-site', `Sec-Fetch-Mode: ${mode}`];
    for (const mode of ['no-cors', 'cors', 'same-origin']) {
      expect((await visit(path, { headers: from(mode) })).status).toBe(403);
    }
    expect((await visit(path, { headers: from('navigate') })).status).toBe(200);
    expect((await visit(path, { headers: ['Origin: http://evil.example'] })).status).toBe(403);
    expect((await visit(path, { headers: ['Host: evil.example'] })).status).toBe(421);
  });
});

test('the document says whether there are users', async () => {
  expect((await visit('/', { hasUsers: false })).body).toContain('data-sign-in="none"');
  expect((await visit('/', { hasUsers: true })).body).toContain('data-sign-in="required"');
});

test('calls by POST to / are served as before', async () => {
  const { wire, calls } = await serve({ pages: pageFiles(false, built()) });
  expect((await (await wire()).send(post('a', ['Content-Type: text/xml'])).answer()).status).toBe(200);
  expect(calls).toHaveLength(1);
});

describe('a page that was not built', () => {
  test('says so, and what to do; the daemon serves calls', async () => {
    const { wire, calls, events } = await serve({ pages: pageFiles(false, built({})) });
    const answer = await (await wire()).send(request('GET /')).answer();
    expect(answer.status).toBe(404);
    expect(answer.body).toBe(
      'The web page is not there: this installation lacks dist/page/page.html. Run npm run build in it, or install ' +
        'lockd again. Everything else works: calls by POST, and all commands\n',
    );
    expect(events).toMatchObject([{ event: 'requestRefused', status: 404 }]);
    await (await wire()).send(post('a', ['Content-Type: text/xml'])).answer();
    expect(calls).toHaveLength(1);
  });

  test('also where a part of it is missing', async () => {
    const { 'page.js': _, ...rest } = FILES;
    expect((await visit('/page.js', { directory: built(rest) })).body).toContain('lacks dist/page/page.js');
    expect((await visit('/', { directory: built(rest) })).status).toBe(200);
  });
});
