/**
 * Tests that need more than Node say so here. Where it is absent they are skipped, by name; where LOCKD_TEST_REQUIRE is
 * set, as in CI, they fail instead, so that nothing is silently left out.
 */
import { describe, test } from 'vitest';
import { absentOf, type Need } from './programs.js';

export type { Need } from './programs.js';

/** A `describe` whose tests run only where all of `needs` are there. */
export function describeWith(needs: readonly Need[], name: string, define: () => void): void {
  const absent = absentOf(needs);
  if (absent.length === 0) return void describe(name, define);
  const title = `${name} (needs ${absent.join(', ')})`;
  if (process.env.LOCKD_TEST_REQUIRE === undefined) return void describe.skip(title, define);
  test(title, () => {
    throw new Error(`LOCKD_TEST_REQUIRE is set, but ${absent.join(', ')} is not here; install it`);
  });
}
