import { describe, expect, test } from 'vitest';
import type { ResourceState } from '../../src/core/answers.js';
import { BadParameter } from '../../src/core/refusals.js';
import type { Lockd } from '../../src/service/lockd.js';
import { temporaryDirectory } from '../store/fixture.js';
import { lockFiles, openDaemon, outcome } from './fixture.js';

type Call = (lockd: Lockd) => Promise<unknown>;

const BIG = 'x'.repeat(512);
const CLIENT = 'c'.repeat(256);
const NOTE = 'n'.repeat(1_024);
const WIDE_NOTE = '👩'.repeat(1_024);

describe('what is refused, and in which words', () => {
  test.each<[string, Call]>([
    ["parameter 'resource' must have 1 to 512 bytes of UTF-8, not 0", (lockd) => lockd.lock('', 'A')],
    [
      "parameter 'resource' must have 1 to 512 bytes of UTF-8, not 513",
      (lockd) => lockd.lock(`${BIG}x`, 'A'),
    ],
    [
      "parameter 'resource' must have 1 to 512 bytes of UTF-8, not 514",
      (lockd) => lockd.status('ä'.repeat(257)),
    ],
    ["parameter 'resource' must be printable text, but has U+000A", (lockd) => lockd.unlock('a\nb', 'A')],
    ["parameter 'resource' must be printable text, but has U+0000", (lockd) => lockd.status('a\0')],
    ["parameter 'resource' must be printable text, but has U+202E", (lockd) => lockd.lock('a\u202eb', 'A')],
    ["parameter 'resource' must be printable text, but has U+D800", (lockd) => lockd.lock('\ud800', 'A')],
    [
      "parameter 'resource' must have 1 to 512 bytes of UTF-8, not 0",
      (lockd) => lockd.forceUnlock('', { reason: 'x' }),
    ],
    ["parameter 'client' must have 1 to 256 bytes of UTF-8, not 0", (lockd) => lockd.lock('r', '')],
    [
      "parameter 'client' must have 1 to 256 bytes of UTF-8, not 257",
      (lockd) => lockd.unlock('r', `${CLIENT}c`),
    ],
    ["parameter 'client' must be printable text, but has U+001B", (lockd) => lockd.lock('r', '\x1b[2J')],
    [
      "parameter 'client' must not be '?', which stands for a holder that cannot be read",
      (lockd) => lockd.lock('r', '?'),
    ],
    [
      "parameter 'client' must have 1 to 256 bytes of UTF-8, not 0",
      (lockd) => lockd.forceUnlock('r', { reason: 'x', client: '' }),
    ],
    [
      "parameter 'limit' must be a whole number from 1 to 1000, not 0",
      (lockd) => lockd.lock('r', 'A', { limit: 0 }),
    ],
    [
      "parameter 'limit' must be a whole number from 1 to 1000, not 1001",
      (lockd) => lockd.lock('r', 'A', { limit: 1_001 }),
    ],
    [
      "parameter 'limit' must be a whole number from 1 to 1000, not 1.5",
      (lockd) => lockd.lock('r', 'A', { limit: 1.5 }),
    ],
    [
      "parameter 'limit' must be a whole number from 1 to 1000, not NaN",
      (lockd) => lockd.lock('r', 'A', { limit: Number.NaN }),
    ],
    [
      "parameter 'note' must have at most 1,024 characters, not 1,025",
      (lockd) => lockd.lock('r', 'A', { note: `${NOTE}n` }),
    ],
    [
      "parameter 'note' must have at most 1,024 characters, not 1,025",
      (lockd) => lockd.lock('r', 'A', { note: `${WIDE_NOTE}n` }),
    ],
    [
      "parameter 'note' must be printable text, but has U+0009",
      (lockd) => lockd.lock('r', 'A', { note: 'a\tb' }),
    ],
    [
      "parameter 'token' must be 1 to 64 decimal digits, not ''",
      (lockd) => lockd.unlock('r', 'A', { token: '' }),
    ],
    [
      "parameter 'token' must be 1 to 64 decimal digits, not '-1'",
      (lockd) => lockd.unlock('r', 'A', { token: '-1' }),
    ],
    [
      "parameter 'token' must be 1 to 64 decimal digits, not '1\n'",
      (lockd) => lockd.unlock('r', 'A', { token: '1\n' }),
    ],
    [
      `parameter 'token' must be 1 to 64 decimal digits, not '${'x'.repeat(40)}'`,
      (lockd) => lockd.unlock('r', 'A', { token: 'x'.repeat(10_000) }),
    ],
    ["parameter 'reason' must say why; it is empty", (lockd) => lockd.forceUnlock('r', { reason: '' })],
    ["parameter 'reason' must say why; it is empty", (lockd) => lockd.forceUnlock('r', { reason: '   ' })],
    [
      "parameter 'reason' must have at most 1,024 characters, not 1,025",
      (lockd) => lockd.forceUnlock('r', { reason: `${NOTE}n` }),
    ],
    ["parameter 'count' must be a whole number from 1 to 10000, not 0", (lockd) => lockd.list({ count: 0 })],
    [
      "parameter 'count' must be a whole number from 1 to 10000, not 10001",
      (lockd) => lockd.list({ count: 10_001 }),
    ],
    [
      "parameter 'count' must be a whole number from 1 to 10000, not 2.5",
      (lockd) => lockd.list({ count: 2.5 }),
    ],
    [
      "parameter 'state' must be one of free, held, reserved, delayed, fencing, unreadable, not 'gone'",
      (lockd) => lockd.list({ state: 'gone' as ResourceState }),
    ],
  ])('%s', async (text, call) => {
    const directory = temporaryDirectory();
    const { lockd } = await openDaemon(directory);
    await expect(call(lockd)).rejects.toThrow(BadParameter);
    expect(await outcome(call(lockd))).toBe(text);
    expect(lockFiles(directory)).toEqual([]);
    expect(await lockd.stats()).toMatchObject({ held: 0, refusals: 0 });
  });

  test('forceUnlock names who holds it, where the client does not', async () => {
    const { lockd } = await openDaemon(temporaryDirectory());
    await lockd.lock('r', 'A', { limit: 2 });
    expect(await outcome(lockd.forceUnlock('r', { reason: 'x', client: 'B' }))).toBe(
      "parameter 'client' is 'B', who does not hold 'r'; 'A' does",
    );
    await lockd.lock('r', 'B', { limit: 2 });
    expect(await outcome(lockd.forceUnlock('r', { reason: 'x' }))).toBe(
      "parameter 'client' is needed, because 2 clients hold 'r'",
    );
  });
});

test.each<[string, Call]>([
  ['the longest resource', (lockd) => lockd.lock(BIG, 'A')],
  ['the longest resource of wide characters', (lockd) => lockd.lock('ä'.repeat(256), 'A')],
  ['a path that leads out', (lockd) => lockd.lock('../../etc/passwd', 'A')],
  ['dots', (lockd) => lockd.lock('..', 'A')],
  ['our own directory', (lockd) => lockd.lock('.lockd', 'A')],
  ['the longest client', (lockd) => lockd.lock('r', CLIENT)],
  ['quotes in a client', (lockd) => lockd.lock('r', `"'\\<b>`)],
  ['the longest note', (lockd) => lockd.lock('r', 'A', { note: NOTE })],
  ['the longest note of wide characters', (lockd) => lockd.lock('r', 'A', { note: WIDE_NOTE })],
  ['an empty note', (lockd) => lockd.lock('r', 'A', { note: '' })],
  ['the largest limit', (lockd) => lockd.lock('r', 'A', { limit: 1_000 })],
  ['the largest page', (lockd) => lockd.list({ count: 10_000 })],
])('%s is accepted, saved, and there after a restart', async (_, call) => {
  const directory = temporaryDirectory();
  const first = await openDaemon(directory);
  await call(first.lockd);
  const before = await first.lockd.list();
  await first.lockd.close();
  const { lockd } = await openDaemon(directory);
  expect(await lockd.list()).toEqual(before);
  expect(lockFiles(directory)).toHaveLength(before.length);
});
