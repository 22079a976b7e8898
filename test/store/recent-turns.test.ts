import { expect, test } from 'vitest';
import { RecentTurns } from '../../src/store/recent-turns.js';
import { hold, put } from './fixture.js';

test('the newest turns are kept, without a gap, in bounded room', () => {
  const turns = new RecentTurns();
  for (let turn = 1; turn <= 100; turn += 1) {
    turns.add(Array.from({ length: 700 }, (_, n) => put(hold(turn * 1_000 + n))));
    const kept = turns.select({ count: 1_000_000 });
    expect(kept.length).toBeGreaterThanOrEqual(Math.min(turn * 700, 10_000));
    expect(kept.length).toBeLessThanOrEqual(20_000 + 2 * 700);
    expect(kept[0]?.id).toBe(`${turn}.699`);
    expect(kept.at(-1)?.id).toBe(`${turn - kept.length / 700 + 1}.0`);
  }
});
