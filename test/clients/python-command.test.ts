/** lockd.py as a command says and does what `lockd` says and does. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { lockd, serve } from '../daemon.js';
import { describeWith } from '../needs.js';
import { lockdPy } from './python-process.js';

/** What differs from one call to the next: tokens, moments, spans, and how each command calls itself. */
function timeless(text: string): string {
  return text
    .replace(/\d{16}/g, 'TOKEN')
    .replace(/\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.000)?( UTC|Z)/g, 'MOMENT')
    .replace(/\b\d+ s\b/g, 'SPAN')
    .replace(/127\.0\.0\.1:\d+/g, 'ADDRESS')
    .replace(/"(left|waited)":[\d.]+/g, '"$1":0')
    .replace(/python3 \S*lockd\.py|\blockd (?=[a-z-]+ )/g, 'lockd ')
    .replace(/lockd +/g, 'lockd ');
}

/** The first line on standard error: the refusal itself; the advice below it is each command's own. */
function problem(text: string): string {
  return text.split('\n')[0] ?? '';
}

describeWith(['python3'], 'lockd.py as a command', () => {
  test.each<[string, readonly (readonly string[])[]]>([
    [
      'a lock and its end',
      [
        ['lock', 'r', 'a'],
        ['status', 'r'],
        ['unlock', 'r', 'a'],
        ['unlock', 'r', 'a'],
        ['status', 'r'],
      ],
    ],
    [
      'a lease',
      [
        ['lock', 'r', 'a', '--ttl', '1m', '--note', 'why'],
        ['renew', 'r', 'a'],
        ['extend', 'r', '5m', 'a'],
        ['status', 'r'],
      ],
    ],
    [
      'others',
      [
        ['lock', 'r', 'a'],
        ['lock', 'r', 'b'],
        ['lock', 'r', 'b', '--wait', '0.1'],
        ['unlock', 'r', 'b'],
        ['lock', 'r', 'a'],
      ],
    ],
    [
      'conflicts',
      [
        ['lock', 'r', 'a'],
        ['lock', 'r', 'b', '--conflict-exit-code', '9'],
        ['lock', 'r', 'b', '--limit', '3'],
      ],
    ],
    [
      'stale tokens',
      [
        ['lock', 'r', 'a'],
        ['unlock', 'r', 'a', '--token', '5'],
        ['check', 'r', '5'],
        ['renew', 'r', 'a'],
      ],
    ],
    [
      'force',
      [
        ['lock', 'r', 'a'],
        ['force-unlock', 'r', '--reason', 'why'],
        ['renew', 'r', 'a'],
        ['unlock', 'r', 'a'],
      ],
    ],
    [
      'nonsense',
      [
        ['lock', 'r', '--ttl', '3x'],
        ['lock', 'r', '--ttl', '0.01'],
        ['lock', 'r', '--limit', '0'],
        ['unlock', 'r', '--token', 'x'],
        ['lock', ''],
        ['force-unlock', 'r'],
      ],
    ],
    [
      'semaphores',
      [
        ['lock', 'r', 'a', '--limit', '2'],
        ['lock', 'r', 'b', '--limit', '2'],
        ['lock', 'r', 'c', '--limit', '2'],
        ['status', 'r'],
      ],
    ],
    ['an empty list', [['list'], ['list', '--json']]],
    [
      'JSON',
      [
        ['lock', 'r', 'a', '--json', '--ttl', '60'],
        ['status', 'r', '--json'],
        ['unlock', 'r', 'a', '--json'],
        ['check', 'r', '1', '--json'],
      ],
    ],
  ])('%s', async (_, calls) => {
    const [one, other] = await Promise.all([serve(), serve()]);
    for (const call of calls) {
      const ours = await lockdPy(call, one.url);
      const theirs = await lockd(call, { LOCKD_URL: other.url });
      const what = `${call.join(' ')}\n${ours.stderr}`;
      expect(ours.status, what).toBe(theirs.status);
      const same = (text: string) => {
        const plain = timeless(text).replaceAll(one.directory, 'DIR').replaceAll(other.directory, 'DIR');
        return plain.startsWith('{') ? JSON.parse(plain) : plain;
      };
      expect(same(ours.stdout), what).toEqual(same(theirs.stdout));
      expect(same(problem(ours.stderr)), what).toBe(same(problem(theirs.stderr)));
    }
  });

  test('a script keeps its token, with the address and the client from variables', async () => {
    const { url } = await serve();
    const variables = { LOCKD_CLIENT: 'me', LOCKD_TTL: '5m' };
    const locked = await lockdPy(['lock', 'r'], url, variables);
    expect(locked.stdout).toMatch(/^\d{16}\n$/);
    const status = await lockdPy(['status', 'r'], url);
    expect(status.stdout).toMatch(/holder {5}me\n[\s\S]*left of 5 min/);
    const token = { ...variables, LOCKD_TOKEN: locked.stdout.trim() };
    expect((await lockdPy(['check', 'r'], url, token)).status).toBe(0);
    expect((await lockdPy(['unlock', 'r'], url, token)).status).toBe(0);
    const nonsense = await lockdPy(['lock', 'r'], url, { LOCKD_TTL: 'soon' });
    expect(nonsense).toMatchObject({ status: 2, stdout: '' });
    expect(nonsense.stderr).toMatch(/^error: LOCKD_TTL must be seconds/);
  });

  test.each([
    [{ CI_JOB_ID: '77' }, /@[^:]+:77'/],
    [{ GITHUB_RUN_ID: '88' }, /@[^:]+:88'/],
    [{}, /@[^:]+'/],
  ])('the client is called after its job: %o', async (variables, name) => {
    const { url } = await serve();
    expect((await lockdPy(['lock', 'r'], url, variables)).stderr).toMatch(name);
  });

  test('where no daemon is, it says so after three tries', async () => {
    const ran = await lockdPy(['status', 'r'], 'http://127.0.0.1:1');
    expect(ran.status).toBe(69);
    expect(ran.stderr).toMatch(
      /^No daemon answers at http:\/\/127\.0\.0\.1:1 \(connection refused; 3 tries\)/,
    );
  });

  test('an unknown command is a matter of usage, help is none', async () => {
    expect((await lockdPy(['lokc', 'r'], 'http://127.0.0.1:1')).status).toBe(2);
    const help = await lockdPy(['run', '--help'], 'http://127.0.0.1:1');
    expect(help.status).toBe(0);
    expect(help.stdout).toContain('usage: lockd.py run [options] RESOURCE -- COMMAND');
    expect((await lockdPy(['--version'], 'http://127.0.0.1:1')).stdout).toBe('0.0.0\n');
  });

  test('the lines that a daemon fills in stand there once, as it looks for them', () => {
    const source = readFileSync(new URL('../../clients/lockd.py', import.meta.url), 'utf8');
    expect(source.match(/^VERSION = '0\.0\.0'/gm)).toHaveLength(1);
    expect(source.match(/^DEFAULT_URL = 'http:\/\/127\.0\.0\.1:7420'$/gm)).toHaveLength(1);
  });
});
