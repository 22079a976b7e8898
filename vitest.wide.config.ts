import { defineConfig } from 'vitest/config';
import { reporting } from './test/reporters.js';

/** The suites that need root, strace, mounts, or other languages' XML-RPC clients: `npm run test:wide`. */
export default defineConfig({
  test: {
    ...reporting,
    include: ['test/**/*.wide.test.ts'],
    testTimeout: 120_000,
    pool: 'forks',
    // Mounts and load belong to the whole machine: one file at a time.
    fileParallelism: false,
  },
});
