/** What a watch says of two looks, and how its lines look. */
import { describe, expect, test } from 'vitest';
import { Terminal } from '../../src/cli/terminal.js';
import { changesBetween, type Sight } from '../../src/cli/watch-changes.js';
import { WatchLines } from '../../src/cli/watch-lines.js';
import type { Hold } from '../../src/core/answers.js';
import type { FileStatus } from '../../src/service/api.js';
import { run } from './world.js';

const THEN = new Date('2026-11-21T08:15:00Z');

function hold(client: string, token: string, more: Partial<Hold> = {}): Hold {
  return {
    ...{ resource: 'r', client, token, limit: 1, state: 'held', from: '10.0.0.7:50000', waited: 0 },
    ...{ acquired: THEN, renewed: THEN },
    ...more,
  };
}

function status(resource: string, holders: readonly Hold[], more: Partial<FileStatus> = {}): FileStatus {
  return {
    ...{ resource, state: 'held', limit: 1, held: holders.length, holders, waiting: 0, queue: [] },
    file: `/locks/${resource}.lock`,
    ...more,
  };
}

function sight(...statuses: FileStatus[]): Sight {
  return new Map(statuses.map((one) => [one.resource, one]));
}

const HELD = status('r', [hold('A', '7', { ttl: 30, left: 30 })]);

describe('a change is', () => {
  const FENCED = { state: 'fencing', fence: [{ client: 'A', token: '7', tries: 0 }] } as const;
  const FIRST = { client: 'B', position: 1, since: THEN };
  test.each<[string, FileStatus | undefined, FileStatus]>([
    ['a resource that was free', undefined, HELD],
    ['another holder', HELD, status('r', [hold('B', '8')])],
    ['the same holder with a new token', HELD, status('r', [hold('A', '8')])],
    ['one holder more', HELD, status('r', [hold('A', '7'), hold('B', '8')])],
    ['a lost hold', HELD, status('r', [hold('A', '7', { state: 'fencing' })], FENCED)],
    ['another state', HELD, { ...HELD, state: 'unreadable' }],
    ['one waiter more', HELD, { ...HELD, waiting: 1, queue: [FIRST] }],
    [
      'somebody else who is next',
      { ...HELD, waiting: 1, queue: [FIRST] },
      { ...HELD, waiting: 1, queue: [{ ...FIRST, client: 'C' }] },
    ],
    ['another note', HELD, status('r', [hold('A', '7', { note: 'release 7' })])],
    [
      'a fence command that failed',
      status('r', [], FENCED),
      status('r', [], { ...FENCED, fence: [{ client: 'A', token: '7', tries: 1, lastError: 'exit 1' }] }),
    ],
  ])('%s', (_, before, now) => {
    expect(changesBetween(before ? sight(before) : sight(), sight(now))).toEqual([now]);
  });

  test('no renewal, and no time that goes by', () => {
    const renewed = hold('A', '7', { ttl: 30, left: 12, renewed: new Date(), expires: new Date() });
    expect(changesBetween(sight(HELD), sight(status('r', [renewed])))).toEqual([]);
  });

  test('a resource that is free again, whoever waited', () => {
    const before = { ...HELD, limit: 3, waiting: 1, queue: [{ client: 'B', position: 1, since: THEN }] };
    expect(changesBetween(sight(before), sight())).toEqual([
      {
        ...{ resource: 'r', state: 'free', limit: 1, held: 0, holders: [], waiting: 0, queue: [] },
        file: '/locks/r.lock',
      },
    ]);
  });

  test('told in the order of the names', () => {
    const now = sight(status('c', [hold('A', '9')]), status('a', [hold('A', '8')]));
    const names = changesBetween(sight(status('b', [hold('A', '7')])), now).map(({ resource }) => resource);
    expect(names).toEqual(['a', 'b', 'c']);
  });
});

/** Lines for somebody with or without a terminal. */
function lines(changes: readonly FileStatus[], isTTY: boolean, environment: Record<string, string> = {}) {
  const output = { isTTY, write: () => true };
  const terminal = new Terminal({ environment, stdout: output, stderr: output }, false);
  return new WatchLines(terminal).text(changes, THEN);
}

describe('a line', () => {
  test.each<[string, FileStatus, string]>([
    ['of a lease', HELD, 'r\theld\tA\t7\t30 s left'],
    ['of a hold without lease', status('r', [hold('A', '7')]), 'r\theld\tA\t7\tno lease'],
    [
      'with a note and a line',
      status('r', [hold('A', '7', { note: 'release 7' })], { waiting: 1_200, queue: [] }),
      'r\theld\tA\t7\tno lease, note: release 7, 1,200 waiting',
    ],
    [
      'of a semaphore',
      status('r', [hold('A', '1'), hold('B', '2'), hold('C', '3')], { held: 1_003 }),
      'r\theld\tA, B, C, 1,000 more\t1, 2, 3\t',
    ],
    [
      'of what is kept for somebody',
      status('r', [], {
        ...{ state: 'reserved', waiting: 1 },
        queue: [{ client: 'B', position: 1, since: THEN }],
      }),
      "r\treserved\t\t\tkept for 'B', 1 waiting",
    ],
    [
      'of a fence command that fails',
      status('r', [hold('A', '7', { state: 'fencing' })], {
        state: 'fencing',
        fence: [{ client: 'A', token: '7', tries: 1, lastError: 'exit 3' }],
      }),
      'r\tfencing\tA\t7\tfence command failed once, last with exit 3',
    ],
    [
      'of a file that cannot be read',
      status('r', [], { state: 'unreadable' }),
      'r\tunreadable\t\t\tlook at /locks/r.lock',
    ],
    ['of a free resource', status('r', [], { state: 'free' }), 'r\tfree\t\t\t'],
    [
      'of names that would break it',
      status('a\tb', [hold('A\nB\u001b[31m', '7')]),
      'a\\u{9}b\theld\tA\\u{a}B\\u{1b}[31m\t7\tno lease',
    ],
  ])('%s', (_, change, expected) => {
    expect(lines([change], false)).toBe(`2026-11-21 08:15:00 UTC\t${expected}\n`);
  });

  test('on a terminal stands in columns, which only grow', () => {
    const output = { isTTY: true, write: () => true };
    const stream = new WatchLines(
      new Terminal({ environment: { NO_COLOR: '1' }, stdout: output, stderr: output }, false),
    );
    const wide = status('deploy/日本', [hold('ci@host:1', '1790000000000000')]);
    expect(stream.text([HELD], THEN)).toBe('2026-11-21 08:15:00 UTC  r  held  A  7  30 s left\n');
    expect(stream.text([wide, HELD], THEN).split('\n')).toEqual([
      '2026-11-21 08:15:00 UTC  deploy/日本  held  ci@host:1  1790000000000000  no lease',
      '2026-11-21 08:15:00 UTC  r            held  A          7                 30 s left',
      '',
    ]);
    expect(stream.text([status('r', [], { state: 'free' })], THEN)).toBe(
      '2026-11-21 08:15:00 UTC  r            free\n',
    );
  });

  test('has colours on a terminal, unless NO_COLOR is set, and nowhere else', () => {
    const free = status('r', [], { state: 'free' });
    expect(lines([free], true)).toContain('\u001b[32mfree\u001b[39m');
    expect(lines([free], true, { NO_COLOR: '1' })).not.toContain('\u001b');
    expect(lines([free], false)).not.toContain('\u001b');
  });
});

test.each([
  [['watch', '--interval', '50ms'], '--interval'],
  [['watch', '--interval', 'often'], '--interval'],
  [['watch', ''], 'prefix'],
  [['watch', 'a', '--prefix', 'b'], 'prefix'],
])('%j is no command line', async (words, named) => {
  const { status: exit, stderr, stdout } = await run(words);
  expect({ exit, stdout }).toEqual({ exit: 2, stdout: '' });
  expect(stderr).toContain(named);
});

test('no daemon: said as by every command, and ended', async () => {
  const { status: exit, stderr } = await run(['watch', '--url', 'http://127.0.0.1:1']);
  expect(exit).toBe(69);
  expect(stderr).toMatch(/^No daemon answers at http:\/\/127\.0\.0\.1:1 /);
});
