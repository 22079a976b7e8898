/** A daemon that stands still for less than half a second, just where a lease would end: a lease is a minimum. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { serve } from '../daemon.js';
import { Caller } from './caller.js';

test('a renewal that waits in a new connection during a short stop is in time, on a busy daemon too', async () => {
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
  let stops = 0;
  for (let round = 1; stops < 4; round += 1) {
    const caller = await Caller.to(url);
    const asked = performance.now();
    const { token } = await caller.lock(`r${round}`, 'A', { ttl: 1 });
    const granted = performance.now();
    await sleep(650);
    daemon.child.kill('SIGSTOP');
    const stopped = performance.now();
    const renewing = (await Caller.to(url)).renew(`r${round}`, 'A', { token }).catch((error: Error) => error);
    await sleep(450);
    const stopMs = performance.now() - stopped;
    daemon.child.kill('SIGCONT');
    const renewed = await renewing;
    // Where a busy machine let the lease end before the stop, or the stop last longer, it was another one.
    const isInTime = stopped < asked + 1_000;
    if (isInTime) expect(renewed, `stopped for ${stopMs} ms`).toMatchObject({ token });
    if (isInTime && stopMs < 500 && stopped + stopMs > granted + 1_000) stops += 1;
  }
  isOver = true;
  await calls;
});
