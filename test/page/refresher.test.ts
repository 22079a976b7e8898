/** However much happens, the daemon is asked one thing at a time, and not for ever. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Refresher } from '../../src/page/refresher.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A refresher whose readings end when the test says so. */
function watched(most = 3) {
  const readings: (readonly string[] | 'all')[] = [];
  let end = () => {};
  const refresher = new Refresher((changed) => {
    readings.push(changed);
    return new Promise<void>((resolve) => {
      end = resolve;
    });
  }, most);
  return { refresher, readings, end: () => end() };
}

test('changes of a moment are read together', async () => {
  const { refresher, readings } = watched();
  for (const name of ['a', 'b', 'a']) refresher.changed(name);
  await vi.advanceTimersByTimeAsync(50);
  expect(readings).toEqual([['a', 'b']]);
});

test('what changes during a reading is read in the next, a moment later', async () => {
  const { refresher, readings, end } = watched();
  refresher.changed('a');
  await vi.advanceTimersByTimeAsync(50);
  refresher.changed('b');
  await vi.advanceTimersByTimeAsync(1_000);
  expect(readings).toEqual([['a']]);
  end();
  await vi.advanceTimersByTimeAsync(90);
  expect(readings).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(20);
  expect(readings).toEqual([['a'], ['b']]);
});

test('of too many, everything is read', async () => {
  const { refresher, readings } = watched();
  for (const name of ['a', 'b', 'c', 'd']) refresher.changed(name);
  await vi.advanceTimersByTimeAsync(50);
  expect(readings).toEqual(['all']);
});

test('who is asked for everything is asked once', async () => {
  const { refresher, readings, end } = watched();
  refresher.changed('a');
  refresher.all();
  refresher.all();
  await vi.advanceTimersByTimeAsync(50);
  end();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(readings).toEqual(['all']);
});

test('a quiet time later it reads again', async () => {
  const { refresher, readings, end } = watched();
  refresher.changed('a');
  await vi.advanceTimersByTimeAsync(50);
  end();
  await vi.advanceTimersByTimeAsync(10_000);
  refresher.changed('b');
  await vi.advanceTimersByTimeAsync(50);
  expect(readings).toEqual([['a'], ['b']]);
});

test('who is closed asks for nothing more', async () => {
  const { refresher, readings } = watched();
  refresher.changed('a');
  refresher.close();
  refresher.all();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(readings).toEqual([]);
});

/** How often a page reads while something changes every so many milliseconds. */
async function readingsWhile(everyMs: number) {
  const readings: number[] = [];
  const refresher = new Refresher(async () => void readings.push(Date.now()), 100);
  const change = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += everyMs) {
      refresher.changed('a');
      await vi.advanceTimersByTimeAsync(everyMs);
    }
    return readings.length;
  };
  return { refresher, change };
}

test.each([10, 200, 900])('what changes every %i ms for long is read every two seconds', async (everyMs) => {
  const { change } = await readingsWhile(everyMs);
  expect(await change(1_800)).toBe(Math.ceil(1_800 / Math.max(everyMs, 100)));
  const before = await change(60_000);
  const readings = (await change(100_800)) - before;
  expect(readings).toBeGreaterThanOrEqual(49);
  expect(readings).toBeLessThanOrEqual(52);
});

test('what changes every three seconds is read at once each time', async () => {
  const { change } = await readingsWhile(3_000);
  expect(await change(300_000)).toBe(100);
});

test('what has rested for a while is read at once again', async () => {
  const { refresher, change } = await readingsWhile(10);
  const before = await change(60_000);
  await vi.advanceTimersByTimeAsync(6_000);
  refresher.changed('b');
  await vi.advanceTimersByTimeAsync(30);
  // What was left over was read meanwhile.
  expect((await change(0)) - before).toBe(2);
});
