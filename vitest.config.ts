import { configDefaults, defineConfig } from 'vitest/config';
import { LongestFirst } from './test/longest-first.js';
import { reporting } from './test/reporters.js';

/** The suites that need nothing but Node: `npm test`. What needs root, servers or other languages: vitest.wide.config.ts. */
export default defineConfig({
  test: {
    ...reporting,
    include: ['test/**/*.test.ts'],
    exclude: [...configDefaults.exclude, 'test/**/*.wide.test.ts'],
    // A busy machine takes its time; only what never comes is an error.
    testTimeout: 300_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 15_000 } },
    pool: 'forks',
    sequence: { sequencer: LongestFirst },
    // Much of what is tested is waiting for other processes.
    maxWorkers: 4,
  },
});
