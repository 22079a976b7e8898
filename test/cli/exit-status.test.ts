/** The exit status of every way to end. */
import { describe, expect, test } from 'vitest';
import { exitStatusOf } from '../../src/cli/exit-status.js';
import { Interruption } from '../../src/cli/interruption.js';
import { UsageError } from '../../src/cli/usage-error.js';
import { NoDaemon, NotLockd, OutcomeUnknown, RefusedCall } from '../../src/client/errors.js';
import { REFUSALS } from '../../src/core/refusals.js';
import { StartRefused } from '../../src/disk/start-refused.js';
import { run } from './world.js';

describe('refusals exit as their table says', () => {
  test.each(Object.entries(REFUSALS))('%s', (name, { code, exit }) => {
    const refused = new RefusedCall(code, 'text');
    expect(refused.refusal).toBe(name);
    expect(exitStatusOf(refused)).toBe(exit);
  });
});

describe('other failures', () => {
  test.each([
    [new RefusedCall(99, 'of a newer lockd'), 1],
    [new RefusedCall(-32602, 'bad parameters'), 2],
    [new RefusedCall(-32601, 'no such method'), 70],
    [new RefusedCall(-32603, 'internal error'), 70],
    [new UsageError('what?'), 2],
    [new StartRefused('no'), 1],
    [new Interruption('the wait', 'SIGINT'), 130],
    [new Interruption('the wait', 'SIGTERM'), 143],
    [new NoDaemon('nobody'), 69],
    [new OutcomeUnknown('who knows'), 69],
    [new NotLockd('a web server'), 69],
    [new TypeError('x is not a function'), 70],
    ['thrown text', 70],
  ])('%s: %i', (error, status) => {
    expect(exitStatusOf(error)).toBe(status);
  });
});

describe('command lines that reach nobody', () => {
  test.each<{ words: string[]; status: number; says: string }>([
    { words: [], status: 2, says: 'Usage: lockd' },
    { words: ['--version'], status: 0, says: '0.1.0' },
    { words: ['--help'], status: 0, says: 'Usage: lockd' },
    { words: ['help', 'lock'], status: 0, says: 'Usage: lockd lock' },
    { words: ['lock', '--help'], status: 0, says: '--conflict-exit-code <N>' },
    { words: ['loc'], status: 2, says: "unknown command 'loc'" },
    { words: ['lock'], status: 2, says: "missing required argument 'resource'" },
    { words: ['lock', 'r', 'c', 'x'], status: 2, says: 'too many arguments' },
    { words: ['lock', 'r', '--lmit', '2'], status: 2, says: '(Did you mean --limit?)' },
    { words: ['lock', 'r', '--limit'], status: 2, says: "option '--limit <N>' argument missing" },
    {
      words: ['lock', 'r', '--limit', '1', '--limit', '2'],
      status: 2,
      says: 'error: --limit is given twice',
    },
    {
      words: ['lock', 'r', 'A', '--client', 'B'],
      status: 2,
      says: "error: The client is named twice: 'A', and 'B' by --client",
    },
    {
      words: ['gate', 'FILE', '7', '--token', '5', '--', 'true'],
      status: 2,
      says: "error: The token is named twice: '7', and '5' by --token",
    },
    { words: ['gate', 'FILE', '--', 'true'], status: 2, says: 'error: Say which token is to pass FILE' },
    { words: ['stats', '--url', 'open://'], status: 69, says: 'stats: there is no daemon behind open://' },
    {
      words: ['lock', 'r', '--conflict-exit-code', '256'],
      status: 2,
      says: 'error: --conflict-exit-code must be',
    },
    {
      words: ['unlock', 'r', '--token', 'x'],
      status: 2,
      says: "error: --token must be decimal digits, as lockd lock prints them, not 'x'",
    },
    {
      words: ['list', '--state', 'lost'],
      status: 2,
      says: "error: --state must be held, reserved, delayed, fencing, unreadable; it is 'lost'",
    },
    { words: ['force-unlock', 'r'], status: 2, says: 'error: --reason is required' },
    { words: ['confirm-fenced', 'r'], status: 2, says: 'error: --reason is required' },
    {
      words: ['lock', 'r', '--ttl', '0.05'],
      status: 2,
      says: "error: --ttl must be from 0.1s to 31d, not '0.05'",
    },
    {
      words: ['lock', 'r', '--wait', 'long'],
      status: 2,
      says: 'error: --wait must be seconds, or like 1500ms',
    },
    { words: ['extend', 'r'], status: 2, says: "error: Say how much to add to the lease of 'r', like 5m" },
    { words: ['extend', 'r', 'me'], status: 2, says: 'error: --seconds must be seconds, or like 1500ms' },
    { words: ['extend', 'r', '5m', 'A', 'x'], status: 2, says: 'too many arguments' },
    {
      words: ['update', 'r'],
      status: 2,
      says: "error: Say what to change of 'r': --note, --ttl, or --new-client",
    },
    { words: ['check', 'r'], status: 2, says: "error: Say which token of 'r' to check" },
    { words: ['check', 'r', 'x'], status: 2, says: 'error: --token must be decimal digits' },
    {
      words: ['history', '--count', '0'],
      status: 2,
      says: 'error: --count must be a whole number of at least 1',
    },
    {
      words: ['serve', '--default-ttl', '2h', '--max-ttl', '90m'],
      status: 2,
      says: 'error: --default-ttl 2h is longer than --max-ttl 90m: give a shorter default, or allow longer leases',
    },
    { words: ['serve', '--fence', '/bin/true'], status: 2, says: 'error: --fence must be PATTERN=COMMAND' },
    {
      words: ['serve', '--fence-command', '/no/such'],
      status: 2,
      says: 'error: --fence-command must name an executable',
    },
    {
      words: ['serve', '--fence', '*=/bin/true', '--fence-command', '/bin/false'],
      status: 2,
      says: "error: --fence-command /bin/false would never be used: the first match counts, and --fence '*=/bin/true'",
    },
    {
      words: ['serve', '--fence-timeout', '0'],
      status: 2,
      says: 'error: --fence-timeout must be from 1s to 1h',
    },
    { words: ['serve', '--lock-delay', '2d'], status: 2, says: 'error: --lock-delay must be from 0s to 1d' },
    {
      words: ['ping', '--url', 'localhost:7420'],
      status: 2,
      says: 'error: --url must be like http://127.0.0.1:7420',
    },
    {
      words: ['ping', '--config', '/no/such/file'],
      status: 2,
      says: 'error: The configuration file /no/such/file cannot be read',
    },
    {
      words: ['serve', '--listen', '7420'],
      status: 2,
      says: "error: --listen '7420' is no address to listen on",
    },
    {
      words: ['serve', '--listen', '127.0.0.1:7', '--listen', '127.0.0.1:7'],
      status: 2,
      says: 'error: --listen names 127.0.0.1:7 twice',
    },
    { words: ['serve', '--history-size', '1T'], status: 2, says: 'error: --history-size must be bytes like' },
    {
      words: ['serve', '--log-level', 'loud'],
      status: 2,
      says: 'error: --log-level must be debug, info, warn, error, silent',
    },
    {
      words: ['fsck', '/no/such/directory'],
      status: 2,
      says: 'error: /no/such/directory cannot be looked at: ',
    },
    { words: ['status', ''], status: 2, says: 'error: resource must not be empty' },
    { words: ['lock', '', 'A'], status: 2, says: 'error: resource must not be empty' },
    { words: ['fsck', ''], status: 2, says: 'error: directory must not be empty' },
    {
      words: ['list', '--count', '0'],
      status: 2,
      says: "--count must be a whole number of at least 1, not '0'",
    },
  ])('$words: $status', async ({ words, status, says }) => {
    const ran = await run(words);
    expect(ran.stdout + ran.stderr).toContain(says);
    expect(ran.status).toBe(status);
    // Answers go to standard output, complaints to standard error.
    expect(status === 0 ? ran.stderr : ran.stdout).toBe('');
  });
});

test.each([
  { words: ['fsck', '/no/such/directory'], says: '/no/such/directory cannot be looked at: ' },
  { words: ['unlock', 'r', '--token', 'abc'], says: '--token must be decimal digits' },
  { words: ['status', ''], says: 'resource must not be empty' },
])('with --json it is one document on standard output: $words', async ({ words, says }) => {
  const ran = await run([...words, '--json']);
  expect(ran).toMatchObject({ status: 2, stderr: '' });
  expect(JSON.parse(ran.stdout)).toEqual({
    error: { message: expect.stringContaining(says), exitStatus: 2 },
  });
});
