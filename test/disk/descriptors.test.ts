import { expect, test } from 'vitest';
import { connectionRoom, slotRoom } from '../../src/disk/descriptors.js';

test.each([
  [1_048_576, 262_144, 786_336],
  [20_000, 5_000, 14_904],
  [1_024, 256, 672],
  [256, 64, 96],
  [64, 16, 16],
  [1, 0, 1],
])('of %i descriptors %i are for lock files and %i for connections', (openFiles, slots, connections) => {
  expect(slotRoom(openFiles)).toBe(slots);
  expect(connectionRoom(openFiles)).toBe(connections);
});
