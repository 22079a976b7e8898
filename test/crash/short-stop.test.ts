/** A daemon that stands still for less than half a second, just where a lease would end: a lease is a minimum. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { serve } from '../daemon.js';
import { Caller } from './caller.js';

test('a renewal that waits in a new connection during a short stop is in time, on a busy daemon too', {
  timeout: 60_000,
}, async () => {
  const { daemon, url } = await serve();
  const other = await Caller.to(url);
  let isOver = false;
  // Every call looks at the clock; that must not hide the stop.
  const calls = (async () => {
    while (!isOver) {
      await other.status('another');
      await sleep(20);
    }
  })();
  for (let round = 1; round <= 4; round += 1) {
    const caller = await Caller.to(url);
    const { token } = await caller.lock(`r${round}`, 'A', { ttl: 1 });
    await sleep(650);
    daemon.child.kill('SIGSTOP');
    const renewing = (await Caller.to(url)).renew(`r${round}`, 'A', { token });
    await sleep(450);
    daemon.child.kill('SIGCONT');
    await expect(renewing).resolves.toMatchObject({ token });
  }
  isOver = true;
  await calls;
});
