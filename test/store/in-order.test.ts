/** Sorting a little at a time. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { inOrder } from '../../src/store/etcd/in-order.js';

test('is as good as sorting at once, and others have their turn again and again', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 40_000 }),
      fc.integer({ min: 1, max: 50_000 }),
      async (count, values) => {
        const items = Array.from({ length: count }, (_, at) => ({ value: (at * 7_919) % values, at }));
        let breaths = 0;
        const breathe = async () => {
          breaths += 1;
        };
        const sorted = await inOrder(items, ({ value }) => value, { isOver: () => true, breathe });
        expect(sorted).toEqual(items.toSorted((a, b) => a.value - b.value));
        expect(breaths).toBeGreaterThanOrEqual(Math.floor(count / 8_192));
      },
    ),
    { numRuns: 20 },
  );
});
