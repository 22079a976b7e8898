/** What makes no sense to `lockd` makes none to lockd.py: the same words, the same exit status and the same sentence. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { run } from '../cli/world.js';
import { describeWith } from '../needs.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { lockdPy } from './python-process.js';

/** Nobody answers there: whatever gets so far is no matter of usage, and ends with 69. */
const NOWHERE = 'http://127.0.0.1:1';

type Variables = Readonly<Record<string, string>>;

/** Words, and variables where it is about those. FILE is one that a gate could use. */
const CASES: readonly (readonly [words: readonly string[], variables?: Variables])[] = [
  [[]],
  [['bogus']],
  [['--bogus']],
  [['-h']],
  [['lock']],
  [['lock', '']],
  [['lock', 'r', '']],
  [['lock', 'r', 'a', 'b']],
  [['lock', 'r', 'a', '--client', 'b']],
  [['lock', 'r', '--bogus']],
  [['lock', 'r', '-x']],
  [['lock', 'r', '--tt', '5']],
  [['lock', 'r', '--ttl']],
  [['lock', 'r', '--ttl=']],
  [['lock', 'r', '--ttl', '3x']],
  [['lock', 'r', '--ttl', '0']],
  [['lock', 'r', '--ttl', '32d']],
  [['lock', 'r', '--wait', '9'.repeat(400)]],
  [['lock', 'r', '--wait', '1', '--wait', '2']],
  [['lock', 'r', '--no-wait']],
  [['lock', 'r', '--limit', '0']],
  [['lock', 'r', '--limit', '1001']],
  [['lock', 'r', '--limit', '9'.repeat(40)]],
  [['lock', 'r', '--json=true']],
  [['lock', 'r', '--json', '--ttl', 'x']],
  [['lock', 'r', '--note', '']],
  [['lock', 'r', '--conflict-exit-code', '256']],
  [['lock', 'r', '--url', 'ftp://x']],
  [['lock', 'r'], { LOCKD_TTL: 'soon' }],
  [['lock', 'r'], { LOCKD_JSON: 'maybe' }],
  [['unlock', 'r', '--token', 'x']],
  [['renew', 'r', '-t', '5']],
  [['extend', 'r']],
  [['extend', 'r', 'x']],
  [['extend', 'r', '5m', 'a', '--seconds', '4m']],
  [['update', 'r']],
  [['update', 'r', '--ttl', '0']],
  [['check', 'r']],
  [['check', 'r', '-1']],
  [['check', 'r', '5', '--token', '6']],
  [['status', '']],
  [['status', 'r', 's']],
  [['list', 'r']],
  [['list', '--state', 'free']],
  [['list', '--count', '0']],
  [['history', '--count', 'all']],
  [['history', '']],
  [['stats', 'r']],
  [['ping', 'r']],
  [['force-unlock', 'r']],
  [['confirm-fenced', 'r']],
  [['run']],
  [['run', 'r']],
  [['run', 'r', '--']],
  [['run', 'r', '--', '']],
  [['run', '', '--', 'true']],
  [['run', 'r', '-x', '--', 'true']],
  [['run', 'r', '--ttl', '0', '--', 'true']],
  [['run', 'r', '--wait', '5', '--no-wait', '--', 'true']],
  [['run', 'r', '--on-loss', 'maybe', '--', 'true']],
  [['run', 'r', '--foreground=yes', '--', 'true']],
  [['gate']],
  [['gate', 'FILE']],
  [['gate', 'FILE', 'x']],
  [['gate', '', '5']],
  [['gate', 'FILE', '5', '--', '']],
  [['gate', 'FILE', '5', '--wait', 'soon', '--', 'true']],
];

/** What is wrong; the hints below it are each command's own. */
function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}

describeWith(['python3'], 'lockd.py and usage errors', () => {
  test('it refuses what lockd refuses, in the same words', async () => {
    const file = join(temporaryDirectory(), 'gate');
    const pending = [...CASES];
    // As many at a time as a small machine runs beside each other.
    const worker = async () => {
      for (let next = pending.pop(); next; next = pending.pop()) {
        const [given, variables = {}] = next;
        const words = given.map((word) => (word === 'FILE' ? file : word));
        const [ours, theirs] = await Promise.all([
          lockdPy(words, NOWHERE, variables),
          run(words, { environment: { LOCKD_URL: NOWHERE, ...variables } }),
        ]);
        const what = JSON.stringify(next);
        expect(theirs.status, what).toBe(2);
        expect(ours.status, what).toBe(2);
        // Without any word, each prints its own help.
        if (given.length === 0) continue;
        expect(ours.stdout, what).toBe(theirs.stdout);
        expect(firstLine(ours.stderr), what).toBe(firstLine(theirs.stderr));
      }
    };
    await Promise.all([worker(), worker()]);
    expect(existsSync(file)).toBe(false);
  }, 400_000);

  test.each([
    [['run', 'r', 'echo', 'ran'], 'ran\n'],
    [['run', '--', 'r', 'echo', 'ran', '--ttl'], 'ran --ttl\n'],
    [['run', 'r', '--ttl', '5s', '--', 'echo', '--', 'ran'], '-- ran\n'],
  ])('%j runs what it names', async (words, stdout) => {
    expect(await lockdPy(words, 'open://')).toMatchObject({ status: 0, stdout });
  });

  test('words that begin with a dash stand behind --', async () => {
    const locked = await lockdPy(['lock', '--', '-r', '--client'], 'open://');
    expect(locked).toMatchObject({ status: 0, stdout: '0\n' });
    expect(locked.stderr).toContain("'-r' is locked by '--client'");
    expect(locked.stderr).toContain('unlock --url open:// --token 0 -- -r --client');
  });

  test('a gate takes its token by its flag, too', async () => {
    const directory = temporaryDirectory();
    const words = ['gate', join(directory, 'gate'), '--token', '5', '--', 'echo', 'ran'];
    expect(await lockdPy(words, NOWHERE)).toMatchObject({ status: 0, stdout: 'ran\n' });
    expect(readdirSync(directory)).toEqual(['gate']);
  });

  test('help is no error', async () => {
    for (const words of [['help'], ['--help'], ['help', 'run'], ['run', '--help']]) {
      const { status, stdout } = await lockdPy(words, NOWHERE);
      expect(status).toBe(0);
      expect(stdout).toMatch(/^usage: lockd\.py /);
    }
  });
});
