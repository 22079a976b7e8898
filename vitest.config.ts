import { configDefaults, defineConfig } from 'vitest/config';
import { reporting } from './test/reporters.js';

/** The suites that need nothing but Node: `npm test`. What needs root, servers or other languages: vitest.wide.config.ts. */
export default defineConfig({
  test: {
    ...reporting,
    include: ['test/**/*.test.ts'],
    exclude: [...configDefaults.exclude, 'test/**/*.wide.test.ts'],
    testTimeout: 30_000,
    pool: 'forks',
    // Much of what is tested is waiting for other processes.
    maxWorkers: 3,
  },
});
