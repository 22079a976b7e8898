/** Limits that an operator chose: `Lockd.open({ maxWaiters, maxWaitersPerClient, maxLocks })`. */
import { expect, test } from 'vitest';
import { Lockd } from '../../src/service/lockd.js';
import { temporaryDirectory } from '../temporary-directory.js';
import { begin, ManualClock, openDaemon, outcome } from './fixture.js';
import { rounds } from './manual-clock.js';

test.each([
  ['maxWaiters', 0, '100,000'],
  ['maxWaiters', 100_001, '100,000'],
  ['maxWaitersPerClient', 1_000_001, '1,000,000'],
  ['maxWaitersPerClient', 1.5, '1,000,000'],
  ['maxLocks', 0, '10,000,000'],
  ['maxLocks', 10_000_001, '10,000,000'],
])('%s of %d is refused, and the directory is given back', async (option, value, most) => {
  const directory = temporaryDirectory();
  await expect(Lockd.open({ directory, [option]: value })).rejects.toThrow(
    new RangeError(`${option} must be a whole number from 1 to ${most}, not ${value}`),
  );
  const lockd = await Lockd.open({ directory, [option]: 1 });
  await lockd.close();
});

test('hold in a running daemon', async () => {
  const limits = { maxWaiters: 1, maxWaitersPerClient: 1, maxLocks: 3 };
  const { lockd } = await openDaemon(temporaryDirectory(), limits);
  for (const resource of ['a', 'b']) await lockd.lock(resource, 'A');
  await lockd.enqueue('a', 'B');
  expect(await outcome(lockd.enqueue('a', 'C'))).toMatch(
    /^7: .* full \(1\), the most allowed \(--max-waiters\)$/,
  );
  expect(await outcome(lockd.enqueue('b', 'B'))).toMatch(/^14: 'B' has 1 place in lines, .*-per-client\)$/);
  await lockd.lock('c', 'A');
  expect(await outcome(lockd.lock('d', 'A'))).toMatch(
    /^14: 3 locks are held, the most allowed \(--max-locks\)/,
  );
});

test('what is there when a limit is lowered stays, and a line that it holds back moves on when there is room', async () => {
  const directory = temporaryDirectory();
  const first = await openDaemon(directory);
  for (const resource of ['a', 'b', 'c']) await first.lockd.lock(resource, 'A');
  for (const client of ['B', 'C']) await first.lockd.enqueue('a', client, { claim: 600 });
  await first.lockd.close();

  const clock = new ManualClock();
  const { lockd } = await begin({ directory, clock, maxLocks: 2, maxWaiters: 1 });
  expect(await lockd.stats()).toMatchObject({ held: 3, waiting: 2 });
  const waits = outcome(lockd.wait('a', 'B', 600));
  await lockd.unlock('a', 'A');
  await rounds(20);
  // Two others are held still: nobody is granted anything, and the place is kept.
  expect(await lockd.status('a')).toMatchObject({ state: 'reserved', waiting: 2 });
  await lockd.unlock('b', 'A');
  await clock.advance(1_500);
  expect(await waits).toMatchObject({ resource: 'a', client: 'B' });
  expect(await lockd.stats()).toMatchObject({ held: 2, waiting: 1 });
});
