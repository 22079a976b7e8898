import { expect, test } from 'vitest';
import { LoopDelay } from '../../src/http/metrics-loop.js';
import { ManualClock } from '../service/manual-clock.js';

function started() {
  const clock = new ManualClock();
  const loop = new LoopDelay(clock);
  loop.start();
  return { clock, loop };
}

function count({ seconds }: LoopDelay): number {
  return seconds.cumulative().at(-1) ?? 0;
}

test('a loop that is on time: ten looks a second, none of them late', async () => {
  const { clock, loop } = started();
  await clock.advance(1_000);
  expect(count(loop)).toBe(10);
  expect(loop.seconds.sum).toBe(0);
});

test('a stall counts once, by how late it made the next look', async () => {
  const { clock, loop } = started();
  await clock.advance(200);
  clock.stall(100 + 400);
  expect(count(loop)).toBe(3);
  expect(loop.seconds.sum).toBeCloseTo(0.4);
  // From there on the looks are on time again.
  await clock.advance(1_000);
  expect(count(loop)).toBe(13);
  expect(loop.seconds.sum).toBeCloseTo(0.4);
});

test('a wall clock that is set is no stall', async () => {
  const { clock, loop } = started();
  clock.jumpWall(3_600_000);
  await clock.advance(100);
  expect(loop.seconds.sum).toBe(0);
});

test('started twice, it looks once', async () => {
  const { clock, loop } = started();
  loop.start();
  expect(clock.timers).toBe(1);
  await clock.advance(1_000);
  expect(count(loop)).toBe(10);
});

test('after the stop there is no look and no timer', async () => {
  const { clock, loop } = started();
  loop.stop();
  await clock.advance(1_000);
  expect(count(loop)).toBe(0);
  expect(clock.timers).toBe(0);
});
