/** `lockd serve --max-waiters-per-client --max-waiters --max-locks`: what a caller hears who wants more. */
import { expect, test } from 'vitest';
import { Caller } from '../crash/caller.js';
import { lockd, serve } from '../daemon.js';
import { run } from './world.js';

test('a running daemon names the number in force, and the flag', async () => {
  const flags = ['--max-waiters-per-client', '1', '--max-waiters', '2'];
  const { url } = await serve(flags, undefined, { variables: { LOCKD_MAX_LOCKS: '2' } });
  const caller = await Caller.to(url);
  await caller.lock('a', 'A');
  await caller.enqueue('a', 'B');
  await caller.enqueue('a', 'C');
  const full = "The line for 'a' is full (2), the most allowed (--max-waiters)";
  await expect(caller.enqueue('a', 'D')).rejects.toMatchObject({ code: 7, text: full });
  await caller.lock('b', 'A');
  const many = '2 locks are held, the most allowed (--max-locks); unlock some first';
  await expect(caller.lock('c', 'A')).rejects.toMatchObject({ code: 14, text: many });
  const { status, stderr } = await lockd(['lock', 'c', 'A', '--url', url]);
  expect(status).toBe(75);
  expect(stderr).toContain(many);
});

test.each([
  ['--max-waiters', '0', 100_000],
  ['--max-waiters', '100001', 100_000],
  ['--max-waiters-per-client', '1000001', 1_000_000],
  ['--max-locks', '10000001', 10_000_000],
])('%s %s is no limit', async (flag, value, most) => {
  const { status, stderr } = await run(['serve', flag, value]);
  expect(status).toBe(2);
  expect(stderr).toBe(`error: ${flag} must be a whole number from 1 to ${most}, not '${value}'\n`);
});

test('a variable that looks like a slip is told at the start', async () => {
  const { daemon } = await serve([], undefined, { variables: { LOCKD_MAX_LOCK: '2' } });
  await daemon.wrote('stderr', /Ready/);
  expect(daemon.records).toContainEqual(
    expect.objectContaining({
      level: 'warn',
      msg: 'The variable LOCKD_MAX_LOCK is read by nobody; did you mean LOCKD_MAX_LOCKS?',
    }),
  );
});
