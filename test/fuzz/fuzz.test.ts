/**
 * A thousand inputs of each kind, the same in every run, and others with LOCKD_TEST_SEED; a million of each:
 * `npm run fuzz -- --inputs 1000000`.
 */
import { describe, expect, test } from 'vitest';
import { hunt } from './hunt.js';
import { TARGETS } from './targets.js';

const SEED = Number(process.env.LOCKD_TEST_SEED ?? 1);
const INPUTS = 1_000;

describe.each(TARGETS)('$name', (target) => {
  test(`${INPUTS} inputs`, async () => {
    const { findings, inputs, outcomes } = await hunt({ target, inputs: INPUTS, seed: SEED });
    expect(findings.slice(0, 1), `seed ${SEED}`).toEqual([]);
    expect(inputs).toBe(INPUTS);
    // Inputs that all come to the same test nothing.
    expect(Object.values(outcomes).filter((count) => count > INPUTS / 100).length).toBeGreaterThan(1);
  });
});
