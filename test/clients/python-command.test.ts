/** lockd.py as a command says and does what `lockd` says and does. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Ran, realDaemon, run } from '../cli/world.js';
import { serve } from '../daemon.js';
import { describeWith } from '../needs.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { lockdPy, outcome, PythonProcess, startLockdPy } from './python-process.js';

/** What differs from one call to the next: tokens, moments, spans, and how each command calls itself. */
function timeless(text: string): string {
  return text
    .replace(/\d{16}/g, 'TOKEN')
    .replace(/\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?( UTC|Z)/g, 'MOMENT')
    .replace(/\b\d+ s\b/g, 'SPAN')
    .replace(/127\.0\.0\.1:\d+/g, 'ADDRESS')
    .replace(/"(left|waited|milliseconds|journalBytes)":[\d.]+/g, '"$1":0')
    .replace(/(journalBytes +|in )[\d.,]+/g, '$1N')
    .replace(/("id":"|--before )[\w.-]+/g, '$1ID')
    .replace(/python3 \S*lockd\.py/g, 'lockd');
}

/** A daemon, and where it keeps its locks. */
interface Place {
  readonly url: string;
  readonly directory: string;
}

async function daemon(): Promise<Place> {
  const directory = temporaryDirectory();
  return { directory, url: (await realDaemon(directory)).url };
}

/** What a command did, as far as it depends neither on its daemon nor on the moment. */
function comparable(ran: Ran, { directory }: Place) {
  const plain = (text: string) => timeless(text).replaceAll(directory, 'DIR');
  const stdout = plain(ran.stdout);
  // Each says in its own words that open:// locks nothing; whether a short wait is told is a matter of moments.
  const stderr = plain(ran.stderr).replace(/^(open:\/\/:|Waiting for ).*\n/gm, '');
  return { status: ran.status, stdout: /^[[{]/.test(stdout) ? JSON.parse(stdout) : stdout, stderr };
}

/** Runs a command line with both, each with a daemon of its own, and compares; answers what lockd.py did. */
async function both(words: readonly string[], one: Place, other: Place): Promise<Ran> {
  const [ours, theirs] = await Promise.all([
    lockdPy(words, one.url) as Promise<Ran>,
    run(words, { environment: { LOCKD_URL: other.url } }),
  ]);
  expect(comparable(ours, one), words.join(' ')).toEqual(comparable(theirs, other));
  return ours;
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
        ['lock', 'r\u0001'],
        ['lock', 'r', 'c'.repeat(257)],
        ['lock', 'r', '--json', '--ttl', '3x'],
      ],
    ],
    [
      'semaphores',
      [
        ['lock', 'r', 'a', '--limit', '2'],
        ['lock', 'r', 'b', '--limit', '2'],
        ['lock', 'r', 'c', '--limit', '2'],
        ['status', 'r'],
        ['force-unlock', 'r', '--reason', 'why'],
        ['force-unlock', 'r', 'b', '--token', '1', '--reason', 'why'],
        ['force-unlock', 'r', 'b', '--reason', 'why', '--json'],
      ],
    ],
    [
      'changes of a hold, and what became of it',
      [
        ['lock', 'r', 'a', '--ttl', '1m'],
        ['update', 'r', 'a'],
        ['update', 'r', 'a', '--note', 'why', '--ttl', '5m'],
        ['update', 'r', 'a', '--note='],
        ['update', 'r', 'a', '--new-client', 'b'],
        ['update', 'r', 'b', '--new-client', 'b'],
        ['update', 'r', 'a', '--note', 'late'],
        ['update', 'r', 'b', '--new-client', 'c', '--json'],
        ['history'],
        ['history', 'r', '--holder', 'a', '--count', '1'],
        ['history', 's'],
        ['history', '--json'],
        ['history', '--before', 'x'],
      ],
    ],
    ['an empty list', [['list'], ['list', '--json']]],
    [
      'a list by its parts',
      [
        ['lock', 'r', 'a', '--note', 'why'],
        ['lock', 'ä/1', 'b', '--limit', '2', '--ttl', '5m'],
        ['lock', 'ä/1', 'c', '--limit', '2'],
        ['lock', '本', 'c'],
        ['list'],
        ['list', '--json'],
        ['list', '--prefix', 'ä'],
        ['list', '--holder', 'c', '--count', '1'],
        ['list', '--state', 'fencing'],
        ['list', '--after', 'r', '--state', 'held'],
      ],
    ],
    ['the daemon', [['stats'], ['stats', '--json'], ['ping'], ['ping', '--json']]],
    [
      'open://',
      [
        ['lock', 'r', 'a', '--url', 'open://', '--ttl', '5s', '--note', 'why', '--json'],
        ['check', 'r', '0', '--url', 'open://'],
        ['status', 'r', '--url', 'open://'],
        ['history', '--url', 'open://'],
        ['stats', '--url', 'open://'],
        ['unlock', 'r', 'a', '--url', 'open://'],
      ],
    ],
    [
      'JSON',
      [
        ['lock', 'r', 'a', '--json', '--ttl', '60'],
        ['status', 'r', '--json'],
        ['unlock', 'r', 'a', '--json'],
        ['check', 'r', '1', '--json'],
      ],
    ],
  ])(
    '%s',
    async (_, calls) => {
      const [one, other] = await Promise.all([daemon(), daemon()]);
      for (const call of calls) await both(call, one, other);
    },
    400_000,
  );

  test('a fencing that does not succeed, and how it is ended', async () => {
    const fence = ['--fence-command', '/bin/false'];
    const [one, other] = await Promise.all([serve(fence), serve(fence)]);
    const { stdout: token } = await lockdPy(['lock', 'r', 'a'], one.url);
    await lockdPy(['lock', 'r', 'a'], other.url);
    expect((await both(['force-unlock', 'r', '--reason', 'why'], one, other)).stderr).toContain(
      'It is granted again when the fence command has succeeded',
    );
    const status = await lockdPy(['status', 'r'], one.url);
    expect(status.stdout).toMatch(/^r: fencing\n {2}lost by {4}a\n[\s\S]* {2}fencing {4}/);
    expect(status.stdout).toContain(`confirm-fenced r --url ${one.url} --reason WHY --token ${token.trim()}`);
    const refused = await lockdPy(['lock', 'r', 'b'], one.url);
    expect(refused.status).toBe(75);
    expect(refused.stderr).toMatch(
      /who is being fenced\. The fence command for 'a' .*\. To wait for it: .*If 'a' can do no more harm for certain: /,
    );
    await both(['confirm-fenced', 'r'], one, other);
    await both(['confirm-fenced', 'r', '--reason', 'off'], one, other);
    await both(['confirm-fenced', 'r', '--reason', 'off', '--json'], one, other);
    await both(['lock', 'r', 'b'], one, other);
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

  test('flags beat variables beat the file of --config, which may have keys for the daemon', async () => {
    const { url } = await serve();
    const file = join(temporaryDirectory(), 'lockd.json');
    writeFileSync(file, JSON.stringify({ client: 'filed', ttl: 90, json: true, listen: ['x:1'] }));
    const locked = await lockdPy(['lock', 'r', '--config', file], url);
    expect(JSON.parse(locked.stdout)).toMatchObject({ client: 'filed', ttl: 90 });
    const variables = { LOCKD_CONFIG: file, LOCKD_CLIENT: 'varied', LOCKD_TTL: '80' };
    const other = await lockdPy(['lock', 's', '--ttl', '70', '--no-json'], url, variables);
    expect(other.stdout).toMatch(/^\d{16}\n$/);
    expect(other.stderr).toContain("'s' is locked by 'varied'");
    writeFileSync(file, '{"ttl": "soon"}');
    const nonsense = await lockdPy(['lock', 't', '--config', file], url);
    expect(nonsense).toMatchObject({ status: 2, stdout: '' });
    expect(nonsense.stderr).toMatch(`error: 'ttl' in ${file} must be seconds`);
  });

  test.each(['SIGTERM', 'SIGINT'] as const)('a lock that waits leaves the line on %s', async (signal) => {
    const { url } = await serve();
    await lockdPy(['lock', 'r', 'holder'], url);
    const waiting = startLockdPy(['lock', 'r', 'me', '--wait', '1m'], url);
    await waiting.wrote('stderr', /'me' is number 1 of 1 in the line/);
    waiting.child.kill(signal);
    const { status, stderr } = await outcome(waiting);
    expect(status).toBe(signal === 'SIGINT' ? 130 : 143);
    expect(stderr).toContain(`The wait of 'me' for 'r' was ended by ${signal}`);
    expect(JSON.parse((await lockdPy(['status', 'r', '--json'], url)).stdout).waiting).toBe(0);
  });

  test('an answer that cannot be written is a failure, a reader that has seen enough is none', async () => {
    const { url } = await serve();
    const shell = async (line: string) => {
      const lockdPyFile = new URL('../../clients/lockd.py', import.meta.url).pathname;
      const ran = new PythonProcess(
        [
          '-c',
          'import subprocess, sys; sys.exit(subprocess.call(["sh", "-c", *sys.argv[1:]]))',
          line,
          lockdPyFile,
        ],
        { LOCKD_URL: url },
      );
      return outcome(ran);
    };
    const full = await shell('python3 "$0" stats > /dev/full');
    expect(full).toMatchObject({ status: 1 });
    expect(full.stderr).toBe('Standard output cannot be written (No space left on device)\n');
    expect(await shell('{ sleep 0.3; python3 "$0" stats; echo $? >&2; } | true')).toMatchObject({
      stderr: '0\n',
    });
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
